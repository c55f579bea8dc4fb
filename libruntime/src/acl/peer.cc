// Several devices of one process: peer access, topology, atomic operations (manual 04).
#include <vnpu/abi.h>

#include <algorithm>
#include <cstdint>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/device.h"
#include "libruntime/src/device/driver.h"
#include "libruntime/src/device/peer_access.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/device_memory.h"
#include "libruntime/src/memory/virtual_memory.h"
#include "libruntime/src/stream/context.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

aclError CheckDevice(int64_t device, aclError code = ACL_ERROR_RT_INVALID_DEVICEID) {
  std::shared_ptr<rt::Driver> driver;
  VNPU_RETURN_IF_ERROR(rt::Driver::Get(&driver));
  const uint32_t count = std::min(driver->device_count(), VNPU_MAX_DEVICES);
  return device >= 0 && device < count
             ? ACL_SUCCESS
             : Fail(code, "device {} does not exist: there are {}", device, count);
}

aclError CheckPair(int64_t device, int64_t other, aclError code = ACL_ERROR_RT_INVALID_DEVICEID) {
  VNPU_RETURN_IF_ERROR(CheckDevice(device, code));
  return CheckDevice(other, code);
}

// The current device, which is another than `peer`.
aclError CurrentDeviceFor(int32_t peer, uint32_t* device) {
  rt::Context* context = nullptr;
  VNPU_RETURN_IF_ERROR(rt::CurrentContext(&context));
  VNPU_RETURN_IF_ERROR(CheckDevice(peer));
  if (static_cast<uint32_t>(peer) == context->device) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "device {} is the current device; name another", peer);
  }
  *device = context->device;
  return ACL_SUCCESS;
}

// Whether [address, address + size) is allocated or mapped memory of the session.
bool HoldsMemory(const rt::Session& session, uint64_t address, uint64_t size) {
  auto range = session.device_memory().BlockOf(address);
  if (!range.has_value()) {
    range = session.virtual_memory().MappingOf(address);
  }
  return range.has_value() && size <= range->base + range->size - address;
}

// None of the operations is there for kernels of this device.
aclError NoAtomics(uint32_t* capabilities, const aclrtAtomicOperation* operations, uint32_t count) {
  VNPU_REQUIRE_NOT_NULL(capabilities);
  VNPU_REQUIRE_NOT_NULL(operations);
  if (count == 0) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "count is 0");
  }
  std::fill_n(capabilities, count, 0u);
  return ACL_SUCCESS;
}

}  // namespace

aclError aclrtDeviceCanAccessPeer(int32_t* canAccessPeer, int32_t deviceId, int32_t peerDeviceId) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(canAccessPeer);
    VNPU_RETURN_IF_ERROR(CheckPair(deviceId, peerDeviceId));
    if (deviceId == peerDeviceId) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "both are device {}; name two", deviceId);
    }
    *canAccessPeer = 1;
    return ACL_SUCCESS;
  });
}

aclError aclrtDeviceEnablePeerAccess(int32_t peerDeviceId, uint32_t flags) {
  return Guard(__func__, [&]() -> aclError {
    uint32_t device = 0;
    VNPU_RETURN_IF_ERROR(CurrentDeviceFor(peerDeviceId, &device));
    if (flags != 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "flags is {}; it must be 0", flags);
    }
    return rt::EnablePeerAccess(device, static_cast<uint32_t>(peerDeviceId));
  });
}

aclError aclrtDeviceDisablePeerAccess(int32_t peerDeviceId) {
  return Guard(__func__, [&]() -> aclError {
    uint32_t device = 0;
    VNPU_RETURN_IF_ERROR(CurrentDeviceFor(peerDeviceId, &device));
    rt::DisablePeerAccess(device, static_cast<uint32_t>(peerDeviceId));
    return ACL_SUCCESS;
  });
}

aclError aclrtDevicePeerAccessStatus(int32_t deviceId, int32_t peerDeviceId, int32_t* status) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(status);
    VNPU_RETURN_IF_ERROR(CheckPair(deviceId, peerDeviceId, ACL_ERROR_RT_PARAM_INVALID));
    *status =
        rt::PeerAccessEnabled(static_cast<uint32_t>(deviceId), static_cast<uint32_t>(peerDeviceId))
            ? 1
            : 0;
    return ACL_SUCCESS;
  });
}

aclError aclrtGetDevicesTopo(uint32_t deviceId, uint32_t otherDeviceId, uint64_t* value) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(value);
    VNPU_RETURN_IF_ERROR(CheckPair(deviceId, otherDeviceId));
    *value = deviceId == otherDeviceId ? ACL_RT_DEVS_TOPOLOGY_SIO : ACL_RT_DEVS_TOPOLOGY_HCCS;
    return ACL_SUCCESS;
  });
}

aclError aclrtMemP2PMap(void* devPtr, size_t size, int32_t dstDevId, uint64_t flags) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(devPtr);
    VNPU_RETURN_IF_ERROR(CheckDevice(dstDevId));
    if (size == 0 || flags != 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "size {}, flags {}: at least 1 byte, flags 0", size,
                  flags);
    }
    const auto address = reinterpret_cast<uint64_t>(devPtr);
    const auto owner = rt::SessionOfAddress(address);
    if (owner == nullptr || !HoldsMemory(*owner, address, size)) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} bytes at {} are not memory of a device", size,
                  devPtr);
    }
    const auto device = static_cast<uint32_t>(dstDevId);
    if (device != owner->index() && !rt::PeerAccessEnabled(device, owner->index())) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "device {} has no access to device {}: call aclrtDeviceEnablePeerAccess first",
                  device, owner->index());
    }
    return ACL_SUCCESS;  // all memory is mapped for a peer as soon as it has access
  });
}

aclError aclrtDeviceGetHostAtomicCapabilities(uint32_t* capabilities,
                                              const aclrtAtomicOperation* operations,
                                              const uint32_t count, int32_t deviceId) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(CheckDevice(deviceId));
    return NoAtomics(capabilities, operations, count);
  });
}

aclError aclrtDeviceGetP2PAtomicCapabilities(uint32_t* capabilities,
                                             const aclrtAtomicOperation* operations,
                                             const uint32_t count, int32_t srcDeviceId,
                                             int32_t dstDeviceId) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(CheckPair(srcDeviceId, dstDeviceId));
    return NoAtomics(capabilities, operations, count);
  });
}
