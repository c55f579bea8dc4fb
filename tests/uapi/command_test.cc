// Numbers of commands: those that do not exist, wrong sizes, the wrong node, bad pointers.
#include <sys/ioctl.h>
#include <termios.h>
#include <vnpu/ioctl.h>

#include <algorithm>
#include <array>
#include <vector>

#include "tests/uapi/support/commands.h"
#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

// Room for whatever size a number claims.
using Argument = std::array<std::byte, 1 << _IOC_SIZEBITS>;

bool Known(unsigned long command) {
  return std::ranges::any_of(kCommands, [=](const Command& c) { return c.number == command; });
}

class CommandTest : public RawTest {
 protected:
  Argument argument_{};
};

TEST_P(CommandTest, UnknownNumbers) {
  const auto file = vnpud().Open("davinci0");
  for (unsigned nr = 0; nr < 256; ++nr) {
    for (const unsigned size : {0u, 8u, 32u}) {
      const unsigned long command = _IOC(_IOC_READ | _IOC_WRITE, VNPU_IOC_MAGIC, nr, size);
      if (!Known(command)) {
        EXPECT_ERRNO(ENOTTY, file->Ioctl(command, argument_.data())) << "number " << nr;
        EXPECT_ERRNO(ENOTTY, manager().Ioctl(command, argument_.data())) << "number " << nr;
      }
    }
  }
}

TEST_P(CommandTest, WrongSizesDirectionsAndMagic) {
  const auto device = vnpud().Open("davinci0");
  for (const Command& c : kCommands) {
    RawFile& file = c.on_device ? *device : manager();
    const unsigned nr = _IOC_NR(c.number);
    const unsigned size = _IOC_SIZE(c.number);
    const unsigned dir = _IOC_DIR(c.number);
    const unsigned other_dir = dir == _IOC_READ ? _IOC_WRITE : _IOC_READ;
    for (const unsigned long wrong :
         {_IOC(dir, VNPU_IOC_MAGIC, nr, 0), _IOC(dir, VNPU_IOC_MAGIC, nr, size - 1),
          _IOC(dir, VNPU_IOC_MAGIC, nr, size + 1), _IOC(dir, VNPU_IOC_MAGIC, nr, size - 8),
          _IOC(dir, VNPU_IOC_MAGIC, nr, 4096), _IOC(dir, VNPU_IOC_MAGIC, nr, 16383),
          _IOC(other_dir, VNPU_IOC_MAGIC, nr, size), _IOC(dir, 'M', nr, size),
          _IOC(_IOC_NONE, VNPU_IOC_MAGIC, nr, 0)}) {
      if (!Known(wrong)) {
        EXPECT_ERRNO(ENOTTY, file.Ioctl(wrong, argument_.data()))
            << c.name << " as " << std::hex << wrong;
      }
    }
  }
}

TEST_P(CommandTest, WrongNode) {
  const auto device = vnpud().Open("davinci0");
  for (const Command& c : kCommands) {
    if (!c.on_device) {
      EXPECT_ERRNO(ENOTTY, device->Ioctl(c.number, argument_.data())) << c.name;
    } else if (!c.on_manager) {
      EXPECT_ERRNO(ENOTTY, manager().Ioctl(c.number, argument_.data())) << c.name;
    }
  }
}

TEST_P(CommandTest, ManagerTakesNoTasks) {
  vnpu_sqe sqe = Nop();
  vnpu_cqe cqe{};
  EXPECT_LT(manager().Write(&sqe, sizeof(sqe)), 0);
  EXPECT_LT(manager().Read(&cqe, sizeof(cqe)), 0);
}

TEST_P(CommandTest, NodesThatAreNotThere) {
  for (const char* name : {"davinci1", "davinci", "davinci00", "davinci-1", "davinci4294967296",
                           "manager", "davinci0 "}) {
    EXPECT_EQ(vnpud().TryOpen(name), nullptr) << name;
    EXPECT_EQ(errno, ENOENT) << name;
  }
}

RAW_TEST_SUITE(CommandTest);

class CommandNodeTest : public NodeTest {};

TEST_F(CommandNodeTest, BadPointersAndCommandsOfOtherDrivers) {
  const auto file = vnpud().Open("davinci0");
  EXPECT_ERRNO(EFAULT, file->Ioctl(VNPU_IOC_RESERVE, reinterpret_cast<void*>(8)));
  EXPECT_ERRNO(EFAULT, file->Ioctl(VNPU_IOC_DEVICE_QUERY, nullptr));
  termios modes{};
  EXPECT_ERRNO(ENOTTY, file->Ioctl(TCGETS, &modes));
}

TEST_F(CommandNodeTest, NodesCannotBeMadeOrRemoved) {
  EXPECT_LT(open(vnpud().NodePath("new").c_str(), O_RDWR | O_CREAT, 0600), 0);
  EXPECT_NE(unlink(vnpud().NodePath("davinci0").c_str()), 0);
  EXPECT_NE(rename(vnpud().NodePath("davinci0").c_str(), vnpud().NodePath("x").c_str()), 0);
  EXPECT_NE(vnpud().TryOpen("davinci0"), nullptr);
}

}  // namespace
}  // namespace vnpu::raw
