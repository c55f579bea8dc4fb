// Memory use by components, and what reaches registered host memory (manual 11-01, 11-02).
#include "libruntime/src/memory/memory_usage.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/device.h"
#include "libruntime/src/device/driver.h"
#include "libruntime/src/device/session.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

aclError CheckDeviceIndex(int64_t device) {
  std::shared_ptr<rt::Driver> driver;
  VNPU_RETURN_IF_ERROR(rt::Driver::Get(&driver));
  return driver->CheckDevice(device);
}

}  // namespace

aclError aclrtGetMemUsageInfo(int32_t deviceId, aclrtMemUsageInfo* memUsageInfo, size_t inputNum,
                              size_t* outputNum) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(memUsageInfo);
    VNPU_REQUIRE_NOT_NULL(outputNum);
    if (inputNum == 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "inputNum is 0; ask for at least one component");
    }
    VNPU_RETURN_IF_ERROR(CheckDeviceIndex(deviceId));
    std::vector<rt::MemoryUsage::Entry> entries;
    if (const auto session = rt::SessionOfDevice(static_cast<uint32_t>(deviceId))) {
      entries = session->memory_usage().List();
    }
    *outputNum = std::min(inputNum, entries.size());
    for (size_t i = 0; i < *outputNum; ++i) {
      aclrtMemUsageInfo& info = memUsageInfo[i];
      info = {};
      std::strncpy(info.name, entries[i].name.c_str(), sizeof(info.name) - 1);
      info.curMemSize = entries[i].bytes;
      info.memPeakSize = entries[i].peak;
    }
    return ACL_SUCCESS;
  });
}

aclError aclrtHostMemMapCapabilities(uint32_t deviceId, aclrtHacType hacType,
                                     aclrtHostMemMapCapability* capabilities) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(capabilities);
    VNPU_RETURN_IF_ERROR(CheckDeviceIndex(deviceId));
    switch (hacType) {
      case ACL_RT_HAC_TYPE_STARS:
      case ACL_RT_HAC_TYPE_AICPU:
      case ACL_RT_HAC_TYPE_AIC:
      case ACL_RT_HAC_TYPE_AIV:
      case ACL_RT_HAC_TYPE_PCIEDMA:
      case ACL_RT_HAC_TYPE_SDMA:
        *capabilities = ACL_RT_HOST_MEM_MAP_SUPPORTED;
        return ACL_SUCCESS;
      case ACL_RT_HAC_TYPE_RDMA:  // the virtual device has none of these
      case ACL_RT_HAC_TYPE_DVPP:
      case ACL_RT_HAC_TYPE_UDMA:
      case ACL_RT_HAC_TYPE_CCU:
        *capabilities = ACL_RT_HOST_MEM_MAP_NOT_SUPPORTED;
        return ACL_SUCCESS;
    }
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown unit {}", static_cast<int>(hacType));
  });
}
