// A task queue from the client's side: room for entries and arguments, publishing, progress.
#ifndef VNPU_LIBRUNTIME_SRC_QUEUE_SUBMIT_QUEUE_H_
#define VNPU_LIBRUNTIME_SRC_QUEUE_SUBMIT_QUEUE_H_

#include <vnpu/queue.h>
#include <vnpu/session.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "acl/acl_base.h"
#include "libruntime/src/base/shared_memory.h"
#include "libruntime/src/graph/node_kind.h"
#include "libruntime/src/queue/abort_log.h"
#include "libruntime/src/queue/ring_space.h"

namespace vnpu::runtime {

class Session;

// How entries reach the device: VNPU_SUBMIT.
enum class SubmitMode : uint8_t {
  kRing,   // the client publishes in shared memory
  kUring,  // IORING_OP_WRITE to the device node (embedded: a message); the driver publishes
  kIoctl,  // VNPU_IOC_SUBMIT; the driver publishes
};

// The mode of this process; ring where the driver lacks what was asked for.
SubmitMode ChooseSubmitMode(uint64_t features);

struct QueueSpec {
  uint32_t entries = 1024;
  uint32_t arg_bytes = 64u << 10;
  uint32_t priority = 0;
  bool operator==(const QueueSpec&) const = default;
};

// Where one task is written before it is published.
struct Slot {
  uint64_t index = 0;
  vnpu_sqe* sqe = nullptr;    // queue_id is set, seq comes when it is published, the rest is 0
  std::byte* args = nullptr;  // room for arguments in the queue's argument area
  uint32_t arg_offset = 0;
  std::byte* data = nullptr;  // room in memory that the device can read at the same address
  uint64_t arg_position = 0;
  uint64_t data_position = 0;
  uint32_t arg_bytes = 0;
  uint32_t data_bytes = 0;
  // For graphs that keep the task: what it is about, as GraphNode::object and its kind say.
  const void* object = nullptr;
  NodeKind kind = NodeKind::kTask;
  uint8_t hints = 0;
};

// A failed task of a queue.
struct Failure {
  aclError code = ACL_SUCCESS;
  uint64_t task = 0;
  std::string text;
};

// One incarnation of a queue of the driver. Submission (TryReserve, Publish, RoomTarget) is for
// one thread at a time: the owner locks. Everything else: any thread.
class SubmitQueue {
 public:
  SubmitQueue(Session& session, SubmitMode mode, uint32_t id, const QueueSpec& spec,
              std::byte* memory);
  SubmitQueue(const SubmitQueue&) = delete;
  SubmitQueue& operator=(const SubmitQueue&) = delete;

  // Room for one entry with `arg_bytes` of arguments and `data_bytes` of data; false: full now.
  bool TryReserve(uint32_t arg_bytes, uint32_t data_bytes, Slot* slot) {
    if (tail_.load(std::memory_order_relaxed) - cached_head_ >= entries_) [[unlikely]] {
      RefreshHead();
      if (tail_.load(std::memory_order_relaxed) - cached_head_ >= entries_) {
        return false;
      }
    }
    slot->index = tail_.load(std::memory_order_relaxed);
    if (arg_bytes > 0 && !ReserveBytes(arg_ring_, arg_bytes, &slot->arg_position)) {
      return false;
    }
    if (data_bytes > 0 && !ReserveBytes(data_ring_, data_bytes, &slot->data_position))
        [[unlikely]] {
      return false;
    }
    FillSlot(arg_bytes, data_bytes, slot);
    return true;
  }

  // Hands the entry over. 0, or -errno of the driver where it publishes. *kick: the device sleeps
  // and the caller has to kick it.
  int Publish(const Slot& slot, bool* kick) {
    TakeBytes(slot);
    const uint64_t next = slot.index + 1;
    if (mode_ != SubmitMode::kRing) [[unlikely]] {
      return PublishByDriver(next);
    }
    tail_.store(next, std::memory_order_release);
    StoreShared(slot.sqe->seq, static_cast<uint32_t>(slot.index), std::memory_order_release);
    // The device asks for a doorbell, or says that it sleeps, before its last look at the tail. The
    // fence that this store then needs before the loads below is the device's where it can be: here
    // it would wait for the line of the tail.
    if (device_fences_) [[likely]] {
      StoreShared(hdr_->sq_tail, next, std::memory_order_release);
      std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
      StoreShared(hdr_->sq_tail, next, std::memory_order_seq_cst);
    }
    if (LoadShared(hdr_->need_doorbell, std::memory_order_seq_cst) != 0) [[unlikely]] {
      RingDoorbell();
    }
    *kick = TakeWakeup();
    return 0;
  }

  // sq_head to wait for before TryReserve can find room again.
  uint64_t RoomTarget() const;

  // Gives the queue memory for Slot::data, of `bytes`; at most once.
  void SetDataMemory(std::byte* memory, uint32_t bytes);
  uint64_t data_capacity() const { return data_ring_.capacity(); }
  std::byte* data_memory() const { return data_memory_; }
  uint64_t arg_capacity() const { return arg_ring_.capacity(); }

  // Index that the next task will get: everything submitted so far is below it.
  uint64_t tail() const { return tail_.load(std::memory_order_acquire); }
  // Every task below is finished.
  uint64_t head() const {
    return gone() ? tail() : LoadShared(hdr_->sq_head, std::memory_order_seq_cst);
  }
  bool idle() const { return head() >= tail(); }

  // Takes in the completions that have been posted: failures are logged and kept.
  void CollectCompletions();
  // For the reader of the driver's completions.
  void Consume(const vnpu_cqe& completion);
  bool HasCompletions() const;

  // The first failure since the last call; with `keep` it stays.
  std::optional<Failure> TakeFailure(bool keep);
  // Arguments of a kernel of the queue, while neither its entry nor they have been overwritten:
  // those in the queue's memory are copied, for others *device gets their address.
  bool ReadArgs(uint64_t task, std::vector<std::byte>* bytes, void** device) const;
  // As if a task had failed so.
  void AddFailure(Failure failure);
  AbortLog& aborts() { return aborts_; }
  bool failed() const { return failed_.load(std::memory_order_acquire); }

  // Whether the device notes when the tasks published from now on run. As submission: the owner
  // locks.
  void RecordTimes(bool record) {
    if (record != (times_from() != kNoTimes)) {
      times_from_.store(record ? tail() : kNoTimes, std::memory_order_release);
      StoreShared(hdr_->record_times, record ? 1u : 0u);
    }
  }
  // The first task whose time was noted; kNoTimes: none.
  static constexpr uint64_t kNoTimes = ~uint64_t{0};
  uint64_t times_from() const { return times_from_.load(std::memory_order_acquire); }

  // The driver's queue was destroyed; its memory is not looked at any more.
  void MarkGone() { gone_.store(true, std::memory_order_release); }
  bool gone() const { return gone_.load(std::memory_order_acquire); }

  uint32_t id() const { return id_; }
  // The queue pool's; spec() is not for others while a priority is set.
  const QueueSpec& spec() const { return spec_; }
  void set_priority(uint32_t priority) { spec_.priority = priority; }
  std::byte* memory() const { return reinterpret_cast<std::byte*>(hdr_); }
  vnpu_queue_hdr& hdr() const { return *hdr_; }
  Session& session() const { return session_; }

 private:
  // How far the rings had been used after a task.
  struct RingEnds {
    uint64_t args = 0;
    uint64_t data = 0;
  };

  bool ReserveBytes(RingSpace& ring, uint32_t bytes, uint64_t* position) {
    *position = ring.Find(bytes);
    if (*position == RingSpace::kNone) [[unlikely]] {
      RefreshHead();
      *position = ring.Find(bytes);
    }
    return *position != RingSpace::kNone;
  }

  void FillSlot(uint32_t arg_bytes, uint32_t data_bytes, Slot* slot) {
    vnpu_sqe* sqe = mode_ == SubmitMode::kRing ? &sq_[slot->index & mask_] : &staged_;
    // The device has read the slots that come next: their lines are asked back in time.
    constexpr uint64_t kAhead = 8;
    asm volatile("prefetchw %0" : : "m"(sq_[(slot->index + kAhead) & mask_]));
    // The device may take the entry once its seq is there: Publish() writes that. Until then it is
    // none that anybody looks for in this slot, least of all the one that it was: ReadEntry().
    StoreShared(sqe->seq, static_cast<uint32_t>(slot->index) - 1, std::memory_order_relaxed);
    if (arg_bytes > 0) {
      args_claimed_.store(slot->arg_position + arg_bytes, std::memory_order_relaxed);
    }
    std::atomic_thread_fence(std::memory_order_release);
    sqe->opcode = 0;
    sqe->flags = 0;
    sqe->core_limit = 0;
    sqe->queue_id = id_;
    sqe->timeout_us = 0;
    std::memset(sqe->payload, 0, sizeof(sqe->payload));
    slot->sqe = sqe;
    slot->arg_bytes = arg_bytes;
    slot->data_bytes = data_bytes;
    if (arg_bytes > 0) {
      slot->arg_offset = static_cast<uint32_t>(slot->arg_position % arg_ring_.capacity());
      slot->args = args_ + slot->arg_offset;
    }
    if (data_bytes > 0) {
      slot->data = data_memory_ + slot->data_position % data_ring_.capacity();
    }
  }

  // While nothing has ever been taken of the rings, their ends are as they were made.
  void TakeBytes(const Slot& slot) {
    if (slot.arg_bytes > 0) {
      arg_ring_.Take(slot.arg_position, slot.arg_bytes);
    }
    if (slot.data_bytes > 0) {
      data_ring_.Take(slot.data_position, slot.data_bytes);
    }
    if ((arg_ring_.tail() | data_ring_.tail()) != 0) {
      ends_[slot.index & mask_] = {.args = arg_ring_.tail(), .data = data_ring_.tail()};
    }
  }

  // Wakes the device if it sleeps; true: the caller has to kick it.
  bool TakeWakeup() {
    return LoadShared(session_mem_->need_wakeup, std::memory_order_seq_cst) != 0 &&
           ExchangeShared(session_mem_->need_wakeup, 0) != 0;
  }

  void RefreshHead();
  void RingDoorbell();
  int PublishByDriver(uint64_t next);
  // A failure that was taken in and has yet to be told.
  struct Noticed {
    Failure failure;
    uint32_t func_id = UINT32_MAX;
    bool quiet = false;  // it is nobody's concern
  };
  void Notice(const vnpu_cqe& shared, std::vector<Noticed>* noticed);
  void Report(const std::vector<Noticed>& noticed);
  Failure Describe(const vnpu_cqe& completion, uint32_t* func_id) const;
  struct Entry {
    vnpu_sqe sqe;
    uint64_t args_end;  // in their ring
  };
  // That of a task, while its slot is not in use again.
  std::optional<Entry> ReadEntry(uint64_t task) const;
  void LogFailure(const std::string& text);
  void KeepFailure(Failure failure);

  // What every submission touches.
  vnpu_queue_hdr* const hdr_;
  vnpu_sqe* const sq_;
  std::byte* const args_;
  const uint64_t mask_;
  const uint64_t entries_;
  std::atomic<uint64_t> tail_{0};
  uint64_t cached_head_ = 0;
  RingSpace arg_ring_;
  std::atomic<uint64_t> args_claimed_{0};  // up to here arguments may be being written
  RingSpace data_ring_;
  std::byte* data_memory_ = nullptr;
  std::unique_ptr<RingEnds[]> ends_;
  const uint32_t id_;
  const SubmitMode mode_;
  const bool device_fences_;
  Session& session_;
  vnpu_session_mem* const session_mem_;
  vnpu_sqe staged_{};  // the entry, where the driver publishes

  QueueSpec spec_;
  const vnpu_cqe* const cq_;
  std::atomic<uint64_t> times_from_{kNoTimes};
  std::atomic<bool> gone_{false};
  std::atomic<bool> failed_{false};
  std::mutex collect_mutex_;           // of who takes in completions; before completion_mutex_
  std::atomic<uint64_t> consumed_{0};  // completions taken in
  uint64_t overflow_seen_ = 0;
  std::mutex completion_mutex_;
  std::atomic<uint32_t> failures_logged_{0};  // since the failure was last taken
  std::optional<Failure> first_failure_;
  AbortLog aborts_;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_QUEUE_SUBMIT_QUEUE_H_
