#include "libruntime/src/device/device.h"

#include <array>
#include <atomic>
#include <mutex>
#include <utility>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/base/spinlock.h"
#include "libruntime/src/callback/host_calls.h"
#include "libruntime/src/device/peer_access.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/graph/model.h"
#include "libruntime/src/kernel/module.h"
#include "libruntime/src/stream/context.h"
#include "libruntime/src/stream/state_callbacks.h"
#include "libruntime/src/wait/wait.h"

namespace vnpu::runtime {
namespace {

struct Device {
  std::mutex mutex;
  uint32_t set_count = 0;
  uint32_t explicit_contexts = 0;
  Context* primary = nullptr;
  std::shared_ptr<Session> session;  // changes with both locks held
  Spinlock session_lock;             // for who only takes a copy: the mutex is held for long
  std::atomic<uint64_t> window{0};   // base, while the session is open
};

std::array<Device, VNPU_MAX_DEVICES>& Devices() {
  static auto* const devices = new std::array<Device, VNPU_MAX_DEVICES>;
  return *devices;
}

// One more than the highest device that was ever open.
std::atomic<uint32_t> device_limit{0};

aclError FindDevice(int32_t index, std::shared_ptr<Driver>* driver, Device** device) {
  VNPU_RETURN_IF_ERROR(Driver::Get(driver));
  const uint32_t count = std::min((*driver)->device_count(), VNPU_MAX_DEVICES);
  if (index < 0 || static_cast<uint32_t>(index) >= count) {
    return Fail(ACL_ERROR_RT_INVALID_DEVICEID, "device {} does not exist: there are {} (0 to {})",
                index, count, static_cast<int64_t>(count) - 1);
  }
  *device = &Devices()[static_cast<size_t>(index)];
  return ACL_SUCCESS;
}

// With the device's mutex held.
aclError OpenSession(std::shared_ptr<Driver> driver, uint32_t index, Device& device) {
  if (device.session != nullptr) {
    return ACL_SUCCESS;
  }
  std::shared_ptr<Session> session;
  VNPU_RETURN_IF_ERROR(Session::Open(std::move(driver), index, &session));
  JoinPeers(session);
  {
    const std::lock_guard lock(device.session_lock);
    device.session = std::move(session);
  }
  device.window.store(device.session->window().base());
  uint32_t limit = device_limit.load();
  while (limit <= index && !device_limit.compare_exchange_weak(limit, index + 1)) {
  }
  return ACL_SUCCESS;
}

// Before CloseSession, without the device's mutex, which callbacks and host functions may need.
aclError PrepareClose(const std::shared_ptr<Session>& session, Deadline deadline) {
  if (session == nullptr) {
    return ACL_SUCCESS;
  }
  if (HostCalls::InCall()) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "a host function that a stream calls cannot end the use of the device");
  }
  NotifyDestroyingAllOf(*session);
  session->host_calls().Drain(deadline);
  return ACL_SUCCESS;
}

// With the device's mutex held: every handle of the device becomes stale, the driver frees all.
void CloseSession(Device& device, Deadline deadline) {
  if (device.session == nullptr) {
    return;
  }
  DropContextsOf(*device.session, deadline);
  DropModelsOf(*device.session);
  DropModulesOf(*device.session);
  device.primary = nullptr;
  device.set_count = 0;
  device.explicit_contexts = 0;
  device.window.store(0);
  LeavePeers(*device.session);
  device.session->Close();
  std::shared_ptr<Session> closed;
  {
    const std::lock_guard lock(device.session_lock);
    closed = std::move(device.session);
  }
}

}  // namespace

aclError SetDevice(int32_t index) {
  std::shared_ptr<Driver> driver;
  Device* device = nullptr;
  VNPU_RETURN_IF_ERROR(FindDevice(index, &driver, &device));
  std::unique_lock lock(device->mutex);
  const bool opened = device->session == nullptr;
  Stream* fresh = nullptr;
  VNPU_RETURN_IF_ERROR(OpenSession(std::move(driver), static_cast<uint32_t>(index), *device));
  if (device->primary == nullptr) {
    const aclError error = NewContext(device->session, /*primary=*/true, &device->primary);
    if (error != ACL_SUCCESS) {
      if (opened) {
        CloseSession(*device, Clock::now());
      }
      return error;
    }
    fresh = device->primary->default_stream;
  }
  ++device->set_count;
  MakeCurrent(device->primary);
  lock.unlock();
  if (fresh != nullptr) {
    NotifyCreated(fresh);
  }
  return ACL_SUCCESS;
}

aclError ResetDevice(int32_t index, bool force) {
  if (index < 0 || index >= static_cast<int32_t>(VNPU_MAX_DEVICES)) {
    return Fail(ACL_ERROR_RT_INVALID_DEVICEID, "device {} does not exist", index);
  }
  Device& device = Devices()[static_cast<size_t>(index)];
  // A forced reset is the way out of a kernel that never ends.
  constexpr auto kForcedWait = std::chrono::seconds(1);
  const Deadline deadline = force ? Deadline(Clock::now() + kForcedWait) : std::nullopt;
  std::shared_ptr<Session> ending;
  {
    const std::lock_guard lock(device.mutex);
    ending = device.set_count == 1 || (force && device.set_count > 0) ? device.session : nullptr;
  }
  VNPU_RETURN_IF_ERROR(PrepareClose(ending, deadline));
  const std::lock_guard lock(device.mutex);
  if (device.set_count == 0) {
    std::shared_ptr<Driver> driver;
    Device* known = nullptr;
    VNPU_RETURN_IF_ERROR(FindDevice(index, &driver, &known));
    return Fail(ACL_ERROR_RT_CONTEXT_NULL,
                "device {} is not in use: it was not set, or has been reset already", index);
  }
  if (!force && --device.set_count > 0) {
    return ACL_SUCCESS;
  }
  CloseSession(device, deadline);
  return ACL_SUCCESS;
}

aclError RetainDevice(int32_t index, std::shared_ptr<Session>* session) {
  std::shared_ptr<Driver> driver;
  Device* device = nullptr;
  VNPU_RETURN_IF_ERROR(FindDevice(index, &driver, &device));
  const std::lock_guard lock(device->mutex);
  VNPU_RETURN_IF_ERROR(OpenSession(std::move(driver), static_cast<uint32_t>(index), *device));
  ++device->explicit_contexts;
  *session = device->session;
  return ACL_SUCCESS;
}

void ReleaseDevice(uint32_t index, const std::shared_ptr<Session>& session) {
  Device& device = Devices()[index];
  const std::lock_guard lock(device.mutex);
  if (device.session != session) {
    return;  // reset since
  }
  if (--device.explicit_contexts == 0 && device.set_count == 0) {
    CloseSession(device, std::nullopt);
  }
}

void CloseAllDevices() {
  constexpr auto kWait = std::chrono::seconds(1);
  for (uint32_t i = 0; i < device_limit.load(); ++i) {
    const Clock::time_point deadline = Clock::now() + kWait;
    Device& device = Devices()[i];
    if (const auto session = SessionOfDevice(i); session != nullptr && !HostCalls::InCall()) {
      NotifyDestroyingAllOf(*session);
      session->host_calls().Drain(deadline);
    }
    const std::lock_guard lock(device.mutex);
    CloseSession(device, deadline);
  }
}

std::shared_ptr<Session> SessionOfDevice(uint32_t index) {
  if (index >= VNPU_MAX_DEVICES) {
    return nullptr;
  }
  Device& device = Devices()[index];
  const std::lock_guard lock(device.session_lock);
  return device.session;
}

std::shared_ptr<Session> SessionOfAddress(uint64_t address) {
  const uint32_t limit = device_limit.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < limit; ++i) {
    const uint64_t base = Devices()[i].window.load(std::memory_order_relaxed);
    if (base != 0 && address - base < VNPU_WINDOW_SIZE) {
      return SessionOfDevice(i);
    }
  }
  return nullptr;
}

bool PrimaryContextActive(uint32_t index) {
  if (index >= VNPU_MAX_DEVICES) {
    return false;
  }
  Device& device = Devices()[index];
  const std::lock_guard lock(device.mutex);
  return device.primary != nullptr;
}

}  // namespace vnpu::runtime
