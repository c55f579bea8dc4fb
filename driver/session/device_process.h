// A device process and the control socket to it.
#ifndef VNPU_DRIVER_SESSION_DEVICE_PROCESS_H_
#define VNPU_DRIVER_SESSION_DEVICE_PROCESS_H_

#include <sched.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "driver/base/unique_fd.h"
#include "driver/core/fault_points.h"
#include "firmware/device/control.h"

namespace vnpu::driver {

struct DeviceProcessOptions {
  std::string program;  // path of vnpu-device
  uid_t uid = 0;        // whose process it shall be; used when the driver runs as root
  gid_t gid = 0;
  int compat_fd = -1;  // the compat part of its firmware; -1: the built-in one
  uint64_t kept_capabilities = 0;
  cpu_set_t affinity{};
  uint32_t reply_timeout_ms = 0;
  std::vector<int> abort_fds;  // a call is given up, and the process killed, when one is readable
  std::function<bool()> give_up;  // the same, asked now and then
  FaultPoint* lost_messages = nullptr;
};

// Starts, asks and buries one process. Used by one thread.
class DeviceProcess {
 public:
  // Returns 0 or -errno.
  static int Start(DeviceProcessOptions options, std::unique_ptr<DeviceProcess>* process);
  // Kills the process if it still runs, and reaps it.
  ~DeviceProcess();
  DeviceProcess(const DeviceProcess&) = delete;
  DeviceProcess& operator=(const DeviceProcess&) = delete;

  // Sends a request with descriptors and waits for the reply. Returns the device's 0 or -errno;
  // -EIO when there is no proper reply in time, and then the process is dead.
  int Call(const firmware::ControlRequest& request, std::span<const int> fds,
           firmware::ControlReply* reply);
  // The same where the reply's body does not matter.
  int Call(const firmware::ControlRequest& request, std::span<const int> fds = {});

  // Kills the process, with the reason in the log, if it is not dead yet.
  void Kill(const char* reason);
  // Notices that the process has ended by itself.
  bool CheckAlive();
  // Waits for the end of a killed process and reaps it; logs how it ended.
  void Reap();

  bool dead() const { return dead_; }
  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }

 private:
  DeviceProcess(DeviceProcessOptions options, UniqueFd control, pid_t pid, UniqueFd pidfd);

  bool Send(const firmware::ControlRequest& request, std::span<const int> fds);
  // Waits for the reply; on failure the reason, else nullptr.
  const char* WaitReply();

  DeviceProcessOptions options_;
  UniqueFd control_;
  pid_t pid_;
  UniqueFd pidfd_;
  bool dead_ = false;
  uint32_t requests_ = 0;
  bool killed_ = false;
  bool reaped_ = false;
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_SESSION_DEVICE_PROCESS_H_
