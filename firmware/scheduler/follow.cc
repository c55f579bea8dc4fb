// Short kernels of one queue, one after the other: of all that is done for a task in general, next
// to nothing has changed from one to the next.
#include "firmware/scheduler/scheduler.h"
#include "firmware/scheduler/shared.h"

namespace vnpu::firmware {

// Others that have something to do get their turn soon; those that may have it are looked at now
// and then. Whoever has to ring a doorbell is seen with the next kernel that is timed.
uint64_t Scheduler::FollowLimit(const Rtsq& queue) const {
  // All are of its priority.
  const size_t others = advance_.size() + ready_[queue.priority].size();
  if (others != 0) {
    return short_ticks_ / (others < kManyQueues ? kTurns : kLongTurns);
  }
  return polled_count_ != 0 ? short_ticks_ : short_ticks_ * kTurns;
}

// What is not of the queue is looked at only where the clock was read: as long as those few kernels
// take that are not timed, nobody misses anything.
bool Scheduler::MayFollow(const Work& work) {
  const Rtsq& queue = *work.queue;
  const Task& task = queue.task;
  if (work.result.status != VNPU_OK || task.status != VNPU_OK || task.deadline != 0 ||
      queue.state != QueueState::kRunning || queue.failed ||
      (queue.model != nullptr && queue.model->stopping)) {
    return false;
  }
  if (!work.timed) {
    return task.function != nullptr && work.end - follow_since_ < follow_limit_;
  }
  follow_limit_ = FollowLimit(queue);
  return work.end - follow_since_ < follow_limit_ && task.function != nullptr && task.blocks == 1 &&
         (task.sqe.flags & VNPU_SQE_CQE) == 0 && watched_.empty() &&
         LoadShared(session_->doorbell_summary) == 0 && one_priority_ && client_fences_ &&
         units_->Alone();
}

// Whether it is a kernel that needs no more than the one before: its task is ready to run then.
bool Scheduler::TakeNext(Rtsq* queue) {
  Task& task = queue->task;
  const uint32_t unit = task.unit;
  constexpr uint8_t kPlain = VNPU_SQE_INLINE | VNPU_SQE_DEVICE_ARGS | VNPU_SQE_OVERFLOW;
  FetchEntry(queue);
  const vnpu_sqe& sqe = task.sqe;
  if (sqe.opcode != VNPU_OP_KERNEL || (sqe.flags & ~kPlain) != 0 || sqe.core_limit != 0 ||
      sqe.kernel.block_dim != 1 || sqe.timeout_us - 1 < kLongLimitUs - 1 ||
      !EntryIsInItsPlace(*queue) || CheckKernel(queue) != VNPU_OK || task.unit != unit) {
    return false;
  }
  task.start = task.end = 0;
  return task.function->block_ticks != 0 && task.function->block_ticks < short_ticks_;
}

// Whether the clock is to be read for the task that runs next and takes so many ticks.
bool Scheduler::WantsTime(const Rtsq& queue, uint64_t ticks, const Spent& since) const {
  return ticks >= tiny_ticks_ || since.tasks + 1 >= kTasksATiming ||
         since.ticks >= untimed_ticks_ ||
         (queue.model == nullptr && LoadShared(queue.mem.hdr->record_times) != 0);
}

Scheduler::Followed Scheduler::TryToFollow(Work* work) {
  follow_since_ = follow_since_ != 0 ? follow_since_ : work->start;
  if (!MayFollow(*work)) {
    return Followed::kNo;
  }
  Rtsq* queue = work->queue;
  Task& task = queue->task;
  const QueueMemory& mem = queue->mem;
  const uint32_t unit = task.unit;
  const uint64_t ticks = work->end - work->start;
  work->spent.Add(ticks);
  if (work->timed) {
    task.function->Average(1 + ticks);
    units_->CountTasks(work->spent.tasks);
    units_->CountBusy(unit, clock_->NsFromTicks(work->spent.ticks));
    work->spent = {};
  }
  const uint64_t done = queue->head++;
  if (queue->model == nullptr) {
    if (work->timed && LoadShared(mem.hdr->record_times) != 0) {
      RecordTimes(mem, done, work->start, work->end);
    }
    StoreShared(mem.hdr->sq_head, queue->head, std::memory_order_release);
    TellWaiters(queue);
  }
  if (TakeNext(queue)) {
    work->timed = WantsTime(*queue, task.function->block_ticks, work->spent);
    if (!work->timed) {
      work->start = work->end;
      work->end += ticks;
    }
    return Followed::kNext;
  }
  units_->Release(unit, work->core, clock_->NsFromTicks(work->spent.ticks));
  units_->CountTasks(work->spent.tasks);
  --running_;
  task.started = task.finished = task.pieces = 0;
  queue->state = QueueState::kAdvance;
  advance_.PushBack(queue);
  return Followed::kRetired;
}

}  // namespace vnpu::firmware
