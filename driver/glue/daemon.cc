#include "driver/glue/daemon.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

namespace vnpu::driver {
namespace {

constexpr unsigned char kReady = 0;

// What is mounted exactly at `path`, or "".
std::string MountTypeAt(const std::string& path) {
  std::ifstream mounts("/proc/self/mountinfo");
  std::string type;
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string field;
    std::vector<std::string> all;
    while (fields >> field) {
      all.push_back(field);
    }
    for (size_t i = 6; i + 1 < all.size(); ++i) {
      if (all[i] == "-" && all[4] == path) {
        type = all[i + 1];
      }
    }
  }
  return type;
}

// Whether a FUSE mount has lost its daemon. Asks past the cache, which outlives the daemon.
bool IsDeadMount(const std::string& path) {
  struct statx status {};
  return statx(AT_FDCWD, path.c_str(), AT_STATX_FORCE_SYNC, STATX_MODE, &status) != 0 &&
         (errno == ENOTCONN || errno == ECONNABORTED);
}

std::string WithoutTrailingSlash(std::string path) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  return path;
}

}  // namespace

// Background --------------------------------------------------------------------------------

void Background::Enter(bool foreground) {
  if (foreground) {
    return;
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    std::perror("vnpud: pipe");
    std::exit(1);
  }
  UniqueFd reader(ends[0]);
  report_.reset(ends[1]);
  const pid_t child = fork();
  if (child < 0) {
    std::perror("vnpud: fork");
    std::exit(1);
  }
  if (child > 0) {
    report_.reset();
    unsigned char code = 1;
    if (read(reader.get(), &code, 1) != 1) {
      std::fputs("vnpud: the driver ended while it was starting\n", stderr);
      code = 1;
    }
    std::_Exit(code);
  }
  setsid();
  // Nothing keeps the caller's folder busy.
  [[maybe_unused]] const int moved = chdir("/");
}

void Background::Ready() {
  if (!report_.valid()) {
    return;
  }
  const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    dup2(null.get(), fd);
  }
  Failed(kReady);
}

void Background::Failed(int exit_code) {
  if (report_.valid()) {
    const auto code = static_cast<unsigned char>(exit_code);
    [[maybe_unused]] const ssize_t written = write(report_.get(), &code, 1);
    report_.reset();
  }
}

// Process-wide settings ---------------------------------------------------------------------

bool StartLog(const Config& config) {
  std::vector<spdlog::sink_ptr> sinks;
  if (!config.log_file.empty()) {
    try {
      sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(config.log_file));
    } catch (const spdlog::spdlog_ex& error) {
      std::fprintf(stderr, "vnpud: cannot log to %s: %s\n", config.log_file.c_str(), error.what());
      return false;
    }
  } else {
    // In the background stderr is there until the start is over, so that its errors are seen.
    sinks.push_back(std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    if (!config.foreground && config.embedded_fd < 0) {
      sinks.back()->set_level(spdlog::level::err);
      sinks.push_back(
          std::make_shared<spdlog::sinks::syslog_sink_mt>("vnpud", LOG_PID, LOG_DAEMON, false));
    }
  }
  auto logger = std::make_shared<spdlog::logger>("vnpud", sinks.begin(), sinks.end());
  logger->set_level(
      spdlog::level::from_str(config.log_level == "warn" ? "warning" : config.log_level));
  logger->flush_on(spdlog::level::info);
  logger->set_pattern(config.log_file.empty() ? "vnpud: %l: %v" : "%Y-%m-%d %T.%e %l: %v");
  spdlog::set_default_logger(std::move(logger));
  return true;
}

void RaiseDescriptorLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  rlim_t most = 0;
  std::ifstream("/proc/sys/fs/nr_open") >> most;
  const rlimit wanted{std::max(limit.rlim_max, most), std::max(limit.rlim_max, most)};
  if (geteuid() != 0 || setrlimit(RLIMIT_NOFILE, &wanted) != 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

UniqueFd BlockSignals() {
  sigset_t ending;
  sigemptyset(&ending);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    sigaddset(&ending, signal);
  }
  sigprocmask(SIG_BLOCK, &ending, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return UniqueFd(signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK));
}

// Pid file ----------------------------------------------------------------------------------

int PidFile::Create(const std::string& path) {
  if (path.empty()) {
    return 0;
  }
  std::ofstream file(path);
  file << getpid() << '\n';
  file.flush();
  if (!file) {
    const int error = errno != 0 ? -errno : -EIO;
    spdlog::error("cannot write the pid file {}: {}", path, std::strerror(-error));
    return error;
  }
  path_ = path;
  return 0;
}

PidFile::~PidFile() {
  if (!path_.empty()) {
    unlink(path_.c_str());
  }
}

// Mount point -------------------------------------------------------------------------------

int MountPoint::Prepare(const std::string& given) {
  const std::string path = WithoutTrailingSlash(given);
  const std::string type = MountTypeAt(path);
  if (type.starts_with("fuse") && IsDeadMount(path)) {
    if (umount2(path.c_str(), MNT_DETACH) != 0) {
      const int error = -errno;
      spdlog::error("a dead mount lies on {} and cannot be taken away ({}): fusermount3 -u {}",
                    path, std::strerror(-error), path);
      return error;
    }
    spdlog::warn("took a dead mount away from {}", path);
  } else if (type == "fuse.vnpud") {
    spdlog::error("another vnpud serves {} already; see: vnpu-ctl status --mount-point {}", path,
                  path);
    return -EBUSY;
  }
  if (mkdir(path.c_str(), 0755) == 0) {
    made_ = path;
  } else if (errno != EEXIST) {
    const int error = -errno;
    spdlog::error("cannot make the mount point {}: {}; choose one with --mount-point", path,
                  std::strerror(-error));
    return error;
  }
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    spdlog::error("the mount point {} is not a directory", path);
    return -ENOTDIR;
  }
  return 0;
}

MountPoint::~MountPoint() {
  if (!made_.empty()) {
    rmdir(made_.c_str());
  }
}

}  // namespace vnpu::driver
