// Reaching for another client's memory by descriptors, through /proc, by ptrace and pidfds: as an
// unprivileged process of the same user.
#include <dirent.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/isolation/victim.h"
#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

class DescriptorTest : public NodeTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0) {
      GTEST_SKIP() << "takes root to become somebody else";
    }
    NodeTest::SetUp();
  }
};

// Prints what could be opened; true when nothing could.
bool Closed(const std::string& path, int flags) {
  const UniqueFd fd(open(path.c_str(), flags | O_CLOEXEC));
  if (fd.get() >= 0) {
    std::fprintf(stderr, "%s can be opened\n", path.c_str());
  }
  return fd.get() < 0;
}

bool ProcIsClosed(pid_t pid) {
  const std::string process = "/proc/" + std::to_string(pid);
  bool closed = Closed(process + "/mem", O_RDONLY) && Closed(process + "/mem", O_RDWR) &&
                Closed(process + "/maps", O_RDONLY) && Closed(process + "/fd", O_RDONLY) &&
                Closed(process + "/map_files", O_RDONLY) && Closed(process + "/environ", O_RDONLY);
  for (int number = 0; number < 64; ++number) {
    closed = Closed(process + "/fd/" + std::to_string(number), O_RDONLY) && closed;
  }
  return closed;
}

bool CannotBeTraced(pid_t pid) {
  return ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0 && errno == EPERM &&
         ptrace(PTRACE_ATTACH, pid, nullptr, nullptr) != 0 && errno == EPERM;
}

bool CannotBeRead(pid_t pid, uint64_t va) {
  uint64_t word = 0;
  const iovec local{&word, sizeof(word)};
  const iovec remote{reinterpret_cast<void*>(va), sizeof(word)};
  return process_vm_readv(pid, &local, 1, &remote, 1, 0) < 0 && errno == EPERM &&
         process_vm_writev(pid, &local, 1, &remote, 1, 0) < 0 && errno == EPERM;
}

bool GivesNoDescriptors(pid_t pid) {
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  for (int number = 0; number < 64; ++number) {
    const UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), number, 0)));
    if (fd.get() >= 0 || errno != EPERM) {
      std::fprintf(stderr, "descriptor %d of process %d: errno %d\n", number, pid, errno);
      return false;
    }
  }
  return pidfd.get() >= 0;
}

TEST_F(DescriptorTest, DeviceProcessesAreClosedToTheirOwnUser) {
  Victim victim(vnpud(), true);
  const VictimFacts& facts = victim.facts();
  Child attacker([&] {
    BecomeNobody();
    return FirstWrong({{true, ProcIsClosed(facts.device_pid)},
                       {true, CannotBeTraced(facts.device_pid)},
                       {true, CannotBeRead(facts.device_pid, facts.secret_va)},
                       {true, GivesNoDescriptors(facts.device_pid)}});
  });
  EXPECT_EQ(attacker.Wait(), 0);
  EXPECT_TRUE(victim.Finish());
}

TEST_F(DescriptorTest, TheDriverIsClosedToEverybody) {
  Victim victim(vnpud(), true);
  const pid_t driver = vnpud().pid();
  Child attacker([&] {
    BecomeNobody();
    return FirstWrong({{true, ProcIsClosed(driver)},
                       {true, CannotBeTraced(driver)},
                       {true, CannotBeRead(driver, 4096)},
                       {true, GivesNoDescriptors(driver)}});
  });
  EXPECT_EQ(attacker.Wait(), 0);
  EXPECT_TRUE(victim.Finish());
}

// The client itself cannot reach into its device process, where the firmware is.
TEST_F(DescriptorTest, DeviceProcessesAreClosedToTheirClient) {
  Child client([&] {
    BecomeNobody();
    Session session(vnpud());
    const Buffer buffer = session.Allocate(VNPU_PAGE_SIZE);
    const pid_t pid = session.device_pid();
    return FirstWrong({{true, ProcIsClosed(pid)},
                       {true, CannotBeTraced(pid)},
                       {true, CannotBeRead(pid, buffer.va)},
                       {true, GivesNoDescriptors(pid)}});
  });
  EXPECT_EQ(client.Wait(), 0);
}

TEST_F(DescriptorTest, NumbersOfTheVictimMeanNothing) {
  Victim victim(vnpud(), true);
  const int number = victim.facts().memory_fd;
  Child attacker([&] {
    BecomeNobody();
    Session session(vnpud());
    // The number is the attacker's own, or nobody's.
    for (int fd = number; fd < number + 32; ++fd) {
      close(fd);
    }
    vnpu_ioc_pin pin{};
    pin.size = VNPU_PAGE_SIZE;
    pin.fd = number;
    vnpu_ioc_qmem_add add{VNPU_PAGE_SIZE, number, 0};
    return FirstWrong({{-EBADF, session.Ioctl(VNPU_IOC_PIN, &pin)},
                       {-EBADF, session.Ioctl(VNPU_IOC_QMEM_ADD, &add)}});
  });
  EXPECT_EQ(attacker.Wait(), 0);
  EXPECT_TRUE(victim.Finish());
}

// Inodes of the memory files that a process has mapped or open, with their names.
std::map<uint64_t, std::string> MemoryFiles(pid_t pid) {
  std::map<uint64_t, std::string> files;
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::string range, rights, offset, device, path;
    uint64_t inode = 0;
    words >> range >> rights >> offset >> device >> inode >> path;
    if (path.starts_with("/memfd:")) {
      files[inode] = path;
    }
  }
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    std::error_code error;
    const std::string target = std::filesystem::read_symlink(entry.path(), error);
    struct stat status {};
    if (target.starts_with("/memfd:") && stat(entry.path().c_str(), &status) == 0) {
      files[status.st_ino] = target;
    }
  }
  return files;
}

// Seen with root's eyes: no device process has anything of another session, but for the board on
// which the units of the device are counted, and the firmware's plug-in, which is sealed.
TEST_F(DescriptorTest, DeviceProcessesShareNothingButTheBoard) {
  Victim victim(vnpud(), true);
  Session session(vnpud());
  session.Allocate(VNPU_PAGE_SIZE);
  const std::map<uint64_t, std::string> theirs = MemoryFiles(victim.facts().device_pid);
  const std::map<uint64_t, std::string> ours = MemoryFiles(session.device_pid());
  EXPECT_GT(theirs.size(), victim.facts().objects);
  EXPECT_GE(ours.size(), 4u);
  for (const auto& [inode, name] : ours) {
    EXPECT_TRUE(!theirs.contains(inode) || name.find("board") != std::string::npos ||
                name == "/memfd:vnpu-compat")
        << name;
  }
  EXPECT_TRUE(victim.Finish());
}

}  // namespace
}  // namespace vnpu::raw
