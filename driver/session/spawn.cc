#include "driver/session/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/securebits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "driver/base/unique_fd.h"
#include "firmware/device/control.h"

namespace vnpu::driver {
namespace {

// Everything below runs between fork and exec of a program with threads: system calls only. The
// set*id calls are raw because the C library's would look for the other threads.

[[noreturn]] void Fail(const char* what) {
  const char prefix[] = "vnpud: cannot start the device process: ";
  [[maybe_unused]] ssize_t ignored = write(STDERR_FILENO, prefix, sizeof(prefix) - 1);
  ignored = write(STDERR_FILENO, what, strlen(what));
  ignored = write(STDERR_FILENO, "\n", 1);
  _exit(127);
}

// Sets of capabilities as capset takes them.
void SetCapabilities(uint64_t set) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  for (int half = 0; half < _LINUX_CAPABILITY_U32S_3; ++half) {
    data[half].permitted = static_cast<uint32_t>(set >> (32 * half));
    data[half].inheritable = data[half].permitted;
  }
  if (syscall(SYS_capset, &header, data) != 0) {
    Fail("cannot drop capabilities");
  }
}

void BecomeClient(uid_t uid, gid_t gid) {
  if (syscall(SYS_setgroups, 0, nullptr) != 0 || syscall(SYS_setresgid, gid, gid, gid) != 0 ||
      syscall(SYS_setresuid, uid, uid, uid) != 0) {
    Fail("cannot become the client's user");
  }
}

// What is kept survives the change of user by KEEPCAPS, and exec as ambient capabilities.
void DropPrivileges(const SpawnOptions& options) {
  const uint64_t keep = options.kept_capabilities;
  if (geteuid() == 0) {
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; ++cap) {
      if ((keep >> cap & 1) == 0) {
        prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
      }
    }
    prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0);
    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    BecomeClient(options.uid, options.gid);
  }
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  SetCapabilities(keep);
  for (int cap = 0; cap < 64; ++cap) {
    if ((keep >> cap & 1) != 0) {
      prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
    }
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    Fail("no PR_SET_NO_NEW_PRIVS");
  }
}

void ArrangeDescriptors(int control_fd, int compat_fd) {
  const int null_fd = open("/dev/null", O_RDWR);
  // Out of the way first: descriptors 3 and 4 may be any of them.
  const int control = fcntl(control_fd, F_DUPFD, 10);
  const int compat = compat_fd >= 0 ? fcntl(compat_fd, F_DUPFD, 10) : -1;
  if (null_fd < 0 || control < 0 || dup2(null_fd, STDIN_FILENO) < 0 ||
      dup2(STDERR_FILENO, STDOUT_FILENO) < 0 || dup2(control, firmware::kControlFd) < 0 ||
      (compat_fd >= 0 && (compat < 0 || dup2(compat, firmware::kCompatFd) < 0))) {
    Fail("cannot arrange its descriptors");
  }
  const int first_closed = (compat_fd >= 0 ? firmware::kCompatFd : firmware::kControlFd) + 1;
  if (syscall(SYS_close_range, first_closed, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
    Fail("close_range failed");
  }
}

void ResetSignals() {
  struct sigaction default_action {};
  default_action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) {
    sigaction(signal, &default_action, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void RunChild(const SpawnOptions& options, int program_fd, pid_t parent) {
  ResetSignals();
  setsid();
  ArrangeDescriptors(options.control_fd, options.compat_fd);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  sched_setaffinity(0, sizeof(options.affinity), &options.affinity);
  DropPrivileges(options);
  // After the change of user, which would clear it.
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (getppid() != parent) {
    _exit(0);
  }
  const char* argv[] = {"vnpu-device", options.argument, nullptr};
  execve(options.program, const_cast<char**>(argv), environ);
  if (errno == EACCES) {
    // The folder may be closed to the client's user; the program itself is not.
    syscall(SYS_execveat, program_fd, "", argv, environ, AT_EMPTY_PATH);
  }
  Fail("cannot execute vnpu-device");
}

}  // namespace

pid_t Spawn(const SpawnOptions& options) {
  const UniqueFd program(open(options.program, O_PATH | O_CLOEXEC));
  if (!program.valid()) {
    return -errno;
  }
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    RunChild(options, program.get(), parent);
  }
  return pid < 0 ? -errno : pid;
}

}  // namespace vnpu::driver
