// What device code may not ask of the kernel.
#include <fcntl.h>
#include <sys/syscall.h>

#include <cstring>

#include "tests/device/device_fixture.h"

namespace vnpu::test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kChecker = true;
#else
constexpr bool kChecker = false;
#endif

class Sandbox : public DeviceTest {
 protected:
  void SetUp() override {
    DeviceTest::SetUp();
    queue_ = &device_.CreateQueue(0);
    system_call_ = Function("system_call");
  }
  uint32_t Call(uint64_t number, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0) {
    return device_.Run(*queue_, Kernel(system_call_, 1, Args4{number, a, b, c}));
  }

  QueueClient* queue_ = nullptr;
  uint32_t system_call_ = 0;
};

TEST_F(Sandbox, ProgramsSocketsAndProcesses) {
  for (const uint64_t number :
       {SYS_execve, SYS_fork, SYS_clone, SYS_clone3, SYS_socket, SYS_connect, SYS_kill, SYS_ptrace,
        SYS_sendmsg, SYS_io_uring_setup, SYS_io_uring_register, SYS_memfd_create, SYS_setuid,
        SYS_seccomp, SYS_unlink, SYS_nanosleep, SYS_pidfd_getfd, SYS_bpf}) {
    EXPECT_EQ(Call(number), VNPU_E_SYSCALL) << number;
  }
  EXPECT_EQ(LastException().opcode, VNPU_OP_KERNEL);
  ExpectHealthy();
}

// The checkers themselves need some of these.
TEST_F(Sandbox, FilesAndMappings) {
  if (kChecker) {
    GTEST_SKIP() << "the filter of checker builds is wider";
  }
  for (const uint64_t number :
       {SYS_openat, SYS_open, SYS_mmap, SYS_mprotect, SYS_munmap, SYS_madvise, SYS_rt_sigaction,
        SYS_rt_sigprocmask, SYS_sigaltstack, SYS_getpid, SYS_gettid, SYS_prctl, SYS_close}) {
    EXPECT_EQ(Call(number), VNPU_E_SYSCALL) << number;
  }
  ExpectHealthy();
}

TEST_F(Sandbox, OpenatWithRealArguments) {
  if (kChecker) {
    GTEST_SKIP() << "the filter of checker builds is wider";
  }
  std::strcpy(data_.As<char>(), "/etc/passwd");
  EXPECT_EQ(Call(SYS_openat, static_cast<uint64_t>(AT_FDCWD), data_.va, O_RDONLY), VNPU_E_SYSCALL);
}

TEST_F(Sandbox, MemoryOfOthers) {
  // The client is the one process whose memory is in reach; this is the device process's parent
  // by another number.
  EXPECT_EQ(Call(SYS_process_vm_readv, 1), VNPU_E_SYSCALL);
  EXPECT_EQ(Call(SYS_process_vm_writev, 1), VNPU_E_SYSCALL);
  EXPECT_EQ(Call(SYS_tgkill, 1, 1, 9), VNPU_E_SYSCALL);
}

TEST_F(Sandbox, CallsOfOtherArchitectures) {
  constexpr uint64_t kX32 = 0x4000'0000;
  EXPECT_EQ(Call(kX32 | SYS_getpid), VNPU_E_SYSCALL);
  EXPECT_EQ(device_.Run(*queue_, Kernel(Function("system_call_32"), 1, Args1{20})), VNPU_E_SYSCALL);
  ExpectHealthy();
}

}  // namespace
}  // namespace vnpu::test
