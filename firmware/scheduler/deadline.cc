// Time limits of kernels and event waits.
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

uint64_t Scheduler::NextDeadline() const {
  uint64_t next = 0;
  for (const Rtsq* queue : timed_) {
    if (next == 0 || queue->task.deadline < next) {
      next = queue->task.deadline;
    }
  }
  return next;
}

void Scheduler::CheckDeadlines() {
  if (timed_.empty() && parting_.empty()) {
    return;
  }
  const uint64_t now = clock_->Now();
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
  Task& task = queue->task;
  if (queue->state == QueueState::kWaiting) {
    UnlinkWaiter(queue);
    Complete(queue, VNPU_E_WAIT_TIMEOUT);
    return;
  }
  if (task.status == VNPU_OK) {
    task.status = VNPU_E_TIMEOUT;
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
  task.deadline = now + clock_->TicksFromUs(1000);
  platform_->StopBlocks(*queue, VNPU_E_TIMEOUT);
}

}  // namespace vnpu::firmware
