// Cache maintenance beyond aclrtCmoAsync (manual 11-06). The virtual device has the host's coherent
// caches: operations only take their place in the stream's order.
#include <vnpu/queue.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/event/event.h"
#include "libruntime/src/memory/copy.h"
#include "libruntime/src/stream/context.h"
#include "libruntime/src/stream/stream.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

// What a descriptor holds.
struct CmoDesc {
  uint64_t address;
  uint64_t size;
};

// Invalidations by session and number: an event each, recorded by the last one.
class Barriers {
 public:
  // Null: there is none and `create` is false, or no event can be had.
  rt::Event* Find(uint64_t session, uint32_t number, bool create) {
    const std::lock_guard lock(mutex_);
    const auto found = events_.find({session, number});
    if (found != events_.end() || !create) {
      return found != events_.end() ? found->second : nullptr;
    }
    DropStale();
    rt::Event* event = nullptr;
    if (rt::NewEvent(rt::EventKind::kReusable, ACL_EVENT_SYNC, &event) == ACL_SUCCESS) {
      events_[{session, number}] = event;
    }
    return event;
  }

 private:
  void DropStale() {
    std::erase_if(events_, [](const auto& entry) {
      rt::Event* event = entry.second;
      const bool stale = event->session == nullptr || !event->session->usable();
      if (stale) {
        rt::DestroyEvent(event);
      }
      return stale;
    });
  }

  std::mutex mutex_;
  std::map<std::pair<uint64_t, uint32_t>, rt::Event*> events_;
};

Barriers& AllBarriers() {
  static auto* const barriers = new Barriers;
  return *barriers;
}

aclError OperateWithBarrier(const void* src, size_t size, aclrtCmoType type, uint32_t number,
                            void* stream) {
  if (type < ACL_RT_CMO_TYPE_PREFETCH || type > ACL_RT_CMO_TYPE_FLUSH) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown operation {}", static_cast<int>(type));
  }
  if (size == 0 || (number != 0) != (type == ACL_RT_CMO_TYPE_INVALID)) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "size is {}, barrier {}: at least 1 byte; above 0 for invalidations, else 0", size,
                number);
  }
  rt::Stream* found = nullptr;
  VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
  VNPU_RETURN_IF_ERROR(rt::CheckReachable(src, *found));
  VNPU_RETURN_IF_ERROR(rt::SubmitNothing(found));
  if (number == 0) {
    return ACL_SUCCESS;
  }
  rt::Event* event = AllBarriers().Find(found->session_serial, number, /*create=*/true);
  return event != nullptr ? rt::RecordEvent(event, found)
                          : Fail(ACL_ERROR_RT_NO_EVENT_RESOURCE, "no event for the barrier");
}

}  // namespace

aclError aclrtCmoAsyncWithBarrier(void* src, size_t size, aclrtCmoType cmoType, uint32_t barrierId,
                                  aclrtStream stream) {
  return Guard(__func__, [&] { return OperateWithBarrier(src, size, cmoType, barrierId, stream); });
}

aclError aclrtCmoWaitBarrier(aclrtBarrierTaskInfo* taskInfo, aclrtStream stream, uint32_t flag) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(taskInfo);
    if (flag != 0 || taskInfo->barrierNum == 0 ||
        taskInfo->barrierNum > ACL_RT_CMO_MAX_BARRIER_NUM) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "flag is {}, barriers {}: 0, and 1 to {}", flag,
                  taskInfo->barrierNum, ACL_RT_CMO_MAX_BARRIER_NUM);
    }
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    rt::Event* events[ACL_RT_CMO_MAX_BARRIER_NUM] = {};
    for (size_t i = 0; i < taskInfo->barrierNum; ++i) {
      const aclrtBarrierCmoInfo& info = taskInfo->cmoInfo[i];
      events[i] = AllBarriers().Find(found->session_serial, info.barrierId, /*create=*/false);
      if (info.cmoType != ACL_RT_CMO_TYPE_INVALID || events[i] == nullptr) {
        return Fail(ACL_ERROR_RT_PARAM_INVALID, "no invalidation with barrier {} was submitted",
                    info.barrierId);
      }
    }
    for (size_t i = 0; i < taskInfo->barrierNum; ++i) {
      VNPU_RETURN_IF_ERROR(rt::StreamWaitEvent(found, events[i], /*timeout_us=*/0));
    }
    return ACL_SUCCESS;
  });
}

aclError aclrtCmoGetDescSize(size_t* size) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(size);
    *size = sizeof(CmoDesc);
    return ACL_SUCCESS;
  });
}

aclError aclrtCmoSetDesc(void* cmoDesc, void* src, size_t size) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(cmoDesc);
    VNPU_REQUIRE_NOT_NULL(src);
    const rt::End desc = rt::FindEnd(cmoDesc);
    const rt::End memory = rt::FindEnd(src);
    if (size == 0 || desc.session == nullptr || memory.session != desc.session) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "descriptor {}, memory {}, size {}: both in memory of one device, and at least 1 "
                  "byte",
                  cmoDesc, src, size);
    }
    const CmoDesc value{.address = reinterpret_cast<uint64_t>(src), .size = size};
    return rt::CopyNow({.dst = cmoDesc, .src = &value, .size = sizeof(value)});
  });
}

aclError aclrtCmoAsyncWithDesc(void* cmoDesc, aclrtCmoType cmoType, aclrtStream stream,
                               const void* reserve) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(cmoDesc);
    if (cmoType != ACL_RT_CMO_TYPE_PREFETCH) {
      return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT, "operation {}: only prefetching is supported",
                  static_cast<int>(cmoType));
    }
    if (reserve != nullptr) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "reserve is {}; it must be null", reserve);
    }
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    VNPU_RETURN_IF_ERROR(rt::CheckReachable(cmoDesc, *found));
    return rt::SubmitNothing(found);
  });
}

aclError aclrtDeviceL2CacheFlush(void* rsv) {
  return Guard(__func__, [&]() -> aclError {
    if (rsv != nullptr) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "rsv is {}; it must be null", rsv);
    }
    rt::Context* context = nullptr;
    return rt::CurrentContext(&context);
  });
}
