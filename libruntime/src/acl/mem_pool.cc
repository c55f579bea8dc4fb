// Memory pools ordered by streams (manual 11-10).
#include <algorithm>
#include <cstdint>
#include <iterator>

#include "acl/acl_rt.h"
#include "acl/acl_rt_memory_soma.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/device.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/memory_pool.h"
#include "libruntime/src/stream/context.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

aclError CheckProperties(const aclrtMemPoolProps& properties) {
  if (properties.allocType != ACL_MEM_ALLOCATION_TYPE_PINNED ||
      properties.location.type != ACL_MEM_LOCATION_TYPE_DEVICE) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "allocation type {}, location type {}: only pinned memory of devices",
                static_cast<int>(properties.allocType), static_cast<int>(properties.location.type));
  }
  if (properties.handleType != ACL_MEM_HANDLE_TYPE_NONE) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "memory of pools cannot be exported: ask for ACL_MEM_HANDLE_TYPE_NONE");
  }
  const bool zero = std::all_of(std::begin(properties.reserved), std::end(properties.reserved),
                                [](unsigned char byte) { return byte == 0; });
  return zero ? ACL_SUCCESS : Fail(ACL_ERROR_RT_PARAM_INVALID, "reserved bytes are not 0");
}

aclError SetSwitch(const void* value, bool* setting) {
  const uint32_t wanted = *static_cast<const uint32_t*>(value);
  if (wanted > 1) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "the value is {}; it takes 0 or 1", wanted);
  }
  *setting = wanted == 1;
  return ACL_SUCCESS;
}

aclError ResetHigh(const void* value, uint64_t* high) {
  const uint64_t wanted = *static_cast<const uint64_t*>(value);
  if (wanted != 0) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "the value is {}; it can be reset to 0 only", wanted);
  }
  *high = 0;
  return ACL_SUCCESS;
}

aclError SetAttribute(rt::MemPoolState& state, aclrtMemPoolAttr attr, const void* value) {
  switch (attr) {
    case ACL_RT_MEM_POOL_REUSE_FOLLOW_EVENT_DEPENDENCIES:
      return SetSwitch(value, &state.follow_events);
    case ACL_RT_MEM_POOL_REUSE_ALLOW_OPPORTUNISTIC:
      return SetSwitch(value, &state.opportunistic);
    case ACL_RT_MEM_POOL_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
      return SetSwitch(value, &state.internal);
    case ACL_RT_MEM_POOL_ATTR_RELEASE_THRESHOLD:
      state.release_threshold = *static_cast<const uint64_t*>(value);
      return ACL_SUCCESS;
    case ACL_RT_MEM_POOL_ATTR_RESERVED_MEM_HIGH:
      return ResetHigh(value, &state.reserved_high);
    case ACL_RT_MEM_POOL_ATTR_USED_MEM_HIGH:
      return ResetHigh(value, &state.used_high);
    case ACL_RT_MEM_POOL_ATTR_RESERVED_MEM_CURRENT:
    case ACL_RT_MEM_POOL_ATTR_USED_MEM_CURRENT:
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "attribute {} can only be read",
                  static_cast<int>(attr));
  }
  return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown attribute {}", static_cast<int>(attr));
}

aclError GetAttribute(const rt::MemPoolState& state, aclrtMemPoolAttr attr, void* value) {
  auto* number = static_cast<uint64_t*>(value);
  auto* setting = static_cast<uint32_t*>(value);
  switch (attr) {
    case ACL_RT_MEM_POOL_REUSE_FOLLOW_EVENT_DEPENDENCIES:
      *setting = state.follow_events ? 1 : 0;
      return ACL_SUCCESS;
    case ACL_RT_MEM_POOL_REUSE_ALLOW_OPPORTUNISTIC:
      *setting = state.opportunistic ? 1 : 0;
      return ACL_SUCCESS;
    case ACL_RT_MEM_POOL_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
      *setting = state.internal ? 1 : 0;
      return ACL_SUCCESS;
    case ACL_RT_MEM_POOL_ATTR_RELEASE_THRESHOLD:
      *number = state.release_threshold;
      return ACL_SUCCESS;
    case ACL_RT_MEM_POOL_ATTR_RESERVED_MEM_CURRENT:
      *number = state.reserved;
      return ACL_SUCCESS;
    case ACL_RT_MEM_POOL_ATTR_RESERVED_MEM_HIGH:
      *number = state.reserved_high;
      return ACL_SUCCESS;
    case ACL_RT_MEM_POOL_ATTR_USED_MEM_CURRENT:
      *number = state.used;
      return ACL_SUCCESS;
    case ACL_RT_MEM_POOL_ATTR_USED_MEM_HIGH:
      *number = state.used_high;
      return ACL_SUCCESS;
  }
  return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown attribute {}", static_cast<int>(attr));
}

}  // namespace

aclError aclrtMemPoolCreate(aclrtMemPool* memPool, const aclrtMemPoolProps* poolProps) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(memPool);
    VNPU_REQUIRE_NOT_NULL(poolProps);
    VNPU_RETURN_IF_ERROR(CheckProperties(*poolProps));
    const auto session = rt::SessionOfDevice(poolProps->location.id);
    if (session == nullptr) {
      return Fail(ACL_ERROR_RT_INVALID_DEVICEID, "device {} is not in use; set it first",
                  poolProps->location.id);
    }
    rt::MemPool* pool = nullptr;
    VNPU_RETURN_IF_ERROR(session->memory_pools().Create(poolProps->maxSize, &pool));
    *memPool = pool;
    return ACL_SUCCESS;
  });
}

// NOLINTBEGIN(misc-misplaced-const): the interface declares it so.
aclError aclrtMemPoolDestroy(const aclrtMemPool memPool) {
  return Guard(__func__, [&]() -> aclError {
    rt::MemPool* pool = nullptr;
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::ResolveMemPool(memPool, &pool, &session));
    return session->memory_pools().Destroy(pool);
  });
}
// NOLINTEND(misc-misplaced-const)

aclError aclrtMemPoolSetAttr(aclrtMemPool memPool, aclrtMemPoolAttr attr, void* value) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(value);
    rt::MemPool* pool = nullptr;
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::ResolveMemPool(memPool, &pool, &session));
    return session->memory_pools().WithState(
        pool, [&](rt::MemPoolState& state) { return SetAttribute(state, attr, value); });
  });
}

aclError aclrtMemPoolGetAttr(aclrtMemPool memPool, aclrtMemPoolAttr attr, void* value) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(value);
    rt::MemPool* pool = nullptr;
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::ResolveMemPool(memPool, &pool, &session));
    return session->memory_pools().WithState(
        pool, [&](const rt::MemPoolState& state) { return GetAttribute(state, attr, value); });
  });
}

aclError aclrtMemPoolMallocAsync(void** ptr, size_t size, aclrtMemPool memPool,
                                 aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(ptr);
    if (size == 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "size is 0; ask for at least 1 byte");
    }
    rt::MemPool* pool = nullptr;
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::ResolveMemPool(memPool, &pool, &session));
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    if (session->serial() != found->session_serial) {
      return Fail(ACL_ERROR_RT_STREAM_CONTEXT, "the pool is on device {}, the stream on another",
                  session->index());
    }
    uint64_t address = 0;
    VNPU_RETURN_IF_ERROR(session->memory_pools().Allocate(pool, size, found, &address));
    *ptr = reinterpret_cast<void*>(address);
    return ACL_SUCCESS;
  });
}

aclError aclrtMemPoolFreeAsync(void* ptr, aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(ptr);
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    const auto address = reinterpret_cast<uint64_t>(ptr);
    const auto session = rt::SessionOfAddress(address);
    if (session == nullptr || session->serial() != found->session_serial) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} is not memory of a pool on the stream's device",
                  ptr);
    }
    return session->memory_pools().Free(address, found);
  });
}

aclError aclrtMemPoolTrimTo(aclrtMemPool memPool, size_t minBytesToKeep) {
  return Guard(__func__, [&]() -> aclError {
    rt::MemPool* pool = nullptr;
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::ResolveMemPool(memPool, &pool, &session));
    return session->memory_pools().TrimTo(pool, minBytesToKeep);
  });
}
