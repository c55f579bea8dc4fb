// Takes the next task of a queue: fetches, checks, and runs what needs no unit.
#include <bit>
#include <cstring>
#include <utility>

#include "firmware/scheduler/dma_task.h"
#include "firmware/scheduler/scheduler.h"
#include "firmware/scheduler/shared.h"

namespace vnpu::firmware {
namespace {

bool SurvivesFailure(uint8_t opcode) {
  // Others wait for events and notifies; a stopped queue must not hang them.
  return opcode == VNPU_OP_EVENT_RECORD || opcode == VNPU_OP_EVENT_RESET ||
         opcode == VNPU_OP_NOTIFY_RECORD;
}

}  // namespace

void Scheduler::DrainAdvance() {
  // Bounded, so that queues full of entries that need no unit cannot keep kernels from starting.
  for (int i = 0; i < kInlineBudget && !advance_.empty() && !ShortWorkIsReady(); ++i) {
    Advance(advance_.PopFront());
  }
}

// Nothing that the other queues hold goes before it, and it is over soon: it need not wait until
// they have been looked at.
bool Scheduler::ShortWorkIsReady() const {
  if ((ready_mask_ & 1) == 0 || no_unit_) {
    return false;
  }
  const Task& task = ready_[0].front()->task;
  return task.function != nullptr && task.function->block_ticks != 0 &&
         task.function->block_ticks * (task.blocks - task.started) < short_ticks_;
}

bool Scheduler::ReadTail(Rtsq* queue) {
  if (queue->seen_tail == queue->head) {
    if (queue->model != nullptr) {
      return false;
    }
    if (SeesEntry(queue, queue->head)) {
      return true;
    }
    if (!std::exchange(queue->by_tail, false) && EntryTells(*queue, queue->head)) {
      return false;
    }
    const uint64_t tail = LoadTail(*queue);
    if (tail - queue->head > queue->mem.entries) {
      Condemn(queue);
      return false;
    }
    TakeTail(queue, tail);
  }
  return queue->seen_tail != queue->head;
}

// A queue whose tail makes no sense has no next task: nothing of it runs any more.
void Scheduler::Condemn(Rtsq* queue) {
  queue->state = QueueState::kDead;
  queue->task = {};
  queue->task.end = clock_->Now();
  PostCqe(queue, VNPU_E_INVALID_SQE, RecordException(*queue, VNPU_E_INVALID_SQE));
  NotifyWaiters(queue);
}

// Whether the next task of a queue that failed, or is being aborted, is dropped.
bool Scheduler::Drops(Rtsq* queue) {
  if (queue->aborting && queue->head >= queue->drop_until) {
    queue->aborting = queue->failed = false;
  }
  if (!queue->failed || SurvivesFailure(queue->task.sqe.opcode)) {
    return false;
  }
  if (queue->task.sqe.opcode == VNPU_OP_MODEL_EXECUTE) {
    CountExecution(*queue);
  }
  return true;
}

void Scheduler::Advance(Rtsq* queue) {
  if (!ReadTail(queue)) {
    if (queue->model != nullptr) {
      EndStream(queue);
    } else if (queue->state != QueueState::kDead) {
      StartPolling(queue);
    }
    return;
  }
  FetchEntry(queue);
  Task& task = queue->task;
  task.function = nullptr;
  task.started = task.finished = 0;
  task.start = task.end = 0;
  task.status = VNPU_OK;
  task.fault.status = VNPU_OK;
  if (queue->failed && Drops(queue)) [[unlikely]] {
    Complete(queue, VNPU_E_ABORTED);
    return;
  }
  const uint32_t status = Decode(queue);
  if (status != VNPU_OK) {
    Complete(queue, status);
  }
}

uint32_t Scheduler::Decode(Rtsq* queue) {
  const vnpu_sqe& sqe = queue->task.sqe;
  if (((sqe.flags & ~VNPU_SQE_FLAGS_ALL) != 0 && !FetchSeq(queue)) ||
      (sqe.core_limit != 0 && sqe.opcode != VNPU_OP_KERNEL) || !EntryIsInItsPlace(*queue)) {
    return VNPU_E_INVALID_SQE;
  }
  switch (sqe.opcode) {
    case VNPU_OP_KERNEL:
      return DecodeKernel(queue);
    case VNPU_OP_COPY:
    case VNPU_OP_MEMSET:
    case VNPU_OP_REDUCE:
    case VNPU_OP_RANDOM:
      return DecodeDma(queue);
    case VNPU_OP_EVENT_RECORD:
    case VNPU_OP_EVENT_WAIT:
    case VNPU_OP_EVENT_RESET:
      return RunEvent(queue);
    case VNPU_OP_NOTIFY_RECORD:
    case VNPU_OP_NOTIFY_WAIT:
      return DecodeNotify(queue);
    case VNPU_OP_VALUE_WAIT:
      return DecodeValueWait(queue);
    case VNPU_OP_INTERRUPT:
      return RunInterrupt(queue);
    case VNPU_OP_NOP:
      if (!AllZero(sqe.payload)) {
        return VNPU_E_INVALID_SQE;
      }
      Complete(queue, VNPU_OK);
      return VNPU_OK;
    case VNPU_OP_KERNEL_UPDATE:
      return RunKernelUpdate(queue);
    case VNPU_OP_RANDOM_UPDATE:
      return RunRandomUpdate(queue);
    default:
      return queue->model != nullptr ? DecodeModelEntry(queue) : DecodeModelTask(queue);
  }
}

// A part of DecodeKernel: calling it there costs 2 ns a task.
[[gnu::always_inline]] inline uint32_t Scheduler::ReadKernel(Rtsq* queue) {
  Task& task = queue->task;
  const vnpu_sqe_kernel& kernel = task.sqe.kernel;
  if (kernel.func_id >= functions_.size()) {
    return VNPU_E_INVALID_SQE;
  }
  Function& function = functions_[kernel.func_id];
  if (!function.runs || kernel.arg_size != function.arg_size || kernel.block_dim == 0 ||
      kernel.block_dim > VNPU_MAX_BLOCKS) {
    return VNPU_E_INVALID_SQE;
  }
  if ((task.sqe.flags & VNPU_SQE_BATCH) != 0 && kernel.block_dim > units_->Count(function.unit)) {
    return VNPU_E_INVALID_SQE;
  }
  const bool is_inline = (task.sqe.flags & VNPU_SQE_INLINE) != 0;
  if ((task.sqe.flags & VNPU_SQE_DEVICE_ARGS) != 0) {
    if (is_inline || kernel.arg_offset != 0) {
      return VNPU_E_INVALID_SQE;
    }
    // Read by the kernel itself, so an address that is not mapped is the kernel's fault.
    std::memcpy(&task.args, kernel.inline_args, sizeof(task.args));
  } else if (is_inline) {
    if (kernel.arg_size > VNPU_SQE_INLINE_BYTES || kernel.arg_offset != 0) {
      return VNPU_E_INVALID_SQE;
    }
    task.args = kernel.inline_args;
  } else {
    if (kernel.arg_offset % 8 != 0 || kernel.arg_offset > queue->mem.arg_bytes ||
        kernel.arg_size > queue->mem.arg_bytes - kernel.arg_offset) {
      return VNPU_E_INVALID_SQE;
    }
    task.args = queue->mem.args + kernel.arg_offset;
  }
  task.function = &function;
  task.unit = function.unit;
  task.blocks = kernel.block_dim;
  return VNPU_OK;
}

uint32_t Scheduler::CheckKernel(Rtsq* queue) { return ReadKernel(queue); }

uint32_t Scheduler::DecodeKernel(Rtsq* queue) {
  const uint32_t status = ReadKernel(queue);
  if (status == VNPU_OK) {
    MakeReady(queue);
  }
  return status;
}

uint32_t Scheduler::DecodeDma(Rtsq* queue) {
  Task& task = queue->task;
  if (!DmaTaskIsSound(task.sqe)) {
    return VNPU_E_INVALID_SQE;
  }
  task.unit = VNPU_UNIT_DMA;
  task.blocks = 1;
  MakeReady(queue);
  return VNPU_OK;
}

void Scheduler::MakeReady(Rtsq* queue) {
  queue->state = QueueState::kReady;
  ready_[queue->priority].PushBack(queue);
  ready_mask_ |= 1u << queue->priority;
}

}  // namespace vnpu::firmware
