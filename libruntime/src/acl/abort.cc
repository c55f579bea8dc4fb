// Stopping streams, and all tasks of a device.
#include "libruntime/src/stream/abort.h"

#include <algorithm>
#include <atomic>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/named_callbacks.h"
#include "libruntime/src/device/device.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

rt::NamedCallbacks<aclrtDeviceTaskAbortCallback>& AbortCallbacks() {
  static auto* const callbacks = new rt::NamedCallbacks<aclrtDeviceTaskAbortCallback>;
  return *callbacks;
}

// Milliseconds that are left for a callback; 0: no limit.
uint32_t Left(rt::Deadline deadline) {
  if (!deadline.has_value()) {
    return 0;
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - rt::Clock::now());
  return static_cast<uint32_t>(std::max<int64_t>(left.count(), 1));
}

aclError CallBack(int32_t device, aclrtDeviceTaskAbortStage stage, rt::Deadline deadline) {
  aclError error = ACL_SUCCESS;
  AbortCallbacks().ForEach([&](aclrtDeviceTaskAbortCallback callback, void* argument) {
    const int32_t result = callback(device, stage, Left(deadline), argument);
    if (result != 0) {
      error = Fail(ACL_ERROR_RT_DEVICE_TASK_ABORT, "a callback of the abort returned {}", result);
    }
  });
  return error;
}

aclError AbortTasks(int32_t device, uint32_t timeout) {
  constexpr uint32_t kMostMs = 36u * 60 * 1000;
  if (timeout > kMostMs) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "timeout is {} ms; it takes 0 (no limit) to {} (36 minutes)", timeout, kMostMs);
  }
  const auto session = device < 0 ? nullptr : rt::SessionOfDevice(static_cast<uint32_t>(device));
  if (session == nullptr) {
    return Fail(ACL_ERROR_RT_INVALID_DEVICEID, "device {} is not in use; call aclrtSetDevice first",
                device);
  }
  static std::atomic<bool> aborting{false};
  if (aborting.exchange(true)) {
    return Fail(ACL_ERROR_RT_DEVICE_TASK_ABORT,
                "another thread is aborting tasks; call again when it is done");
  }
  struct Reset {
    ~Reset() { aborting.store(false); }
  } const reset;
  const rt::Deadline deadline =
      timeout == 0 ? std::nullopt
                   : rt::Deadline(rt::Clock::now() + std::chrono::milliseconds(timeout));
  VNPU_RETURN_IF_ERROR(CallBack(device, ACL_RT_DEVICE_TASK_ABORT_PRE, deadline));
  VNPU_RETURN_IF_ERROR(rt::AbortDevice(*session, deadline));
  return CallBack(device, ACL_RT_DEVICE_TASK_ABORT_POST, deadline);
}

}  // namespace

aclError aclrtStreamAbort(aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    return rt::AbortStream(found);
  });
}

aclError aclrtStreamStop(aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(stream);  // not for the default stream
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    return rt::StopStream(found);
  });
}

aclError aclrtDeviceTaskAbort(int32_t deviceId, uint32_t timeout) {
  return Guard(__func__, [&] { return AbortTasks(deviceId, timeout); });
}

aclError aclrtSetDeviceTaskAbortCallback(const char* regName, aclrtDeviceTaskAbortCallback callback,
                                         void* args) {
  return Guard(__func__, [&] { return AbortCallbacks().Register(regName, callback, args); });
}
