#include "libruntime/src/event/event.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/shared_memory.h"
#include "libruntime/src/graph/graph_event.h"

namespace vnpu::runtime {

constinit Slab<Event, kMaxEvents> events;

namespace {

bool CanSync(const Event& event) {
  return event.kind == EventKind::kDefault ||
         (event.flags & (ACL_EVENT_SYNC | ACL_EVENT_EXTERNAL)) != 0;
}

bool HasTime(const Event& event) {
  return event.kind == EventKind::kDefault || (event.flags & ACL_EVENT_TIME_LINE) != 0;
}

// A register for the event, whose session is known.
aclError AcquireRegister(Event& event) {
  VNPU_RETURN_IF_ERROR(event.session->events().Acquire(&event.reg));
  event.has_register = true;
  event.reg.seq += event.is_switch() ? 1 : 0;
  return ACL_SUCCESS;
}

}  // namespace

aclError TakeRegister(Event& event, const Stream& stream) {
  if (event.has_register && event.session == stream.session) {
    return ACL_SUCCESS;
  }
  if (event.session != nullptr && event.session != stream.session && event.session->usable()) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "the event belongs to device {}, the stream to device {}", event.session->index(),
                stream.session->index());
  }
  event.session = stream.session;
  VNPU_RETURN_IF_ERROR(AcquireRegister(event));
  event.recorded = false;
  event.waits.clear();
  return ACL_SUCCESS;
}

namespace {

// For attempts of SubmitWhenRoom: the event's mutex is held.
aclError SubmitEventTask(Stream* stream, uint8_t opcode, uint32_t id, uint64_t seq,
                         uint32_t timeout_us, Submitted* submitted) {
  return Submit<false>(
      stream, 0, 0,
      [&](Slot& slot) {
        slot.sqe->opcode = opcode;
        slot.sqe->timeout_us = timeout_us;
        slot.sqe->event.event_id = id;
        slot.sqe->event.seq = seq;
      },
      submitted);
}

bool IsDone(const Event& event) {
  const vnpu_event_reg& reg = event.session->events().Register(event.reg.id);
  return LoadShared(reg.seq) >= event.reg.seq;
}

// With the event's mutex held. A register tells how far its records have come, not which of them
// are done: with two under way in different streams, the later one might end first, and waits for
// the earlier one with it. The record to come in `stream` then needs another register.
bool LeavesToEarlierRecord(const Event& event, const Stream& stream) {
  // Models name the register of an event of theirs.
  const bool fixed = event.is_switch() || event.in_graph.uses != 0;
  return !fixed && event.recorded && event.record.queue != stream.queue && !IsDone(event);
}

// After a wait without the mutex.
aclError CheckAlive(const Event& event) {
  return event.alive()
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_INVALID_HANDLE, "the event was destroyed by another thread");
}

// Whether it is told by the register alone whether the event is complete.
bool ByRegister(const Event& event) { return event.is_switch() || event.in_graph.by_model; }

// What a run of a model records says no queue.
aclError PollRegister(Event* event, Deadline deadline) {
  constexpr auto kShortest = std::chrono::microseconds(20);
  constexpr auto kLongest = std::chrono::microseconds(1000);
  uint64_t target = 0;
  for (auto pause = kShortest;; pause = std::min<std::chrono::microseconds>(2 * pause, kLongest)) {
    {
      const std::lock_guard lock(event->mutex);
      if (event->session == nullptr || !event->has_register) {
        return Fail(ACL_ERROR_RT_INVALID_HANDLE, "the event was destroyed by another thread");
      }
      target = target == 0 ? event->reg.seq : target;
      if (LoadShared(event->session->events().Register(event->reg.id).seq) >= target) {
        return ACL_SUCCESS;
      }
      if (!event->session->usable()) {
        return FailDeviceLost(event->session->index());
      }
    }
    if (deadline.has_value() && Clock::now() >= *deadline) {
      return Fail(ACL_ERROR_RT_EVENT_SYNC_TIMEOUT, "the event is not complete in time");
    }
    std::this_thread::sleep_for(pause);
  }
}

bool IsOver(const Submitted& task) { return task.queue->head() > task.task; }

[[gnu::cold]] aclError FailNoSync(const char* use) {
  return Fail(ACL_ERROR_RT_PARAM_INVALID,
              "the event was made without ACL_EVENT_SYNC and cannot be used for {}", use);
}

[[gnu::cold]] aclError FailTooMany() {
  return Fail(ACL_ERROR_RT_NO_EVENT_RESOURCE,
              "too many events ({}); destroy those that are not needed", kMaxEvents);
}

aclError NewIpcEvent(std::unique_ptr<IpcEvent> ipc, Event** event) {
  Event* fresh = events.Allocate();
  if (fresh == nullptr) {
    return FailTooMany();
  }
  fresh->kind = EventKind::kReusable;
  fresh->flags = ACL_EVENT_IPC;
  fresh->session = ipc->session();
  fresh->has_register = false;
  fresh->recorded = false;
  fresh->waits.clear();
  fresh->in_graph = {};
  fresh->ipc = std::move(ipc);
  events.Publish(fresh);
  *event = fresh;
  return ACL_SUCCESS;
}

// For a record that another process may have made there is no interrupt: the driver is asked.
aclError PollIpcEvent(Event* event, uint64_t target, Deadline deadline) {
  constexpr auto kShortest = std::chrono::microseconds(20);
  constexpr auto kLongest = std::chrono::microseconds(1000);
  for (auto pause = kShortest;; pause = std::min<std::chrono::microseconds>(2 * pause, kLongest)) {
    IpcEvent::Progress progress;
    {
      const std::lock_guard lock(event->mutex);
      if (event->ipc == nullptr) {
        return Fail(ACL_ERROR_RT_INVALID_HANDLE, "the event was destroyed by another thread");
      }
      VNPU_RETURN_IF_ERROR(event->ipc->Query(&progress));
    }
    if (progress.done >= target) {
      return ACL_SUCCESS;
    }
    if (deadline.has_value() && Clock::now() >= *deadline) {
      return Fail(ACL_ERROR_RT_EVENT_SYNC_TIMEOUT, "the event is not complete in time");
    }
    std::this_thread::sleep_for(pause);
  }
}

aclError SynchronizeIpcEvent(Event* event, Deadline deadline) {
  IpcEvent::Progress progress;
  Submitted record;
  std::shared_ptr<Session> session;
  {
    const std::lock_guard lock(event->mutex);
    VNPU_RETURN_IF_ERROR(event->ipc->Query(&progress));
    uint64_t own = 0;
    record = event->ipc->last_record(&own);
    if (own != 0 && own == progress.recorded) {
      session = event->session;
    }
  }
  return session != nullptr ? WaitForTask(*session, record, deadline, Spin::kAdaptive)
                            : PollIpcEvent(event, progress.recorded, deadline);
}

}  // namespace

aclError NewEvent(EventKind kind, uint32_t flags, Event** event) {
  Context* context = nullptr;
  VNPU_RETURN_IF_ERROR(CurrentContext(&context));
  if ((flags & ACL_EVENT_IPC) != 0) {
    std::unique_ptr<IpcEvent> ipc;
    VNPU_RETURN_IF_ERROR(IpcEvent::Make(context->session, &ipc));
    return NewIpcEvent(std::move(ipc), event);
  }
  Event* fresh = events.Allocate();
  if (fresh == nullptr) {
    return FailTooMany();
  }
  fresh->kind = kind;
  fresh->flags = flags;
  fresh->session = context->session;
  fresh->has_register = false;
  fresh->recorded = false;
  fresh->waits.clear();
  fresh->in_graph = {};
  // Events of this kind own a register from the start: their number is limited.
  if (kind == EventKind::kFlags && (flags & (ACL_EVENT_SYNC | ACL_EVENT_EXTERNAL)) != 0) {
    const aclError error = AcquireRegister(*fresh);
    if (error != ACL_SUCCESS) {
      fresh->session.reset();
      events.Free(fresh);
      return error;
    }
  }
  events.Publish(fresh);
  *event = fresh;
  return ACL_SUCCESS;
}

aclError OpenIpcEvent(const NotifyKey& key, Event** event) {
  std::shared_ptr<Session> session;
  VNPU_RETURN_IF_ERROR(CurrentSession(&session));
  std::unique_ptr<IpcEvent> ipc;
  VNPU_RETURN_IF_ERROR(IpcEvent::Open(std::move(session), key, &ipc));
  return NewIpcEvent(std::move(ipc), event);
}

aclError ExportIpcEvent(Event* event, NotifyKey* key) {
  const std::lock_guard lock(event->mutex);
  if (event->ipc == nullptr) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "only events of aclrtCreateEventExWithFlag with ACL_EVENT_IPC have handles for "
                "other processes");
  }
  return event->ipc->Export(key);
}

aclError DestroyEvent(Event* event) {
  const std::lock_guard lock(event->mutex);
  if (event->in_graph.uses > 0 && event->session->usable()) {
    return Fail(ACL_ERROR_RT_EVENT_CAPTURED,
                "{} model(s) record or wait for the event; destroy them first",
                event->in_graph.uses);
  }
  if (!events.Retire(event)) {
    return Fail(ACL_ERROR_RT_INVALID_HANDLE, "the event is being destroyed by another thread");
  }
  if (event->has_register && event->session->usable()) {
    event->session->events().Release(event->reg);
  }
  event->has_register = false;
  event->ipc.reset();
  event->session.reset();
  events.Free(event);
  return ACL_SUCCESS;
}

aclError ResolveEvent(void* handle, Event** event) {
  VNPU_REQUIRE_NOT_NULL(handle);
  *event = events.Resolve(handle);
  return *event != nullptr
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_INVALID_HANDLE, "{} is not an event, or it was destroyed", handle);
}

namespace {

// The event has the other register when the record is on its way.
aclError RecordInOtherRegister(Event* event, Stream* stream, uint64_t* seq, Submitted* submitted) {
  EventPool& pool = stream->session->events();
  EventRegister fresh;
  VNPU_RETURN_IF_ERROR(pool.Acquire(&fresh));
  *seq = fresh.seq + 1;
  const aclError error = SubmitEventTask(stream, VNPU_OP_EVENT_RECORD, fresh.id, *seq,
                                         /*timeout_us=*/0, submitted);
  pool.Release(error == ACL_SUCCESS ? std::exchange(event->reg, fresh) : fresh);
  return error;
}

// The following are attempts of SubmitWhenRoom. *ipc: the event is that, and nothing has been done.
aclError TryRecord(Event* event, Stream* stream, bool external, std::shared_ptr<IpcEvent>* ipc) {
  const std::lock_guard lock(event->mutex);
  VNPU_RETURN_IF_ERROR(CheckAlive(*event));
  if (stream->has(kDiverted)) [[unlikely]] {
    return RecordInGraph(event, stream, external);
  }
  if (event->in_graph.capture != 0) [[unlikely]] {
    VNPU_RETURN_IF_ERROR(CheckNotCaptured(event, "recorded by a stream that is not captured"));
  }
  if (event->ipc != nullptr) [[unlikely]] {
    *ipc = event->ipc;
    return ACL_SUCCESS;
  }
  VNPU_RETURN_IF_ERROR(TakeRegister(*event, *stream));
  uint64_t seq = 0;
  Submitted submitted;
  // The register is not copied: that would wait until the stores of the record before are through.
  if (LeavesToEarlierRecord(*event, *stream)) [[unlikely]] {
    VNPU_RETURN_IF_ERROR(RecordInOtherRegister(event, stream, &seq, &submitted));
  } else {
    seq = event->is_switch() ? event->on_seq() : event->reg.seq + 1;
    VNPU_RETURN_IF_ERROR(SubmitEventTask(stream, VNPU_OP_EVENT_RECORD, event->reg.id, seq,
                                         /*timeout_us=*/0, &submitted));
  }
  event->reg.seq = seq;
  event->reg.last_record = {.queue = submitted.queue, .task = submitted.task};
  event->record = submitted;
  event->recorded = true;
  event->in_graph.by_model = false;
  return ACL_SUCCESS;
}

aclError TryReset(Event* event, Stream* stream) {
  const std::lock_guard lock(event->mutex);
  VNPU_RETURN_IF_ERROR(CheckAlive(*event));
  if (event->kind == EventKind::kReusable) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "an event of aclrtCreateEventExWithFlag cannot be reset; record it again");
  }
  if (!CanSync(*event)) {
    return FailNoSync("aclrtResetEvent");
  }
  if (stream->has(kDiverted)) [[unlikely]] {
    return ResetInGraph(event, stream);
  }
  VNPU_RETURN_IF_ERROR(TakeRegister(*event, *stream));
  Submitted submitted;
  VNPU_RETURN_IF_ERROR(SubmitEventTask(stream, VNPU_OP_EVENT_RESET, event->reg.id,
                                       event->is_switch() ? event->off_seq() : 0,
                                       /*timeout_us=*/0, &submitted));
  event->reg.last_reset = {.queue = submitted.queue, .task = submitted.task};
  event->recorded = false;
  return ACL_SUCCESS;
}

aclError TryWait(Stream* stream, Event* event, uint32_t timeout_us, bool external,
                 std::shared_ptr<IpcEvent>* ipc) {
  const std::lock_guard lock(event->mutex);
  VNPU_RETURN_IF_ERROR(CheckAlive(*event));
  if (stream->has(kDiverted) || event->in_graph.capture != 0) [[unlikely]] {
    bool done = false;
    VNPU_RETURN_IF_ERROR(WaitInGraph(stream, event, timeout_us, external, &done));
    if (done) {
      return ACL_SUCCESS;
    }
  }
  if (event->ipc != nullptr) [[unlikely]] {
    *ipc = event->ipc;
    return ACL_SUCCESS;
  }
  if (!CanSync(*event)) {
    return FailNoSync("aclrtStreamWaitEvent");
  }
  if (event->is_switch()) {
    VNPU_RETURN_IF_ERROR(TakeRegister(*event, *stream));
  }
  uint64_t seq = event->reg.seq;
  if (!event->recorded && !event->is_switch()) {
    switch (event->kind) {
      case EventKind::kReusable:
        return ACL_SUCCESS;  // it has captured no task
      case EventKind::kDefault:
        return Fail(ACL_ERROR_RT_PARAM_INVALID,
                    "the event has not been recorded; call aclrtRecordEvent first, or make it with "
                    "aclrtCreateEventWithFlag or aclrtCreateEventExWithFlag");
      case EventKind::kFlags:
        break;
    }
    VNPU_RETURN_IF_ERROR(TakeRegister(*event, *stream));
    seq = event->reg.seq + 1;  // the record to come
  }
  if (event->session != stream->session) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "the event belongs to another device, or its device was reset");
  }
  Submitted wait;
  VNPU_RETURN_IF_ERROR(
      SubmitEventTask(stream, VNPU_OP_EVENT_WAIT, event->reg.id, seq, timeout_us, &wait));
  std::erase_if(event->waits, IsOver);
  event->waits.push_back(wait);
  return ACL_SUCCESS;
}

}  // namespace

aclError RecordEvent(Event* event, Stream* stream, bool external) {
  std::shared_ptr<IpcEvent> ipc;
  VNPU_RETURN_IF_ERROR(
      SubmitWhenRoom(stream, [&] { return TryRecord(event, stream, external, &ipc); }));
  return ipc == nullptr ? ACL_SUCCESS : ipc->Record(stream);
}

aclError ResetEvent(Event* event, Stream* stream) {
  return SubmitWhenRoom(stream, [&] { return TryReset(event, stream); });
}

aclError StreamWaitEvent(Stream* stream, Event* event, uint32_t timeout_us, bool external) {
  std::shared_ptr<IpcEvent> ipc;
  VNPU_RETURN_IF_ERROR(
      SubmitWhenRoom(stream, [&] { return TryWait(stream, event, timeout_us, external, &ipc); }));
  return ipc == nullptr ? ACL_SUCCESS : ipc->Wait(stream, timeout_us);
}

aclError QueryEvent(Event* event, bool* complete) {
  const std::lock_guard lock(event->mutex);
  VNPU_RETURN_IF_ERROR(CheckNotCaptured(event, "queried"));
  if (event->ipc != nullptr) [[unlikely]] {
    IpcEvent::Progress progress;
    VNPU_RETURN_IF_ERROR(event->ipc->Query(&progress));
    *complete = progress.done >= progress.recorded;
    return ACL_SUCCESS;
  }
  if (!event->recorded && !ByRegister(*event)) {
    *complete = event->kind == EventKind::kReusable;
    return ACL_SUCCESS;
  }
  *complete = IsDone(*event);
  if (!*complete && !event->session->usable()) {
    return FailDeviceLost(event->session->index());
  }
  return ACL_SUCCESS;
}

aclError QueryEventWait(Event* event, bool* complete) {
  const std::lock_guard lock(event->mutex);
  VNPU_RETURN_IF_ERROR(CheckNotCaptured(event, "queried"));
  if (event->kind == EventKind::kReusable) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "not for events of aclrtCreateEventExWithFlag; call aclrtQueryEventStatus");
  }
  *complete = std::ranges::all_of(event->waits, IsOver);
  return ACL_SUCCESS;
}

aclError SynchronizeEvent(Event* event, Deadline deadline) {
  if (event->ipc != nullptr) [[unlikely]] {
    return SynchronizeIpcEvent(event, deadline);
  }
  Submitted record;
  std::shared_ptr<Session> session;
  bool by_register = false;
  {
    const std::lock_guard lock(event->mutex);
    VNPU_RETURN_IF_ERROR(CheckNotCaptured(event, "waited for"));
    by_register = ByRegister(*event);
    if (!event->recorded && !by_register) {
      if (event->kind == EventKind::kReusable) {
        return ACL_SUCCESS;
      }
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "the event has not been recorded; call aclrtRecordEvent first");
    }
    if (!by_register && IsDone(*event) && !event->record.queue->HasCompletions()) {
      return ACL_SUCCESS;
    }
    record = event->record;
    session = event->session;
  }
  return by_register ? PollRegister(event, deadline)
                     : WaitForTask(*session, record, deadline, Spin::kAdaptive);
}

aclError EventTicks(Event* event, uint64_t* ticks, uint64_t* ticks_per_second) {
  const std::lock_guard lock(event->mutex);
  VNPU_RETURN_IF_ERROR(CheckNotCaptured(event, "asked for its time stamp"));
  if (!HasTime(*event)) {
    return Fail(ACL_ERROR_RT_EVENT_TIMESTAMP_INVALID,
                "the event was made without ACL_EVENT_TIME_LINE and has no time stamp");
  }
  if (!event->recorded || !IsDone(*event)) {
    return Fail(ACL_ERROR_RT_EVENT_TIMESTAMP_INVALID,
                "the event has no time stamp yet; record it and synchronise first");
  }
  *ticks = LoadShared(event->session->events().Register(event->reg.id).timestamp);
  *ticks_per_second = event->session->info().clock_hz;
  return ACL_SUCCESS;
}

aclError EventId(Event* event, uint32_t* id) {
  const std::lock_guard lock(event->mutex);
  if (event->ipc != nullptr) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "an event with ACL_EVENT_IPC has no number on a device");
  }
  if (!event->has_register) {
    if (!event->session->usable()) {
      return FailDeviceLost(event->session->index());
    }
    VNPU_RETURN_IF_ERROR(AcquireRegister(*event));
  }
  *id = event->reg.id;
  return ACL_SUCCESS;
}

}  // namespace vnpu::runtime
