// Life of streams, waiting for them, and submission to them.
#ifndef VNPU_LIBRUNTIME_SRC_STREAM_STREAM_H_
#define VNPU_LIBRUNTIME_SRC_STREAM_STREAM_H_

#include <utility>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/queue/submit_queue.h"
#include "libruntime/src/stream/context.h"

namespace vnpu::runtime {

// A stream in the context; priority 0 (highest) .. VNPU_PRIORITIES-1.
aclError NewStream(Context* context, uint32_t priority, uint32_t flags, Stream** stream);

// Ends a stream: after its tasks, or at once.
aclError DestroyStream(Stream* stream, bool force);

// As the part of a context's end: waits to the deadline at most.
void DropStream(Stream* stream, Deadline deadline);

// Waits for all tasks submitted so far. Failures since the last wait are this call's error.
aclError SynchronizeStream(Stream* stream, Deadline deadline);
// Waits for all streams of a device.
aclError SynchronizeDevice(const Session& session, Deadline deadline);

// Lets tasks of the device that were submitted so far end, until the deadline. Says nothing of
// them.
void AwaitTasks(const Session& session, Deadline deadline);

// Whether all tasks submitted so far are finished.
aclError QueryStream(Stream* stream, bool* complete);

// Failure mode of a stream; stop: also for all others of its context.
aclError SetFailureMode(Stream* stream, bool stop);

[[gnu::cold]] aclError FailStaleStream(const void* handle);
[[gnu::cold]] aclError FailDeviceLost(uint32_t device);

// The lock of a stream, until it is given back or the end of the block. As std::unique_lock, whose
// state the compiler keeps in memory.
class HoldStream {
 public:
  [[gnu::always_inline]] explicit HoldStream(Stream* stream) : lock_(&stream->lock) {
    lock_->lock();
  }
  HoldStream(const HoldStream&) = delete;
  HoldStream& operator=(const HoldStream&) = delete;
  [[gnu::always_inline]] ~HoldStream() {
    if (lock_ != nullptr) {
      lock_->unlock();
    }
  }
  [[gnu::always_inline]] void GiveBack() {
    lock_->unlock();
    lock_ = nullptr;
  }

 private:
  BiasedLock* lock_;
};

// A task that was submitted, and what is needed to wait for it.
struct Submitted {
  SubmitQueue* queue = nullptr;
  uint64_t task = 0;
};

// Waits for one task. Its failure, or an earlier one of the queue, is the error, and stays for
// SynchronizeStream.
aclError WaitForTask(Session& session, const Submitted& task, Deadline deadline, Spin spin);

// Memory of a queue for data beside the arguments, and the most that one task may have.
inline constexpr uint32_t kDataRingBytes = 256u << 10;
inline constexpr uint32_t kMaxDataBytes = 64u << 10;

// The task that the calling thread submitted last; false: none yet.
bool LastTask(uint64_t* task);

// Waits until a queue that was full has room, without any lock.
aclError AwaitRoom(Stream* stream);

namespace internal {
// What Submit<false> returns when the queue is full; no code of the interface.
inline constexpr aclError kNoRoom = -1;
// Index of the task that the calling thread submitted last; none: ~0. With kGraphTask: its number
// in a graph.
inline constexpr uint64_t kGraphTask = uint64_t{1} << 63;
extern thread_local constinit uint64_t last_task;
// For a submission that found no room: waits for some, without the stream's lock.
aclError WaitForRoom(Stream* stream, uint32_t arg_bytes, uint32_t data_bytes, uint64_t target,
                     const std::shared_ptr<Session>& session, SubmitQueue* queue);
// Where a graph's task is written.
struct GraphPlace {
  vnpu_sqe* sqe = nullptr;
  std::byte* args = nullptr;
  std::byte* data = nullptr;
  GraphStream* graph = nullptr;
  bool plain = false;  // captured, and no part of a task group
};
// For a stream with attention: refuses the task, or makes a place in a graph for it (sqe is not
// null; the stream's lock is then held until KeepTask), or neither: it goes to the queue.
aclError Attend(Stream* stream, uint32_t arg_bytes, uint32_t data_bytes, GraphPlace* place);
// The task has been written into its place. A graph's task is none of a queue: *submitted gets no
// queue.
aclError KeepTask(Stream* stream, const GraphPlace& place, const void* object, NodeKind kind,
                  uint8_t hints, Submitted* submitted);
// For a stream whose context stops on failure: the failure, if there was one.
aclError FailIfStopped(Stream* stream);
aclError FailPublish(Stream* stream, int error);
}  // namespace internal

// Submits one task with room for `arg_bytes` of arguments and `data_bytes` of data that the device
// can read: `fill(Slot&)` writes opcode and payload. Waits while the queue is full, unless kWait is
// false: then it returns internal::kNoRoom.
template <bool kWait = true, class Fill>
aclError Submit(Stream* stream, uint32_t arg_bytes, uint32_t data_bytes, Fill&& fill,
                Submitted* submitted = nullptr) {
  for (;;) {
    if (stream->attention.load(std::memory_order_relaxed) != 0) [[unlikely]] {
      internal::GraphPlace place;
      VNPU_RETURN_IF_ERROR(internal::Attend(stream, arg_bytes, data_bytes, &place));
      if (place.sqe != nullptr) {
        Slot slot{.sqe = place.sqe, .args = place.args, .data = place.data};
        fill(slot);
        return internal::KeepTask(stream, place, slot.object, slot.kind, slot.hints, submitted);
      }
    }
    HoldStream hold(stream);
    if (!stream->alive()) [[unlikely]] {
      hold.GiveBack();
      return FailStaleStream(stream);
    }
    SubmitQueue& queue = *stream->queue;
    Slot slot;
    if (data_bytes <= queue.data_capacity() && queue.TryReserve(arg_bytes, data_bytes, &slot))
        [[likely]] {
      fill(slot);
      bool kick = false;
      const int result = queue.Publish(slot, &kick);
      internal::last_task = slot.index;
      if (submitted != nullptr) {
        *submitted = {.queue = &queue, .task = slot.index};
      }
      if (kick) [[unlikely]] {
        const std::shared_ptr<Session> session = stream->session;
        hold.GiveBack();
        session->Kick();
      } else {
        hold.GiveBack();
      }
      return result == 0 ? ACL_SUCCESS : internal::FailPublish(stream, result);
    }
    if constexpr (!kWait) {
      return internal::kNoRoom;
    }
    const uint64_t target = queue.RoomTarget();
    const std::shared_ptr<Session> session = stream->session;
    hold.GiveBack();
    const aclError error =
        internal::WaitForRoom(stream, arg_bytes, data_bytes, target, session, &queue);
    if (error != ACL_SUCCESS) {
      return error;
    }
  }
}

// For tasks that are submitted with the lock of an object held, by `attempt` with Submit<false>.
// While the queue is full nobody holds the lock: whoever is to make room may need the object.
template <class Attempt>
aclError SubmitWhenRoom(Stream* stream, Attempt&& attempt) {
  for (;;) {
    const aclError error = attempt();
    if (error != internal::kNoRoom) [[likely]] {
      return error;
    }
    VNPU_RETURN_IF_ERROR(AwaitRoom(stream));
  }
}

// A task that does nothing but take its place in the stream's order.
aclError SubmitNothing(Stream* stream);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_STREAM_STREAM_H_
