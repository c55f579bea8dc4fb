// Virtual memory without sharing between processes (manual 11-04), and questions about addresses.
#include "libruntime/src/memory/virtual_memory.h"

#include <vnpu/ioctl.h>

#include <cstdint>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/device.h"
#include "libruntime/src/device/peer_access.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/device_memory.h"
#include "libruntime/src/memory/managed_memory.h"
#include "libruntime/src/memory/pinned_memory.h"
#include "libruntime/src/stream/context.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

aclError FindSession(const void* address, std::shared_ptr<rt::Session>* session) {
  VNPU_REQUIRE_NOT_NULL(address);
  *session = rt::SessionOfAddress(reinterpret_cast<uint64_t>(address));
  return *session != nullptr
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_PARAM_INVALID,
                    "{} is not an address of a device, or its device was reset", address);
}

aclError CheckZero(const char* name, uint64_t value) {
  return value == 0 ? ACL_SUCCESS
                    : Fail(ACL_ERROR_RT_PARAM_INVALID, "{} is {}; it must be 0", name, value);
}

aclError Reserve(void** pointer, size_t size, size_t alignment, const void* expected) {
  VNPU_REQUIRE_NOT_NULL(pointer);
  VNPU_RETURN_IF_ERROR(CheckZero("alignment", alignment));
  if (size == 0) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "size is 0");
  }
  std::shared_ptr<rt::Session> session;
  VNPU_RETURN_IF_ERROR(rt::CurrentSession(&session));
  uint64_t address = 0;
  VNPU_RETURN_IF_ERROR(
      session->virtual_memory().Reserve(size, reinterpret_cast<uint64_t>(expected), &address));
  *pointer = reinterpret_cast<void*>(address);
  return ACL_SUCCESS;
}

aclError Map(void* address, size_t size, size_t offset, void* handle, uint64_t flags, bool access) {
  VNPU_REQUIRE_NOT_NULL(address);
  VNPU_RETURN_IF_ERROR(CheckZero("offset", offset));
  VNPU_RETURN_IF_ERROR(CheckZero("flags", flags));
  rt::Physical* physical = nullptr;
  std::shared_ptr<rt::Session> session;
  VNPU_RETURN_IF_ERROR(rt::ResolvePhysical(handle, &physical, &session));
  return session->virtual_memory().Map(reinterpret_cast<uint64_t>(address), size, physical, access);
}

aclError CheckLocationType(const aclrtMemLocation& location) {
  return location.type == ACL_MEM_LOCATION_TYPE_DEVICE ||
                 location.type == ACL_MEM_LOCATION_TYPE_HOST
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_PARAM_INVALID, "location type {}: only host and device",
                    static_cast<int>(location.type));
}

// Whether a device reaches memory of the session: its own does, and those that have peer access,
// but for memory of the host.
bool DeviceReaches(uint32_t device, const rt::Session& session, bool host_memory) {
  return device == session.index() || (!host_memory && device < VNPU_MAX_DEVICES &&
                                       rt::PeerAccessEnabled(device, session.index()));
}

// What access may be asked for.
aclError CheckLocation(const aclrtMemLocation& location, const rt::Session& session,
                       bool host_memory) {
  VNPU_RETURN_IF_ERROR(CheckLocationType(location));
  if (location.type == ACL_MEM_LOCATION_TYPE_HOST) {
    return host_memory
               ? ACL_SUCCESS
               : Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                      "memory of device {} can be reached by devices only", session.index());
  }
  return DeviceReaches(location.id, session, host_memory)
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                    "device {} has no access to {} of device {}{}", location.id,
                    host_memory ? "memory of the host that is mapped at addresses" : "memory",
                    session.index(), host_memory ? "" : ": call aclrtDeviceEnablePeerAccess first");
}

}  // namespace

aclError aclrtReserveMemAddress(void** virPtr, size_t size, size_t alignment, void* expectPtr,
                                uint64_t /*flags*/) {
  return Guard(__func__, [&] { return Reserve(virPtr, size, alignment, expectPtr); });
}

aclError aclrtReserveMemAddressNoUCMemory(void** virPtr, size_t size, size_t alignment,
                                          void* expectPtr, uint64_t /*flags*/) {
  return Guard(__func__, [&]() -> aclError {
    constexpr size_t kUnit = size_t{1} << 30;
    VNPU_REQUIRE_NOT_NULL(expectPtr);
    if (size % kUnit != 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "size {} is not a multiple of {}", size, kUnit);
    }
    return Reserve(virPtr, size, alignment, expectPtr);
  });
}

aclError aclrtReleaseMemAddress(void* virPtr) {
  return Guard(__func__, [&]() -> aclError {
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(FindSession(virPtr, &session));
    return session->virtual_memory().Release(reinterpret_cast<uint64_t>(virPtr));
  });
}

aclError aclrtMallocPhysical(aclrtDrvMemHandle* handle, size_t size,
                             const aclrtPhysicalMemProp* prop, uint64_t flags) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(handle);
    VNPU_REQUIRE_NOT_NULL(prop);
    VNPU_RETURN_IF_ERROR(CheckZero("flags", flags));
    if (size == 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "size is 0; ask for at least 1 byte");
    }
    uint64_t granularity = 0;
    VNPU_RETURN_IF_ERROR(rt::GranularityOf(*prop, &granularity));
    std::shared_ptr<rt::Session> session;
    if (rt::IsHostMemory(*prop)) {
      VNPU_RETURN_IF_ERROR(rt::CurrentSession(&session));
    } else {
      session = rt::SessionOfDevice(prop->location.id);
    }
    if (session == nullptr) {
      return Fail(ACL_ERROR_RT_INVALID_DEVICEID, "device {} is not in use; set it first",
                  prop->location.id);
    }
    rt::Physical* physical = nullptr;
    VNPU_RETURN_IF_ERROR(session->virtual_memory().Allocate(size, *prop, &physical));
    *handle = physical;
    return ACL_SUCCESS;
  });
}

aclError aclrtFreePhysical(aclrtDrvMemHandle handle) {
  return Guard(__func__, [&]() -> aclError {
    rt::Physical* physical = nullptr;
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::ResolvePhysical(handle, &physical, &session));
    return session->virtual_memory().Free(physical);
  });
}

aclError aclrtMapMem(void* virPtr, size_t size, size_t offset, aclrtDrvMemHandle handle,
                     uint64_t flags) {
  return Guard(__func__, [&] { return Map(virPtr, size, offset, handle, flags, /*access=*/true); });
}

aclError aclrtMemMapNoAccess(void* virPtr, size_t size, size_t offset, aclrtDrvMemHandle handle,
                             uint64_t flags) {
  return Guard(__func__,
               [&] { return Map(virPtr, size, offset, handle, flags, /*access=*/false); });
}

aclError aclrtUnmapMem(void* virPtr) {
  return Guard(__func__, [&]() -> aclError {
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(FindSession(virPtr, &session));
    return session->virtual_memory().Unmap(reinterpret_cast<uint64_t>(virPtr));
  });
}

aclError aclrtMemGetAllocationGranularity(aclrtPhysicalMemProp* prop,
                                          aclrtMemGranularityOptions option, size_t* granularity) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(prop);
    VNPU_REQUIRE_NOT_NULL(granularity);
    if (option != ACL_RT_MEM_ALLOC_GRANULARITY_MINIMUM &&
        option != ACL_RT_MEM_ALLOC_GRANULARITY_RECOMMENDED) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown option {}", static_cast<int>(option));
    }
    return rt::GranularityOf(*prop, granularity);
  });
}

aclError aclrtMemSetAccess(void* virPtr, size_t size, aclrtMemAccessDesc* desc, size_t count) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(desc);
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(FindSession(virPtr, &session));
    if (count == 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "count is 0");
    }
    const auto address = reinterpret_cast<uint64_t>(virPtr);
    bool access = false;
    bool host_memory = false;
    VNPU_RETURN_IF_ERROR(session->virtual_memory().AccessAt(address, &access, &host_memory));
    for (size_t i = 0; i < count; ++i) {
      if (desc[i].flags != ACL_RT_MEM_ACCESS_FLAGS_READWRITE) {
        return Fail(ACL_ERROR_RT_PARAM_INVALID, "access {}: only reading and writing (3)",
                    static_cast<int>(desc[i].flags));
      }
      VNPU_RETURN_IF_ERROR(CheckLocation(desc[i].location, *session, host_memory));
    }
    return session->virtual_memory().Allow(address, size);
  });
}

aclError aclrtMemGetAccess(void* virPtr, aclrtMemLocation* location, uint64_t* flag) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(location);
    VNPU_REQUIRE_NOT_NULL(flag);
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(FindSession(virPtr, &session));
    VNPU_RETURN_IF_ERROR(CheckLocationType(*location));
    bool access = false;
    bool host_memory = false;
    VNPU_RETURN_IF_ERROR(session->virtual_memory().AccessAt(reinterpret_cast<uint64_t>(virPtr),
                                                            &access, &host_memory));
    access = access && (location->type == ACL_MEM_LOCATION_TYPE_HOST
                            ? host_memory
                            : DeviceReaches(location->id, *session, host_memory));
    *flag = access ? ACL_RT_MEM_ACCESS_FLAGS_READWRITE : ACL_RT_MEM_ACCESS_FLAGS_NONE;
    return ACL_SUCCESS;
  });
}

aclError aclrtMemRetainAllocationHandle(void* virPtr, aclrtDrvMemHandle* handle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(handle);
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(FindSession(virPtr, &session));
    rt::Physical* physical = nullptr;
    VNPU_RETURN_IF_ERROR(
        session->virtual_memory().Retain(reinterpret_cast<uint64_t>(virPtr), &physical));
    *handle = physical;
    return ACL_SUCCESS;
  });
}

aclError aclrtMemGetAllocationPropertiesFromHandle(aclrtDrvMemHandle handle,
                                                   aclrtPhysicalMemProp* prop) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(prop);
    rt::Physical* physical = nullptr;
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::ResolvePhysical(handle, &physical, &session));
    return session->virtual_memory().PropertiesOf(physical, prop);
  });
}

aclError aclrtMemGetAddressRange(void* ptr, void** pbase, size_t* psize) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(pbase);
    VNPU_REQUIRE_NOT_NULL(psize);
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(FindSession(ptr, &session));
    const auto address = reinterpret_cast<uint64_t>(ptr);
    auto range = session->device_memory().BlockOf(address);
    if (!range.has_value()) {
      // Managed memory is cut from pinned memory.
      range = session->managed_memory().Contains(address)
                  ? session->managed_memory().BlockOf(address)
                  : session->pinned_memory().BlockOf(address);
    }
    if (!range.has_value()) {
      range = session->virtual_memory().MappingOf(address);
    }
    if (!range.has_value()) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} is neither allocated nor mapped memory", ptr);
    }
    *pbase = reinterpret_cast<void*>(range->base);
    *psize = range->size;
    return ACL_SUCCESS;
  });
}

aclError aclrtMemMapSelectedLink(void* virPtrDst, size_t size, void* virPtrSrc, uint32_t linkIdx) {
  return Guard(__func__, [&]() -> aclError {
    std::shared_ptr<rt::Session> session;
    std::shared_ptr<rt::Session> source;
    VNPU_RETURN_IF_ERROR(FindSession(virPtrDst, &session));
    VNPU_RETURN_IF_ERROR(FindSession(virPtrSrc, &source));
    if (linkIdx != ACL_RT_MEM_LINK_IDX_0 && linkIdx != ACL_RT_MEM_LINK_IDX_1) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "link {}: only 0 and 1", linkIdx);
    }
    if (session != source) {
      return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                  "both ranges of addresses must be of one device, not {} and {}", session->index(),
                  source->index());
    }
    return session->virtual_memory().MapAlias(reinterpret_cast<uint64_t>(virPtrDst),
                                              reinterpret_cast<uint64_t>(virPtrSrc), size);
  });
}

aclError aclrtCheckMemType(void** addrList, uint32_t size, uint32_t memType, uint32_t* checkResult,
                           uint32_t reserve) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(addrList);
    VNPU_REQUIRE_NOT_NULL(checkResult);
    VNPU_RETURN_IF_ERROR(CheckZero("reserve", reserve));
    constexpr uint32_t kAll = ACL_RT_MEM_TYPE_DEV | ACL_RT_MEM_TYPE_DVPP | ACL_RT_MEM_TYPE_RSVD;
    if (size == 0 || memType == 0 || (memType & ~kAll) != 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} addresses, types {:#x}: at least one, of {:#x}",
                  size, memType, kAll);
    }
    bool fits = true;
    for (uint32_t i = 0; i < size; ++i) {
      const auto address = reinterpret_cast<uint64_t>(addrList[i]);
      const auto session = rt::SessionOfAddress(address);
      uint32_t type = 0;
      if (session != nullptr && session->virtual_memory().Reserved(address)) {
        type = ACL_RT_MEM_TYPE_RSVD;
      } else if (session != nullptr && session->device_memory().RegionOf(address).has_value()) {
        type = ACL_RT_MEM_TYPE_DEV;
      }
      fits = fits && (memType & type) != 0;
    }
    *checkResult = fits ? 1 : 0;
    return ACL_SUCCESS;
  });
}
