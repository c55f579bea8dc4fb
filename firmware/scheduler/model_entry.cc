// The entries that only images of models have.
#include <algorithm>
#include <cstring>

#include "firmware/scheduler/model.h"
#include "firmware/scheduler/scheduler.h"
#include "firmware/scheduler/shared.h"

namespace vnpu::firmware {
namespace {

bool Compares(uint32_t compare, int64_t left, int64_t right) {
  switch (compare) {
    case VNPU_MODEL_EQUAL:
      return left == right;
    case VNPU_MODEL_NOT_EQUAL:
      return left != right;
    case VNPU_MODEL_GREATER:
      return left > right;
    case VNPU_MODEL_GREATER_OR_EQUAL:
      return left >= right;
    case VNPU_MODEL_LESS:
      return left < right;
    default:
      return left <= right;
  }
}

bool CountFits(const vnpu_sqe_cond& cond) {
  switch (cond.kind) {
    case VNPU_MODEL_IF:
      return cond.graphs == 1 || cond.graphs == 2;
    case VNPU_MODEL_WHILE:
      return cond.graphs == 1;
    case VNPU_MODEL_CASE:
      return cond.graphs >= 1;
    default:
      return false;
  }
}

constexpr uint32_t kNoGraph = UINT32_MAX;

// Which of its graphs a condition runs.
uint32_t Choice(const vnpu_sqe_cond& cond, uint64_t word) {
  switch (cond.kind) {
    case VNPU_MODEL_IF:
      return word != 0 ? 0 : cond.graphs == 2 ? 1 : kNoGraph;
    case VNPU_MODEL_WHILE:
      return word != 0 ? 0 : kNoGraph;
    default:
      return word < cond.graphs ? static_cast<uint32_t>(word) : kNoGraph;
  }
}

}  // namespace

uint32_t Scheduler::DecodeModelEntry(Rtsq* queue) {
  switch (queue->task.sqe.opcode) {
    case VNPU_OP_MODEL_SIGNAL:
      return RunSignal(queue);
    case VNPU_OP_MODEL_AWAIT:
      return RunAwait(queue);
    case VNPU_OP_MODEL_COND:
      return RunCondition(queue);
    case VNPU_OP_MODEL_GOTO:
      return RunGoto(queue);
    case VNPU_OP_MODEL_ACTIVATE: {
      const vnpu_sqe_activate& activate = queue->task.sqe.activate;
      if (activate.reserved0 != 0 || !AllZero(activate.reserved1) ||
          !Activate(queue, activate.stream, 0)) {
        return VNPU_E_INVALID_SQE;
      }
      Complete(queue, VNPU_OK);
      return VNPU_OK;
    }
    case VNPU_OP_MODEL_SWITCH:
      return RunSwitch(queue);
    case VNPU_OP_MODEL_STORE:
      return RunStore(queue);
    case VNPU_OP_MODEL_EXECUTE:
      return DecodeExecute(queue);
    default:
      return VNPU_E_INVALID_SQE;
  }
}

// A sequence number that differs from run to run. False: the entry makes no sense.
bool Scheduler::FetchSeq(Rtsq* queue) {
  if (queue->model == nullptr) {
    return false;
  }
  switch (queue->task.sqe.flags & ~VNPU_SQE_FLAGS_ALL) {
    case VNPU_SQE_SEQ_IN_ARGS:
      return FetchSeqFromArgs(queue);
    case VNPU_SQE_SEQ_OF_EVENT:
      return FetchSeqOfEvent(queue);
    case VNPU_SQE_SEQ_NEXT:
      return FetchNextSeq(queue);
    default:
      return false;
  }
}

bool Scheduler::FetchSeqFromArgs(Rtsq* queue) {
  vnpu_sqe& sqe = queue->task.sqe;
  const bool event = sqe.opcode == VNPU_OP_EVENT_RECORD || sqe.opcode == VNPU_OP_EVENT_WAIT;
  uint64_t* seq = event ? &sqe.event.seq : &sqe.interrupt.seq;
  if ((!event && sqe.opcode != VNPU_OP_INTERRUPT) || *seq % 8 != 0 ||
      *seq >= queue->mem.arg_bytes) {
    return false;
  }
  *seq = LoadShared(*reinterpret_cast<const uint64_t*>(queue->mem.args + *seq));
  return true;
}

bool Scheduler::FetchSeqOfEvent(Rtsq* queue) {
  vnpu_sqe& sqe = queue->task.sqe;
  if (sqe.opcode != VNPU_OP_EVENT_WAIT || sqe.event.seq >= VNPU_MAX_EVENTS) {
    return false;
  }
  sqe.event.seq = LoadShared(session_->events[sqe.event.seq].seq);
  if (sqe.event.seq == 0) {  // every event has that number
    sqe.opcode = VNPU_OP_NOP;
    std::memset(sqe.payload, 0, sizeof(sqe.payload));
  }
  return true;
}

bool Scheduler::FetchNextSeq(Rtsq* queue) {
  vnpu_sqe& sqe = queue->task.sqe;
  vnpu_sqe_interrupt& interrupt = sqe.interrupt;
  if (sqe.opcode != VNPU_OP_INTERRUPT || interrupt.event_id >= VNPU_MAX_EVENTS ||
      interrupt.seq >= VNPU_MAX_EVENTS) {
    return false;
  }
  const uint64_t mine = LoadShared(session_->events[interrupt.event_id].seq);
  const uint64_t other = LoadShared(session_->events[interrupt.seq].seq);
  interrupt.seq = call_seq_ = std::max({call_seq_, mine, other}) + 1;
  return true;
}

// Registers -----------------------------------------------------------------------------------

// nullptr: the entry makes no sense.
ModelRegister* Scheduler::RegisterOf(const Rtsq& queue) {
  const vnpu_sqe_register& entry = queue.task.sqe.reg;
  if (entry.reg >= queue.graph->registers || entry.reserved0 != 0 || !AllZero(entry.reserved1)) {
    return nullptr;
  }
  return &queue.model->registers[queue.graph->first_register + entry.reg];
}

uint32_t Scheduler::RunSignal(Rtsq* queue) {
  ModelRegister* reg = RegisterOf(*queue);
  if (reg == nullptr) {
    return VNPU_E_INVALID_SQE;
  }
  reg->is_set = true;
  Rtsq* waiter = reg->waiters;
  reg->waiters = nullptr;
  while (waiter != nullptr) {
    Rtsq* next = waiter->next;
    ++queue->model->moving;
    Complete(waiter, VNPU_OK);
    waiter = next;
  }
  Complete(queue, VNPU_OK);
  return VNPU_OK;
}

uint32_t Scheduler::RunAwait(Rtsq* queue) {
  ModelRegister* reg = RegisterOf(*queue);
  if (reg == nullptr) {
    return VNPU_E_INVALID_SQE;
  }
  if (reg->is_set) {
    Complete(queue, VNPU_OK);
    return VNPU_OK;
  }
  queue->state = QueueState::kWaiting;
  queue->next = reg->waiters;
  reg->waiters = queue;
  if (queue->task.sqe.timeout_us != 0) {
    SetDeadline(queue, clock_->Now());
  }
  if (--queue->model->moving == 0) {
    EndStuck(queue->model);
  }
  return VNPU_OK;
}

void Scheduler::UnlinkAwait(Rtsq* queue) {
  ++queue->model->moving;
  Rtsq** link = &RegisterOf(*queue)->waiters;
  while (*link != queue) {
    link = &(*link)->next;
  }
  *link = queue->next;
}

// Conditions ----------------------------------------------------------------------------------

uint32_t Scheduler::RunCondition(Rtsq* queue) {
  Model* model = queue->model;
  const vnpu_sqe_cond& cond = queue->task.sqe.cond;
  if (cond.va % sizeof(uint64_t) != 0 || !CountFits(cond) || cond.first_graph == 0 ||
      cond.first_graph >= model->graph_count ||
      cond.graphs > model->graph_count - cond.first_graph || cond.reserved0 != 0 ||
      !AllZero(cond.reserved1)) {
    return VNPU_E_INVALID_SQE;
  }
  uint64_t word = 0;
  if (const uint32_t status = LoadForTask(queue, cond.va, &word); status != VNPU_OK) {
    return status;
  }
  const uint32_t choice = Choice(cond, word);
  if (choice == kNoGraph) {
    Complete(queue, VNPU_OK);
    return VNPU_OK;
  }
  ModelGraph* graph = &model->graphs[cond.first_graph + choice];
  if (graph->runs) {
    return VNPU_E_INVALID_SQE;
  }
  queue->state = QueueState::kWaiting;
  --model->moving;
  StartGraph(model, graph, queue);
  return VNPU_OK;
}

// Starting streams ----------------------------------------------------------------------------

// False: there is no such stream in this graph, or it is going to start again already.
bool Scheduler::Activate(Rtsq* queue, uint32_t stream, uint32_t position) {
  Model* model = queue->model;
  if (stream >= model->stream_count || model->queues[stream].graph != queue->graph) {
    return false;
  }
  Rtsq* target = &model->queues[stream];
  if (target->state == QueueState::kQuiet) {
    StartStream(target, position);
    return true;
  }
  if (target->restart_at != Rtsq::kNoRestart) {
    return false;
  }
  target->restart_at = position;
  return true;
}

// The stream ends here and another one starts, or it goes on elsewhere itself.
uint32_t Scheduler::Jump(Rtsq* queue, uint32_t stream, uint32_t position) {
  if (stream == queue->entry_id) {
    units_->CountTasks(1);
    queue->head = position;
    queue->state = QueueState::kAdvance;
    advance_.PushBack(queue);
    return VNPU_OK;
  }
  if (!Activate(queue, stream, position)) {
    return VNPU_E_INVALID_SQE;
  }
  units_->CountTasks(1);
  EndStream(queue);
  return VNPU_OK;
}

uint32_t Scheduler::RunGoto(Rtsq* queue) {
  const Model* model = queue->model;
  const vnpu_sqe_goto& jump = queue->task.sqe.jump;
  if (jump.va % sizeof(uint32_t) != 0 || jump.labels == 0 ||
      jump.first_label >= model->label_count ||
      jump.labels > model->label_count - jump.first_label || !AllZero(jump.reserved)) {
    return VNPU_E_INVALID_SQE;
  }
  int64_t index = 0;
  if (const uint32_t status = LoadNumber(queue, jump.va, sizeof(uint32_t), &index);
      status != VNPU_OK) {
    return status;
  }
  const uint32_t choice = std::min(static_cast<uint32_t>(index), jump.labels - 1);
  const vnpu_model_label& shared = model->labels[jump.first_label + choice];
  const vnpu_model_label label = {LoadShared(shared.stream), LoadShared(shared.position)};
  if (label.stream >= model->stream_count ||
      label.position > model->queues[label.stream].seen_tail) {
    return VNPU_E_INVALID_SQE;
  }
  return Jump(queue, label.stream, label.position);
}

uint32_t Scheduler::RunSwitch(Rtsq* queue) {
  const vnpu_sqe_switch& choice = queue->task.sqe.choice;
  const bool width_ok = choice.width == sizeof(uint32_t) || choice.width == sizeof(uint64_t);
  if (!width_ok || choice.left % choice.width != 0 || choice.right % choice.width != 0 ||
      choice.compare >= VNPU_MODEL_COMPARE_COUNT || choice.reserved0 != 0 ||
      !AllZero(choice.reserved1)) {
    return VNPU_E_INVALID_SQE;
  }
  int64_t left = 0;
  int64_t right = 0;
  uint32_t status = LoadNumber(queue, choice.left, choice.width, &left);
  if (status == VNPU_OK) {
    status = LoadNumber(queue, choice.right, choice.width, &right);
  }
  if (status != VNPU_OK) {
    return status;
  }
  if (Compares(choice.compare, left, right)) {
    return Jump(queue, choice.stream, 0);
  }
  Complete(queue, VNPU_OK);
  return VNPU_OK;
}

// Words of memory -----------------------------------------------------------------------------

uint32_t Scheduler::RunStore(Rtsq* queue) {
  Task& task = queue->task;
  const vnpu_sqe_store& store = task.sqe.store;
  if (store.va % sizeof(uint64_t) != 0 || !AllZero(store.reserved)) {
    return VNPU_E_INVALID_SQE;
  }
  const uint32_t status = platform_->StoreWord(store.va, store.value);
  if (status != VNPU_OK) {
    NoteFault(&task, status, store.va, /*is_write=*/true);
    return status;
  }
  Complete(queue, VNPU_OK);
  return VNPU_OK;
}

// A signed number of 4 or 8 bytes, at a multiple of them. Words are what memory is read by.
uint32_t Scheduler::LoadNumber(Rtsq* queue, uint64_t va, uint32_t width, int64_t* number) {
  uint64_t word = 0;
  const uint32_t status = LoadForTask(queue, va & ~uint64_t{7}, &word);
  *number = static_cast<int64_t>(word);
  if (width == sizeof(uint32_t)) {
    *number = static_cast<int32_t>(word >> (8 * (va & 4)));
  }
  return status;
}

}  // namespace vnpu::firmware
