// The driver as this process reaches it: transport, manager node, and what the manager says.
#ifndef VNPU_LIBRUNTIME_SRC_DEVICE_DRIVER_H_
#define VNPU_LIBRUNTIME_SRC_DEVICE_DRIVER_H_

#include <vnpu/ioctl.h>

#include <memory>
#include <string>
#include <vector>

#include "acl/acl_base.h"
#include "libruntime/src/transport/transport.h"

namespace vnpu::runtime {

class Driver {
 public:
  // The process's connection; made on first use, and again after the driver went away.
  // Thread-safe.
  static aclError Get(std::shared_ptr<Driver>* driver);

  // Drops the connection; an embedded driver exits once the last user is gone.
  static void Release();

  // Devices this process may see: ASCEND_RT_VISIBLE_DEVICES chooses among those of the driver.
  uint32_t device_count() const { return static_cast<uint32_t>(visible_.size()); }
  // The driver's number of visible device `index`.
  uint32_t number_of(uint32_t index) const { return visible_[index]; }

  uint64_t features() const { return features_; }
  uint32_t pid() const { return manager_info_.driver_pid; }
  // This process's number in the driver's pid namespace.
  uint32_t own_pid() const { return self_.pid; }

  // Opens a node and agrees on the version. 0 or -errno.
  int Open(const std::string& node, std::unique_ptr<TransportFile>* file,
           uint64_t* features = nullptr);

  // Fails unless `device` is 0 .. device_count() - 1.
  aclError CheckDevice(int64_t device) const;

  // Ask the manager about visible device `index`.
  aclError QueryDevice(uint32_t index, vnpu_device_info* info);
  aclError QueryIdentity(uint32_t index, vnpu_ioc_identity* identity);
  aclError QueryCounters(uint32_t index, vnpu_ioc_counters* counters);

  const char* version() const { return manager_info_.driver_version; }

  std::string Describe(uint32_t index) const { return transport_->Describe(number_of(index)); }

 private:
  aclError Connect();

  std::unique_ptr<Transport> transport_;
  std::unique_ptr<TransportFile> manager_;
  vnpu_ioc_manager manager_info_{};
  vnpu_ioc_self self_{};
  uint64_t features_ = 0;
  std::vector<uint32_t> visible_;
};

// What the driver says about a device of this process; connects to it if needed.
aclError DescribeDevice(int64_t device, vnpu_device_info* info);

// The devices of 0..count-1 that `list` (comma separated numbers) names, up to the first entry
// that is not one of them. Null: all.
std::vector<uint32_t> VisibleDevices(const char* list, uint32_t count);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_DEVICE_DRIVER_H_
