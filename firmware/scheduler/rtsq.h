// The device's side of one task queue: its memory, and the task at its head.
#ifndef VNPU_FIRMWARE_SCHEDULER_RTSQ_H_
#define VNPU_FIRMWARE_SCHEDULER_RTSQ_H_

#include <vnpu/ioctl.h>
#include <vnpu/queue.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "firmware/scheduler/shared.h"
#include "vdev/core.h"

namespace vnpu::firmware {

// A kernel that SQEs name by func_id. On a line of its own: finding it is a shift, and each kernel
// pays for more.
struct alignas(64) Function {
  vdev::CoreCode thunk = nullptr;
  uint32_t module_id = 0;
  uint32_t unit = VNPU_UNIT_AI_CORE;  // enum vnpu_unit
  uint32_t arg_size = 0;
  bool runs = false;  // it is one, and the device has such units
  uint64_t module_base = 0;
  uint64_t block_ticks = 0;  // moving average of one block's time

  // Falls fast and rises slowly: the first run of a kernel, or one that was interrupted, takes many
  // times as long as the next.
  void Average(uint64_t ticks) {
    if (block_ticks == 0) {
      block_ticks = ticks;
    } else if (ticks < block_ticks / 2) {
      block_ticks = (block_ticks + ticks) / 2;
    } else {
      block_ticks = (block_ticks * 7 + std::min(ticks, block_ticks * 8 + 8)) / 8;
    }
  }
};

struct Model;
struct ModelGraph;

// The task at the head of a queue, once it is known to be sound.
struct Task {
  alignas(64) vnpu_sqe sqe;  // the device's own copy
  Function* function = nullptr;
  const void* args = nullptr;
  uint32_t unit = VNPU_UNIT_DMA;
  uint32_t blocks = 0;    // in all
  uint32_t started = 0;   // given to workers
  uint32_t finished = 0;  // retired
  uint32_t pieces = 0;    // of work that run now, each on a core of its own
  uint64_t start = 0;     // device clock at the first block's start
  uint64_t end = 0;       // and at the last block's end
  uint64_t deadline = 0;  // 0: none
  uint32_t status = VNPU_OK;
  // Of the first block that failed; fault.status: VNPU_OK when none has.
  vdev::CoreResult fault;
  uint32_t fault_block = 0;
  uint32_t fault_core = 0;
};

enum class QueueState : uint8_t {
  kQuiet,    // empty; needs a doorbell
  kPolled,   // empty; its tail, or its next slot, is looked at in every pass or so
  kParting,  // empty; its client has been told to ring, the last look at its tail is still due
  kAdvance,  // has a next task to be decoded
  kReady,    // blocks left to start
  kRunning,  // all blocks started, or as many as its core limit lets run at once
  kWaiting,  // for an event, a notify, a word of memory, or something of a model
  kDead,     // its memory made no sense, or it is being destroyed
};

// Where a queue lies in memory shared with the client. Nothing in it is trusted.
struct QueueMemory {
  vnpu_queue_hdr* hdr = nullptr;
  vnpu_sqe* sq = nullptr;
  vnpu_task_time* times = nullptr;
  vnpu_cqe* cq = nullptr;
  std::byte* args = nullptr;
  uint64_t entries = 0;
  uint64_t arg_bytes = 0;

  static QueueMemory At(std::byte* base, uint32_t entries, uint32_t arg_bytes) {
    return {.hdr = reinterpret_cast<vnpu_queue_hdr*>(base),
            .sq = reinterpret_cast<vnpu_sqe*>(base + VNPU_QUEUE_SQ_OFFSET),
            .times = reinterpret_cast<vnpu_task_time*>(base + vnpu_queue_times_offset(entries)),
            .cq = reinterpret_cast<vnpu_cqe*>(base + vnpu_queue_cq_offset(entries)),
            .args = base + vnpu_queue_arg_offset(entries),
            .entries = entries,
            .arg_bytes = arg_bytes};
  }
};

struct Rtsq {
  // What every task touches, together.
  QueueMemory mem;
  uint64_t head = 0;       // index of the task at the head
  uint64_t seen_tail = 0;  // behind the last entry that is known of
  QueueState state = QueueState::kQuiet;
  bool stop_on_failure = false;
  bool failed = false;    // stop_on_failure and a task failed, or aborting: the rest is dropped
  bool aborting = false;  // up to drop_until; meanwhile failed is set too
  uint32_t priority = 0;
  Model* model = nullptr;  // whose stream this is; nullptr: a queue of the client
  uint32_t entry_id = 0;   // what its entries have as queue_id
  uint32_t id = 0;         // what it is called in reports; streams: the id of the queue that called
  bool parting = false;    // in the list of kParting, if perhaps not in that state any more
  bool announce = false;   // its head has moved since Announce(), which is to tell of it
  bool seq_last = false;   // VNPU_SESSION_SEQ_LAST
  bool by_tail = false;    // a doorbell or the tail itself said so: sq_tail is to be read
  Rtsq* next_announced = nullptr;  // among those
  Rtsq* prev = nullptr;            // in the list of its state
  Rtsq* next = nullptr;
  // From here on in cache lines of their own.
  uint64_t cq_tail = 0;
  uint32_t flags = 0;
  uint64_t idle_since = 0;     // kPolled: device clock when it was first seen empty; 0: not yet
  uint64_t wait_seq = 0;       // kWaiting
  uint64_t drop_from = 0;      // failed: index of the first task that is dropped
  uint64_t drop_until = 0;     // aborting: index of the first task that runs again
  Model* waits_for = nullptr;  // kWaiting for a run of it; kDead: until the run is over
  uint64_t exception = 0;      // record of its task's failure, if there is one already
  // Streams of models.
  static constexpr uint32_t kNoRestart = UINT32_MAX;
  ModelGraph* graph = nullptr;
  bool starts = false;               // with its graph
  uint32_t restart_at = kNoRestart;  // where it starts again when it is over
  Task task;
};

static_assert(offsetof(Rtsq, cq_tail) == 128);

inline constexpr uint64_t kEntriesAhead = 4;  // that are brought into the caches

// sq_tail, or what it is about to be: the device may know already of the entry whose publication it
// completes.
inline uint64_t LoadTail(const Rtsq& queue, std::memory_order order = std::memory_order_acquire) {
  const uint64_t tail = LoadShared(queue.mem.hdr->sq_tail, order);
  return queue.seq_last && tail == queue.seen_tail - 1 ? queue.seen_tail : tail;
}

// Notes a tail that was read. One that makes no sense is left for ReadTail().
inline void TakeTail(Rtsq* queue, uint64_t tail) {
  const uint64_t count = tail - queue->head;
  if (count > queue->mem.entries || tail < queue->seen_tail) {
    return;
  }
  queue->seen_tail = tail;
  for (uint64_t i = 0; i < std::min(count, kEntriesAhead); ++i) {
    __builtin_prefetch(&queue->mem.sq[(queue->head + i) & (queue->mem.entries - 1)]);
  }
}

// Whether an entry tells by itself that it is there. Of slot 0 before its first use this cannot be
// told.
inline bool EntryTells(const Rtsq& queue, uint64_t index) {
  return queue.seq_last && static_cast<uint32_t>(index) != 0;
}

// Whether an entry behind those that are known is there, as it says itself: a look at the tail
// would take that line from the client, who writes it for each entry.
inline bool SeesEntry(Rtsq* queue, uint64_t index) {
  constexpr uint64_t kEntriesATail = 8;
  const vnpu_sqe& sqe = queue->mem.sq[index & (queue->mem.entries - 1)];
  if (!EntryTells(*queue, index) ||
      LoadShared(sqe.seq, std::memory_order_acquire) != static_cast<uint32_t>(index)) {
    return false;
  }
  queue->seen_tail = index + 1;
  if (index % kEntriesATail == 0) {
    TakeTail(queue, LoadTail(*queue));  // there may be many
  }
  return true;
}

// Takes a copy of the entry at the head.
inline void FetchEntry(Rtsq* queue) {
  const uint64_t mask = queue->mem.entries - 1;
  if (queue->seen_tail - queue->head > kEntriesAhead) {
    __builtin_prefetch(&queue->mem.sq[(queue->head + kEntriesAhead) & mask]);
  }
  std::memcpy(&queue->task.sqe, &queue->mem.sq[queue->head & mask], sizeof(vnpu_sqe));
}

// Whether that copy is what has to stand there.
inline bool EntryIsInItsPlace(const Rtsq& queue) {
  const vnpu_sqe& sqe = queue.task.sqe;
  return sqe.queue_id == queue.entry_id && sqe.seq == static_cast<uint32_t>(queue.head);
}

// When a task ran, for the client.
inline void RecordTimes(const QueueMemory& mem, uint64_t task, uint64_t start, uint64_t end) {
  vnpu_task_time& time = mem.times[task & (mem.entries - 1)];
  StoreShared(time.start, start);
  StoreShared(time.end, end);
}

// Client or driver, for the queue's progress.
inline bool SomebodyWaits(const vnpu_queue_hdr& hdr) {
  return (LoadShared(hdr.waiting) | LoadShared(hdr.driver_wait)) != 0;
}

// For reserved fields.
template <size_t kCount>
bool AllZero(const uint64_t (&words)[kCount]) {
  for (const uint64_t word : words) {
    if (word != 0) {
      return false;
    }
  }
  return true;
}

// Intrusive list of queues.
class QueueList {
 public:
  bool empty() const { return first_ == nullptr; }
  size_t size() const { return size_; }
  Rtsq* front() const { return first_; }

  void PushBack(Rtsq* queue) {
    ++size_;
    queue->prev = last_;
    queue->next = nullptr;
    (last_ != nullptr ? last_->next : first_) = queue;
    last_ = queue;
  }
  Rtsq* PopFront() {
    --size_;
    Rtsq* queue = first_;
    first_ = queue->next;
    (first_ != nullptr ? first_->prev : last_) = nullptr;
    queue->next = nullptr;
    return queue;
  }
  void Remove(Rtsq* queue) {
    --size_;
    (queue->prev != nullptr ? queue->prev->next : first_) = queue->next;
    (queue->next != nullptr ? queue->next->prev : last_) = queue->prev;
    queue->prev = queue->next = nullptr;
  }

 private:
  Rtsq* first_ = nullptr;
  Rtsq* last_ = nullptr;
  size_t size_ = 0;
};

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_SCHEDULER_RTSQ_H_
