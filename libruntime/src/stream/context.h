// Contexts and streams: the objects behind aclrtContext and aclrtStream.
#ifndef VNPU_LIBRUNTIME_SRC_STREAM_CONTEXT_H_
#define VNPU_LIBRUNTIME_SRC_STREAM_CONTEXT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_set>

#include "acl/acl_base.h"
#include "libruntime/src/base/biased_lock.h"
#include "libruntime/src/base/slab.h"
#include "libruntime/src/device/core_limits.h"
#include "libruntime/src/wait/wait.h"

namespace vnpu::runtime {

class Session;
class SubmitQueue;
struct Context;

struct GraphStream;
struct GroupUpdate;

enum StreamAttention : uint8_t {
  kStopsOnFailure = 1,  // an earlier failure is the answer to further submissions
  kDiverted = 2,        // tasks go to `graph`: the stream is captured, or persistent
  kUpdating = 4,        // tasks go to `update`: they replace those of a task group
  kNoImplicit = 8,      // a default stream, while streams of its context are captured
};

struct alignas(64) Stream : SlabObject {
  BiasedLock lock;  // for submission; guards what follows and the end of the stream's life
  // Why submissions are not simply put into the queue: StreamAttention; 0 for most streams.
  std::atomic<uint8_t> attention{0};
  std::atomic<bool> overflow_check{false};  // kernels note overflows
  bool failure_mode_set = false;
  bool fast_sync = false;
  std::atomic<CoreLimits> core_limits{};  // set for this stream
  SubmitQueue* queue = nullptr;
  Context* context = nullptr;
  std::shared_ptr<Session> session;
  uint64_t session_serial = 0;
  uint32_t flags = 0;
  std::atomic<uint32_t> priority{0};
  GraphStream* graph = nullptr;
  GroupUpdate* update = nullptr;

  bool has(StreamAttention reason) const {
    return (attention.load(std::memory_order_relaxed) & reason) != 0;
  }
  bool stops_on_failure() const { return has(kStopsOnFailure); }
};

struct alignas(64) Context : SlabObject {
  uint32_t device = 0;
  bool primary = false;
  std::shared_ptr<Session> session;
  Stream* default_stream = nullptr;
  // A task failed and the context stops on failure: what every submission is answered.
  std::atomic<aclError> stopped{ACL_SUCCESS};

  std::mutex mutex;  // guards what follows
  bool stop_on_failure = false;
  uint32_t captures = 0;  // of its streams, under way
  std::unordered_set<Stream*> streams;
  std::map<int, int64_t> parameters;  // aclrtCtxSetSysParamOpt
};

inline constexpr size_t kMaxContexts = 16384;
inline constexpr size_t kMaxStreams = 65536;
extern Slab<Context, kMaxContexts> contexts;
extern Slab<Stream, kMaxStreams> streams;

// A context with its default stream.
aclError NewContext(std::shared_ptr<Session> session, bool primary, Context** context);
// An explicit context, made current; opens its device if needed.
aclError CreateContext(int32_t device, Context** context);
aclError DestroyContext(Context* context);

// Makes all contexts and streams of a session stale, after their tasks are done or at the
// deadline.
void DropContextsOf(Session& session, Deadline deadline);

// All live streams of a session. Streams may end meanwhile: look at alive() under their locks.
void ForEachStreamOf(const Session& session, const std::function<void(Stream*)>& visit);

namespace internal {
// What the calling thread has as its context.
struct Current {
  Context* context = nullptr;
  uint32_t generation = 0;

  bool good() const {
    return context != nullptr && context->alive() && context->generation() == generation;
  }
};
extern thread_local constinit Current current;
// For a thread without a context: takes aclInit's default device, if there is one.
[[gnu::cold]] aclError AdoptDefaultDevice();
// Why `handle` is no stream of the calling thread's context.
[[gnu::cold]] aclError FailForeignStream(const void* handle);
}  // namespace internal

// The calling thread's context.
void MakeCurrent(Context* context);
inline aclError CurrentContext(Context** context) {
  if (!internal::current.good()) [[unlikely]] {
    if (const aclError error = internal::AdoptDefaultDevice(); error != ACL_SUCCESS) {
      return error;
    }
  }
  *context = internal::current.context;
  return ACL_SUCCESS;
}
// The session of that context.
aclError CurrentSession(std::shared_ptr<Session>* session);

// Context whose default stream `handle` null means, or the stream of a handle; it must belong to
// the calling thread's context.
inline aclError ResolveStream(void* handle, Stream** stream) {
  Context* context = nullptr;
  if (const aclError error = CurrentContext(&context); error != ACL_SUCCESS) [[unlikely]] {
    return error;
  }
  Stream* const found = handle != nullptr ? streams.Resolve(handle) : context->default_stream;
  if (found == nullptr || found->context != context) [[unlikely]] {
    const aclError error = internal::FailForeignStream(handle);
    if (error == ACL_SUCCESS) {
      __builtin_unreachable();  // or the analyser thinks of success without a stream
    }
    return error;
  }
  *stream = found;
  return ACL_SUCCESS;
}

// aclInit's default_device; -1: none.
void SetDefaultDevice(int32_t device);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_STREAM_CONTEXT_H_
