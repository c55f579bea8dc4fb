#include "libruntime/src/event/event.h"

#include <bit>
#include <limits>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/kernel/launch.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

// aclrtSetOpWaitTimeout, microseconds; 0: none.
std::atomic<uint32_t> wait_timeout_us{0};

// What a handle for other processes holds.
struct IpcHandle {
  uint64_t magic;
  rt::NotifyKey key;
  uint64_t reserved[3];
};
static_assert(sizeof(IpcHandle) == sizeof(aclrtIpcEventHandle));
constexpr uint64_t kIpcMagic = 0x746e6576'75706e76;

uint32_t TimeoutFromSeconds(uint64_t seconds) { return rt::ClampTimeout(seconds * 1'000'000); }

aclError Create(aclrtEvent* event, rt::EventKind kind, uint32_t flags) {
  VNPU_REQUIRE_NOT_NULL(event);
  rt::Event* fresh = nullptr;
  VNPU_RETURN_IF_ERROR(rt::NewEvent(kind, flags, &fresh));
  *event = fresh;
  return ACL_SUCCESS;
}

aclError CreateWithFlags(aclrtEvent* event, rt::EventKind kind, uint32_t flags) {
  constexpr uint32_t kKnown =
      ACL_EVENT_SYNC | ACL_EVENT_CAPTURE_STREAM_PROGRESS | ACL_EVENT_TIME_LINE;
  constexpr uint32_t kUnsupported = ACL_EVENT_DEVICE_USE_ONLY | ACL_EVENT_EXTERNAL;
  if ((kind == rt::EventKind::kReusable && flags == ACL_EVENT_IPC) ||
      (kind == rt::EventKind::kFlags && flags == ACL_EVENT_EXTERNAL)) {
    return Create(event, kind, flags);
  }
  if ((flags & kUnsupported) != 0 && (flags & ~(kKnown | kUnsupported)) == 0) {
    return Fail(
        ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
        "events with flags {:#x} (device use only; external beside others, or reusable) are "
        "not supported",
        flags & kUnsupported);
  }
  if (flags == 0 || (flags & ~kKnown) != 0) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "flag is {:#x}; it takes a combination of ACL_EVENT_SYNC, ACL_EVENT_TIME_LINE and "
                "ACL_EVENT_CAPTURE_STREAM_PROGRESS",
                flags);
  }
  return Create(event, kind, flags);
}

// The first call with a flag decides for the event.
aclError SetFlag(bool external, rt::ExternalFlag* flag) {
  const auto wanted = external ? rt::ExternalFlag::kExternal : rt::ExternalFlag::kDefault;
  if (*flag == rt::ExternalFlag::kUnknown) {
    *flag = wanted;
  }
  return *flag == wanted ? ACL_SUCCESS
                         : Fail(ACL_ERROR_RT_PARAM_INVALID,
                                "the event was used {} the external flag before, and stays so",
                                external ? "without" : "with");
}

aclError Record(void* event, void* stream) {
  rt::Event* found_event = nullptr;
  rt::Stream* found_stream = nullptr;
  VNPU_RETURN_IF_ERROR(rt::ResolveEvent(event, &found_event));
  VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found_stream));
  return rt::RecordEvent(found_event, found_stream);
}

aclError CheckCaptured(bool external, const rt::Stream* stream) {
  return !external || stream->has(rt::kDiverted)
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_STREAM_NOT_CAPTURED,
                    "the external flag is for streams that are captured");
}

aclError Wait(void* stream, void* event, uint32_t timeout_us) {
  rt::Event* found_event = nullptr;
  rt::Stream* found_stream = nullptr;
  VNPU_RETURN_IF_ERROR(rt::ResolveEvent(event, &found_event));
  VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found_stream));
  return rt::StreamWaitEvent(found_stream, found_event, timeout_us);
}

}  // namespace

aclError aclrtCreateEvent(aclrtEvent* event) {
  return Guard(__func__, [&] { return Create(event, rt::EventKind::kDefault, 0); });
}

aclError aclrtCreateEventWithFlag(aclrtEvent* event, uint32_t flag) {
  return Guard(__func__, [&] { return CreateWithFlags(event, rt::EventKind::kFlags, flag); });
}

aclError aclrtCreateEventExWithFlag(aclrtEvent* event, uint32_t flag) {
  return Guard(__func__, [&] { return CreateWithFlags(event, rt::EventKind::kReusable, flag); });
}

aclError aclrtDestroyEvent(aclrtEvent event) {
  return Guard(__func__, [&]() -> aclError {
    rt::Event* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveEvent(event, &found));
    return rt::DestroyEvent(found);
  });
}

aclError aclrtRecordEvent(aclrtEvent event, aclrtStream stream) {
  return Guard(__func__, [&] { return Record(event, stream); });
}

aclError aclrtRecordEventWithFlag(aclrtEvent event, aclrtStream stream, uint32_t flag) {
  return Guard(__func__, [&]() -> aclError {
    if (flag > ACL_EVENT_RECORD_EXTERNAL) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "flag is {:#x}; it takes ACL_EVENT_RECORD_*", flag);
    }
    rt::Event* found_event = nullptr;
    rt::Stream* found_stream = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveEvent(event, &found_event));
    const bool external = flag == ACL_EVENT_RECORD_EXTERNAL;
    VNPU_RETURN_IF_ERROR(SetFlag(external, &found_event->in_graph.record_flag));
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found_stream));
    VNPU_RETURN_IF_ERROR(CheckCaptured(external, found_stream));
    return rt::RecordEvent(found_event, found_stream, external);
  });
}

aclError aclrtResetEvent(aclrtEvent event, aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    rt::Event* found_event = nullptr;
    rt::Stream* found_stream = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveEvent(event, &found_event));
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found_stream));
    return rt::ResetEvent(found_event, found_stream);
  });
}

aclError aclrtStreamWaitEvent(aclrtStream stream, aclrtEvent event) {
  return Guard(__func__, [&] { return Wait(stream, event, wait_timeout_us.load()); });
}

aclError aclrtStreamWaitEventWithTimeout(aclrtStream stream, aclrtEvent event, int32_t timeout) {
  return Guard(__func__, [&]() -> aclError {
    if (timeout < 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "timeout is {}; it takes seconds >= 0", timeout);
    }
    return Wait(stream, event, TimeoutFromSeconds(static_cast<uint64_t>(timeout)));
  });
}

aclError aclrtStreamWaitEventWithFlag(aclrtStream stream, aclrtEvent event, uint32_t timeout,
                                      uint32_t flag) {
  return Guard(__func__, [&]() -> aclError {
    if (flag > ACL_EVENT_WAIT_EXTERNAL || (flag == ACL_EVENT_WAIT_EXTERNAL && timeout != 0)) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "flag is {:#x}, timeout {}: it takes ACL_EVENT_WAIT_*, and with "
                  "ACL_EVENT_WAIT_EXTERNAL no timeout",
                  flag, timeout);
    }
    rt::Event* found_event = nullptr;
    rt::Stream* found_stream = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveEvent(event, &found_event));
    const bool external = flag == ACL_EVENT_WAIT_EXTERNAL;
    VNPU_RETURN_IF_ERROR(SetFlag(external, &found_event->in_graph.wait_flag));
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found_stream));
    VNPU_RETURN_IF_ERROR(CheckCaptured(external, found_stream));
    return rt::StreamWaitEvent(found_stream, found_event, TimeoutFromSeconds(timeout), external);
  });
}

aclError aclrtSetOpWaitTimeout(uint32_t timeout) {
  return Guard(__func__, [&]() -> aclError {
    wait_timeout_us.store(TimeoutFromSeconds(timeout));
    return ACL_SUCCESS;
  });
}

aclError aclrtQueryEventStatus(aclrtEvent event, aclrtEventRecordedStatus* status) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(status);
    rt::Event* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveEvent(event, &found));
    bool complete = false;
    VNPU_RETURN_IF_ERROR(rt::QueryEvent(found, &complete));
    *status = complete ? ACL_EVENT_RECORDED_STATUS_COMPLETE : ACL_EVENT_RECORDED_STATUS_NOT_READY;
    return ACL_SUCCESS;
  });
}

aclError aclrtQueryEvent(aclrtEvent event, aclrtEventStatus* status) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(status);
    rt::Event* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveEvent(event, &found));
    if (found->kind == rt::EventKind::kReusable) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "not for events of aclrtCreateEventExWithFlag; call aclrtQueryEventStatus");
    }
    bool complete = false;
    VNPU_RETURN_IF_ERROR(rt::QueryEvent(found, &complete));
    *status = complete ? ACL_EVENT_STATUS_COMPLETE : ACL_EVENT_STATUS_NOT_READY;
    return ACL_SUCCESS;
  });
}

aclError aclrtQueryEventWaitStatus(aclrtEvent event, aclrtEventWaitStatus* status) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(status);
    rt::Event* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveEvent(event, &found));
    bool complete = false;
    VNPU_RETURN_IF_ERROR(rt::QueryEventWait(found, &complete));
    *status = complete ? ACL_EVENT_WAIT_STATUS_COMPLETE : ACL_EVENT_WAIT_STATUS_NOT_READY;
    return ACL_SUCCESS;
  });
}

aclError aclrtSynchronizeEvent(aclrtEvent event) {
  return Guard(__func__, [&]() -> aclError {
    rt::Event* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveEvent(event, &found));
    return rt::SynchronizeEvent(found, std::nullopt);
  });
}

aclError aclrtSynchronizeEventWithTimeout(aclrtEvent event, int32_t timeout) {
  return Guard(__func__, [&]() -> aclError {
    if (timeout < -1 || timeout == 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "timeout is {}; it takes -1 or milliseconds > 0",
                  timeout);
    }
    rt::Event* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveEvent(event, &found));
    return rt::SynchronizeEvent(found, rt::DeadlineIn(timeout));
  });
}

aclError aclrtEventElapsedTime(float* ms, aclrtEvent startEvent, aclrtEvent endEvent) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(ms);
    rt::Event* start = nullptr;
    rt::Event* end = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveEvent(startEvent, &start));
    VNPU_RETURN_IF_ERROR(rt::ResolveEvent(endEvent, &end));
    uint64_t start_ticks = 0;
    uint64_t end_ticks = 0;
    uint64_t rate = 0;
    VNPU_RETURN_IF_ERROR(rt::EventTicks(start, &start_ticks, &rate));
    VNPU_RETURN_IF_ERROR(rt::EventTicks(end, &end_ticks, &rate));
    if (end_ticks < start_ticks) {
      return Fail(ACL_ERROR_RT_EVENT_TIMESTAMP_REVERSAL,
                  "the end event was recorded before the start event");
    }
    *ms = static_cast<float>(static_cast<double>(end_ticks - start_ticks) * 1e3 /
                             static_cast<double>(rate));
    return ACL_SUCCESS;
  });
}

aclError aclrtEventGetTimestamp(aclrtEvent event, uint64_t* timestamp) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(timestamp);
    rt::Event* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveEvent(event, &found));
    uint64_t ticks = 0;
    uint64_t rate = 0;
    VNPU_RETURN_IF_ERROR(rt::EventTicks(found, &ticks, &rate));
    *timestamp =
        static_cast<uint64_t>(static_cast<double>(ticks) * 1e6 / static_cast<double>(rate));
    return ACL_SUCCESS;
  });
}

aclError aclrtGetEventId(aclrtEvent event, uint32_t* eventId) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(eventId);
    rt::Event* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveEvent(event, &found));
    return rt::EventId(found, eventId);
  });
}

aclError aclrtGetEventAvailNum(uint32_t* eventCount) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(eventCount);
    rt::Context* context = nullptr;
    VNPU_RETURN_IF_ERROR(rt::CurrentContext(&context));
    *eventCount = context->session->events().available();
    return ACL_SUCCESS;
  });
}

aclError aclrtIpcGetEventHandle(aclrtEvent event, aclrtIpcEventHandle* handle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(handle);
    rt::Event* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveEvent(event, &found));
    IpcHandle content{.magic = kIpcMagic, .key = {}, .reserved = {}};
    VNPU_RETURN_IF_ERROR(rt::ExportIpcEvent(found, &content.key));
    *handle = std::bit_cast<aclrtIpcEventHandle>(content);
    return ACL_SUCCESS;
  });
}

aclError aclrtIpcOpenEventHandle(aclrtIpcEventHandle handle, aclrtEvent* event) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(event);
    const auto content = std::bit_cast<IpcHandle>(handle);
    if (content.magic != kIpcMagic) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "the handle is not one of aclrtIpcGetEventHandle, or was not passed on whole");
    }
    rt::Event* opened = nullptr;
    VNPU_RETURN_IF_ERROR(rt::OpenIpcEvent(content.key, &opened));
    *event = opened;
    return ACL_SUCCESS;
  });
}
