// Managed memory (manual 11-05).
#include <sched.h>
#include <unistd.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/device.h"
#include "libruntime/src/device/driver.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/managed_memory.h"
#include "libruntime/src/stream/context.h"
#include "libruntime/src/stream/stream.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

constexpr uint64_t kLargest = uint64_t{3} << 40;
constexpr uint64_t kUnit = uint64_t{2} << 20;

bool NumaNodeExists(int32_t id) {
  const std::string path = "/sys/devices/system/node/node" + std::to_string(id);
  return id == 0 || (id > 0 && access(path.c_str(), F_OK) == 0);
}

int32_t CurrentNumaNode() {
  unsigned int node = 0;
  return getcpu(nullptr, &node) == 0 ? static_cast<int32_t>(node) : 0;
}

aclError FindPlace(const aclrtMemManagedLocation& location, rt::ManagedPlace* place) {
  switch (location.type) {
    case ACL_MEM_LOCATIONTYPE_DEVICE: {
      std::shared_ptr<rt::Driver> driver;
      VNPU_RETURN_IF_ERROR(rt::Driver::Get(&driver));
      if (location.id < 0 || static_cast<uint32_t>(location.id) >= driver->device_count()) {
        return Fail(ACL_ERROR_RT_INVALID_DEVICEID, "device {} does not exist", location.id);
      }
      *place = {.type = location.type, .id = location.id};
      return ACL_SUCCESS;
    }
    case ACL_MEM_LOCATIONTYPE_HOST:
      *place = {.type = location.type, .id = 0};
      return ACL_SUCCESS;
    case ACL_MEM_LOCATIONTYPE_HOST_NUMA:
      if (!NumaNodeExists(location.id)) {
        return Fail(ACL_ERROR_RT_PARAM_INVALID, "NUMA node {} does not exist", location.id);
      }
      *place = {.type = location.type, .id = location.id};
      return ACL_SUCCESS;
    case ACL_MEM_LOCATIONTYPE_HOST_NUMA_CURRENT:
      *place = {.type = ACL_MEM_LOCATIONTYPE_HOST_NUMA, .id = CurrentNumaNode()};
      return ACL_SUCCESS;
    default:
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "location type {} is no place",
                  static_cast<int>(location.type));
  }
}

// `whole`: the size must be a multiple of 2 MiB.
aclError FindManagedRange(const void* ptr, uint64_t size, bool whole, rt::ManagedRange* range,
                          std::shared_ptr<rt::Session>* session) {
  VNPU_REQUIRE_NOT_NULL(ptr);
  if (size == 0 || size > kLargest || (whole && size % kUnit != 0)) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "size is {}; it takes{} up to 3 TiB", size,
                whole ? " multiples of 2 MiB" : "");
  }
  *range = {.address = reinterpret_cast<uint64_t>(ptr), .size = size};
  *session = rt::SessionOfAddress(range->address);
  return *session != nullptr && (*session)->managed_memory().Contains(range->address)
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_PARAM_INVALID, "{} is not memory of aclrtMemAllocManaged", ptr);
}

aclError Advise(const void* ptr, uint64_t size, aclrtMemManagedAdviseType advice,
                const aclrtMemManagedLocation& location) {
  if (advice < ACL_MEM_ADVISE_SET_READ_MOSTLY || advice > ACL_MEM_ADVISE_UNSET_ACCESSED_BY) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown advice {}", static_cast<int>(advice));
  }
  rt::ManagedRange range;
  std::shared_ptr<rt::Session> session;
  VNPU_RETURN_IF_ERROR(FindManagedRange(ptr, size, /*whole=*/true, &range, &session));
  rt::ManagedPlace place;
  if (advice == ACL_MEM_ADVISE_SET_PREFERRED_LOCATION || advice == ACL_MEM_ADVISE_SET_ACCESSED_BY ||
      advice == ACL_MEM_ADVISE_UNSET_ACCESSED_BY) {
    VNPU_RETURN_IF_ERROR(FindPlace(location, &place));
  }
  return session->managed_memory().Advise(range, advice, place);
}

// A prefetch that is checked, but not yet in the stream.
struct Prefetch {
  std::shared_ptr<rt::Session> session;
  rt::ManagedRange range;
  rt::ManagedPlace place;
};

aclError CheckPrefetch(const void* ptr, size_t size, const aclrtMemManagedLocation& location,
                       const rt::Stream& stream, Prefetch* prefetch) {
  std::shared_ptr<rt::Session>& session = prefetch->session;
  VNPU_RETURN_IF_ERROR(FindManagedRange(ptr, size, /*whole=*/true, &prefetch->range, &session));
  if (session->serial() != stream.session_serial) {
    return Fail(ACL_ERROR_RT_STREAM_CONTEXT, "the memory is of device {}, the stream of another",
                session->index());
  }
  VNPU_RETURN_IF_ERROR(FindPlace(location, &prefetch->place));
  return session->managed_memory().Check(prefetch->range);
}

// Takes the place of prefetches in the stream's order. The memory is where everyone reaches it.
aclError SubmitPrefetches(std::span<const Prefetch> prefetches, rt::Stream* stream) {
  VNPU_RETURN_IF_ERROR(rt::SubmitNothing(stream));
  for (const Prefetch& prefetch : prefetches) {
    VNPU_RETURN_IF_ERROR(
        prefetch.session->managed_memory().NotePrefetch(prefetch.range, prefetch.place));
  }
  return ACL_SUCCESS;
}

aclError CheckFlags(uint64_t flags) {
  return flags == 0 ? ACL_SUCCESS
                    : Fail(ACL_ERROR_RT_PARAM_INVALID, "flags are {:#x}; they must be 0", flags);
}

// Whether `starts` cuts 0 .. count-1 into groups that are not empty.
bool CutsIntoGroups(std::span<const size_t> starts, size_t count) {
  if (starts.empty() || starts.front() != 0) {
    return false;
  }
  for (size_t i = 1; i < starts.size(); ++i) {
    if (starts[i] <= starts[i - 1]) {
      return false;
    }
  }
  return starts.back() < count;
}

}  // namespace

aclError aclrtMemAllocManaged(void** ptr, uint64_t size, uint32_t flag) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(ptr);
    if (size == 0 || flag != ACL_RT_MEM_ATTACH_GLOBAL) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "size is {}, flag is {}: at least 1 byte, and ACL_RT_MEM_ATTACH_GLOBAL", size,
                  flag);
    }
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::CurrentSession(&session));
    uint64_t address = 0;
    VNPU_RETURN_IF_ERROR(session->managed_memory().Allocate(size, &address));
    *ptr = reinterpret_cast<void*>(address);
    return ACL_SUCCESS;
  });
}

aclError aclrtMemManagedAdvise(const void* const ptr, uint64_t size,
                               aclrtMemManagedAdviseType advise, aclrtMemManagedLocation location) {
  return Guard(__func__, [&] { return Advise(ptr, size, advise, location); });
}

aclError aclrtMemManagedGetAttr(aclrtMemManagedRangeAttribute attribute, const void* ptr,
                                size_t size, void* data, size_t dataSize) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(data);
    rt::ManagedRange range;
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(FindManagedRange(ptr, size, /*whole=*/false, &range, &session));
    return session->managed_memory().ReadAttribute(range, attribute, data, dataSize);
  });
}

aclError aclrtMemManagedGetAttrs(aclrtMemManagedRangeAttribute* attributes, size_t numAttributes,
                                 const void* ptr, size_t size, void** data, size_t* dataSizes) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(attributes);
    VNPU_REQUIRE_NOT_NULL(data);
    VNPU_REQUIRE_NOT_NULL(dataSizes);
    if (numAttributes == 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "numAttributes is 0");
    }
    rt::ManagedRange range;
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(FindManagedRange(ptr, size, /*whole=*/false, &range, &session));
    for (size_t i = 0; i < numAttributes; ++i) {
      VNPU_REQUIRE_NOT_NULL(data[i]);
      VNPU_RETURN_IF_ERROR(
          session->managed_memory().ReadAttribute(range, attributes[i], data[i], dataSizes[i]));
    }
    return ACL_SUCCESS;
  });
}

aclError aclrtMemManagedPrefetchAsync(const void* ptr, size_t size,
                                      aclrtMemManagedLocation location, uint32_t flags,
                                      aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(CheckFlags(flags));
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    Prefetch prefetch;
    VNPU_RETURN_IF_ERROR(CheckPrefetch(ptr, size, location, *found, &prefetch));
    return SubmitPrefetches({&prefetch, 1}, found);
  });
}

aclError aclrtMemManagedPrefetchBatchAsync(const void** ptrs, size_t* sizes, size_t count,
                                           aclrtMemManagedLocation* prefetchLocs,
                                           size_t* prefetchLocIdxs, size_t numPrefetchLocs,
                                           uint64_t flags, aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(ptrs);
    VNPU_REQUIRE_NOT_NULL(sizes);
    VNPU_REQUIRE_NOT_NULL(prefetchLocs);
    VNPU_REQUIRE_NOT_NULL(prefetchLocIdxs);
    VNPU_RETURN_IF_ERROR(CheckFlags(flags));
    if (numPrefetchLocs > count || !CutsIntoGroups({prefetchLocIdxs, numPrefetchLocs}, count)) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "prefetchLocIdxs must begin with 0 and grow, below the {} ranges", count);
    }
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    std::vector<Prefetch> prefetches(count);
    size_t group = 0;
    for (size_t i = 0; i < count; ++i) {
      if (group + 1 < numPrefetchLocs && i == prefetchLocIdxs[group + 1]) {
        ++group;
      }
      VNPU_RETURN_IF_ERROR(
          CheckPrefetch(ptrs[i], sizes[i], prefetchLocs[group], *found, &prefetches[i]));
    }
    return SubmitPrefetches(prefetches, found);
  });
}
