// Notify entries: record, wait. A notify that sessions share has its counter in a page that every
// one of them may change at any time; waits for it are looked at in each pass (watch.cc).
#include <algorithm>
#include <cerrno>

#include "firmware/scheduler/scheduler.h"

namespace vnpu::firmware {
namespace {

// Rounds against others that change a shared counter at the same time.
constexpr int kMaxTries = 100;

uint64_t Changed(const vnpu_sqe_notify& record, uint64_t count) {
  switch (record.mode) {
    case VNPU_NOTIFY_ADD:
      return static_cast<uint32_t>(count + record.value);
    case VNPU_NOTIFY_OR:
      return count | record.value;
    case VNPU_NOTIFY_AND:
      return count & record.value;
    case VNPU_NOTIFY_MAX:
      return std::max(count, record.value);
    default:
      return record.value;
  }
}

bool Holds(const vnpu_sqe_notify& wait, uint64_t count) {
  switch (wait.mode) {
    case VNPU_NOTIFY_LESS:
      return count < wait.value;
    case VNPU_NOTIFY_EQUAL:
      return count == wait.value;
    case VNPU_NOTIFY_GREATER:
      return count > wait.value;
    case VNPU_NOTIFY_NOT_LESS:
      return count >= wait.value;
    default:
      return (count & wait.value) == wait.value;
  }
}

bool Clears(const vnpu_sqe_notify& wait) { return (wait.flags & VNPU_NOTIFY_CLEAR) != 0; }

// The end of a wait, if it is over.
bool TakeFrom(uint64_t* count, const vnpu_sqe_notify& wait) {
  if (!Holds(wait, *count)) {
    return false;
  }
  *count = Clears(wait) ? 0 : *count;
  return true;
}

bool TakeFrom(NotifyPage* page, const vnpu_sqe_notify& wait) {
  uint64_t count = page->count.load();
  for (int i = 0; i < kMaxTries && Holds(wait, count); ++i) {
    if (!Clears(wait) || page->count.compare_exchange_weak(count, 0)) {
      return true;
    }
  }
  return false;
}

void Change(NotifyPage* page, const vnpu_sqe_notify& record) {
  uint64_t count = page->count.load(std::memory_order_relaxed);
  for (int i = 0; i < kMaxTries; ++i) {
    if (page->count.compare_exchange_weak(count, Changed(record, count))) {
      return;
    }
  }
  page->count.store(Changed(record, count));
}

}  // namespace

uint32_t Scheduler::DecodeNotify(Rtsq* queue) {
  const vnpu_sqe& sqe = queue->task.sqe;
  const vnpu_sqe_notify& entry = sqe.notify;
  const bool record = sqe.opcode == VNPU_OP_NOTIFY_RECORD;
  const uint32_t modes =
      record ? uint32_t{VNPU_NOTIFY_RECORD_COUNT} : uint32_t{VNPU_NOTIFY_WAIT_COUNT};
  const uint32_t flags = record ? 0 : VNPU_NOTIFY_CLEAR;
  if (entry.notify_id >= VNPU_MAX_NOTIFIES || entry.mode >= modes || (entry.flags & ~flags) != 0 ||
      entry.reserved0 != 0 || !AllZero(entry.reserved1)) {
    return VNPU_E_INVALID_SQE;
  }
  Notify& notify = notifies_[entry.notify_id];
  if (record) {
    ChangeNotify(entry);
    Complete(queue, VNPU_OK);  // before the end of who waits for it, as CompleteRecord() does
    if (notify.page != nullptr && Watching()) {
      // Waits of this session must not hang on the next pass: the worker may be about to sleep.
      PollWatched();
      GiveWay(queue);
    } else if (notify.waiters != nullptr) {
      ReleaseNotified(&notify);
      GiveWay(queue);
    }
    return VNPU_OK;
  }
  // Whoever came first is first: a count that no one of those who wait wants is left for this one.
  if (notify.page != nullptr ? TakeFrom(notify.page, entry) : TakeFrom(&notify.count, entry)) {
    Complete(queue, VNPU_OK);
    if (notify.page == nullptr && Clears(entry) && notify.waiters != nullptr) {
      ReleaseNotified(&notify);
    }
    return VNPU_OK;
  }
  queue->state = QueueState::kWaiting;
  if (sqe.timeout_us != 0) {
    SetDeadline(queue, clock_->Now());
  }
  if (notify.page != nullptr) {
    Watch(queue);
    return VNPU_OK;
  }
  Rtsq** link = &notify.waiters;
  while (*link != nullptr) {
    link = &(*link)->next;
  }
  queue->next = nullptr;
  *link = queue;
  return VNPU_OK;
}

void Scheduler::ChangeNotify(const vnpu_sqe_notify& record) {
  Notify& notify = notifies_[record.notify_id];
  if (notify.page == nullptr) {
    notify.count = Changed(record, notify.count);
    return;
  }
  Change(notify.page, record);
  // A sleeper raises its flag first and looks at the count second.
  if (notify.page->sleepers.load() != 0) {
    platform_->SignalDriver();
  }
}

void Scheduler::ReleaseNotified(Notify* notify) {
  Rtsq** link = &notify->waiters;
  while (*link != nullptr) {
    Rtsq* queue = *link;
    const uint64_t before = notify->count;
    if (!TakeFrom(&notify->count, queue->task.sqe.notify)) {
      link = &queue->next;
      continue;
    }
    *link = queue->next;
    Complete(queue, VNPU_OK);
    if (notify->count != before) {
      link = &notify->waiters;  // those that were passed over may want a cleared counter
    }
  }
}

void Scheduler::UnlinkNotified(Rtsq* queue) {
  const bool word = queue->task.sqe.opcode == VNPU_OP_VALUE_WAIT;
  if (word || notifies_[queue->task.sqe.notify.notify_id].page != nullptr) {
    Unwatch(queue);
    return;
  }
  Rtsq** link = &notifies_[queue->task.sqe.notify.notify_id].waiters;
  while (*link != nullptr && *link != queue) {
    link = &(*link)->next;
  }
  if (*link == queue) {
    *link = queue->next;
  }
}

bool Scheduler::SharedNotifyHolds(const Rtsq& queue) {
  const vnpu_sqe_notify& wait = queue.task.sqe.notify;
  return TakeFrom(notifies_[wait.notify_id].page, wait);
}

int Scheduler::FreeNotify(uint32_t id) {
  if (id >= VNPU_MAX_NOTIFIES) {
    return -EINVAL;
  }
  Notify& notify = notifies_[id];
  const bool watched = std::ranges::any_of(watched_, [id](const Rtsq* queue) {
    const vnpu_sqe& sqe = queue->task.sqe;
    return sqe.opcode == VNPU_OP_NOTIFY_WAIT && sqe.notify.notify_id == id;
  });
  if (notify.waiters != nullptr || watched) {
    return -EBUSY;
  }
  notify = {};
  return 0;
}

int Scheduler::ResetNotify(uint32_t id) {
  if (id >= VNPU_MAX_NOTIFIES) {
    return -EINVAL;
  }
  ChangeNotify({.notify_id = id,
                .mode = VNPU_NOTIFY_SET,
                .value = 0,
                .flags = 0,
                .reserved0 = 0,
                .reserved1 = {}});
  ReleaseNotified(&notifies_[id]);
  return 0;
}

int Scheduler::BindNotify(uint32_t id, NotifyPage* page, bool carry) {
  if (id >= VNPU_MAX_NOTIFIES || notifies_[id].page != nullptr) {
    return -EINVAL;
  }
  Notify& notify = notifies_[id];
  if (carry) {
    page->count.store(notify.count);
  }
  while (notify.waiters != nullptr) {
    Rtsq* queue = notify.waiters;
    notify.waiters = queue->next;
    Watch(queue);
  }
  notify = {.count = 0, .waiters = nullptr, .page = page};
  return 0;
}

}  // namespace vnpu::firmware
