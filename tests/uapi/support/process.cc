#include "tests/uapi/support/process.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <exception>
#include <system_error>
#include <utility>

#include "tests/uapi/support/session.h"

namespace vnpu::raw {
namespace {

constexpr uid_t kNobody = 65534;
constexpr std::chrono::milliseconds kLongest{60'000};

}  // namespace

Child::Child(const std::function<int()>& body) : pid_(fork()) {
  if (pid_ < 0) {
    Fail("fork");
  }
  if (pid_ > 0) {
    return;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  int status = 99;
  try {
    status = body();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "child process: %s\n", e.what());
  }
  _exit(status);
}

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  return *this;
}

Child::~Child() {
  if (pid_ > 0) {
    Kill();
    waitpid(pid_, nullptr, 0);
  }
}

bool Child::Running() const {
  siginfo_t info{};
  return pid_ > 0 &&
         waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0;
}

void Child::Kill() const { kill(pid_, SIGKILL); }

int Child::Wait() {
  if (!Eventually(kLongest, [this] { return !Running(); })) {
    Kill();
  }
  int status = 0;
  waitpid(std::exchange(pid_, -1), &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

bool Runs(pid_t pid, const std::string& name) {
  const std::string stat = ReadFile("/proc/" + std::to_string(pid) + "/stat");
  const size_t end = stat.rfind(") ");
  const std::string named = " (" + name + ") ";
  return end != std::string::npos && stat.find(named) != std::string::npos &&
         stat[end + 2] != 'Z' && stat[end + 2] != 'X';
}

void BecomeNobody() {
  if (setgroups(0, nullptr) != 0 || setresgid(kNobody, kNobody, kNobody) != 0 ||
      setresuid(kNobody, kNobody, kNobody) != 0) {
    Fail("becoming nobody");
  }
  // A change of user makes a process undumpable; a normal one of that user is not.
  prctl(PR_SET_DUMPABLE, 1);
}

int FirstWrong(std::initializer_list<std::pair<int64_t, int64_t>> answers) {
  int index = 1;
  for (const auto& [wanted, got] : answers) {
    if (got != wanted) {
      std::fprintf(stderr, "answer %d: %lld instead of %lld\n", index, static_cast<long long>(got),
                   static_cast<long long>(wanted));
      return index;
    }
    ++index;
  }
  return 0;
}

Notice::Notice() : ends_{-1, -1} {
  if (pipe2(ends_, O_CLOEXEC) != 0) {
    Fail("pipe");
  }
}

Notice::~Notice() {
  close(ends_[0]);
  close(ends_[1]);
}

void Notice::Give() const {
  const char byte = 1;
  if (write(ends_[1], &byte, 1) != 1) {
    Fail("write to a pipe");
  }
}

bool Notice::Wait() const { return Await(static_cast<int>(kPatience.count()) * TimeScale()); }

bool Notice::Await(int milliseconds) const {
  pollfd end{ends_[0], POLLIN, 0};
  char byte = 0;
  return poll(&end, 1, milliseconds) == 1 && read(ends_[0], &byte, 1) == 1;
}

}  // namespace vnpu::raw
