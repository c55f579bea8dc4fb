// Waits that nothing in this process ends: for words of memory, which anybody may write, and for
// counters that are shared with other sessions. They are looked at in every pass, and while nothing
// else keeps a worker awake, in growing intervals.
#include <algorithm>

#include "firmware/scheduler/scheduler.h"

namespace vnpu::firmware {
namespace {

// No status: the wait goes on.
constexpr uint32_t kNotYet = VNPU_STATUS_COUNT;

bool ValueHolds(const vnpu_sqe_value& wait, uint64_t word) {
  switch (wait.mode) {
    case VNPU_VALUE_GEQ:
      return static_cast<int64_t>(word - wait.value) >= 0;
    case VNPU_VALUE_EQ:
      return word == wait.value;
    case VNPU_VALUE_AND:
      return (word & wait.value) != 0;
    default:
      return ~(word | wait.value) != 0;
  }
}

}  // namespace

uint32_t Scheduler::DecodeValueWait(Rtsq* queue) {
  Task& task = queue->task;
  const vnpu_sqe_value& wait = task.sqe.value;
  if (wait.va % sizeof(uint64_t) != 0 || wait.mode >= VNPU_VALUE_WAIT_COUNT ||
      wait.reserved0 != 0 || !AllZero(wait.reserved1)) {
    return VNPU_E_INVALID_SQE;
  }
  if (const uint32_t status = LookAt(queue); status != kNotYet) {
    Complete(queue, status);
    return VNPU_OK;
  }
  queue->state = QueueState::kWaiting;
  if (task.sqe.timeout_us != 0) {
    SetDeadline(queue, clock_->Now());
  }
  Watch(queue);
  return VNPU_OK;
}

void Scheduler::Watch(Rtsq* queue) {
  watched_.push_back(queue);
  watch_changed_ = clock_->Now();
}

void Scheduler::Unwatch(Rtsq* queue) {
  std::erase(watched_, queue);
  watch_changed_ = clock_->Now();
}

// How the wait of a queue ends, or kNotYet.
uint32_t Scheduler::LookAt(Rtsq* queue) {
  Task& task = queue->task;
  if (task.sqe.opcode == VNPU_OP_NOTIFY_WAIT) {
    return SharedNotifyHolds(*queue) ? uint32_t{VNPU_OK} : kNotYet;
  }
  uint64_t word = 0;
  if (const uint32_t status = LoadForTask(queue, task.sqe.value.va, &word); status != VNPU_OK) {
    return status;
  }
  return ValueHolds(task.sqe.value, word) ? uint32_t{VNPU_OK} : kNotYet;
}

uint32_t Scheduler::LoadForTask(Rtsq* queue, uint64_t va, uint64_t* word) {
  const uint32_t status = platform_->LoadWord(va, word);
  if (status != VNPU_OK) {
    NoteFault(&queue->task, status, va, /*is_write=*/false);
  }
  return status;
}

// What the exception record of an entry tells that has no unit.
void Scheduler::NoteFault(Task* task, uint32_t status, uint64_t address, bool is_write) {
  task->unit = VNPU_UNIT_DMA;
  task->fault = {.status = status, .is_write = is_write, .address = address, .pc = 0};
  task->fault_block = task->fault_core = 0;
}

// Bounded, so that many waits cannot keep kernels from starting; few are looked at in the order in
// which they came.
void Scheduler::PollWatched() {
  constexpr size_t kLooks = 16;
  if (watched_.size() <= kLooks) {
    next_watched_ = 0;
  }
  // A wait that fails may take others with it: those of its model.
  for (size_t looks = std::min(kLooks, watched_.size()); looks > 0 && !watched_.empty(); --looks) {
    next_watched_ = next_watched_ < watched_.size() ? next_watched_ : 0;
    Rtsq* queue = watched_[next_watched_];
    const uint32_t status = LookAt(queue);
    if (status == kNotYet) {
      ++next_watched_;
      continue;
    }
    watched_.erase(watched_.begin() + static_cast<ptrdiff_t>(next_watched_));
    watch_changed_ = clock_->Now();
    Complete(queue, status);
  }
}

// The longer nothing has happened, the longer the next look can wait.
uint64_t Scheduler::NextLook() const {
  constexpr uint64_t kShortestUs = 50;
  constexpr uint64_t kLongestUs = 1000;
  constexpr uint64_t kLongestSharedUs = 20'000;  // whose recorders wake this session
  constexpr uint64_t kPart = 16;
  const bool words = std::ranges::any_of(
      watched_, [](const Rtsq* queue) { return queue->task.sqe.opcode == VNPU_OP_VALUE_WAIT; });
  const uint64_t now = clock_->Now();
  return now + std::clamp((now - watch_changed_) / kPart, clock_->TicksFromUs(kShortestUs),
                          clock_->TicksFromUs(words ? kLongestUs : kLongestSharedUs));
}

// Raises the flag first and looks second: a recorder does it the other way round.
void Scheduler::LookBeforeSleep() {
  for (const Rtsq* queue : watched_) {
    if (queue->task.sqe.opcode == VNPU_OP_NOTIFY_WAIT) {
      notifies_[queue->task.sqe.notify.notify_id].page->sleepers.store(1);
    }
  }
  PollWatched();
}

}  // namespace vnpu::firmware
