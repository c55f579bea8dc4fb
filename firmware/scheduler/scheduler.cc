#include "firmware/scheduler/scheduler.h"

#include <algorithm>
#include <bit>

#include "firmware/scheduler/dma_task.h"
#include "firmware/scheduler/shared.h"

namespace vnpu::firmware {

Scheduler::Scheduler(vnpu_session_mem* session, Units* units, const vdev::Clock* clock,
                     Platform* platform)
    : session_(session),
      units_(units),
      clock_(clock),
      platform_(platform),
      short_ticks_(clock->TicksFromUs(kShortUs)),
      tiny_ticks_(clock->TicksFromUs(1) * kTinyNs / 1000),
      untimed_ticks_(clock->TicksFromUs(1) * kUntimedNs / 1000) {
  queues_.resize(VNPU_MAX_QUEUES);
  event_waiters_.resize(VNPU_MAX_EVENTS);
  notifies_.resize(VNPU_MAX_NOTIFIES);
  models_.resize(VNPU_MAX_MODELS + 1);  // there is no model 0
  watched_.reserve(VNPU_MAX_QUEUES);
  timed_.reserve(VNPU_MAX_QUEUES);
  parting_.reserve(kMaxParting + kMaxPolled);
  functions_.reserve(kMaxFunctions);
}

Scheduler::~Scheduler() = default;

bool Scheduler::Pick(Work* work) {
  follow_since_ = 0;
  Poll();
  DrainAdvance();
  Announce();
  for (uint32_t mask = ready_mask_; mask != 0; mask &= mask - 1) {
    const auto priority = static_cast<size_t>(std::countr_zero(mask));
    for (Rtsq* queue = ready_[priority].front(); queue != nullptr; queue = queue->next) {
      if (Start(queue, work)) {
        no_unit_ = false;
        units_->PublishWanted();
        return true;
      }
    }
  }
  no_unit_ = ready_mask_ != 0;
  units_->PublishWanted();
  return false;
}

// Small blocks go out in batches, so that the cost of handing them out stays small beside them;
// blocks whose time is not known yet go out one by one.
uint32_t Scheduler::Share(const Rtsq& queue) const {
  constexpr uint64_t kBatchNs = 4000;
  const Task& task = queue.task;
  const uint32_t left = task.blocks - task.started;
  if (left == 1 || task.function == nullptr || task.function->block_ticks == 0 ||
      (task.sqe.flags & VNPU_SQE_BATCH) != 0) {
    return 1;
  }
  const uint64_t batch = kBatchNs / (1 + clock_->NsFromTicks(task.function->block_ticks));
  return static_cast<uint32_t>(std::clamp<uint64_t>(batch, 1, left));
}

void Scheduler::LeaveReady(Rtsq* queue) {
  QueueList& list = ready_[queue->priority];
  list.Remove(queue);
  if (list.empty()) {
    ready_mask_ &= ~(1u << queue->priority);
  }
  queue->state = QueueState::kRunning;
}

bool Scheduler::Start(Rtsq* queue, Work* work) {
  Task& task = queue->task;
  uint32_t core = 0;
  if ((task.sqe.flags & VNPU_SQE_BATCH) != 0 && task.started == 0 &&
      !units_->AllFree(task.unit, queue->priority, task.blocks)) [[unlikely]] {
    return false;
  }
  if (!units_->Acquire(task.unit, queue->priority, &core)) {
    return false;
  }
  work->queue = queue;
  work->first = task.started;
  work->count = Share(*queue);
  work->core = core;
  work->timed = task.function != nullptr || !IsTinyDmaTask(task.sqe) ||
                WantsTime(*queue, tiny_dma_ticks_, dma_spent_);
  work->spent = {};
  work->start = 0;
  work->end = tiny_dma_ticks_;  // a guess, if it is not timed
  if (task.started == 0 && task.sqe.timeout_us - 1 < kLongLimitUs - 1) {
    SetDeadline(queue, clock_->Now());
  }
  task.started += work->count;
  ++task.pieces;
  ++running_;
  // A limit of 0 is none: this piece runs already.
  if (task.started == task.blocks || task.pieces == task.sqe.core_limit) {
    LeaveReady(queue);
  } else if (queue->next != nullptr) {
    // The next one of this priority gets its turn before the rest of these blocks.
    ready_[queue->priority].Remove(queue);
    ready_[queue->priority].PushBack(queue);
  }
  return true;
}

void Scheduler::Retire(const Work& work) {
  Rtsq* queue = work.queue;
  Task& task = queue->task;
  --task.pieces;
  --running_;
  const uint64_t ticks = work.end - work.start;
  look_at_all_ = look_at_all_ || ticks > short_ticks_;
  units_->Release(task.unit, work.core, clock_->NsFromTicks(work.spent.ticks + ticks));
  units_->CountTasks(work.spent.tasks);  // this one is counted when it is complete
  if (work.timed) {
    task.start = task.finished == 0 ? work.start : std::min(task.start, work.start);
    task.end = std::max(task.end, work.end);
  }
  task.finished += work.count;
  if (work.result.status == VNPU_OK) {
    if (work.timed && task.function != nullptr) {
      task.function->Average(1 + (work.count == 1 ? ticks : ticks / work.count));
    } else if (IsTinyDmaTask(task.sqe)) {
      if (work.timed) {
        tiny_dma_ticks_ = ticks;
        dma_spent_ = {};
      } else {
        dma_spent_.Add(ticks);
      }
    }
  } else if (task.fault.status == VNPU_OK) {
    // A task that is over its time limit has its status already, but not the place.
    task.status = task.status == VNPU_OK ? work.result.status : task.status;
    task.fault = work.result;
    task.fault_block = work.first + work.done;
    task.fault_core = work.core;
  }
  if (queue->state == QueueState::kDead) {
    return;
  }
  if (task.status != VNPU_OK) {
    task.blocks = task.started;  // the blocks that have not started never will
    if (queue->state == QueueState::kReady) {
      LeaveReady(queue);
    }
  }
  if (task.finished == task.blocks) {
    Complete(queue, task.status);
  } else if (queue->state == QueueState::kRunning && task.started < task.blocks) {
    MakeReady(queue);  // below its core limit again
  }
}

uint64_t Scheduler::ExpectedTicks(const Task& task, uint32_t blocks) {
  if (task.function != nullptr) {
    return blocks * task.function->block_ticks;
  }
  // A copy moves about four bytes a tick.
  const uint64_t bytes = DmaTaskBytes(task.sqe);
  return bytes != 0 ? bytes / 4 + 1 : 0;
}

uint64_t Scheduler::PendingTicks(uint64_t enough) const {
  uint64_t ticks = 0;
  int looks = kPendingLooks;
  for (uint32_t mask = ready_mask_; mask != 0; mask &= mask - 1) {
    const auto priority = static_cast<size_t>(std::countr_zero(mask));
    for (const Rtsq* queue = ready_[priority].front();
         queue != nullptr && ticks < enough && looks > 0; queue = queue->next, --looks) {
      ticks += ExpectedTicks(queue->task, queue->task.blocks - queue->task.started);
    }
  }
  return ticks;
}

}  // namespace vnpu::firmware
