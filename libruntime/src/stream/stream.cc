#include "libruntime/src/stream/stream.h"

#include <cerrno>
#include <cstring>
#include <vector>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/callback/host_calls.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/graph/stream_end.h"
#include "libruntime/src/kernel/print.h"
#include "libruntime/src/memory/memory_pool.h"
#include "libruntime/src/memory/pinned_memory.h"
#include "libruntime/src/queue/queue_pool.h"

namespace vnpu::runtime {
namespace {

constexpr uint32_t kHugeEntries = 8192;

// Gives the queue of a stream that is not alive any more back.
void ReturnQueue(Stream* stream, bool clean) {
  if (stream->session->usable() && clean && !stream->stops_on_failure()) {
    stream->session->queues().Recycle(stream->queue);
  } else {
    stream->session->queues().Destroy(stream->queue);
  }
}

void Bury(Stream* stream) {
  stream->queue = nullptr;
  stream->context = nullptr;
  stream->session.reset();
  stream->lock.Disown();
  streams.Free(stream);
}

// From here on submissions to the stream fail. False: another thread was first.
bool EndLife(Stream* stream) {
  const std::lock_guard lock(stream->lock);
  return streams.Retire(stream);
}

// Waits for the tasks of a stream that is not alive any more. Host functions whose thread does not
// come do not hold it up.
WaitResult WaitForEnd(const Stream& stream, Deadline deadline) {
  constexpr auto kSlice = std::chrono::seconds(1);
  for (;;) {
    const Clock::time_point slice = Clock::now() + kSlice;
    const bool last = deadline.has_value() && *deadline <= slice;
    const WaitResult waited =
        WaitForHead(*stream.session, *stream.queue, stream.queue->tail(), last ? *deadline : slice);
    if (waited != WaitResult::kTimedOut || last) {
      return waited;
    }
    stream.session->host_calls().GiveUpOverdue(&stream);
  }
}

// What a stream waits with, taken under its lock.
struct View {
  std::shared_ptr<Session> session;
  SubmitQueue* queue = nullptr;
  uint64_t tail = 0;
  uint64_t aborts = 0;
  Spin spin = Spin::kAdaptive;
  bool stop_on_failure = false;
  Context* context = nullptr;
};

[[gnu::hot]] bool TakeView(Stream* stream, View* view) {
  const std::lock_guard lock(stream->lock);
  if (!stream->alive()) {
    return false;
  }
  *view = {.session = stream->session,
           .queue = stream->queue,
           .tail = stream->queue->tail(),
           .aborts = stream->queue->aborts().begun(),
           .spin = stream->fast_sync ? Spin::kLong : Spin::kAdaptive,
           .stop_on_failure = stream->stops_on_failure(),
           .context = stream->context};
  return true;
}

[[gnu::cold]] aclError FailAborted(const SubmitQueue& queue) {
  return Fail(ACL_ERROR_RT_STREAM_ABORT, "the tasks of stream {} were aborted during the wait",
              queue.id());
}

[[gnu::hot]] aclError Synchronize(const View& view, Deadline deadline) {
  switch (WaitForHead(*view.session, *view.queue, view.tail, deadline, view.spin)) {
    case WaitResult::kTimedOut:
      return Fail(ACL_ERROR_RT_STREAM_SYNC_TIMEOUT,
                  "stream {} still has tasks at the end of the given time ({} of {} done)",
                  view.queue->id(), view.queue->head(), view.tail);
    case WaitResult::kLost:
      return FailDeviceLost(view.session->index());
    case WaitResult::kDone:
      break;
  }
  view.session->host_calls().SeeWhatRan();
  if (view.session->memory_pools().any()) [[unlikely]] {
    view.session->memory_pools().Settle();
  }
  view.session->prints().Flush(view.queue->id());
  if (view.queue->aborts().Dropped(view.aborts, {.from = 0, .until = view.tail})) [[unlikely]] {
    return FailAborted(*view.queue);
  }
  if (!view.queue->HasCompletions() && !view.queue->failed()) {
    return ACL_SUCCESS;
  }
  view.queue->CollectCompletions();
  const auto failure = view.queue->TakeFailure(/*keep=*/view.stop_on_failure);
  if (!failure.has_value()) {
    return ACL_SUCCESS;
  }
  if (view.stop_on_failure) {
    view.context->stopped.store(failure->code);
  }
  return FailWith(failure->code, failure->text);
}

}  // namespace

aclError NewStream(Context* context, uint32_t priority, uint32_t flags, Stream** stream) {
  Stream* fresh = streams.Allocate();
  if (fresh == nullptr) {
    return Fail(ACL_ERROR_RT_NO_STREAM_RESOURCE,
                "too many streams ({}); destroy those that are not needed", kMaxStreams);
  }
  QueueSpec spec;
  spec.priority = priority;
  if ((flags & ACL_STREAM_HUGE) != 0) {
    spec.entries = kHugeEntries;
  }
  const aclError error = context->session->queues().Acquire(spec, &fresh->queue);
  if (error != ACL_SUCCESS) {
    streams.Free(fresh);
    return error;
  }
  fresh->context = context;
  fresh->session = context->session;
  fresh->session_serial = context->session->serial();
  fresh->flags = flags;
  fresh->priority.store(priority);
  fresh->fast_sync = (flags & ACL_STREAM_FAST_SYNC) != 0;
  fresh->failure_mode_set = false;
  fresh->attention.store(0);
  fresh->graph = nullptr;
  fresh->update = nullptr;
  fresh->core_limits.store({});
  fresh->overflow_check.store(false);
  const std::lock_guard lock(context->mutex);
  if (context->stop_on_failure) {
    context->session->queues().SetStopOnFailure(*fresh->queue, true);
    fresh->attention.fetch_or(kStopsOnFailure);
  }
  context->streams.insert(fresh);
  streams.Publish(fresh);
  *stream = fresh;
  return ACL_SUCCESS;
}

aclError DestroyStream(Stream* stream, bool force) {
  Context* context = stream->context;
  if (stream == context->default_stream) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "the default stream of a context cannot be destroyed");
  }
  VNPU_RETURN_IF_ERROR(LeaveGraphs(stream, force));
  if (!EndLife(stream)) {
    return FailStaleStream(stream);
  }
  {
    const std::lock_guard lock(context->mutex);
    context->streams.erase(stream);
  }
  bool idle = stream->queue->idle();
  if (!force && !idle) {
    idle = WaitForEnd(*stream, std::nullopt) == WaitResult::kDone;
  }
  stream->session->host_calls().EndStream(stream, /*drop=*/force || !idle);
  stream->session->host_calls().SeeWhatRan();
  ReturnQueue(stream, idle);
  Bury(stream);
  return ACL_SUCCESS;
}

void DropStream(Stream* stream, Deadline deadline) {
  LeaveGraphs(stream, /*force=*/true);
  if (!EndLife(stream)) {
    return;
  }
  const WaitResult waited = WaitForEnd(*stream, deadline);
  if (waited == WaitResult::kTimedOut) {
    Log().warn("stream {} ends with unfinished tasks", stream->queue->id());
  }
  stream->session->host_calls().EndStream(stream, /*drop=*/waited != WaitResult::kDone);
  ReturnQueue(stream, waited == WaitResult::kDone);
  Bury(stream);
}

[[gnu::hot]] aclError SynchronizeStream(Stream* stream, Deadline deadline) {
  View view;
  if (!TakeView(stream, &view)) {
    return FailStaleStream(stream);
  }
  return Synchronize(view, deadline);
}

namespace {

std::vector<View> ViewsOf(const Session& session) {
  std::vector<View> views;
  ForEachStreamOf(session, [&](Stream* stream) {
    if (View view; TakeView(stream, &view)) {
      views.push_back(std::move(view));
    }
  });
  return views;
}

}  // namespace

void AwaitTasks(const Session& session, Deadline deadline) {
  for (const View& view : ViewsOf(session)) {
    WaitForHead(*view.session, *view.queue, view.tail, deadline);
  }
}

aclError SynchronizeDevice(const Session& session, Deadline deadline) {
  const std::vector<View> views = ViewsOf(session);
  aclError first = ACL_SUCCESS;
  for (const View& view : views) {
    const aclError error = Synchronize(view, deadline);
    first = first == ACL_SUCCESS ? error : first;
    if (error == ACL_ERROR_RT_STREAM_SYNC_TIMEOUT || error == ACL_ERROR_RT_LOST_HEARTBEAT) {
      break;
    }
  }
  return first;
}

aclError QueryStream(Stream* stream, bool* complete) {
  View view;
  if (!TakeView(stream, &view)) {
    return FailStaleStream(stream);
  }
  *complete = view.queue->head() >= view.tail;
  if (view.queue->HasCompletions()) [[unlikely]] {
    view.queue->CollectCompletions();  // who only queries is told of failures by the callbacks
  }
  if (!*complete && !view.session->usable()) {
    return FailDeviceLost(view.session->index());
  }
  return ACL_SUCCESS;
}

aclError SetFailureMode(Stream* stream, bool stop) {
  Context* context = stream->context;
  const std::lock_guard lock(context->mutex);
  if (stream->failure_mode_set) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "the failure mode of a stream can be set once, and this one's has been set");
  }
  stream->failure_mode_set = true;
  if (!stop) {
    return ACL_SUCCESS;
  }
  context->stop_on_failure = true;
  for (Stream* each : context->streams) {
    VNPU_RETURN_IF_ERROR(context->session->queues().SetStopOnFailure(*each->queue, true));
    const std::lock_guard stream_lock(each->lock);
    each->attention.fetch_or(kStopsOnFailure);
  }
  return ACL_SUCCESS;
}

aclError FailStaleStream(const void* handle) {
  return Fail(ACL_ERROR_RT_INVALID_HANDLE,
              "{} is not a stream, or it was destroyed, or its device was reset", handle);
}

aclError FailDeviceLost(uint32_t device) {
  return Fail(ACL_ERROR_RT_LOST_HEARTBEAT,
              "device {} is gone (its process or the driver ended, or it was reset); call "
              "aclrtResetDeviceForce, then aclrtSetDevice",
              device);
}

aclError WaitForTask(Session& session, const Submitted& task, Deadline deadline, Spin spin) {
  const uint64_t aborts = task.queue->aborts().begun();
  switch (WaitForHead(session, *task.queue, task.task + 1, deadline, spin)) {
    case WaitResult::kTimedOut:
      return Fail(ACL_ERROR_RT_EVENT_SYNC_TIMEOUT, "not complete at the end of the given time");
    case WaitResult::kLost:
      return FailDeviceLost(session.index());
    case WaitResult::kDone:
      break;
  }
  // Only this task: the queue of one that is over may be another stream's by now.
  if (task.queue->aborts().Dropped(aborts, {.from = task.task, .until = task.task + 1}))
      [[unlikely]] {
    return FailAborted(*task.queue);
  }
  if (!task.queue->HasCompletions() && !task.queue->failed()) {
    return ACL_SUCCESS;
  }
  task.queue->CollectCompletions();
  const auto failure = task.queue->TakeFailure(/*keep=*/true);
  if (!failure.has_value() || failure->task > task.task) {
    return ACL_SUCCESS;
  }
  return FailWith(failure->code, failure->text);
}

namespace {

aclError AwaitHead(Session& session, SubmitQueue& queue, uint64_t target) {
  return WaitForHead(session, queue, target, std::nullopt) == WaitResult::kLost
             ? FailDeviceLost(session.index())
             : ACL_SUCCESS;
}

}  // namespace

aclError AwaitRoom(Stream* stream) {
  std::shared_ptr<Session> session;
  SubmitQueue* queue = nullptr;
  uint64_t target = 0;
  {
    const std::lock_guard lock(stream->lock);
    if (!stream->alive()) {
      return FailStaleStream(stream);
    }
    session = stream->session;
    queue = stream->queue;
    target = queue->RoomTarget();
  }
  return AwaitHead(*session, *queue, target);
}

bool LastTask(uint64_t* task) {
  *task = internal::last_task & ~internal::kGraphTask;
  return internal::last_task != ~uint64_t{0};
}

namespace internal {

thread_local constinit uint64_t last_task = ~uint64_t{0};

aclError WaitForRoom(Stream* stream, uint32_t arg_bytes, uint32_t data_bytes, uint64_t target,
                     const std::shared_ptr<Session>& session, SubmitQueue* queue) {
  if (arg_bytes > queue->arg_capacity() || data_bytes > kMaxDataBytes) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} bytes of arguments are too many", arg_bytes);
  }
  if (data_bytes > 0 && queue->data_capacity() == 0) {
    std::byte* memory = nullptr;
    VNPU_RETURN_IF_ERROR(session->pinned_memory().Allocate(kDataRingBytes, &memory));
    const std::lock_guard lock(stream->lock);
    if (!stream->alive() || stream->queue != queue || queue->data_capacity() != 0) {
      session->pinned_memory().Free(memory);
      return ACL_SUCCESS;
    }
    queue->SetDataMemory(memory, kDataRingBytes);
    return ACL_SUCCESS;
  }
  return AwaitHead(*session, *queue, target);
}

aclError FailIfStopped(Stream* stream) {
  View view;
  if (!TakeView(stream, &view)) {
    return FailStaleStream(stream);
  }
  std::atomic<aclError>& stopped = view.context->stopped;
  if (stopped.load() == ACL_SUCCESS) {
    view.queue->CollectCompletions();
    if (const auto failure = view.queue->TakeFailure(/*keep=*/true); failure.has_value()) {
      stopped.store(failure->code);
    }
  }
  return stopped.load() == ACL_SUCCESS
             ? ACL_SUCCESS
             : Fail(stopped.load(),
                    "an earlier task failed and the context stops on failure: it takes no more "
                    "tasks");
}

aclError FailPublish(Stream* stream, int error) {
  if (!stream->session->usable() || error == -EIO || error == -ENOTCONN) {
    return FailDeviceLost(stream->session->index());
  }
  return FailErrno(-error, "the driver does not take the task");
}

}  // namespace internal

aclError SubmitNothing(Stream* stream) {
  return Submit(stream, 0, 0, [](Slot& slot) { slot.sqe->opcode = VNPU_OP_NOP; });
}

}  // namespace vnpu::runtime
