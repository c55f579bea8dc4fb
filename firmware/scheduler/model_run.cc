// Runs of models: from the entry that asks for one to its end. Streams start and end, graphs start
// and end with them, and the run ends with graph 0, or when everything of it has been stopped.
#include <algorithm>
#include <bit>
#include <utility>

#include "firmware/scheduler/model.h"
#include "firmware/scheduler/scheduler.h"
#include "firmware/scheduler/shared.h"

namespace vnpu::firmware {

// Entries of queues ---------------------------------------------------------------------------

uint32_t Scheduler::DecodeModelTask(Rtsq* queue) {
  const vnpu_sqe& sqe = queue->task.sqe;
  if (sqe.opcode == VNPU_OP_MODEL_EXECUTE) {
    return DecodeExecute(queue);
  }
  if (sqe.opcode != VNPU_OP_MODEL_UPDATE) {
    return VNPU_E_INVALID_SQE;
  }
  const vnpu_sqe_update& update = sqe.update;
  const Model* model = FindModel(update.model_id);
  if (model == nullptr || update.reserved0 != 0 || !AllZero(update.reserved1) ||
      !UpdateModel(*queue, *model, update)) {
    return VNPU_E_INVALID_SQE;
  }
  Complete(queue, VNPU_OK);
  return VNPU_OK;
}

uint32_t Scheduler::DecodeExecute(Rtsq* queue) {
  const vnpu_sqe& sqe = queue->task.sqe;
  const vnpu_sqe_execute& execute = sqe.execute;
  Model* model = FindModel(execute.model_id);
  if (model == nullptr || ImageOf(*model, execute) == nullptr || execute.reserved0 != 0 ||
      !AllZero(execute.reserved1) || (queue->model != nullptr && !MayNest(*queue, *model)) ||
      (execute.update_bytes == 0 && (execute.update_offset != 0 || execute.arg_offset != 0))) {
    return VNPU_E_INVALID_SQE;
  }
  queue->state = QueueState::kWaiting;
  queue->waits_for = model;
  queue->next = nullptr;
  (model->last_pending != nullptr ? model->last_pending->next : model->first_pending) = queue;
  model->last_pending = queue;
  if (sqe.timeout_us != 0) {
    SetDeadline(queue, clock_->Now());
  }
  StartPending(model);
  return VNPU_OK;
}

// Whether a stream may run the model: not inside of itself, for which it would wait for ever, nor
// too deep.
bool Scheduler::MayNest(const Rtsq& queue, const Model& model) {
  uint32_t depth = 1;
  for (const Rtsq* outer = &queue; outer->model != nullptr; outer = outer->model->caller) {
    if (outer->model == &model || ++depth > VNPU_MAX_MODEL_DEPTH) {
      return false;
    }
  }
  return true;
}

void Scheduler::RemovePending(Rtsq* queue) {
  Model* model = queue->waits_for;
  Rtsq* before = nullptr;
  for (Rtsq* other = model->first_pending; other != queue; other = other->next) {
    before = other;
  }
  (before != nullptr ? before->next : model->first_pending) = queue->next;
  if (model->last_pending == queue) {
    model->last_pending = before;
  }
}

// The count by which the client knows that an execution is over.
void Scheduler::CountExecution(const Rtsq& queue) {
  const vnpu_sqe_execute& execute = queue.task.sqe.execute;
  const Model* model = FindModel(execute.model_id);
  vnpu_model_image* image = model != nullptr ? ImageOf(*model, execute) : nullptr;
  if (image != nullptr) {
    StoreShared(image->completed, LoadShared(image->completed) + 1, std::memory_order_release);
  }
}

// Ends an execution from outside: at once if it waits for its turn, otherwise when everything of it
// has been stopped. A queue that is being destroyed is left where it is.
void Scheduler::EndExecute(Rtsq* queue, uint32_t status) {
  Model* model = queue->waits_for;
  if (model->caller == queue) {
    StopRun(model, status);
    return;
  }
  RemovePending(queue);
  queue->waits_for = nullptr;
  CountExecution(*queue);
  if (queue->state != QueueState::kDead) {
    Complete(queue, status);
  }
}

// Runs ----------------------------------------------------------------------------------------

// Not recursive, as a run that ends at once starts the next one.
void Scheduler::StartPending(Model* model) {
  if (model->starting) {
    return;
  }
  model->starting = true;
  while (model->caller == nullptr && model->first_pending != nullptr) {
    Rtsq* queue = model->first_pending;
    RemovePending(queue);
    StartRun(model, queue);
  }
  model->starting = false;
}

void Scheduler::StartRun(Model* model, Rtsq* caller) {
  const vnpu_sqe_execute& execute = caller->task.sqe.execute;
  const vnpu_sqe_update update = {.model_id = execute.model_id,
                                  .size = execute.update_bytes,
                                  .offset = execute.update_offset,
                                  .arg_offset = execute.arg_offset,
                                  .reserved0 = 0,
                                  .reserved1 = {}};
  if ((update.size != 0 && !UpdateModel(*caller, *model, update)) ||
      !ReadImage(model, execute.image)) {
    caller->waits_for = nullptr;
    CountExecution(*caller);
    Complete(caller, VNPU_E_INVALID_SQE);
    return;
  }
  model->caller = caller;
  model->status = VNPU_OK;
  model->exception = 0;
  model->active = model->moving = 0;
  caller->task.start = clock_->Now();
  for (uint32_t i = 0; i < model->stream_count; ++i) {
    model->queues[i].id = caller->id;
  }
  for (uint32_t bits = model->priorities; bits != 0; bits &= bits - 1) {
    CountQueue(static_cast<uint32_t>(std::countr_zero(bits)), 1);
  }
  StartGraph(model, &model->graphs[0], nullptr);
}

void Scheduler::EndRun(Model* model) {
  Rtsq* caller = model->caller;
  model->caller = nullptr;
  model->stopping = false;
  caller->waits_for = nullptr;
  for (uint32_t bits = model->priorities; bits != 0; bits &= bits - 1) {
    CountQueue(static_cast<uint32_t>(std::countr_zero(bits)), -1);
  }
  StoreShared(model->image->completed, LoadShared(model->image->completed) + 1,
              std::memory_order_release);
  if (caller->state != QueueState::kDead) {
    caller->task.end = clock_->Now();
    caller->exception = model->exception;
    Complete(caller, model->status);
  }
  StartPending(model);
}

// Ends a run before its time. It is over when the blocks that run have come back.
void Scheduler::StopRun(Model* model, uint32_t status) {
  if (model->stopping) {
    return;
  }
  model->stopping = true;
  model->status = status;
  const uint64_t now = clock_->Now();
  ++model->active;  // so that the run is not over before all streams have been seen
  for (uint32_t i = 0; i < model->stream_count; ++i) {
    StopStream(&model->queues[i], now);
  }
  if (--model->active == 0) {
    EndRun(model);
  }
}

// Graphs and streams --------------------------------------------------------------------------

void Scheduler::StartGraph(Model* model, ModelGraph* graph, Rtsq* parent) {
  graph->runs = true;
  graph->parent = parent;
  std::fill_n(&model->registers[graph->first_register], graph->registers, ModelRegister{});
  for (uint32_t i = 0; i < graph->streams; ++i) {
    Rtsq* queue = &model->queues[graph->first_stream + i];
    if (queue->starts) {
      StartStream(queue, 0);
    }
  }
  if (graph->active == 0) {
    EndGraph(model, graph);
  }
}

void Scheduler::EndGraph(Model* model, ModelGraph* graph) {
  graph->runs = false;
  Rtsq* parent = graph->parent;
  if (parent == nullptr) {
    EndRun(model);
    return;
  }
  ++model->moving;
  // A loop looks at its condition again, by way of the list: others have their turn even if nothing
  // in it takes time.
  const bool again = parent->task.sqe.cond.kind == VNPU_MODEL_WHILE;
  parent->head += again ? 0 : 1;
  parent->state = QueueState::kAdvance;
  advance_.PushBack(parent);
}

void Scheduler::StartStream(Rtsq* queue, uint32_t position) {
  ++queue->graph->active;
  ++queue->model->active;
  ++queue->model->moving;
  queue->head = position;
  queue->state = QueueState::kAdvance;
  advance_.PushBack(queue);
}

// For a stream that is in no list.
void Scheduler::EndStream(Rtsq* queue) {
  Model* model = queue->model;
  ModelGraph* graph = queue->graph;
  if (model->stopping) {
    queue->state = QueueState::kQuiet;
    if (--model->active == 0) {
      EndRun(model);
    }
    return;
  }
  if (queue->restart_at != Rtsq::kNoRestart) {
    queue->head = queue->restart_at;
    queue->restart_at = Rtsq::kNoRestart;
    queue->state = QueueState::kAdvance;
    advance_.PushBack(queue);
    return;
  }
  queue->state = QueueState::kQuiet;
  --model->active;
  --model->moving;
  if (--graph->active == 0) {
    EndGraph(model, graph);
  } else if (model->moving == 0) {
    EndStuck(model);
  }
}

void Scheduler::StopStream(Rtsq* queue, uint64_t now) {
  switch (queue->state) {
    case QueueState::kAdvance:
      advance_.Remove(queue);
      EndStream(queue);
      break;
    case QueueState::kWaiting:
      if (queue->task.deadline != 0) {
        ClearDeadline(queue);
      }
      if (queue->waits_for != nullptr) {
        EndExecute(queue, VNPU_E_ABORTED);
        break;
      }
      UnlinkWaiter(queue);
      EndStream(queue);
      break;
    case QueueState::kReady:
    case QueueState::kRunning:
      EndTask(queue, VNPU_E_ABORTED, now);
      break;
    default:
      break;
  }
}

// What Complete() is for ordinary queues.
void Scheduler::CompleteEntry(Rtsq* queue, uint32_t status) {
  Model* model = queue->model;
  units_->CountTasks(1);
  if (model->stopping) {
    queue->exception = 0;
    EndStream(queue);
    return;
  }
  if (status == VNPU_OK) [[likely]] {
    ++queue->head;
    queue->state = QueueState::kAdvance;
    advance_.PushBack(queue);
    return;
  }
  // Of a model inside of this one, the record is there already.
  model->exception =
      queue->exception != 0 ? std::exchange(queue->exception, 0) : RecordException(*queue, status);
  // It takes part in being stopped like the others.
  queue->state = QueueState::kAdvance;
  advance_.PushBack(queue);
  StopRun(model, status);
}

// Every stream waits for another one.
void Scheduler::EndStuck(Model* model) {
  for (uint32_t i = 0; i < model->stream_count && model->exception == 0; ++i) {
    if (model->queues[i].state == QueueState::kWaiting &&
        model->queues[i].task.sqe.opcode == VNPU_OP_MODEL_AWAIT) {
      model->exception = RecordException(model->queues[i], VNPU_E_STUCK);
    }
  }
  StopRun(model, VNPU_E_STUCK);
}

}  // namespace vnpu::firmware
