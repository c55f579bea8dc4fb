// Event entries: record, wait, reset.
#include "firmware/scheduler/scheduler.h"
#include "firmware/scheduler/shared.h"

namespace vnpu::firmware {

uint32_t Scheduler::RunEvent(Rtsq* queue) {
  const vnpu_sqe& sqe = queue->task.sqe;
  const vnpu_sqe_event& event = sqe.event;
  const bool reset = sqe.opcode == VNPU_OP_EVENT_RESET;
  if (event.event_id >= VNPU_MAX_EVENTS || event.reserved0 != 0 || (event.seq == 0 && !reset)) {
    return VNPU_E_INVALID_SQE;
  }
  for (const uint64_t word : event.reserved1) {
    if (word != 0) {
      return VNPU_E_INVALID_SQE;
    }
  }
  vnpu_event_reg& reg = session_->events[event.event_id];
  const uint64_t current = LoadShared(reg.seq);
  if (reset) {
    queue->task.start = queue->task.end = clock_->Now();
    StoreShared(reg.seq, event.seq, std::memory_order_release);
    CompleteRecord(queue, event.event_id, event.seq);
    return VNPU_OK;
  }
  if (sqe.opcode == VNPU_OP_EVENT_RECORD) {
    Record(queue, event.event_id, event.seq);
    return VNPU_OK;
  }
  if (current >= event.seq) {
    Complete(queue, VNPU_OK);
    return VNPU_OK;
  }
  queue->state = QueueState::kWaiting;
  queue->wait_seq = event.seq;
  queue->next = event_waiters_[event.event_id];
  event_waiters_[event.event_id] = queue;
  if (sqe.timeout_us != 0) {
    SetDeadline(queue, clock_->Now());
  }
  return VNPU_OK;
}

void Scheduler::Record(Rtsq* queue, uint32_t event_id, uint64_t seq) {
  vnpu_event_reg& reg = session_->events[event_id];
  const uint64_t now = clock_->Now();
  queue->task.start = queue->task.end = now;
  // Two streams may record one event in either order: the register never goes back.
  if (LoadShared(reg.seq) < seq) {
    StoreShared(reg.timestamp, now);
    StoreShared(reg.seq, seq, std::memory_order_release);
  }
  CompleteRecord(queue, event_id, seq);
}

// Whoever sees a task over that has waited sees the one over that it waited for.
void Scheduler::CompleteRecord(Rtsq* queue, uint32_t event_id, uint64_t seq) {
  if (event_waiters_[event_id] == nullptr) {
    Complete(queue, VNPU_OK);
    return;
  }
  const uint64_t now = queue->task.end;
  // Of two queues that can go on, the one that had to wait goes first.
  if (queue->model == nullptr) {
    Finish(queue, VNPU_OK);
    ReleaseWaiters(event_id, seq, now);
    Proceed(queue);
  } else {
    Complete(queue, VNPU_OK);
    ReleaseWaiters(event_id, seq, now);
    GiveWay(queue);
  }
}

void Scheduler::GiveWay(Rtsq* queue) {
  if (queue->state == QueueState::kAdvance) {
    advance_.Remove(queue);
    advance_.PushBack(queue);
  }
}

uint32_t Scheduler::RunInterrupt(Rtsq* queue) {
  const vnpu_sqe_interrupt& interrupt = queue->task.sqe.interrupt;
  if (interrupt.event_id >= VNPU_MAX_EVENTS || interrupt.irq_id >= VNPU_MAX_IRQS ||
      interrupt.seq == 0) {
    return VNPU_E_INVALID_SQE;
  }
  for (const uint64_t word : interrupt.reserved) {
    if (word != 0) {
      return VNPU_E_INVALID_SQE;
    }
  }
  const uint32_t irq_id = interrupt.irq_id;
  Record(queue, interrupt.event_id, interrupt.seq);
  platform_->PostIrq(irq_id);
  return VNPU_OK;
}

void Scheduler::ReleaseWaiters(uint32_t event_id, uint64_t seq, uint64_t now) {
  Rtsq** link = &event_waiters_[event_id];
  while (*link != nullptr) {
    Rtsq* queue = *link;
    if (queue->wait_seq <= seq) {
      *link = queue->next;
      queue->task.start = queue->task.end = now;
      Complete(queue, VNPU_OK);
    } else {
      link = &queue->next;
    }
  }
}

void Scheduler::UnlinkWaiter(Rtsq* queue) {
  switch (queue->task.sqe.opcode) {
    case VNPU_OP_EVENT_WAIT:
      break;
    case VNPU_OP_MODEL_AWAIT:
      UnlinkAwait(queue);
      return;
    case VNPU_OP_MODEL_COND:
      return;  // it is in no list: its graph's streams are
    default:
      UnlinkNotified(queue);
      return;
  }
  Rtsq** link = &event_waiters_[queue->task.sqe.event.event_id];
  while (*link != nullptr && *link != queue) {
    link = &(*link)->next;
  }
  if (*link == queue) {
    *link = queue->next;
  }
}

bool Scheduler::EventHasWaiters(uint32_t event_id) const {
  return event_id < VNPU_MAX_EVENTS && event_waiters_[event_id] != nullptr;
}

}  // namespace vnpu::firmware
