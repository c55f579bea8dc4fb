// Capturing: the tasks of streams go into a model instead of being run (manual 15, guide 04).
#ifndef VNPU_LIBRUNTIME_SRC_GRAPH_CAPTURE_H_
#define VNPU_LIBRUNTIME_SRC_GRAPH_CAPTURE_H_

#include <atomic>
#include <cstdint>

#include "libruntime/src/graph/model.h"

namespace vnpu::runtime {

// Begins to capture the stream, into a new model or into the body `into`.
aclError BeginCapture(Stream* stream, aclmdlRICaptureMode mode, Model* into);
// Ends it. The model is ready; on failure there is none any more.
aclError EndCapture(Stream* stream, Model** model);
// *model is null unless the stream is captured.
aclError CaptureInfo(Stream* stream, aclmdlRICaptureStatus* status, Model** model);
// As captures know the calling thread.
uint64_t ThisThread();
// Sets the calling thread's mode and returns the one before.
aclmdlRICaptureMode ExchangeThreadMode(aclmdlRICaptureMode mode);

// The stream becomes part of the capture of `model`, by an event. With the model's mutex held.
aclError JoinCapture(Model* model, Stream* stream, GraphStream** graph);

// The capture has failed: its streams take no more tasks, and its end reports it. Any thread.
void RefuseCapture(Model* model, aclError cause);

// Captures under way in the process, for a look that costs nothing.
extern std::atomic<uint32_t> captures_under_way;

namespace internal {
aclError RefuseUnsafe(const char* what, aclError code);
aclError RefuseDeviceWait(const Session& session);
aclError RefuseStreamWait(Stream* stream, const char* what, bool* nothing_to_do);
// Of a default stream, while streams of its context are captured.
aclError RefuseImplicit(const Stream* stream);
}  // namespace internal

// For calls that captures forbid, as far as their modes and the calling thread's say: copies and
// fills that wait. The captures that forbid them fail.
inline aclError CheckUnsafe(const char* what) {
  return captures_under_way.load(std::memory_order_relaxed) == 0
             ? ACL_SUCCESS
             : internal::RefuseUnsafe(what, ACL_ERROR_RT_CAPTURE_MODE_NOT_SUPPORT);
}
// The same for a copy in a stream that would have to wait.
aclError CheckUnsafeAsync(Stream* stream);

// For calls that wait for all streams of a device, or look at them.
inline aclError CheckDeviceWait(const Session& session) {
  return captures_under_way.load(std::memory_order_relaxed) == 0
             ? ACL_SUCCESS
             : internal::RefuseDeviceWait(session);
}

// For calls that wait for a stream, or look at it. *nothing_to_do: it is a persistent one, which
// has no tasks of its own.
inline aclError CheckStreamWait(Stream* stream, const char* what, bool* nothing_to_do) {
  *nothing_to_do = false;
  return !stream->has(kDiverted) && !stream->has(kNoImplicit)
             ? ACL_SUCCESS
             : internal::RefuseStreamWait(stream, what, nothing_to_do);
}

// The model that captures the stream; null: none does.
Model* CaptureOf(Stream* stream);

// For a task of a capture that was ended before it came.
[[gnu::cold]] aclError FailCaptureEnded();

// A stream ends. With `force`, a capture of it fails; otherwise the call does.
aclError LeaveCapture(Stream* stream, bool force);

// Ends all captures into the model, whatever they have.
void AbandonCapture(Model* model);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_GRAPH_CAPTURE_H_
