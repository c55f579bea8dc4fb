#include "driver/core/client.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace vnpu::driver {
namespace {

// The first `size - 1` bytes of a small file of /proc, empty when it cannot be read.
std::string ReadProc(const std::string& path, size_t size = 512) {
  std::string text(size, '\0');
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const ssize_t length = file.valid() ? read(file.get(), text.data(), text.size()) : 0;
  text.resize(length > 0 ? static_cast<size_t>(length) : 0);
  return text;
}

// What /proc/PID/status says behind `name`, or "".
std::string StatusField(pid_t pid, const char* name) {
  const std::string status = ReadProc(fmt::format("/proc/{}/status", pid), 4096);
  const std::string key = fmt::format("\n{}:\t", name);
  const size_t at = status.find(key);
  if (at == std::string::npos) {
    return "";
  }
  const size_t start = at + key.size();
  return status.substr(start, status.find('\n', start) - start);
}

}  // namespace

pid_t ProcessOfThread(pid_t tid) {
  const std::string pid = tid > 0 ? StatusField(tid, "Tgid") : "";
  return pid.empty() ? -ESRCH : static_cast<pid_t>(std::strtol(pid.c_str(), nullptr, 10));
}

uint64_t PermittedCapabilities(pid_t pid) {
  return std::strtoull(StatusField(pid, "CapPrm").c_str(), nullptr, 16);
}

int IdentifyClient(pid_t tid, uid_t uid, gid_t gid, Client* client) {
  const pid_t pid = ProcessOfThread(tid);
  if (pid <= 0) {
    return -ESRCH;
  }
  client->pidfd.reset(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!client->pidfd.valid()) {
    return -errno;
  }
  client->pid = pid;
  client->uid = uid;
  client->gid = gid;
  client->comm = ReadProc(fmt::format("/proc/{}/comm", pid), 32);
  while (!client->comm.empty() && client->comm.back() == '\n') {
    client->comm.pop_back();
  }
  return 0;
}

bool IsDying(pid_t tid) {
  constexpr uint64_t kKill = uint64_t{1} << (SIGKILL - 1);
  return tid > 0 && (std::strtoull(StatusField(tid, "SigPnd").c_str(), nullptr, 16) & kKill) != 0;
}

int DuplicateFrom(int pidfd, int number, UniqueFd* fd) {
  if (number < 0) {
    return -EBADF;
  }
  fd->reset(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, number, 0)));
  if (fd->valid()) {
    return 0;
  }
  if (errno == EPERM) {
    spdlog::warn(
        "may not take a descriptor from a client: run vnpud as root, or let the client name it "
        "with "
        "PR_SET_PTRACER");
    return -EACCES;
  }
  return -EBADF;
}

}  // namespace vnpu::driver
