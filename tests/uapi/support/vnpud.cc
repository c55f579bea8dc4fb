#include "tests/uapi/support/vnpud.h"

#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace vnpu::raw {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kStartLimit{10'000};
constexpr milliseconds kStopLimit{10'000};

[[noreturn]] void Fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::string MakeDirectory() {
  const char* base = std::getenv("TMPDIR");
  std::string name = std::string(base != nullptr ? base : "/tmp") + "/vnpu-raw-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) {
    Fail("mkdtemp " + name);
  }
  // Other users are to reach the nodes.
  chmod(name.c_str(), 0755);
  mkdir((name + "/mount").c_str(), 0755);
  return name;
}

bool Mounted(const std::string& mount_point) {
  return ReadFile("/proc/self/mountinfo").find(" " + mount_point + " ") != std::string::npos;
}

pid_t ParentOf(const std::string& pid) {
  const std::string stat = ReadFile("/proc/" + pid + "/stat");
  const size_t end = stat.rfind(')');
  if (end == std::string::npos) {
    return -1;
  }
  std::istringstream rest(stat.substr(end + 1));
  char state = 0;
  pid_t parent = -1;
  rest >> state >> parent;
  return parent;
}

// Independent of vnpud, so that a driver that cannot mount is a failure and not a reason to skip.
std::string WhyNoFuseMount() {
  const UniqueFd fuse(open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (fuse.get() < 0) {
    return std::string("/dev/fuse: ") + std::strerror(errno);
  }
  const std::string directory = MakeDirectory();
  const std::string options =
      "fd=" + std::to_string(fuse.get()) + ",rootmode=40000,user_id=0,group_id=0";
  std::string reason;
  if (mount("vnpu-test", directory.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) == 0) {
    umount2(directory.c_str(), MNT_DETACH);
  } else {
    reason = std::string("a FUSE mount is refused: ") + std::strerror(errno);
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  return reason;
}

}  // namespace

std::string WhyNoNode() {
  if (geteuid() == 0) {
    return WhyNoFuseMount();
  }
  try {
    const Vnpud probe(Transport::kNode);
    return "";
  } catch (const std::exception& e) {
    return e.what();
  }
}

Vnpud::Vnpud(Transport transport, std::vector<std::string> options)
    : transport_(transport), options_(std::move(options)), directory_(MakeDirectory()) {
  try {
    Start();
  } catch (...) {
    Kill();
    std::filesystem::remove_all(directory_);
    throw;
  }
}

Vnpud::~Vnpud() {
  Stop();
  if (Mounted(mount_point())) {
    umount2(mount_point().c_str(), MNT_DETACH);
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void Vnpud::Exec(int embedded_fd) const {
  if (transport_ == Transport::kNode) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);  // the other kind ends when its socket closes
  }
  const int log = open((directory_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  std::vector<std::string> words = {VNPU_TEST_VNPUD};
  if (transport_ == Transport::kEmbedded) {
    fcntl(embedded_fd, F_SETFD, 0);
    words.insert(words.end(), {"--embedded", std::to_string(embedded_fd)});
  } else {
    words.insert(words.end(),
                 {"--foreground", "--mount-point", mount_point(), "--log-level", "warn"});
  }
  words.insert(words.end(), options_.begin(), options_.end());
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  _exit(127);
}

void Vnpud::Start() {
  int sockets[2] = {-1, -1};
  if (transport_ == Transport::kEmbedded &&
      socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
    Fail("socketpair");
  }
  UniqueFd client_end(sockets[0]);
  const UniqueFd driver_end(sockets[1]);
  pid_ = fork();
  if (pid_ == 0) {
    Exec(driver_end.get());
  }
  if (pid_ < 0) {
    Fail("fork");
  }
  socket_ = std::move(client_end);
  if (transport_ == Transport::kNode) {
    WaitForMount();
  }
  Open("davinci_manager");
}

void Vnpud::WaitForMount() const {
  const UniqueFd mounts(open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  const auto deadline = steady_clock::now() + kStartLimit * TimeScale();
  // A stale mount, of a driver that was killed, cannot be opened either.
  while (TryOpen("davinci_manager") == nullptr) {
    if (!Running() || steady_clock::now() >= deadline) {
      throw std::runtime_error("vnpud cannot serve " + mount_point() + ": " + Log());
    }
    pollfd changed{mounts.get(), POLLPRI, 0};
    poll(&changed, 1, 20);
  }
}

std::unique_ptr<RawFile> Vnpud::TryOpen(const std::string& node, int flags) const {
  return transport_ == Transport::kNode ? OpenNode(NodePath(node), flags)
                                        : OpenOverSocket(socket_.get(), node);
}

std::unique_ptr<RawFile> Vnpud::Open(const std::string& node, int flags) const {
  std::unique_ptr<RawFile> file = TryOpen(node, flags);
  if (file == nullptr) {
    Fail("open " + node + "; log of vnpud: " + Log());
  }
  Negotiate(file.get());
  return file;
}

vnpu_ioc_counters Vnpud::Counters(uint32_t device) const {
  const std::unique_ptr<RawFile> manager = Open("davinci_manager");
  vnpu_ioc_counters counters{};
  counters.device = device;
  const int result = manager->Ioctl(VNPU_IOC_COUNTERS, &counters);
  if (result < 0) {
    throw std::system_error(-result, std::generic_category(), "VNPU_IOC_COUNTERS");
  }
  return counters;
}

bool Vnpud::Running() const {
  siginfo_t info{};
  return pid_ > 0 &&
         waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0;
}

std::optional<int> Vnpud::Stop() {
  if (pid_ <= 0) {
    return std::nullopt;
  }
  socket_.Reset();
  if (transport_ == Transport::kNode) {
    kill(pid_, SIGTERM);
  }
  const bool ended = Eventually(kStopLimit, [this] { return !Running(); });
  if (!ended) {
    Kill();
    return std::nullopt;
  }
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void Vnpud::Kill() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
}

void Vnpud::Restart() {
  Kill();
  Start();
}

std::vector<pid_t> Vnpud::DeviceProcesses() const {
  std::vector<pid_t> pids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") == std::string::npos && ParentOf(name) == pid_) {
      pids.push_back(static_cast<pid_t>(std::stol(name)));
    }
  }
  return pids;
}

void Negotiate(RawFile* file) {
  vnpu_ioc_version version{VNPU_ABI_VERSION, 0, VNPU_FEATURES_ALL};
  const int result = file->Ioctl(VNPU_IOC_VERSION, &version);
  if (result < 0) {
    throw std::system_error(-result, std::generic_category(), "VNPU_IOC_VERSION");
  }
}

bool AllZero(const vnpu_ioc_counters& c) {
  uint64_t units = 0;
  for (const uint32_t busy : c.units) {
    units += busy;
  }
  return (c.sessions | c.device_processes | c.queues | c.events | c.modules | c.irqs | c.qmems |
          c.pmems | c.reservations | c.fds) == 0 &&
         (c.hbm_pages | c.pinned_pages | c.table_pages | units) == 0;
}

std::string ToString(const vnpu_ioc_counters& c) {
  std::ostringstream out;
  out << "sessions " << c.sessions << ", device processes " << c.device_processes << ", queues "
      << c.queues << ", events " << c.events << ", modules " << c.modules << ", irqs " << c.irqs
      << ", qmems " << c.qmems << ", pmems " << c.pmems << ", reservations " << c.reservations
      << ", hbm pages " << c.hbm_pages << ", pinned pages " << c.pinned_pages << ", table pages "
      << c.table_pages << ", fds " << c.fds << ", units";
  for (const uint32_t busy : c.units) {
    out << ' ' << busy;
  }
  return out.str();
}

}  // namespace vnpu::raw
