// The embedded transport: starts a private driver and opens files over its first socket.
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include "libruntime/src/base/log.h"
#include "libruntime/src/transport/socket_file.h"

namespace vnpu::runtime {
namespace {

namespace fs = std::filesystem;

bool IsProgram(const fs::path& path) {
  return access(path.c_str(), X_OK) == 0 && fs::is_regular_file(path);
}

// VNPU_VNPUD, else beside this library, else PATH. Empty: not found.
std::string FindDriver() {
  if (const char* configured = std::getenv("VNPU_VNPUD"); configured != nullptr) {
    return IsProgram(configured) ? configured : "";
  }
  Dl_info self{};
  if (dladdr(reinterpret_cast<void*>(&FindDriver), &self) != 0 && self.dli_fname != nullptr) {
    std::error_code error;
    const fs::path folder = fs::canonical(self.dli_fname, error).parent_path();
    for (const char* place : {"../bin/vnpud", "../../bin/vnpud", "../libexec/vnpu/vnpud"}) {
      if (!error && IsProgram(folder / place)) {
        return (folder / place).lexically_normal().string();
      }
    }
  }
  const char* search = std::getenv("PATH");
  std::string folders = search != nullptr ? search : "";
  for (size_t begin = 0; begin < folders.size();) {
    const size_t end = std::min(folders.find(':', begin), folders.size());
    const fs::path candidate = fs::path(folders.substr(begin, end - begin)) / "vnpud";
    if (IsProgram(candidate)) {
      return candidate.string();
    }
    begin = end + 1;
  }
  return "";
}

// Runs in the child, where other threads may have left any lock taken: system calls alone.
[[gnu::no_sanitize("thread")]] void ExecDriver(const char* program, char* const* arguments,
                                               int socket) {
  const sigset_t none{};
  constexpr size_t kKernelSigsetBytes = 8;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, kKernelSigsetBytes);
  // Ctrl-C is for the application; the driver leaves when its socket closes.
  syscall(SYS_setpgid, 0, 0);
  syscall(SYS_fcntl, socket, F_SETFD, 0);
  syscall(SYS_execve, program, arguments, environ);
  syscall(SYS_exit_group, 127);
}

// Runs in the first child: starts the driver as a second child, which is left to init.
[[gnu::no_sanitize("thread")]] void StartOrphan(const char* program, char* const* arguments,
                                                int socket, int report) {
  const auto pid =
      static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (pid == 0) {
    ExecDriver(program, arguments, socket);
  }
  syscall(SYS_write, report, &pid, sizeof(pid));
  syscall(SYS_exit_group, 0);
}

// Starts the driver as a process that is not a child: the application's wait() never meets it.
// Returns a pidfd, or an invalid descriptor with errno set.
UniqueFd StartDriver(const std::string& program, int socket, pid_t* pid) {
  std::string option = "--embedded";
  std::string number = std::to_string(socket);
  std::string name = program;
  char* arguments[] = {name.data(), option.data(), number.data(), nullptr};
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return UniqueFd();
  }
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  sigset_t all;
  sigset_t old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  // With exit signal 0, so that wait() passes it by for the moment that it lives.
  const auto first = static_cast<pid_t>(syscall(SYS_clone, 0, nullptr, nullptr, nullptr, nullptr));
  if (first == 0) {
    StartOrphan(program.c_str(), arguments, socket, write_end.get());
  }
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  write_end.Reset();
  if (first < 0) {
    return UniqueFd();
  }
  const bool told = read(read_end.get(), pid, sizeof(*pid)) == sizeof(*pid) && *pid > 0;
  waitpid(first, nullptr, __WALL);
  if (!told) {
    errno = EAGAIN;
    return UniqueFd();
  }
  return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, *pid, 0)));
}

class EmbeddedTransport : public Transport {
 public:
  EmbeddedTransport(std::string reason, UniqueFd socket, pid_t pid, UniqueFd pidfd)
      : reason_(std::move(reason)),
        files_(std::make_unique<SocketFile>(std::move(socket))),
        pid_(pid),
        owner_(getpid()),
        pidfd_(std::move(pidfd)) {}

  ~EmbeddedTransport() override {
    files_.reset();
    if (getpid() != owner_) {
      return;
    }
    // The closed socket ends it; the limit is for one that hangs.
    constexpr int kLeaveMs = 5000;
    pollfd state{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    if (poll(&state, 1, kLeaveMs) == 0) {
      Log().warn("embedded driver {} did not exit in {} ms: killed", pid_, kLeaveMs);
      syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
    }
  }

  int Open(const std::string& node, std::unique_ptr<TransportFile>* file) override {
    UniqueFd socket;
    SocketCall call;
    call.header.kind = VNPU_MSG_OPEN;
    call.out = node.data();
    call.out_bytes = node.size();
    call.received = &socket;
    const int result = files_->Exchange(call);
    if (result < 0) {
      return result;
    }
    if (!socket.valid()) {
      return -EPROTO;
    }
    *file = std::make_unique<SocketFile>(std::move(socket));
    return 0;
  }

  std::string Describe(uint32_t /*index*/) const override { return "embedded: " + reason_; }

 private:
  std::string reason_;
  std::unique_ptr<SocketFile> files_;
  pid_t pid_;
  pid_t owner_;
  UniqueFd pidfd_;
};

}  // namespace

std::unique_ptr<Transport> MakeEmbeddedTransport(std::string reason, std::string* error) {
  const std::string program = FindDriver();
  if (program.empty()) {
    *error = "the driver program vnpud was not found; install it or set VNPU_VNPUD to its path";
    return nullptr;
  }
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    *error = std::string("no socket for the embedded driver: ") + std::strerror(errno);
    return nullptr;
  }
  UniqueFd ours(pair[0]);
  const UniqueFd theirs(pair[1]);
  pid_t pid = 0;
  UniqueFd pidfd = StartDriver(program, theirs.get(), &pid);
  if (!pidfd.valid()) {
    *error = "cannot start " + program + ": " + std::strerror(errno);
    return nullptr;
  }
  Log().info("started embedded driver {} as process {}", program, pid);
  return std::make_unique<EmbeddedTransport>(std::move(reason), std::move(ours), pid,
                                             std::move(pidfd));
}

}  // namespace vnpu::runtime
