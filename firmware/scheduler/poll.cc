// Doorbells and tails: how the scheduler learns of new tasks.
#include <algorithm>
#include <atomic>
#include <bit>

#include "firmware/scheduler/fetch.h"
#include "firmware/scheduler/scheduler.h"
#include "firmware/scheduler/shared.h"

namespace vnpu::firmware {

void Scheduler::Poll() {
  if (LoadShared(session_->doorbell_summary) != 0) {
    PollDoorbells();
  }
  // Each look takes the line of a tail or a slot from the client, who is about to write it. While
  // there are tasks that nobody has to look for, few looks give it time to write several.
  if (advance_.empty() || look_at_all_ || !one_priority_ || ++unpolled_ >= kPassesUnpolled) {
    unpolled_ = 0;
    PollTails();
  }
  if (!watched_.empty()) [[unlikely]] {
    PollWatched();
  }
}

// For a quiet queue that has tasks again.
void Scheduler::Rouse(Rtsq* queue) {
  StoreShared(queue->mem.hdr->need_doorbell, 0u);
  __builtin_prefetch(&queue->mem.hdr->sq_tail);
  __builtin_prefetch(&queue->mem.sq[queue->head & (queue->mem.entries - 1)]);
  queue->by_tail = true;
  queue->state = QueueState::kAdvance;
  advance_.PushBack(queue);
}

void Scheduler::PollDoorbells() {
  uint64_t words = ExchangeShared(session_->doorbell_summary, uint64_t{0});
  for (; words != 0; words &= words - 1) {
    const auto word = static_cast<size_t>(std::countr_zero(words));
    uint64_t bits = ExchangeShared(session_->doorbell[word], uint64_t{0});
    for (; bits != 0; bits &= bits - 1) {
      Rtsq* queue = queues_[word * 64 + static_cast<size_t>(std::countr_zero(bits))].get();
      if (queue != nullptr &&
          (queue->state == QueueState::kQuiet || queue->state == QueueState::kParting)) {
        Rouse(queue);
      }
    }
  }
}

// At its tail or, where entries tell, its next slot. True when the queue has tasks again: another
// one has taken its place then.
bool Scheduler::LookAtTail(size_t index) {
  constexpr size_t kFew = 4;
  Rtsq* queue = polled_[index];
  if (EntryTells(*queue, queue->head)) {
    if (!SeesEntry(queue, queue->head)) {
      return false;
    }
  } else {
    if (polled_count_ <= kFew) {
      // By the time that the tail says so, the entry is on its way already.
      __builtin_prefetch(&queue->mem.sq[queue->head & (queue->mem.entries - 1)]);
    }
    const uint64_t tail = LoadTail(*queue);
    if (tail == queue->head) {
      return false;
    }
    TakeTail(queue, tail);
  }
  polled_[index] = polled_[--polled_count_];
  queue->state = QueueState::kAdvance;
  advance_.PushBack(queue);
  return true;
}

// A few tails a pass, in turn: passes are short while work is, and one that looked at hundreds of
// lines would not be. All of them where a queue that is passed over could be of a higher priority.
void Scheduler::PollTails() {
  if (look_at_all_ || !one_priority_) {
    look_at_all_ = false;
    for (size_t i = 0; i < polled_count_;) {
      i += LookAtTail(i) ? 0 : 1;
    }
  } else {
    for (size_t left = std::min(polled_count_, kTailsAPass); left > 0; --left) {
      poll_next_ = poll_next_ < polled_count_ ? poll_next_ : 0;
      LookAtTail(poll_next_++);
    }
  }
  constexpr uint32_t kPassesBetweenLooks = 256;
  if (++passes_ % kPassesBetweenLooks == 0) {
    const uint64_t limit = clock_->TicksFromUs(kPollQuietUs);
    const uint64_t now = clock_->Now();
    for (size_t i = polled_count_; i-- > 0;) {
      uint64_t& since = polled_[i]->idle_since;
      if (since == 0) {
        since = now;
      } else if (now - since > limit) {
        StopPolling(i);
      }
    }
  }
}

void Scheduler::StartPolling(Rtsq* queue) {
  if (polled_count_ == kMaxPolled && !LookAtTail(poll_next_ % kMaxPolled)) {
    StopPolling(poll_next_ % kMaxPolled);
    if (parting_.size() >= kMaxParting) {
      FinishParting();
    }
  }
  queue->state = QueueState::kPolled;
  queue->idle_since = 0;
  polled_[polled_count_++] = queue;
}

void Scheduler::StopPolling(size_t index) {
  Rtsq* queue = polled_[index];
  polled_[index] = polled_[--polled_count_];
  queue->state = QueueState::kParting;
  StoreShared(queue->mem.hdr->need_doorbell, 1u);
  if (!queue->parting) {
    queue->parting = true;
    if (parting_.empty()) {
      parting_since_ = clock_->Now();
    }
    parting_.push_back(queue);
  }
}

// Ask for the doorbell first, look second: whoever publishes looks in the opposite order. The fence
// between is on this side for both, since a fence costs the publisher more than the whole rest; one
// barrier serves many queues.
void Scheduler::FinishParting() {
  if (parting_.empty()) {
    return;
  }
  platform_->Barrier();
  for (Rtsq* queue : parting_) {
    queue->parting = false;
    if (queue->state != QueueState::kParting) {
      continue;
    }
    queue->state = QueueState::kQuiet;
    if (LoadTail(*queue, std::memory_order_seq_cst) != queue->head) {
      Rouse(queue);
    }
  }
  parting_.clear();
}

bool Scheduler::PrepareSleep() {
  while (polled_count_ > 0) {
    StopPolling(polled_count_ - 1);
  }
  FinishParting();
  if (Watching()) {
    LookBeforeSleep();
  }
  ExchangeShared(session_->need_wakeup, 1u);
  if (LoadShared(session_->doorbell_summary, std::memory_order_seq_cst) != 0 || !advance_.empty()) {
    Awake();
    return false;
  }
  return true;
}

void Scheduler::FetchForWake() const {
  FetchBetween(this, polled_.data());
  FetchBetween(&polled_count_, this + 1);
  FetchBetween(session_, &session_->exception_count);
  units_->FetchForWake();
  if (last_ == nullptr) {
    return;
  }
  const QueueMemory& mem = last_->mem;
  const uint64_t slot = last_->head & (mem.entries - 1);
  Fetch(*last_);
  Fetch(*mem.hdr);
  Fetch(mem.sq[slot]);
  Fetch(mem.times[slot]);  // asking whether it is wanted would wait for the header's line
  if (const Function* function = last_->task.function; function != nullptr) {
    Fetch(*function);
    __builtin_prefetch(reinterpret_cast<const void*>(function->thunk));
  }
}

void Scheduler::Awake() {
  if (LoadShared(session_->need_wakeup) != 0) {
    StoreShared(session_->need_wakeup, 0u);
  }
}

}  // namespace vnpu::firmware
