#include "firmware/device/sandbox.h"

#include <seccomp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

namespace vnpu::firmware {
namespace {

// Waiting, waking, CPUs, interrupts, barriers, leaving.
constexpr std::array kAllowed = {
    SCMP_SYS(read),           SCMP_SYS(write),         SCMP_SYS(ppoll),
    SCMP_SYS(futex),          SCMP_SYS(rt_sigreturn),  SCMP_SYS(restart_syscall),
    SCMP_SYS(io_uring_enter), SCMP_SYS(clock_gettime), SCMP_SYS(sched_yield),
    SCMP_SYS(exit_group),     SCMP_SYS(membarrier),    SCMP_SYS(sched_setaffinity),
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// The checkers' own needs.
constexpr std::array kChecker = {
    SCMP_SYS(mmap),        SCMP_SYS(munmap),
    SCMP_SYS(mprotect),    SCMP_SYS(openat),
    SCMP_SYS(pipe2),       SCMP_SYS(close),
    SCMP_SYS(readlink),    SCMP_SYS(newfstatat),
    SCMP_SYS(fstat),       SCMP_SYS(lseek),
    SCMP_SYS(getrandom),   SCMP_SYS(rt_sigaction),
    SCMP_SYS(prctl),       SCMP_SYS(sched_getaffinity),
    SCMP_SYS(brk),         SCMP_SYS(getrlimit),
    SCMP_SYS(gettid),      SCMP_SYS(getpid),
    SCMP_SYS(madvise),     SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(sigaltstack),
};
#else
constexpr std::array<int, 0> kChecker = {};
#endif

struct Release {
  void operator()(void* context) const { seccomp_release(context); }
};

}  // namespace

bool EnterSandbox(pid_t client) {
  const std::unique_ptr<void, Release> filter(seccomp_init(SCMP_ACT_TRAP));
  if (filter == nullptr) {
    errno = ENOMEM;
    return false;
  }
  // Calls of other architectures (int 0x80) end the kernel that makes them, not the process.
  int error = seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_TRAP);
  const auto allow = [&](int call) {
    error = error != 0 ? error : seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0);
  };
  const auto allow_for = [&](int call, pid_t pid) {
    error = error != 0 ? error
                       : seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 1,
                                          SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(pid)));
  };
  for (const int call : kAllowed) {
    allow(call);
  }
  for (const int call : kChecker) {
    allow(call);
  }
  allow_for(SCMP_SYS(process_vm_readv), client);
  allow_for(SCMP_SYS(process_vm_writev), client);
  allow_for(SCMP_SYS(tgkill), getpid());
  error = error != 0 ? error : seccomp_load(filter.get());
  errno = -error;
  return error == 0;
}

}  // namespace vnpu::firmware
