// Allocators that the application brings along (manual 11-08, 25-03). They are for functions that
// execute operators and models; the runtime itself keeps what is registered and calls none.
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "acl/acl_rt.h"
#include "acl/acl_rt_allocator.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/slab.h"
#include "libruntime/src/stream/context.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

struct Functions {
  aclrtAllocator object = nullptr;
  aclrtAllocatorAllocFunc alloc = nullptr;
  aclrtAllocatorFreeFunc free = nullptr;
  aclrtAllocatorAllocAdviseFunc alloc_advise = nullptr;
  aclrtAllocatorGetAddrFromBlockFunc address_of = nullptr;
};

// The object behind aclrtAllocatorDesc.
struct alignas(64) Description : rt::SlabObject {
  std::mutex mutex;
  Functions functions;
};

constexpr size_t kMaxDescriptions = 65536;
constinit rt::Slab<Description, kMaxDescriptions> descriptions;

// What a stream uses. A stream that was destroyed leaves its entry to the next one in its place.
struct StreamAllocator {
  uint32_t stream_generation = 0;
  aclrtAllocatorDesc description = nullptr;
  Functions functions;
};

class Registry {
 public:
  void Set(const rt::Stream* stream, const StreamAllocator& registration) {
    const std::lock_guard lock(mutex_);
    by_stream_[stream] = registration;
  }
  void Remove(const rt::Stream* stream) {
    const std::lock_guard lock(mutex_);
    by_stream_.erase(stream);
  }
  bool Find(const rt::Stream* stream, StreamAllocator* registration) {
    const std::lock_guard lock(mutex_);
    const auto found = by_stream_.find(stream);
    if (found == by_stream_.end() || found->second.stream_generation != stream->generation()) {
      return false;
    }
    *registration = found->second;
    return true;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<const rt::Stream*, StreamAllocator> by_stream_;
};

Registry& Registrations() {
  static auto* const registry = new Registry;
  return *registry;
}

aclError ResolveDescription(aclrtAllocatorDesc handle, Description** description) {
  VNPU_REQUIRE_NOT_NULL(handle);
  *description = descriptions.Resolve(handle);
  return *description != nullptr
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_INVALID_HANDLE,
                    "{} is not an allocator description, or it was destroyed", handle);
}

// Sets one member of a description.
template <class T>
aclError SetMember(aclrtAllocatorDesc handle, T Functions::*member, T value) {
  Description* description = nullptr;
  VNPU_RETURN_IF_ERROR(ResolveDescription(handle, &description));
  VNPU_REQUIRE_NOT_NULL(value);
  const std::lock_guard lock(description->mutex);
  description->functions.*member = value;
  return ACL_SUCCESS;
}

}  // namespace

aclrtAllocatorDesc aclrtAllocatorCreateDesc(void) {
  Description* description = nullptr;
  const aclError error = Guard(__func__, [&]() -> aclError {
    description = descriptions.Allocate();
    if (description == nullptr) {
      return Fail(ACL_ERROR_RT_RESOURCE_ALLOC_FAIL,
                  "too many allocator descriptions ({}); destroy some", kMaxDescriptions);
    }
    description->functions = {};
    descriptions.Publish(description);
    return ACL_SUCCESS;
  });
  return error == ACL_SUCCESS ? description : nullptr;
}

aclError aclrtAllocatorDestroyDesc(aclrtAllocatorDesc allocatorDesc) {
  return Guard(__func__, [&]() -> aclError {
    Description* description = nullptr;
    VNPU_RETURN_IF_ERROR(ResolveDescription(allocatorDesc, &description));
    if (descriptions.Retire(description)) {
      descriptions.Free(description);
    }
    return ACL_SUCCESS;
  });
}

aclError aclrtAllocatorSetObjToDesc(aclrtAllocatorDesc allocatorDesc, aclrtAllocator allocator) {
  return Guard(__func__, [&] { return SetMember(allocatorDesc, &Functions::object, allocator); });
}

aclError aclrtAllocatorSetAllocFuncToDesc(aclrtAllocatorDesc allocatorDesc,
                                          aclrtAllocatorAllocFunc func) {
  return Guard(__func__, [&] { return SetMember(allocatorDesc, &Functions::alloc, func); });
}

aclError aclrtAllocatorSetFreeFuncToDesc(aclrtAllocatorDesc allocatorDesc,
                                         aclrtAllocatorFreeFunc func) {
  return Guard(__func__, [&] { return SetMember(allocatorDesc, &Functions::free, func); });
}

aclError aclrtAllocatorSetAllocAdviseFuncToDesc(aclrtAllocatorDesc allocatorDesc,
                                                aclrtAllocatorAllocAdviseFunc func) {
  return Guard(__func__, [&] { return SetMember(allocatorDesc, &Functions::alloc_advise, func); });
}

aclError aclrtAllocatorSetGetAddrFromBlockFuncToDesc(aclrtAllocatorDesc allocatorDesc,
                                                     aclrtAllocatorGetAddrFromBlockFunc func) {
  return Guard(__func__, [&] { return SetMember(allocatorDesc, &Functions::address_of, func); });
}

aclError aclrtAllocatorRegister(aclrtStream stream, aclrtAllocatorDesc allocatorDesc) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(stream);
    Description* description = nullptr;
    VNPU_RETURN_IF_ERROR(ResolveDescription(allocatorDesc, &description));
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    StreamAllocator registration{
        .stream_generation = found->generation(), .description = allocatorDesc, .functions = {}};
    {
      const std::lock_guard lock(description->mutex);
      registration.functions = description->functions;
    }
    const Functions& set = registration.functions;
    if (set.object == nullptr || set.alloc == nullptr || set.free == nullptr ||
        set.address_of == nullptr) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "the description lacks the object or a function: all but the allocation at an "
                  "advised address must be set");
    }
    Registrations().Set(found, registration);
    return ACL_SUCCESS;
  });
}

aclError aclrtAllocatorGetByStream(aclrtStream stream, aclrtAllocatorDesc* allocatorDesc,
                                   aclrtAllocator* allocator, aclrtAllocatorAllocFunc* allocFunc,
                                   aclrtAllocatorFreeFunc* freeFunc,
                                   aclrtAllocatorAllocAdviseFunc* allocAdviseFunc,
                                   aclrtAllocatorGetAddrFromBlockFunc* getAddrFromBlockFunc) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(stream);
    VNPU_REQUIRE_NOT_NULL(allocatorDesc);
    VNPU_REQUIRE_NOT_NULL(allocator);
    VNPU_REQUIRE_NOT_NULL(allocFunc);
    VNPU_REQUIRE_NOT_NULL(freeFunc);
    VNPU_REQUIRE_NOT_NULL(allocAdviseFunc);
    VNPU_REQUIRE_NOT_NULL(getAddrFromBlockFunc);
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    StreamAllocator registration;
    if (!Registrations().Find(found, &registration)) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "no allocator is registered for the stream");
    }
    *allocatorDesc = registration.description;
    *allocator = registration.functions.object;
    *allocFunc = registration.functions.alloc;
    *freeFunc = registration.functions.free;
    *allocAdviseFunc = registration.functions.alloc_advise;
    *getAddrFromBlockFunc = registration.functions.address_of;
    return ACL_SUCCESS;
  });
}

aclError aclrtAllocatorUnregister(aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    // A stream that does not exist, or has no allocator, is no error.
    if (const rt::Stream* found = rt::streams.Resolve(stream); found != nullptr) {
      Registrations().Remove(found);
    }
    return ACL_SUCCESS;
  });
}
