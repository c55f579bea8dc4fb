// Pinned host memory.
#include <fcntl.h>
#include <sys/mman.h>

#include <climits>
#include <cstring>

#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

class PinTest : public RawTest {
 protected:
  std::vector<std::string> Options() const override { return {"--pin-limit", "64M"}; }
};

int Pin(Session& session, uint64_t size, int fd, uint32_t flags = 0, uint32_t reserved = 0,
        vnpu_ioc_pin* out = nullptr) {
  vnpu_ioc_pin arg{};
  arg.size = size;
  arg.fd = fd;
  arg.flags = flags;
  arg.reserved = reserved;
  const int result = session.Ioctl(VNPU_IOC_PIN, &arg);
  if (out != nullptr) {
    *out = arg;
  }
  return result;
}

int Unpin(Session& session, uint64_t va, uint64_t reserved = 0) {
  vnpu_ioc_unpin arg{va, reserved};
  return session.Ioctl(VNPU_IOC_UNPIN, &arg);
}

TEST_P(PinTest, HostAndDeviceSeeOneMemory) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  const Buffer buffer = session.Allocate(4 * kPage);
  const UniqueFd fd = MakeSealedMemfd(4 * kPage);
  vnpu_ioc_pin pin{};
  ASSERT_OK(Pin(session, 4 * kPage, fd.get(), 0, 0, &pin));
  EXPECT_GE(pin.va, session.window());
  EXPECT_LT(pin.va, session.window() + VNPU_WINDOW_SIZE);
  EXPECT_LE(pin.locked, 1u);
  const vnpu_ioc_mem_query page = session.Query(pin.va);
  EXPECT_EQ(page.kind, VNPU_MEM_PINNED);
  EXPECT_EQ(page.base, pin.va);
  EXPECT_EQ(page.size, 4 * kPage);
  EXPECT_EQ(Counters().pinned_pages, 4u);

  // The client maps it at the same address.
  void* here = mmap(reinterpret_cast<void*>(pin.va), 4 * kPage, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_FIXED, fd.get(), 0);
  ASSERT_EQ(here, reinterpret_cast<void*>(pin.va));
  std::memset(here, 0x5a, 4 * kPage);
  EXPECT_EQ(session.Run(queue, Copy(buffer.va, pin.va, 4 * kPage)), VNPU_OK);
  std::memset(here, 0, 4 * kPage);
  EXPECT_EQ(session.Run(queue, Copy(pin.va, buffer.va, 4 * kPage)), VNPU_OK);
  const std::vector<char> wanted(4 * kPage, 0x5a);
  EXPECT_EQ(std::memcmp(here, wanted.data(), wanted.size()), 0);

  mmap(here, 4 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  EXPECT_OK(Unpin(session, pin.va));
  EXPECT_EQ(session.Query(pin.va).kind, VNPU_MEM_NONE);
  EXPECT_EQ(session.Run(queue, Memset(pin.va, kPage, 0)), VNPU_E_DMA_ADDRESS);
  EXPECT_ERRNO(ENOENT, Unpin(session, pin.va));
}

TEST_P(PinTest, FieldsOutOfRange) {
  Session session(vnpud());
  const UniqueFd fd = MakeSealedMemfd(2 * kPage);
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, kPage + 1, 3 * kPage, uint64_t{1} << 63,
                              ~uint64_t{0} & ~(kPage - 1)}) {
    EXPECT_ERRNO(EINVAL, Pin(session, size, fd.get())) << std::hex << size;
  }
  EXPECT_ERRNO(EINVAL, Pin(session, kPage, fd.get(), 1));
  EXPECT_ERRNO(EINVAL, Pin(session, kPage, fd.get(), 0, 1));
  vnpu_ioc_pin pin{};
  EXPECT_OK(Pin(session, kPage, fd.get(), 0, 0, &pin));
  EXPECT_ERRNO(EINVAL, Unpin(session, pin.va, 1));
  EXPECT_ERRNO(ENOENT, Unpin(session, pin.va + kPage));
  EXPECT_ERRNO(ENOENT, Unpin(session, 0));
  EXPECT_OK(Unpin(session, pin.va));
}

TEST_P(PinTest, BadDescriptors) {
  Session session(vnpud());
  for (const int bad : {-1, INT_MIN, 9999}) {
    EXPECT_ERRNO(EBADF, Pin(session, kPage, bad)) << bad;
  }
  EXPECT_ERRNO(EBADF, Pin(session, kPage, MakeMemfd(kPage, 0).get())) << "not sealed";
  EXPECT_ERRNO(EBADF, Pin(session, kPage, session.kick_fd()));
  EXPECT_ERRNO(EBADF, Pin(session, kPage, session.file().fd()));
  const UniqueFd zero(open("/dev/zero", O_RDWR | O_CLOEXEC));
  EXPECT_ERRNO(EBADF, Pin(session, kPage, zero.get()));
}

TEST_P(PinTest, LimitOfASession) {
  Session session(vnpud());
  const UniqueFd fd = MakeSealedMemfd(96u << 20);
  EXPECT_ERRNO(ENOMEM, Pin(session, 96u << 20, fd.get()));
  vnpu_ioc_pin pin{};
  EXPECT_OK(Pin(session, 48u << 20, fd.get(), 0, 0, &pin));
  EXPECT_ERRNO(ENOMEM, Pin(session, 32u << 20, fd.get()));
  EXPECT_OK(Unpin(session, pin.va));
  EXPECT_OK(Pin(session, 64u << 20, fd.get()));
}

TEST_P(PinTest, CommandsForDeviceMemoryDoNotTouchIt) {
  Session session(vnpud());
  const UniqueFd fd = MakeSealedMemfd(kPage);
  vnpu_ioc_pin pin{};
  ASSERT_OK(Pin(session, kPage, fd.get(), 0, 0, &pin));
  const uint32_t pmem = session.AllocatePmem(kPage);
  vnpu_ioc_map map{pin.va, kPage, 0, pmem, VNPU_PROT_READ};
  EXPECT_LT(session.Ioctl(VNPU_IOC_MAP, &map), 0);
  vnpu_ioc_unmap unmap{pin.va, kPage};
  EXPECT_LT(session.Ioctl(VNPU_IOC_UNMAP, &unmap), 0);
  vnpu_ioc_protect protect{pin.va, kPage, VNPU_PROT_READ, 0};
  EXPECT_LT(session.Ioctl(VNPU_IOC_PROTECT, &protect), 0);
  vnpu_ioc_release release{pin.va, 0};
  EXPECT_LT(session.Ioctl(VNPU_IOC_RELEASE, &release), 0);
  const Buffer buffer = session.Allocate(kPage);
  EXPECT_ERRNO(ENOENT, Unpin(session, buffer.va));
  EXPECT_EQ(session.Query(pin.va).kind, VNPU_MEM_PINNED);
}

// What the client does to its file afterwards hurts nobody.
TEST_P(PinTest, HolesAndGrowth) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  const UniqueFd fd = MakeSealedMemfd(16 * kPage);
  vnpu_ioc_pin pin{};
  ASSERT_OK(Pin(session, 16 * kPage, fd.get(), 0, 0, &pin));
  EXPECT_EQ(session.Run(queue, Memset(pin.va, 16 * kPage, 1)), VNPU_OK);
  EXPECT_EQ(fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 16 * kPage), 0);
  EXPECT_EQ(ftruncate(fd.get(), 32 * kPage), 0);
  EXPECT_EQ(session.Run(queue, Memset(pin.va, 16 * kPage, 2)), VNPU_OK);
  char byte = 0;
  EXPECT_EQ(pread(fd.get(), &byte, 1, 5 * kPage), 1);
  EXPECT_EQ(byte, 2);
}

RAW_TEST_SUITE(PinTest);

}  // namespace
}  // namespace vnpu::raw
