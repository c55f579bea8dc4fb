// Ending the tasks of streams before their time.
#include "libruntime/src/stream/abort.h"

#include <algorithm>
#include <vector>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/callback/host_calls.h"

namespace vnpu::runtime {
namespace {

// A queue that is being aborted. The queue's object lives as long as the session.
struct Doomed {
  const Stream* stream = nullptr;
  SubmitQueue* queue = nullptr;
  uint64_t tail = 0;
  Context* context = nullptr;
};

bool TakeDoomed(Stream* stream, Doomed* doomed) {
  const std::lock_guard lock(stream->lock);
  if (!stream->alive()) {
    return false;
  }
  *doomed = {.stream = stream,
             .queue = stream->queue,
             .tail = stream->queue->tail(),
             .context = stream->context};
  return true;
}

aclError Ask(Session& session, uint32_t flags, Doomed* doomed) {
  vnpu_ioc_queue_abort request{
      .queue_id = doomed->queue->id(), .flags = flags, .drop_from = 0, .drop_until = 0};
  int result = 0;
  doomed->queue->aborts().Run([&] {
    session.host_calls().BeginAbort(doomed->stream);
    result = session.Call(VNPU_IOC_QUEUE_ABORT, request);
    const TaskRange dropped{.from = request.drop_from, .until = request.drop_until};
    session.host_calls().EndAbort(doomed->stream, dropped);
    return dropped;
  });
  doomed->tail = std::max(doomed->tail, request.drop_until);  // tasks that came meanwhile
  if (result == -EIO || result == -ENOTCONN) {
    return FailDeviceLost(session.index());
  }
  // A queue whose stream is destroyed meanwhile has no tasks either.
  return result < 0 && result != -ENOENT ? FailErrno(-result, "the driver cannot abort the stream")
                                         : ACL_SUCCESS;
}

aclError Await(Session& session, const Doomed& doomed, Deadline deadline) {
  switch (WaitForHead(session, *doomed.queue, doomed.tail, deadline)) {
    case WaitResult::kTimedOut:
      return Fail(ACL_ERROR_RT_STREAM_SYNC_TIMEOUT,
                  "stream {} still has tasks at the end of the given time", doomed.queue->id());
    case WaitResult::kLost:
      return FailDeviceLost(session.index());
    case WaitResult::kDone:
      break;
  }
  // What failed, and that it was aborted, is no news to whoever asked for it.
  doomed.queue->CollectCompletions();
  doomed.queue->TakeFailure(/*keep=*/false);
  return ACL_SUCCESS;
}

}  // namespace

aclError AbortStream(Stream* stream) {
  const std::shared_ptr<Session> session = stream->session;
  Doomed doomed;
  if (session == nullptr || !TakeDoomed(stream, &doomed)) {
    return FailStaleStream(stream);
  }
  VNPU_RETURN_IF_ERROR(Ask(*session, 0, &doomed));
  return Await(*session, doomed, std::nullopt);
}

aclError StopStream(Stream* stream) {
  const std::shared_ptr<Session> session = stream->session;
  Doomed doomed;
  if (session == nullptr || !TakeDoomed(stream, &doomed)) {
    return FailStaleStream(stream);
  }
  return Ask(*session, VNPU_ABORT_ONE, &doomed);
}

aclError AbortDevice(Session& session, Deadline deadline) {
  std::vector<Doomed> all;
  ForEachStreamOf(session, [&](Stream* stream) {
    if (Doomed doomed; TakeDoomed(stream, &doomed)) {
      doomed.context->stopped.store(ACL_SUCCESS);
      all.push_back(doomed);
    }
  });
  aclError first = ACL_SUCCESS;
  for (Doomed& doomed : all) {
    const aclError error = Ask(session, 0, &doomed);
    first = first == ACL_SUCCESS ? error : first;
  }
  for (const Doomed& doomed : all) {
    const aclError error = Await(session, doomed, deadline);
    first = first == ACL_SUCCESS ? error : first;
  }
  return first;
}

}  // namespace vnpu::runtime
