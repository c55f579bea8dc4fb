// Time limits of kernels and waits.
#include <algorithm>

#include "firmware/scheduler/scheduler.h"

namespace vnpu::firmware {

void Scheduler::SetDeadline(Rtsq* queue, uint64_t now) {
  queue->task.deadline =
      std::max<uint64_t>(1, now + clock_->TicksFromUs(queue->task.sqe.timeout_us));
  timed_.push_back(queue);
}

void Scheduler::ClearDeadline(Rtsq* queue) {
  queue->task.deadline = 0;
  std::erase(timed_, queue);
}

void Scheduler::SetLongDeadline(Rtsq* queue, uint64_t now) {
  const bool busy = queue->state == QueueState::kRunning || queue->state == QueueState::kReady;
  if (busy && queue->task.started != 0 && queue->task.function != nullptr &&
      queue->task.deadline == 0 && queue->task.sqe.timeout_us >= kLongLimitUs) {
    SetDeadline(queue, now);
  }
}

void Scheduler::SetLongDeadlines(uint64_t now) {
  for (const std::unique_ptr<Rtsq>& queue : queues_) {
    if (queue != nullptr) {
      SetLongDeadline(queue.get(), now);
    }
  }
  for (const std::unique_ptr<Model>& model : models_) {
    if (model != nullptr && model->caller != nullptr) {
      for (uint32_t i = 0; i < model->stream_count; ++i) {
        SetLongDeadline(&model->queues[i], now);
      }
    }
  }
}

uint64_t Scheduler::NextDeadline() const {
  uint64_t next = watched_.empty() ? 0 : NextLook();
  for (const Rtsq* queue : timed_) {
    if (next == 0 || queue->task.deadline < next) {
      next = queue->task.deadline;
    }
  }
  return next;
}

void Scheduler::CheckDeadlines() {
  const bool busy = running_ != 0 || ready_mask_ != 0;
  if (timed_.empty() && parting_.empty() && !busy) {
    return;
  }
  const uint64_t now = clock_->Now();
  if (busy && now - long_look_ > clock_->TicksFromUs(kLongLimitLookUs)) {
    long_look_ = now;
    SetLongDeadlines(now);
  }
  if (!parting_.empty() && now - parting_since_ > clock_->TicksFromUs(kPollQuietUs)) {
    FinishParting();
  }
  for (size_t i = timed_.size(); i-- > 0;) {
    if (i < timed_.size() && timed_[i]->task.deadline <= now) {
      Expire(timed_[i], now);
    }
  }
  Announce();
}

void Scheduler::Expire(Rtsq* queue, uint64_t now) {
  if (queue->state == QueueState::kWaiting) {
    EndWait(queue, VNPU_E_WAIT_TIMEOUT, VNPU_E_TIMEOUT);
    return;
  }
  EndTask(queue, VNPU_E_TIMEOUT, now);
}

// For a task that waits; a run of a model that is under way ends with a status of its own.
void Scheduler::EndWait(Rtsq* queue, uint32_t status, uint32_t run_status) {
  if (Model* model = queue->waits_for; model != nullptr) {
    if (queue->task.deadline != 0) {
      ClearDeadline(queue);  // its time is up: the run may take a while to end
    }
    EndExecute(queue, model->caller == queue ? run_status : status);
    return;
  }
  UnlinkWaiter(queue);
  Complete(queue, status);
}

// For a task that has a unit or waits for one: nothing more of it starts, what runs is stopped.
void Scheduler::EndTask(Rtsq* queue, uint32_t status, uint64_t now) {
  Task& task = queue->task;
  if (task.status == VNPU_OK) {
    task.status = status;
  }
  task.blocks = task.started;
  if (queue->state == QueueState::kReady) {
    LeaveReady(queue);
  }
  if (task.finished == task.started) {
    Complete(queue, task.status);
    return;
  }
  // Asked for again each millisecond: a request that comes between two blocks is lost.
  if (task.deadline == 0) {
    timed_.push_back(queue);
  }
  task.deadline = now + clock_->TicksFromUs(1000);
  platform_->StopBlocks(*queue, status);
}

}  // namespace vnpu::firmware
