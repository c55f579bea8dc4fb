// The manager node, for administration.
#ifndef VNPU_TOOLS_COMMON_MANAGER_NODE_H_
#define VNPU_TOOLS_COMMON_MANAGER_NODE_H_

#include <vnpu/ioctl.h>

#include <memory>
#include <string>
#include <vector>

namespace vnpu::tools {

// Where the nodes are: VNPU_DEV_DIR, or /dev/vnpu.
std::string NodeDirectory();

// An open manager node. Not thread-safe.
class ManagerNode {
 public:
  // nullptr: `*error` (an errno) says why. ENOENT: no driver serves there. ENOTCONN: the driver is
  // gone and has left a dead mount. A driver that does not answer within five seconds ends the
  // program with a message.
  static std::unique_ptr<ManagerNode> Open(const std::string& directory, int* error);
  ~ManagerNode();
  ManagerNode(const ManagerNode&) = delete;
  ManagerNode& operator=(const ManagerNode&) = delete;

  const vnpu_ioc_manager& info() const { return info_; }
  // `device` below info().devices, or zeros.
  vnpu_device_info Device(uint32_t device) const;
  vnpu_ioc_counters Counters(uint32_t device) const;
  // The open sessions of a device.
  std::vector<vnpu_ioc_process> Processes(uint32_t device) const;

  // 0 or an errno. Both are for root and the user of the driver.
  int Reset(uint32_t device) const;
  int Fault(const vnpu_ioc_fault& fault) const;

  // The firmware plug-ins of a device.
  std::vector<vnpu_ioc_firmware> Firmware(uint32_t device) const;
  // 0 or an errno, as VNPU_IOC_FIRMWARE_UPGRADE; also for root and the user of the driver alone.
  int UpgradeFirmware(vnpu_ioc_firmware_upgrade* upgrade) const;

 private:
  explicit ManagerNode(int fd) : fd_(fd) {}
  int Ioctl(unsigned long command, void* arg) const;

  int fd_;
  vnpu_ioc_manager info_{};
};

// One line that says why there is no manager node and what to do.
std::string ExplainNoManager(const std::string& directory, int error);

}  // namespace vnpu::tools

#endif  // VNPU_TOOLS_COMMON_MANAGER_NODE_H_
