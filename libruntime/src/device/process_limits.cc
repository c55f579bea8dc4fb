#include "libruntime/src/device/process_limits.h"

#include <vnpu/abi.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/round_up.h"
#include "libruntime/src/device/driver.h"

namespace vnpu::runtime {
namespace {

struct ProcessLimit {
  const char* name;
  size_t least;
  size_t most;
  size_t step;
  bool raised;  // smaller values count as the least
  std::atomic<size_t> value;
};

constinit ProcessLimit stack_size{.name = "the stack of a core",
                                  .least = size_t{32} << 10,
                                  .most = size_t{192} << 10,
                                  .step = size_t{16} << 10,
                                  .raised = true,
                                  .value{size_t{32} << 10}};
constinit ProcessLimit printf_size{.name = "the printf memory of a core",
                                   .least = size_t{1} << 10,
                                   .most = size_t{64} << 20,
                                   .step = 8,
                                   .raised = false,
                                   .value{size_t{32} << 10}};

// Null: the devices have no such limit.
ProcessLimit* FindLimit(aclrtDeviceLimit limit) {
  switch (limit) {
    case ACL_RT_DEV_LIMIT_SIMD_STACK_SIZE:
      return &stack_size;
    case ACL_RT_DEV_LIMIT_SIMD_PRINTF_FIFO_SIZE_PER_CORE:
      return &printf_size;
    default:
      return nullptr;
  }
}

aclError FailNoLimit(aclrtDeviceLimit limit) {
  const bool known = limit == ACL_RT_DEV_LIMIT_SIMT_STACK_SIZE ||
                     limit == ACL_RT_DEV_LIMIT_SIMT_DVG_WARP_STACK_SIZE ||
                     limit == ACL_RT_DEV_LIMIT_SIMT_PRINTF_FIFO_SIZE;
  return known ? Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                      "limit {} is of the SIMT model, which the devices do not have",
                      static_cast<int>(limit))
               : Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown limit {}", static_cast<int>(limit));
}

bool DeviceZeroIsVisible() {
  const auto devices = VisibleDevices(std::getenv("ASCEND_RT_VISIBLE_DEVICES"), VNPU_MAX_DEVICES);
  return std::find(devices.begin(), devices.end(), 0u) != devices.end();
}

}  // namespace

aclError CheckProcessLimit(aclrtDeviceLimit limit, size_t value) {
  const ProcessLimit* found = FindLimit(limit);
  if (found == nullptr) {
    return FailNoLimit(limit);
  }
  if (!DeviceZeroIsVisible()) {
    return Fail(ACL_ERROR_RT_INVALID_DEVICEID,
                "limits are set by way of device 0; add it to ASCEND_RT_VISIBLE_DEVICES");
  }
  if ((value < found->least && !found->raised) || value > found->most) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} bytes for {}; it takes {} to {}", value,
                found->name, found->least, found->most);
  }
  return ACL_SUCCESS;
}

aclError SetProcessLimit(aclrtDeviceLimit limit, size_t value) {
  VNPU_RETURN_IF_ERROR(CheckProcessLimit(limit, value));
  ProcessLimit* found = FindLimit(limit);
  if (found == nullptr) {
    return FailNoLimit(limit);
  }
  found->value.store(RoundUp(std::max(value, found->least), found->step));
  return ACL_SUCCESS;
}

aclError GetProcessLimit(aclrtDeviceLimit limit, size_t* value) {
  const ProcessLimit* found = FindLimit(limit);
  if (found == nullptr) {
    return FailNoLimit(limit);
  }
  *value = found->value.load();
  return ACL_SUCCESS;
}

}  // namespace vnpu::runtime
