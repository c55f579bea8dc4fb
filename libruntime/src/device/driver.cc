#include "libruntime/src/device/driver.h"

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <numeric>
#include <string_view>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"

namespace vnpu::runtime {
namespace {

struct Connection {
  std::mutex mutex;
  std::shared_ptr<Driver> driver;
};

Connection& TheConnection() {
  static auto* const connection = new Connection;
  return *connection;
}

}  // namespace

std::vector<uint32_t> VisibleDevices(const char* list, uint32_t count) {
  std::vector<uint32_t> devices;
  if (list == nullptr || *list == '\0') {
    devices.resize(count);
    std::iota(devices.begin(), devices.end(), 0u);
    return devices;
  }
  const char* const end = list + std::strlen(list);
  while (list < end) {
    uint32_t number = 0;
    const auto [next, error] = std::from_chars(list, end, number);
    const bool separated = next == end || *next == ',';
    if (error != std::errc() || number >= count) {
      break;
    }
    devices.push_back(number);
    if (!separated || next == end) {
      break;
    }
    list = next + 1;
  }
  return devices;
}

aclError Driver::Get(std::shared_ptr<Driver>* driver) {
  Connection& connection = TheConnection();
  const std::lock_guard lock(connection.mutex);
  if (connection.driver != nullptr && !connection.driver->manager_->Alive()) {
    Log().warn("the driver went away; connecting again");
    connection.driver.reset();
  }
  if (connection.driver == nullptr) {
    auto fresh = std::make_shared<Driver>();
    VNPU_RETURN_IF_ERROR(fresh->Connect());
    connection.driver = std::move(fresh);
  }
  *driver = connection.driver;
  return ACL_SUCCESS;
}

void Driver::Release() {
  Connection& connection = TheConnection();
  std::shared_ptr<Driver> last;
  const std::lock_guard lock(connection.mutex);
  last = std::move(connection.driver);
}

int Driver::Open(const std::string& node, std::unique_ptr<TransportFile>* file,
                 uint64_t* features) {
  const int opened = transport_->Open(node, file);
  if (opened < 0) {
    return opened;
  }
  vnpu_ioc_version version{
      .abi_version = VNPU_ABI_VERSION, .reserved = 0, .features = VNPU_FEATURES_ALL};
  const int agreed = Call(**file, VNPU_IOC_VERSION, version);
  if (agreed < 0) {
    file->reset();
    return agreed;
  }
  if (features != nullptr) {
    *features = version.features;
  }
  return 0;
}

aclError Driver::Connect() {
  std::string error;
  transport_ = ChooseTransport(&error);
  if (transport_ == nullptr) {
    return Fail(ACL_ERROR_RT_NO_DEVICE, "no device: {}", error);
  }
  const int opened = Open("davinci_manager", &manager_, &features_);
  if (opened == -EPROTONOSUPPORT) {
    return Fail(ACL_ERROR_RT_NO_DEVICE,
                "the driver speaks another version of the interface than this library ({}); use "
                "both from one release",
                VNPU_ABI_VERSION);
  }
  if (opened < 0) {
    return Fail(ACL_ERROR_RT_NO_DEVICE, "cannot open the manager node: {}; is vnpud running?",
                std::strerror(-opened));
  }
  const int asked = Call(*manager_, VNPU_IOC_MANAGER, manager_info_);
  if (asked < 0) {
    return FailErrno(-asked, "the manager node does not answer");
  }
  if (Call(*manager_, VNPU_IOC_SELF, self_) < 0) {
    self_.pid = static_cast<uint32_t>(getpid());  // a driver that does not know the question
  }
  visible_ = VisibleDevices(std::getenv("ASCEND_RT_VISIBLE_DEVICES"), manager_info_.devices);
  Log().info("driver {} ({} devices, {} visible), process {}", manager_info_.driver_version,
             manager_info_.devices, visible_.size(), manager_info_.driver_pid);
  return ACL_SUCCESS;
}

aclError Driver::CheckDevice(int64_t device) const {
  if (device < 0 || device >= device_count()) {
    return Fail(ACL_ERROR_RT_INVALID_DEVICEID, "device {} does not exist: there are {}", device,
                device_count());
  }
  return ACL_SUCCESS;
}

aclError Driver::QueryDevice(uint32_t index, vnpu_device_info* info) {
  *info = {};
  info->device = number_of(index);
  const int result = Call(*manager_, VNPU_IOC_DEVICE_QUERY, *info);
  return result < 0 ? FailErrno(-result, "cannot query the device") : ACL_SUCCESS;
}

aclError Driver::QueryIdentity(uint32_t index, vnpu_ioc_identity* identity) {
  *identity = {};
  identity->device = number_of(index);
  const int result = Call(*manager_, VNPU_IOC_IDENTITY, *identity);
  if (result == -ENOTTY) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "the driver does not tell devices' identities; use one of this library's release");
  }
  return result < 0 ? FailErrno(-result, "cannot ask for the device's identity") : ACL_SUCCESS;
}

aclError Driver::QueryCounters(uint32_t index, vnpu_ioc_counters* counters) {
  *counters = {};
  counters->device = number_of(index);
  const int result = Call(*manager_, VNPU_IOC_COUNTERS, *counters);
  return result < 0 ? FailErrno(-result, "cannot ask for the device's counters") : ACL_SUCCESS;
}

aclError DescribeDevice(int64_t device, vnpu_device_info* info) {
  std::shared_ptr<Driver> driver;
  VNPU_RETURN_IF_ERROR(Driver::Get(&driver));
  VNPU_RETURN_IF_ERROR(driver->CheckDevice(device));
  return driver->QueryDevice(static_cast<uint32_t>(device), info);
}

}  // namespace vnpu::runtime
