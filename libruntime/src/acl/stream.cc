#include "libruntime/src/stream/stream.h"

#include <vnpu/abi.h>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/graph/build.h"
#include "libruntime/src/graph/capture.h"
#include "libruntime/src/queue/queue_pool.h"
#include "libruntime/src/stream/context.h"
#include "libruntime/src/stream/state_callbacks.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

aclError CreateStream(aclrtStream* stream, uint32_t priority, uint32_t flags) {
  VNPU_REQUIRE_NOT_NULL(stream);
  constexpr uint32_t kUnsupported = ACL_STREAM_CPU_SCHEDULE | ACL_STREAM_DEVICE_USE_ONLY;
  constexpr uint32_t kKnown =
      ACL_STREAM_FAST_LAUNCH | ACL_STREAM_FAST_SYNC | ACL_STREAM_HUGE | ACL_STREAM_PERSISTENT;
  if ((flags & kUnsupported) != 0) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "streams with flags {:#x} (CPU schedule, device use only) are not supported",
                flags & kUnsupported);
  }
  if (priority >= VNPU_PRIORITIES) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "priority is {}; it takes 0 (highest) to {}", priority,
                VNPU_PRIORITIES - 1);
  }
  rt::Context* context = nullptr;
  VNPU_RETURN_IF_ERROR(rt::CurrentContext(&context));
  rt::Stream* fresh = nullptr;
  VNPU_RETURN_IF_ERROR(rt::NewStream(context, priority, flags & kKnown, &fresh));
  if ((flags & ACL_STREAM_PERSISTENT) != 0) {
    if (const aclError error = rt::MakePersistent(fresh); error != ACL_SUCCESS) {
      rt::DestroyStream(fresh, /*force=*/true);
      return error;
    }
  }
  *stream = fresh;
  rt::NotifyCreated(fresh);
  return ACL_SUCCESS;
}

aclError Destroy(void* handle, bool force) {
  VNPU_REQUIRE_NOT_NULL(handle);
  rt::Stream* stream = nullptr;
  VNPU_RETURN_IF_ERROR(rt::ResolveStream(handle, &stream));
  if (stream != stream->context->default_stream) {  // which is refused
    rt::NotifyDestroying(stream);
  }
  return rt::DestroyStream(stream, force);
}

[[gnu::hot]] aclError Synchronize(void* handle, rt::Deadline deadline) {
  rt::Stream* stream = nullptr;
  VNPU_RETURN_IF_ERROR(rt::ResolveStream(handle, &stream));
  bool nothing_to_do = false;
  VNPU_RETURN_IF_ERROR(rt::CheckStreamWait(stream, "waited for", &nothing_to_do));
  return nothing_to_do ? ACL_SUCCESS : rt::SynchronizeStream(stream, deadline);
}

}  // namespace

aclError aclrtCreateStream(aclrtStream* stream) {
  return Guard(__func__, [&] { return CreateStream(stream, 0, 0); });
}

aclError aclrtCreateStreamWithConfig(aclrtStream* stream, uint32_t priority, uint32_t flag) {
  return Guard(__func__, [&] { return CreateStream(stream, priority, flag); });
}

aclError aclrtDestroyStream(aclrtStream stream) {
  return Guard(__func__, [&] { return Destroy(stream, /*force=*/false); });
}

aclError aclrtDestroyStreamForce(aclrtStream stream) {
  return Guard(__func__, [&] { return Destroy(stream, /*force=*/true); });
}

[[gnu::hot]] aclError aclrtSynchronizeStream(aclrtStream stream) {
  return Guard(__func__, [&] { return Synchronize(stream, std::nullopt); });
}

aclError aclrtSynchronizeStreamWithTimeout(aclrtStream stream, int32_t timeout) {
  return Guard(__func__, [&]() -> aclError {
    if (timeout < -1 || timeout == 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "timeout is {}; it takes -1 or milliseconds > 0",
                  timeout);
    }
    return Synchronize(stream, rt::DeadlineIn(timeout));
  });
}

aclError aclrtStreamQuery(aclrtStream stream, aclrtStreamStatus* status) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(status);
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    bool complete = false;
    VNPU_RETURN_IF_ERROR(rt::CheckStreamWait(found, "queried", &complete));
    if (!complete) {
      VNPU_RETURN_IF_ERROR(rt::QueryStream(found, &complete));
    }
    *status = complete ? ACL_STREAM_STATUS_COMPLETE : ACL_STREAM_STATUS_NOT_READY;
    return ACL_SUCCESS;
  });
}

aclError aclrtStreamGetId(aclrtStream stream, int32_t* streamId) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(streamId);
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    *streamId = static_cast<int32_t>(found->queue->id());
    return ACL_SUCCESS;
  });
}

aclError aclrtStreamGetPriority(aclrtStream stream, uint32_t* priority) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(priority);
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    *priority = found->priority.load();
    return ACL_SUCCESS;
  });
}

aclError aclrtStreamGetFlags(aclrtStream stream, uint32_t* flags) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(flags);
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    *flags = found->flags;
    return ACL_SUCCESS;
  });
}

aclError aclrtGetStreamAvailableNum(uint32_t* streamCount) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(streamCount);
    rt::Context* context = nullptr;
    VNPU_RETURN_IF_ERROR(rt::CurrentContext(&context));
    *streamCount = context->session->queues().available();
    return ACL_SUCCESS;
  });
}

aclError aclrtSetStreamFailureMode(aclrtStream stream, uint64_t mode) {
  return Guard(__func__, [&]() -> aclError {
    if (mode != ACL_CONTINUE_ON_FAILURE && mode != ACL_STOP_ON_FAILURE) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "mode is {}; it takes ACL_CONTINUE_ON_FAILURE or ACL_STOP_ON_FAILURE", mode);
    }
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    return rt::SetFailureMode(found, mode == ACL_STOP_ON_FAILURE);
  });
}
