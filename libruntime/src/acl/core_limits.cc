// Core limits of the process, of streams, and those that the calling thread goes by.
#include "libruntime/src/device/core_limits.h"

#include <atomic>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/device.h"
#include "libruntime/src/device/driver.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/stream/context.h"

namespace rt = vnpu::runtime;
using rt::CoreLimits;
using rt::Fail;
using rt::Guard;

namespace {

// The stream whose limits this thread goes by.
struct ThreadStream {
  const rt::Stream* stream = nullptr;
  uint32_t generation = 0;
};
thread_local constinit ThreadStream thread_stream;

aclError CheckLimitType(aclrtDevResLimitType type) {
  if (type != ACL_RT_DEV_RES_CUBE_CORE && type != ACL_RT_DEV_RES_VECTOR_CORE) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "resource type is {}; it takes ACL_RT_DEV_RES_CUBE_CORE or "
                "ACL_RT_DEV_RES_VECTOR_CORE",
                static_cast<int>(type));
  }
  return ACL_SUCCESS;
}

uint32_t UnitOfLimit(aclrtDevResLimitType type) {
  return type == ACL_RT_DEV_RES_CUBE_CORE ? VNPU_UNIT_AI_CORE : VNPU_UNIT_VECTOR_CORE;
}

// What holds for the kind of core: a limit, or all that the device has.
uint32_t EffectiveLimit(CoreLimits stream, CoreLimits process, const vnpu_device_info& info,
                        aclrtDevResLimitType type) {
  const uint32_t unit = UnitOfLimit(type);
  const uint32_t limit = rt::LimitFor(stream, process, unit);
  return limit != 0 ? limit : info.units[unit];
}

aclError SetCoreLimit(std::atomic<CoreLimits>& limits, const rt::Session& session,
                      aclrtDevResLimitType type, uint32_t value) {
  if ((session.features() & VNPU_FEATURE_CORE_LIMIT) == 0) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "the driver does not limit cores; use one of this library's release");
  }
  const uint32_t cores = session.info().units[UnitOfLimit(type)];
  if (value == 0 || value > cores) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "{} {} cores; the device has {}, and a limit takes 1 to that number", value,
                type == ACL_RT_DEV_RES_CUBE_CORE ? "cube" : "vector", cores);
  }
  CoreLimits old = limits.load();
  CoreLimits changed;
  do {
    changed = old;
    (type == ACL_RT_DEV_RES_CUBE_CORE ? changed.cube : changed.vector) =
        static_cast<uint16_t>(value);
  } while (!limits.compare_exchange_weak(old, changed));
  return ACL_SUCCESS;
}

// The device's description, and its session where it is set.
aclError FindDeviceAndSession(int32_t device, vnpu_device_info* info,
                              std::shared_ptr<rt::Session>* session) {
  std::shared_ptr<rt::Driver> driver;
  VNPU_RETURN_IF_ERROR(rt::Driver::Get(&driver));
  VNPU_RETURN_IF_ERROR(driver->CheckDevice(device));
  *session = rt::SessionOfDevice(static_cast<uint32_t>(device));
  if (*session != nullptr) {
    *info = (*session)->info();
    return ACL_SUCCESS;
  }
  return driver->QueryDevice(static_cast<uint32_t>(device), info);
}

CoreLimits LimitsOfThread() {
  const auto [stream, generation] = thread_stream;
  const bool good = stream != nullptr && stream->alive() && stream->generation() == generation;
  return good ? stream->core_limits.load() : CoreLimits{};
}

}  // namespace

aclError aclrtGetDeviceResLimit(int32_t deviceId, aclrtDevResLimitType type, uint32_t* value) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(value);
    VNPU_RETURN_IF_ERROR(CheckLimitType(type));
    vnpu_device_info info{};
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(FindDeviceAndSession(deviceId, &info, &session));
    const CoreLimits process = session != nullptr ? session->core_limits().load() : CoreLimits{};
    *value = EffectiveLimit({}, process, info, type);
    return ACL_SUCCESS;
  });
}

aclError aclrtSetDeviceResLimit(int32_t deviceId, aclrtDevResLimitType type, uint32_t value) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(CheckLimitType(type));
    vnpu_device_info info{};
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(FindDeviceAndSession(deviceId, &info, &session));
    if (session == nullptr) {
      return Fail(ACL_ERROR_RT_CONTEXT_NULL,
                  "device {} is not in use, and its limits end with its use; call aclrtSetDevice "
                  "first",
                  deviceId);
    }
    return SetCoreLimit(session->core_limits(), *session, type, value);
  });
}

aclError aclrtResetDeviceResLimit(int32_t deviceId) {
  return Guard(__func__, [&]() -> aclError {
    vnpu_device_info info{};
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(FindDeviceAndSession(deviceId, &info, &session));
    if (session != nullptr) {
      session->core_limits().store({});
    }
    return ACL_SUCCESS;
  });
}

aclError aclrtGetStreamResLimit(aclrtStream stream, aclrtDevResLimitType type, uint32_t* value) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(value);
    VNPU_RETURN_IF_ERROR(CheckLimitType(type));
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    *value = EffectiveLimit(found->core_limits.load(), found->session->core_limits().load(),
                            found->session->info(), type);
    return ACL_SUCCESS;
  });
}

aclError aclrtSetStreamResLimit(aclrtStream stream, aclrtDevResLimitType type, uint32_t value) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(CheckLimitType(type));
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    return SetCoreLimit(found->core_limits, *found->session, type, value);
  });
}

aclError aclrtResetStreamResLimit(aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    found->core_limits.store({});
    return ACL_SUCCESS;
  });
}

aclError aclrtUseStreamResInCurrentThread(aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    thread_stream = {.stream = found, .generation = found->generation()};
    return ACL_SUCCESS;
  });
}

aclError aclrtUnuseStreamResInCurrentThread(aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    if (thread_stream.stream == found) {
      thread_stream = {};
    }
    return ACL_SUCCESS;
  });
}

aclError aclrtGetResInCurrentThread(aclrtDevResLimitType type, uint32_t* value) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(value);
    VNPU_RETURN_IF_ERROR(CheckLimitType(type));
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::CurrentSession(&session));
    *value = EffectiveLimit(LimitsOfThread(), session->core_limits().load(), session->info(), type);
    return ACL_SUCCESS;
  });
}
