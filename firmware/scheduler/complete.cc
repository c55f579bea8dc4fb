// The end of a task: time stamps, completion entry, exception record, head, interrupts.
#include <utility>

#include "firmware/scheduler/scheduler.h"
#include "firmware/scheduler/shared.h"

namespace vnpu::firmware {

void Scheduler::Complete(Rtsq* queue, uint32_t status) {
  if (queue->model != nullptr) [[unlikely]] {
    if (queue->task.deadline != 0) {
      ClearDeadline(queue);
    }
    CompleteEntry(queue, status);
    return;
  }
  Finish(queue, status);
  Proceed(queue);
}

// All of it but that the queue goes on; not for streams of models.
void Scheduler::Finish(Rtsq* queue, uint32_t status) {
  Task& task = queue->task;
  const QueueMemory& mem = queue->mem;
  const bool record = LoadShared(mem.hdr->record_times) != 0;
  const bool unusual =
      status != VNPU_OK || task.deadline != 0 || (task.sqe.flags & VNPU_SQE_CQE) != 0;
  if (record || unusual) [[unlikely]] {
    if (task.end == 0) {
      task.start = task.end = clock_->Now();
    }
    if (record) {
      RecordTimes(mem, queue->head, task.start, task.end);
    }
    if (unusual) {
      FinishUnusual(queue, status);
    }
  }
  units_->CountTasks(1);
  ++queue->head;
  StoreShared(mem.hdr->sq_head, queue->head, std::memory_order_release);
  last_ = queue;
  if (client_fences_) [[likely]] {
    TellWaiters(queue);
  } else if (!queue->announce) {
    queue->announce = true;
    queue->next_announced = announced_;
    announced_ = queue;
  }
}

void Scheduler::FinishUnusual(Rtsq* queue, uint32_t status) {
  if (queue->task.deadline != 0) {
    ClearDeadline(queue);
  }
  if (status == VNPU_OK) {
    if ((queue->task.sqe.flags & VNPU_SQE_CQE) != 0) {
      PostCqe(queue, status, 0);
    }
    return;
  }
  uint64_t exception = std::exchange(queue->exception, 0);
  if (exception == 0 && status != VNPU_E_ABORTED) {
    exception = RecordException(*queue, status);
  }
  PostCqe(queue, status, exception);
  // A task that was aborted by itself is no reason to drop the others.
  if (!queue->failed && queue->stop_on_failure && status != VNPU_E_ABORTED) {
    queue->failed = true;
    queue->drop_from = queue->head + 1;
  }
}

void Scheduler::Proceed(Rtsq* queue) {
  queue->state = QueueState::kAdvance;
  advance_.PushBack(queue);
}

// A waiter adds itself to `waiting`, then looks at the head; the device moves the head, then looks
// at `waiting`. The fence that this takes is the waiter's, who is about to sleep anyway: then the
// look comes with the head. Or else it is paid here, once for all the tasks that ended in one pass.
void Scheduler::Announce() {
  if (announced_ == nullptr) {
    return;
  }
  std::atomic_thread_fence(std::memory_order_seq_cst);
  while (announced_ != nullptr) {
    Rtsq* queue = announced_;
    announced_ = queue->next_announced;
    queue->announce = false;
    if (SomebodyWaits(*queue->mem.hdr)) {
      NotifyWaiters(queue);
    }
  }
}

void Scheduler::PostCqe(Rtsq* queue, uint32_t status, uint64_t exception) {
  vnpu_queue_hdr& hdr = *queue->mem.hdr;
  const uint64_t entries = queue->mem.entries;
  if (queue->cq_tail - LoadShared(hdr.cq_head, std::memory_order_acquire) >= entries) {
    StoreShared(hdr.cq_overflow, LoadShared(hdr.cq_overflow) + 1);
    return;
  }
  vnpu_cqe& cqe = queue->mem.cq[queue->cq_tail & (entries - 1)];
  cqe = {.task = queue->head,
         .timestamp = queue->task.end,
         .queue_id = queue->id,
         .status = status,
         .exception = exception};
  ++queue->cq_tail;
  StoreShared(hdr.cq_tail, queue->cq_tail, std::memory_order_release);
}

uint64_t Scheduler::RecordException(const Rtsq& queue, uint32_t status) {
  const Task& task = queue.task;
  const uint64_t count = LoadShared(session_->exception_count);
  vnpu_exception& slot = session_->exceptions[count % VNPU_EXCEPTIONS];
  StoreShared(slot.seq, uint64_t{0});
  vnpu_exception record{};
  record.task = queue.head;
  record.timestamp = task.end != 0 ? task.end : clock_->Now();
  record.queue_id = queue.id;
  record.status = status;
  record.opcode = task.sqe.opcode;
  if (task.fault.status != VNPU_OK) {
    record.address = task.fault.address;
    record.is_write = task.fault.is_write ? 1 : 0;
    record.unit = task.unit;
    record.core = task.fault_core;
    record.block = task.fault_block;
    record.pc = task.function != nullptr ? task.fault.pc - task.function->module_base : 0;
  }
  if (task.function != nullptr) {
    record.func_id = task.sqe.kernel.func_id;
  }
  if (const Model* model = queue.model; model != nullptr) {
    record.task = model->outermost_caller().head;
    record.model_id = model->id;
    record.stream = queue.entry_id;
    record.position = static_cast<uint32_t>(queue.head);
    record.image = model->image_offset();
  }
  // A reader that finds the old number behind the record must not have read any of the new one.
  std::atomic_thread_fence(std::memory_order_release);
  slot = record;
  StoreShared(slot.seq, count + 1, std::memory_order_release);
  StoreShared(session_->exception_count, count + 1, std::memory_order_release);
  return count + 1;
}

void Scheduler::NotifyWaiters(Rtsq* queue) {
  if (LoadShared(queue->mem.hdr->driver_wait) != 0 &&
      ExchangeShared(queue->mem.hdr->driver_wait, 0u) != 0) {
    platform_->SignalDriver();
  }
  if (LoadShared(queue->mem.hdr->waiting) == 0) {
    return;
  }
  for (uint32_t irq = 0; irq < irq_limit_; ++irq) {
    vnpu_waiter& waiter = session_->waiters[irq];
    if (LoadShared(waiter.armed, std::memory_order_acquire) != 0 &&
        LoadShared(waiter.queue_id) == queue->id && LoadShared(waiter.target) <= queue->head &&
        ExchangeShared(waiter.armed, 0u) != 0) {
      platform_->PostIrq(irq);
    }
  }
}

}  // namespace vnpu::firmware
