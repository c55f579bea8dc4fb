#include "driver/session/device_process.h"

#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "driver/base/time.h"
#include "driver/session/spawn.h"

namespace vnpu::driver {
namespace {

constexpr size_t kMaxFds = 8;
constexpr int kMaxErrno = 133;
constexpr int kGiveUpPeriodMs = 100;

}  // namespace

int DeviceProcess::Start(DeviceProcessOptions options, std::unique_ptr<DeviceProcess>* process) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return -errno;
  }
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  const SpawnOptions spawn{.program = options.program.c_str(),
                           .control_fd = theirs.get(),
                           .compat_fd = options.compat_fd,
                           .argument = options.compat_fd >= 0 ? "--compat" : nullptr,
                           .uid = options.uid,
                           .gid = options.gid,
                           .kept_capabilities = options.kept_capabilities,
                           .affinity = options.affinity};
  const pid_t pid = Spawn(spawn);
  if (pid < 0) {
    spdlog::error("cannot start {}: {}", options.program, std::strerror(-pid));
    return pid;
  }
  // The child is ours to reap, so its pid stands for it until then.
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) {
    const int error = -errno;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return error;
  }
  process->reset(new DeviceProcess(std::move(options), std::move(ours), pid, std::move(pidfd)));
  return 0;
}

DeviceProcess::DeviceProcess(DeviceProcessOptions options, UniqueFd control, pid_t pid,
                             UniqueFd pidfd)
    : options_(std::move(options)),
      control_(std::move(control)),
      pid_(pid),
      pidfd_(std::move(pidfd)) {}

DeviceProcess::~DeviceProcess() {
  Kill(nullptr);
  Reap();
}

void DeviceProcess::Kill(const char* reason) {
  if (reaped_) {
    return;
  }
  if (!dead_ && reason != nullptr) {
    spdlog::error("device process {}: {}; killed", pid_, reason);
  }
  dead_ = true;
  killed_ = true;
  kill(pid_, SIGKILL);
}

bool DeviceProcess::CheckAlive() {
  pollfd ended{pidfd_.get(), POLLIN, 0};
  if (!dead_ && poll(&ended, 1, 0) == 1) {
    dead_ = true;
  }
  return !dead_;
}

void DeviceProcess::Reap() {
  if (reaped_) {
    return;
  }
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  reaped_ = true;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
    spdlog::error("{} could not be executed as user {}", options_.program, options_.uid);
  } else if (WIFSIGNALED(status) && !killed_) {
    spdlog::warn("device process {} was killed by signal {}", pid_, WTERMSIG(status));
  } else if (WIFEXITED(status) && !killed_) {
    spdlog::warn("device process {} exited with status {}", pid_, WEXITSTATUS(status));
  }
}

bool DeviceProcess::Send(const firmware::ControlRequest& request, std::span<const int> fds) {
  iovec body{const_cast<firmware::ControlRequest*>(&request), sizeof(request)};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxFds * sizeof(int))> ancillary{};
  msghdr message{};
  message.msg_iov = &body;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = ancillary.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  return sendmsg(control_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) ==
         static_cast<ssize_t>(sizeof(request));
}

const char* DeviceProcess::WaitReply() {
  std::vector<pollfd> fds{{control_.get(), POLLIN, 0}, {pidfd_.get(), POLLIN, 0}};
  for (const int fd : options_.abort_fds) {
    fds.push_back({fd, POLLIN, 0});
  }
  const uint64_t deadline = NowNs() + uint64_t{options_.reply_timeout_ms} * 1'000'000;
  for (;;) {
    const uint64_t now = NowNs();
    if (now >= deadline) {
      return "no reply to a control message in time";
    }
    const int left_ms = static_cast<int>((deadline - now) / 1'000'000 + 1);
    const int ready = poll(fds.data(), fds.size(), std::min(left_ms, kGiveUpPeriodMs));
    if (ready < 0 && errno != EINTR) {
      return "poll failed";
    }
    if (ready > 0) {
      return (fds[0].revents & POLLIN) != 0 ? nullptr
             : fds[0].revents != 0 || fds[1].revents != 0
                 ? "gone in the middle of a control message"
                 : "its session ends in the middle of a control message";
    }
    if (options_.give_up && options_.give_up()) {
      return "its client dies in the middle of a control message";
    }
  }
}

int DeviceProcess::Call(const firmware::ControlRequest& request, std::span<const int> fds,
                        firmware::ControlReply* reply) {
  if (dead_) {
    return -EIO;
  }
  firmware::ControlRequest numbered = request;
  numbered.number = ++requests_;
  const bool lost = options_.lost_messages != nullptr && options_.lost_messages->Hit();
  if (!lost && !Send(numbered, fds)) {
    Kill("control message could not be sent");
    return -EIO;
  }
  if (const char* reason = WaitReply(); reason != nullptr) {
    Kill(reason);
    return -EIO;
  }
  iovec body{reply, sizeof(*reply)};
  msghdr message{};
  message.msg_iov = &body;
  message.msg_iovlen = 1;
  const ssize_t got = recvmsg(control_.get(), &message, MSG_DONTWAIT);
  if (got == 0) {
    Kill("gone in the middle of a control message");
    return -EIO;
  }
  if (got != static_cast<ssize_t>(sizeof(*reply)) ||
      (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || reply->result > 0 ||
      reply->result < -kMaxErrno) {
    Kill("malformed reply to a control message");
    return -EIO;
  }
  if (reply->number != numbered.number) {
    Kill("unasked control message");
    return -EIO;
  }
  return reply->result;
}

int DeviceProcess::Call(const firmware::ControlRequest& request, std::span<const int> fds) {
  firmware::ControlReply reply{};
  return Call(request, fds, &reply);
}

}  // namespace vnpu::driver
