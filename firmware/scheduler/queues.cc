// Queues and functions: what the driver sets up.
#include <algorithm>
#include <cerrno>

#include "firmware/scheduler/scheduler.h"
#include "firmware/scheduler/shared.h"

namespace vnpu::firmware {

Rtsq* Scheduler::Find(uint32_t id) const {
  return id < queues_.size() ? queues_[id].get() : nullptr;
}

void Scheduler::CountQueue(uint32_t priority, int change) {
  const bool before = queues_at_[priority] != 0;
  queues_at_[priority] += change;
  if (before != (queues_at_[priority] != 0)) {
    one_priority_ = std::count(queues_at_.begin(), queues_at_.end(), 0) >= VNPU_PRIORITIES - 1;
  }
}

int Scheduler::CreateQueue(uint32_t id, const QueueMemory& memory, uint32_t priority,
                           uint32_t flags) {
  if (id >= queues_.size() || priority >= VNPU_PRIORITIES) {
    return -EINVAL;
  }
  if (queues_[id] != nullptr) {
    return -EEXIST;
  }
  auto queue = std::make_unique<Rtsq>();
  queue->mem = memory;
  queue->id = queue->entry_id = id;
  queue->priority = priority;
  queue->flags = flags;
  queue->seq_last = seq_last_ && (flags & VNPU_QUEUE_DRIVER_SUBMIT) == 0;
  queue->stop_on_failure = (flags & VNPU_QUEUE_STOP_ON_FAILURE) != 0;
  StoreShared(memory.hdr->need_doorbell, 1u);
  queues_[id] = std::move(queue);
  CountQueue(priority, 1);
  return 0;
}

void Scheduler::Unlink(Rtsq* queue) {
  switch (queue->state) {
    case QueueState::kPolled:
      for (size_t i = 0; i < polled_count_; ++i) {
        if (polled_[i] == queue) {
          polled_[i] = polled_[--polled_count_];
          break;
        }
      }
      break;
    case QueueState::kAdvance:
      advance_.Remove(queue);
      break;
    case QueueState::kReady:
      LeaveReady(queue);
      break;
    case QueueState::kWaiting:
      if (queue->waits_for != nullptr) {
        queue->state = QueueState::kDead;  // the run that ends has nobody to tell
        EndExecute(queue, VNPU_E_ABORTED);
      } else {
        UnlinkWaiter(queue);
      }
      break;
    case QueueState::kQuiet:
    case QueueState::kParting:
    case QueueState::kRunning:
    case QueueState::kDead:
      break;
  }
  if (queue->task.deadline != 0) {
    ClearDeadline(queue);
  }
}

int Scheduler::KillQueue(uint32_t id, bool force) {
  Announce();
  Rtsq* queue = Find(id);
  if (queue == nullptr) {
    return -ENOENT;
  }
  const bool done = LoadTail(*queue) == queue->head;
  if (!force && !done && queue->state != QueueState::kDead) {
    return -EBUSY;
  }
  Unlink(queue);
  queue->state = QueueState::kDead;
  if (QueueBusy(id)) {
    platform_->StopBlocks(*queue, VNPU_E_ABORTED);
  }
  return 0;
}

bool Scheduler::QueueBusy(uint32_t id) const {
  const Rtsq* queue = Find(id);
  return queue != nullptr &&
         (queue->task.started != queue->task.finished || queue->waits_for != nullptr);
}

int Scheduler::DestroyQueue(uint32_t id) {
  const Rtsq* queue = Find(id);
  if (queue == nullptr) {
    return -ENOENT;
  }
  if (queue->state != QueueState::kDead || QueueBusy(id)) {
    return -EBUSY;
  }
  if (queue->parting) {
    std::erase(parting_, queue);
  }
  CountQueue(queue->priority, -1);
  last_ = nullptr;
  queues_[id].reset();
  return 0;
}

int Scheduler::SetStopOnFailure(uint32_t id, bool stop) {
  Rtsq* queue = Find(id);
  if (queue == nullptr) {
    return -ENOENT;
  }
  queue->stop_on_failure = stop;
  queue->failed = queue->aborting || (queue->failed && stop);
  return 0;
}

int Scheduler::SetPriority(uint32_t id, uint64_t priority) {
  Rtsq* queue = Find(id);
  if (queue == nullptr) {
    return -ENOENT;
  }
  if (priority >= VNPU_PRIORITIES) {
    return -EINVAL;
  }
  const bool ready = queue->state == QueueState::kReady;
  if (ready) {
    LeaveReady(queue);
  }
  CountQueue(queue->priority, -1);
  queue->priority = static_cast<uint32_t>(priority);
  CountQueue(queue->priority, 1);
  if (ready) {
    MakeReady(queue);
  }
  return 0;
}

int Scheduler::AbortQueue(uint32_t id, bool only_one, Dropped* dropped) {
  Rtsq* queue = Find(id);
  if (queue == nullptr) {
    return -ENOENT;
  }
  *dropped = {.from = queue->head, .until = queue->head};
  if (queue->state == QueueState::kDead) {
    return 0;
  }
  if (!only_one) {
    queue->drop_from = queue->failed ? queue->drop_from : queue->head;
    const uint64_t tail = LoadTail(*queue);
    queue->drop_until = queue->head + std::min(tail - queue->head, queue->mem.entries);
    queue->aborting = queue->failed = true;
    *dropped = {.from = queue->drop_from, .until = queue->drop_until};
  }
  if (queue->state == QueueState::kWaiting) {
    EndWait(queue, VNPU_E_ABORTED, VNPU_E_ABORTED);
  } else if (queue->state == QueueState::kReady || queue->state == QueueState::kRunning) {
    EndTask(queue, VNPU_E_ABORTED, clock_->Now());
  }
  Announce();
  return 0;
}

uint32_t Scheduler::AddFunction(Function function) {
  function.runs = units_->Exists(function.unit);
  if (!free_functions_.empty()) {
    const uint32_t id = free_functions_.back();
    free_functions_.pop_back();
    functions_[id] = function;
    return id;
  }
  if (functions_.size() == kMaxFunctions) {
    return UINT32_MAX;
  }
  functions_.push_back(function);
  return static_cast<uint32_t>(functions_.size() - 1);
}

void Scheduler::RemoveFunctions(uint32_t module_id) {
  for (uint32_t id = 0; id < functions_.size(); ++id) {
    if (functions_[id].thunk != nullptr && functions_[id].module_id == module_id) {
      functions_[id] = {};
      free_functions_.push_back(id);
    }
  }
}

const Function* Scheduler::function(uint32_t func_id) const {
  const bool known = func_id < functions_.size() && functions_[func_id].thunk != nullptr;
  return known ? &functions_[func_id] : nullptr;
}

}  // namespace vnpu::firmware
