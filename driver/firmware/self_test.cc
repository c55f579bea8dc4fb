#include "driver/firmware/self_test.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "driver/base/time.h"
#include "driver/base/unique_fd.h"
#include "driver/session/spawn.h"
#include "firmware/device/control.h"

namespace vnpu::driver {
namespace {

constexpr uid_t kNobody = 65534;

// False: nothing came in time.
bool WaitReadable(int fd, uint32_t limit_ms) {
  const uint64_t deadline = NowNs() + uint64_t{limit_ms} * 1'000'000;
  for (;;) {
    const uint64_t now = NowNs();
    pollfd ready{fd, POLLIN, 0};
    const int left_ms = now < deadline ? static_cast<int>((deadline - now) / 1'000'000 + 1) : 0;
    const int got = poll(&ready, 1, left_ms);
    if (got >= 0 || errno != EINTR) {
      return got == 1;
    }
  }
}

// Ends the process, if it has not ended by itself; its status as of waitpid.
int Bury(pid_t pid) {
  kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

std::string HowItEnded(int status) {
  if (WIFSIGNALED(status)) {
    return fmt::format("its self-test crashed: {}", strsignal(WTERMSIG(status)));
  }
  return fmt::format("its self-test ended the process with exit status {}", WEXITSTATUS(status));
}

}  // namespace

std::string RunSelfTest(const SelfTest& test, int plugin) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return fmt::format("no socket for its self-test: {}", strerror(errno));
  }
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  SpawnOptions options{};
  options.program = test.program.c_str();
  options.control_fd = theirs.get();
  options.compat_fd = plugin;
  options.argument = "--self-test";
  options.uid = kNobody;
  options.gid = kNobody;
  sched_getaffinity(0, sizeof(options.affinity), &options.affinity);
  const pid_t pid = Spawn(options);
  if (pid < 0) {
    return fmt::format("its self-test cannot be started: {}", strerror(-pid));
  }
  theirs = UniqueFd();  // so that the end of the process is seen
  firmware::SelfTestReport report{};
  if (!WaitReadable(ours.get(), test.limit_ms)) {
    Bury(pid);
    return fmt::format("its self-test did not end within {} ms", test.limit_ms);
  }
  const ssize_t got = recv(ours.get(), &report, sizeof(report), MSG_DONTWAIT);
  if (got <= 0) {
    // The socket closes a little before the process has ended.
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return HowItEnded(status);
  }
  Bury(pid);
  if (got != sizeof(report)) {
    return "its self-test gave no proper report";
  }
  report.message[sizeof(report.message) - 1] = '\0';
  if (report.result != 0) {
    return report.result == firmware::SelfTestReport::kNotLoaded
               ? report.message
               : fmt::format("its self-test failed: {}", report.message);
  }
  return "";
}

}  // namespace vnpu::driver
