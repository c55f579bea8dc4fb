// Choosing, resetting and asking devices.
#include "libruntime/src/device/device.h"

#include <unistd.h>
#include <vnpu/abi.h>

#include <algorithm>
#include <mutex>
#include <string>

#include "acl/acl_rt.h"
#include "libruntime/include/vnpu/vnpu.h"
#include "libruntime/src/acl/state_callbacks.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/chip.h"
#include "libruntime/src/device/driver.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/graph/capture.h"
#include "libruntime/src/stream/context.h"
#include "libruntime/src/stream/stream.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

aclError ReadAttribute(const vnpu_device_info& info, aclrtDevAttr attr, int64_t* value) {
  const rt::Chip chip = rt::ChipOf(info);
  switch (attr) {
    case ACL_DEV_ATTR_AICPU_CORE_NUM:
      *value = info.units[VNPU_UNIT_AI_CPU];
      return ACL_SUCCESS;
    case ACL_DEV_ATTR_AICORE_CORE_NUM:
    case ACL_DEV_ATTR_CUBE_CORE_NUM:
      *value = info.units[VNPU_UNIT_AI_CORE];
      return ACL_SUCCESS;
    case ACL_DEV_ATTR_VECTOR_CORE_NUM:
      *value = info.units[VNPU_UNIT_VECTOR_CORE];
      return ACL_SUCCESS;
    case ACL_DEV_ATTR_TOTAL_GLOBAL_MEM_SIZE:
      *value = static_cast<int64_t>(info.hbm_total);
      return ACL_SUCCESS;
    case ACL_DEV_ATTR_L2_CACHE_SIZE:
      if (chip.l2_bytes == 0) {
        return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT, "the L2 size of the {} is not known",
                    info.soc_name);
      }
      *value = static_cast<int64_t>(chip.l2_bytes);
      return ACL_SUCCESS;
    case ACL_DEV_ATTR_PHY_CHIP_ID:
      *value = info.device;
      return ACL_SUCCESS;
    case ACL_DEV_ATTR_SMP_ID:             // all devices of a driver run under one operating system
    case ACL_DEV_ATTR_MAINBOARD_ID:       // there is none
    case ACL_DEV_ATTR_CUST_OP_PRIVILEGE:  // kernels run under a system call filter
      *value = 0;
      return ACL_SUCCESS;
    case ACL_DEV_ATTR_IS_VIRTUAL:
      *value = 1;
      return ACL_SUCCESS;
    case ACL_DEV_ATTR_NPU_ARCH:
      *value = chip.architecture;
      return ACL_SUCCESS;
    case ACL_DEV_ATTR_WARP_SIZE:
    case ACL_DEV_ATTR_MAX_THREAD_PER_VECTOR_CORE:
    case ACL_DEV_ATTR_UBUF_PER_VECTOR_CORE:
    case ACL_DEV_ATTR_MAX_GRID_DIM_X:
    case ACL_DEV_ATTR_MAX_GRID_DIM_Y:
    case ACL_DEV_ATTR_MAX_GRID_DIM_Z:
    case ACL_DEV_ATTR_MAX_BLOCK_PER_GRID:
    case ACL_DEV_ATTR_MAX_THREADS_PER_BLOCK:
    case ACL_DEV_ATTR_MAX_BLOCK_DIM_X:
    case ACL_DEV_ATTR_MAX_BLOCK_DIM_Y:
    case ACL_DEV_ATTR_MAX_BLOCK_DIM_Z:
      *value = 0;  // of the SIMT programming model, which the series does not have
      return ACL_SUCCESS;
    default:
      // Among them the places in a SuperPoD and the host link, of other series.
      return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT, "the device has no attribute {}",
                  static_cast<int>(attr));
  }
}

// Device callbacks around the functions that set and reset devices.
template <class Change>
aclError WithNotice(int32_t device, aclrtDeviceState before, aclrtDeviceState after,
                    Change&& change) {
  rt::NotifyDevice(device, before);
  VNPU_RETURN_IF_ERROR(change());
  rt::NotifyDevice(device, after);
  return ACL_SUCCESS;
}

aclError ResetDevice(int32_t device, bool force) {
  return WithNotice(device, ACL_RT_DEVICE_STATE_RESET_PRE, ACL_RT_DEVICE_STATE_RESET_POST,
                    [&] { return rt::ResetDevice(device, force); });
}

aclError MapDevice(bool to_physical, int32_t from, int32_t* to) {
  VNPU_REQUIRE_NOT_NULL(to);
  std::shared_ptr<rt::Driver> driver;
  VNPU_RETURN_IF_ERROR(rt::Driver::Get(&driver));
  for (uint32_t i = 0; i < driver->device_count(); ++i) {
    const auto user = static_cast<int32_t>(i);
    const auto physical = static_cast<int32_t>(driver->number_of(i));
    if ((to_physical ? user : physical) == from) {
      *to = to_physical ? physical : user;
      return ACL_SUCCESS;
    }
  }
  return Fail(ACL_ERROR_RT_INVALID_DEVICEID, "device {} does not exist or is not visible", from);
}

}  // namespace

aclError aclrtSetDevice(int32_t deviceId) {
  return Guard(__func__, [&] {
    return WithNotice(deviceId, ACL_RT_DEVICE_STATE_SET_PRE, ACL_RT_DEVICE_STATE_SET_POST,
                      [&] { return rt::SetDevice(deviceId); });
  });
}

aclError aclrtResetDevice(int32_t deviceId) {
  return Guard(__func__, [&] { return ResetDevice(deviceId, /*force=*/false); });
}

aclError aclrtResetDeviceForce(int32_t deviceId) {
  return Guard(__func__, [&] { return ResetDevice(deviceId, /*force=*/true); });
}

aclError aclrtGetDevice(int32_t* deviceId) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(deviceId);
    rt::Context* context = nullptr;
    VNPU_RETURN_IF_ERROR(rt::CurrentContext(&context));
    *deviceId = static_cast<int32_t>(context->device);
    return ACL_SUCCESS;
  });
}

aclError aclrtGetDeviceCount(uint32_t* count) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(count);
    std::shared_ptr<rt::Driver> driver;
    VNPU_RETURN_IF_ERROR(rt::Driver::Get(&driver));
    *count = driver->device_count();
    return ACL_SUCCESS;
  });
}

aclError aclrtGetRunMode(aclrtRunMode* runMode) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(runMode);
    *runMode = ACL_HOST;
    return ACL_SUCCESS;
  });
}

aclError aclrtSetTsDevice(aclrtTsId tsId) {
  return Guard(__func__, [&]() -> aclError {
    if (tsId != ACL_TS_ID_AICORE && tsId != ACL_TS_ID_AIVECTOR) {
      return Fail(ACL_ERROR_INVALID_PARAM, "task scheduler {} does not exist",
                  static_cast<int>(tsId));
    }
    return ACL_SUCCESS;  // there is one for all cores
  });
}

aclError aclrtSynchronizeDevice() { return aclrtSynchronizeDeviceWithTimeout(-1); }

aclError aclrtSynchronizeDeviceWithTimeout(int32_t timeout) {
  return Guard(__func__, [&]() -> aclError {
    if (timeout < -1 || timeout == 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "timeout is {}; it takes -1 or milliseconds > 0",
                  timeout);
    }
    rt::Context* context = nullptr;
    VNPU_RETURN_IF_ERROR(rt::CurrentContext(&context));
    const std::shared_ptr<rt::Session> session = context->session;
    VNPU_RETURN_IF_ERROR(rt::CheckDeviceWait(*session));
    return rt::SynchronizeDevice(*session, rt::DeadlineIn(timeout));
  });
}

aclError aclrtQueryDeviceStatus(int32_t deviceId, aclrtDeviceStatus* deviceStatus) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(deviceStatus);
    vnpu_device_info info;
    VNPU_RETURN_IF_ERROR(rt::DescribeDevice(deviceId, &info));
    const auto session = rt::SessionOfDevice(static_cast<uint32_t>(deviceId));
    const bool good = info.health == 0 && (session == nullptr || session->CheckAlive());
    *deviceStatus = good ? ACL_RT_DEVICE_STATUS_NORMAL : ACL_RT_DEVICE_STATUS_ABNORMAL;
    return ACL_SUCCESS;
  });
}

aclError aclrtGetDeviceInfo(uint32_t deviceId, aclrtDevAttr attr, int64_t* value) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(value);
    vnpu_device_info info;
    VNPU_RETURN_IF_ERROR(rt::DescribeDevice(deviceId, &info));
    return ReadAttribute(info, attr, value);
  });
}

aclError aclrtDeviceGetStreamPriorityRange(int32_t* leastPriority, int32_t* greatestPriority) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(leastPriority);
    VNPU_REQUIRE_NOT_NULL(greatestPriority);
    *leastPriority = VNPU_PRIORITIES - 1;
    *greatestPriority = 0;
    return ACL_SUCCESS;
  });
}

const char* aclrtGetSocName() {
  static std::mutex mutex;
  static std::string name;
  const char* result = nullptr;
  Guard(__func__, [&]() -> aclError {
    vnpu_device_info info;
    VNPU_RETURN_IF_ERROR(rt::DescribeDevice(0, &info));
    const std::lock_guard lock(mutex);
    if (name.empty()) {
      name.assign(info.soc_name, strnlen(info.soc_name, sizeof(info.soc_name)));
    }
    result = name.c_str();
    return ACL_SUCCESS;
  });
  return result;
}

aclError aclrtDeviceGetBareTgid(int32_t* pid) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(pid);
    std::shared_ptr<rt::Driver> driver;
    VNPU_RETURN_IF_ERROR(rt::Driver::Get(&driver));
    *pid = static_cast<int32_t>(driver->own_pid());
    return ACL_SUCCESS;
  });
}

aclError aclrtGetLogicDevIdByUserDevId(const int32_t userDevid, int32_t* const logicDevId) {
  return Guard(__func__, [&] { return MapDevice(/*to_physical=*/true, userDevid, logicDevId); });
}

aclError aclrtGetUserDevIdByLogicDevId(const int32_t logicDevId, int32_t* const userDevid) {
  return Guard(__func__, [&] { return MapDevice(/*to_physical=*/false, logicDevId, userDevid); });
}

aclError aclrtGetPhyDevIdByUserDevId(const int32_t userDevId, int32_t* const phyDevId) {
  return Guard(__func__, [&] { return MapDevice(/*to_physical=*/true, userDevId, phyDevId); });
}

aclError aclrtGetUserDevIdByPhyDevId(const int32_t phyDevId, int32_t* const userDevId) {
  return Guard(__func__, [&] { return MapDevice(/*to_physical=*/false, phyDevId, userDevId); });
}

// These two mean the process's own number by the logical one, as the manual says.
aclError aclrtGetLogicDevIdByPhyDevId(const int32_t phyDevId, int32_t* const logicDevId) {
  return Guard(__func__, [&] { return MapDevice(/*to_physical=*/false, phyDevId, logicDevId); });
}

aclError aclrtGetPhyDevIdByLogicDevId(const int32_t logicDevId, int32_t* const phyDevId) {
  return Guard(__func__, [&] { return MapDevice(/*to_physical=*/true, logicDevId, phyDevId); });
}

aclError vnpuGetDeviceUse(int32_t* deviceId, uint64_t* use) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(deviceId);
    VNPU_REQUIRE_NOT_NULL(use);
    rt::Context* context = nullptr;
    VNPU_RETURN_IF_ERROR(rt::CurrentContext(&context));
    *deviceId = static_cast<int32_t>(context->device);
    *use = context->session->serial();
    return ACL_SUCCESS;
  });
}

const char* vnpuGetTransport(int32_t deviceId) {
  static std::mutex mutex;
  static std::string text;
  const char* result = nullptr;
  Guard(__func__, [&]() -> aclError {
    std::shared_ptr<rt::Driver> driver;
    VNPU_RETURN_IF_ERROR(rt::Driver::Get(&driver));
    VNPU_RETURN_IF_ERROR(driver->CheckDevice(deviceId));
    const std::lock_guard lock(mutex);
    text = driver->Describe(static_cast<uint32_t>(deviceId));
    result = text.c_str();
    return ACL_SUCCESS;
  });
  return result;
}
