#include "tools/vnpu-ctl/lifecycle.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include "tools/common/manager_node.h"

namespace vnpu::tools {
namespace {

constexpr int kStopPatienceMs = 20'000;

int Complain(const std::string& text, int code = kFailed) {
  std::fprintf(stderr, "vnpu-ctl: %s\n", text.c_str());
  return code;
}

// vnpud beside this program, else the one of PATH.
std::string DriverProgram() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path beside = self.parent_path() / "vnpud";
  return !error && std::filesystem::exists(beside, error) ? beside.string() : "vnpud";
}

int RunAndWait(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  pid_t pid = -1;
  if (const int error = posix_spawnp(&pid, argv[0], nullptr, nullptr, argv.data(), environ);
      error != 0) {
    return Complain("cannot start " + words[0] + ": " + std::strerror(error));
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : kFailed;
}

// Waits for the end of a process; false: it does not come.
bool AwaitEnd(int pidfd) {
  pollfd ended{pidfd, POLLIN, 0};
  int ready = 0;
  do {
    ready = poll(&ended, 1, kStopPatienceMs);
  } while (ready < 0 && errno == EINTR);
  return ready == 1;
}

int RemoveDeadMount(const std::string& mount_point) {
  if (umount2(mount_point.c_str(), MNT_DETACH) != 0) {
    return Complain("a dead mount lies on " + mount_point + ": " + std::strerror(errno) +
                    "; take it away with: fusermount3 -u " + mount_point);
  }
  std::printf("the driver was gone; took its dead mount away from %s\n", mount_point.c_str());
  return 0;
}

int EndProcess(pid_t pid, const std::string& mount_point) {
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) {
    return Complain("the driver runs in another pid namespace; stop it there");
  }
  int code = 0;
  if (syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, nullptr, 0) != 0) {
    code = Complain("may not stop vnpud (process " + std::to_string(pid) +
                    "): " + std::strerror(errno));
  } else if (!AwaitEnd(pidfd)) {
    code = Complain("vnpud (process " + std::to_string(pid) + ") does not end; kill -9 " +
                    std::to_string(pid) + " and then: vnpu-ctl stop");
  }
  close(pidfd);
  int error = 0;
  if (code == 0 && ManagerNode::Open(mount_point, &error) != nullptr) {
    code = Complain("another driver serves " + mount_point + " now");
  } else if (code == 0 && error == ENOTCONN) {
    code = RemoveDeadMount(mount_point);
  }
  return code;
}

}  // namespace

int Start(const std::string& mount_point, const std::vector<std::string>& options) {
  std::vector<std::string> words = {DriverProgram(), "--mount-point", mount_point};
  words.insert(words.end(), options.begin(), options.end());
  if (const int code = RunAndWait(std::move(words)); code != 0) {
    return code;
  }
  int error = 0;
  const std::unique_ptr<ManagerNode> node = ManagerNode::Open(mount_point, &error);
  if (node == nullptr) {
    // Options such as --help make vnpud end at once, and that is no failure.
    return error == ENOENT ? 0 : Complain(ExplainNoManager(mount_point, error));
  }
  std::printf("vnpud (process %u) serves %u device(s) at %s\n", node->info().driver_pid,
              node->info().devices, mount_point.c_str());
  return 0;
}

int Stop(const std::string& mount_point) {
  int error = 0;
  pid_t pid = 0;
  {
    const std::unique_ptr<ManagerNode> node = ManagerNode::Open(mount_point, &error);
    if (node != nullptr) {
      pid = static_cast<pid_t>(node->info().driver_pid);
    }
  }
  if (pid > 0) {
    return EndProcess(pid, mount_point);
  }
  if (error == ENOTCONN) {
    return RemoveDeadMount(mount_point);
  }
  return error == ENOENT || error == ENOTDIR
             ? Complain("no driver serves " + mount_point, kNotRunning)
             : Complain(ExplainNoManager(mount_point, error));
}

}  // namespace vnpu::tools
