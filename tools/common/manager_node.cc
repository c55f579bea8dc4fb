#include "tools/common/manager_node.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace vnpu::tools {
namespace {

constexpr unsigned kPatienceSeconds = 5;

void OnAlarm(int /*signal*/) {
  constexpr char kText[] = "the driver does not answer (is vnpud stopped or overloaded?)\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kText, sizeof(kText) - 1);
  _exit(1);
}

// While it lives, a system call that hangs ends the program.
class Patience {
 public:
  Patience() {
    signal(SIGALRM, OnAlarm);
    alarm(kPatienceSeconds);
  }
  ~Patience() { alarm(0); }
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;
};

// A driver that ends in the middle of a call, and one that has ended: the same to the callers.
int GoneIsNotConnected(int error) { return error == ECONNABORTED ? ENOTCONN : error; }

}  // namespace

std::string NodeDirectory() {
  const char* directory = std::getenv("VNPU_DEV_DIR");
  return directory != nullptr && *directory != '\0' ? directory : "/dev/vnpu";
}

std::unique_ptr<ManagerNode> ManagerNode::Open(const std::string& directory, int* error) {
  const Patience patience;
  const int fd = open((directory + "/davinci_manager").c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    *error = GoneIsNotConnected(errno);
    return nullptr;
  }
  std::unique_ptr<ManagerNode> node(new ManagerNode(fd));
  vnpu_ioc_version version{VNPU_ABI_VERSION, 0, VNPU_FEATURES_ALL};
  *error = node->Ioctl(VNPU_IOC_VERSION, &version);
  if (*error == 0) {
    *error = node->Ioctl(VNPU_IOC_MANAGER, &node->info_);
  }
  *error = GoneIsNotConnected(*error);
  return *error == 0 ? std::move(node) : nullptr;
}

ManagerNode::~ManagerNode() { close(fd_); }

int ManagerNode::Ioctl(unsigned long command, void* arg) const {
  return ioctl(fd_, command, arg) == 0 ? 0 : errno;
}

vnpu_device_info ManagerNode::Device(uint32_t device) const {
  vnpu_device_info info{};
  info.device = device;
  const Patience patience;
  Ioctl(VNPU_IOC_DEVICE_QUERY, &info);
  return info;
}

vnpu_ioc_counters ManagerNode::Counters(uint32_t device) const {
  vnpu_ioc_counters counters{};
  counters.device = device;
  const Patience patience;
  Ioctl(VNPU_IOC_COUNTERS, &counters);
  return counters;
}

std::vector<vnpu_ioc_process> ManagerNode::Processes(uint32_t device) const {
  std::vector<vnpu_ioc_process> processes;
  const Patience patience;
  for (;;) {
    vnpu_ioc_process process{};
    process.device = device;
    process.index = static_cast<uint32_t>(processes.size());
    if (Ioctl(VNPU_IOC_PROCESS, &process) != 0) {
      return processes;
    }
    process.name[sizeof(process.name) - 1] = '\0';
    processes.push_back(process);
  }
}

int ManagerNode::Reset(uint32_t device) const {
  vnpu_ioc_reset reset{device, 0};
  return Ioctl(VNPU_IOC_RESET, &reset);
}

int ManagerNode::Fault(const vnpu_ioc_fault& fault) const {
  vnpu_ioc_fault arg = fault;
  return Ioctl(VNPU_IOC_FAULT, &arg);
}

std::vector<vnpu_ioc_firmware> ManagerNode::Firmware(uint32_t device) const {
  std::vector<vnpu_ioc_firmware> all;
  const Patience patience;
  for (;;) {
    vnpu_ioc_firmware one{};
    one.device = device;
    one.index = static_cast<uint32_t>(all.size());
    if (Ioctl(VNPU_IOC_FIRMWARE, &one) != 0) {
      return all;
    }
    one.version[sizeof(one.version) - 1] = '\0';
    all.push_back(one);
  }
}

int ManagerNode::UpgradeFirmware(vnpu_ioc_firmware_upgrade* upgrade) const {
  return Ioctl(VNPU_IOC_FIRMWARE_UPGRADE, upgrade);
}

std::string ExplainNoManager(const std::string& directory, int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return "no driver serves " + directory + "; start it with: vnpu-ctl start";
    case ENOTCONN:
      return "the driver of " + directory + " is gone; start it again with: vnpu-ctl start";
    case EACCES:
    case EPERM:
      return "may not open " + directory +
             "/davinci_manager; the nodes' owner, group and mode are options of vnpud";
    case EPROTONOSUPPORT:
      return "the driver of " + directory +
             " speaks another version; install tools and driver "
             "of one version";
    default:
      return directory + "/davinci_manager: " + std::strerror(error);
  }
}

}  // namespace vnpu::tools
