#include "libruntime/src/graph/execute.h"

#include <algorithm>
#include <mutex>
#include <span>
#include <vector>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/callback/host_calls.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/event/event.h"
#include "libruntime/src/graph/nested.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {
namespace {

[[gnu::cold]] aclError FailGone() {
  return Fail(ACL_ERROR_RT_INVALID_HANDLE, "the model was destroyed by another thread");
}

[[gnu::cold]] aclError FailNotReady(const Model& model) {
  if (model.parent != nullptr) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "the model is the body of a conditional task and runs with that task's model");
  }
  switch (model.state.load()) {
    case ModelState::kCapturing:
      return Fail(ACL_ERROR_RT_MODEL_CAPTURED,
                  "the model is still captured; call aclmdlRICaptureEnd first");
    case ModelState::kBuilding:
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "the model is still built; call aclmdlRIBuildEnd first");
    case ModelState::kUnbound:
      return Fail(ACL_ERROR_RT_STREAM_MODEL, "streams were taken out of the model");
    default:
      return Fail(ACL_ERROR_RT_INVALID_HANDLE, "the model was destroyed, or its capture failed");
  }
}

[[gnu::cold]] aclError CheckStream(const Model& model, const Stream* stream) {
  return stream->session_serial == model.session_serial
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_STREAM_CONTEXT, "the model is of another device than the stream");
}

// Fills the entry; false: the model is gone. With the stream's lock held.
bool FillExecute(Program& program, SubmitQueue* queue, const Slot& slot, uint32_t update_bytes) {
  vnpu_sqe& sqe = *slot.sqe;
  const std::lock_guard lock(program.lock);
  if (!program.loaded) [[unlikely]] {
    sqe.opcode = VNPU_OP_NOP;
    return false;
  }
  Program::Copy& copy = program.copy[program.current];
  copy.Note(queue, slot.index);
  sqe.opcode = VNPU_OP_MODEL_EXECUTE;
  sqe.execute.model_id = program.model_id;
  sqe.execute.image = copy.offset;
  if (update_bytes != 0) {
    sqe.execute.update_bytes = update_bytes;
    sqe.execute.update_offset = copy.offset + vnpu_model_args_offset(&program.layout);
    sqe.execute.arg_offset = slot.arg_offset;
  }
  return true;
}

// The events of a model that others see, locked in the order of their addresses. They live as long
// as the model.
class LockedEvents {
 public:
  explicit LockedEvents(const std::vector<ExternalUse>& uses) : uses_(uses) {
    std::vector<Event*> order;
    for (const ExternalUse& use : uses) {
      order.push_back(use.event);
    }
    std::ranges::sort(order);
    order.erase(std::unique(order.begin(), order.end()), order.end());
    for (Event* const event : order) {
      locks_.emplace_back(event->mutex);
    }
  }

  // A wait for an event that has no record is over at once: the register gets one for it.
  aclError RecordUnrecorded(Stream* stream) const {
    for (const ExternalUse& use : uses_) {
      if (!use.record && !use.event->recorded) {
        Submitted record;
        VNPU_RETURN_IF_ERROR(RecordNext(&use.event->reg, stream, &record));
      }
    }
    return ACL_SUCCESS;
  }

  // For each use the number that the run records, or waits for.
  std::vector<uint64_t> Numbers() const {
    std::vector<uint64_t> numbers;
    for (const ExternalUse& use : uses_) {
      numbers.push_back(use.event->reg.seq + (use.record ? 1 : 0));
    }
    return numbers;
  }

  // Behind the run each event is recorded once more: a run that fails may not have come to it, and
  // who waits for the event is not to wait for ever.
  aclError NoteRun(Stream* stream) const {
    for (const ExternalUse& use : uses_) {
      Event& event = *use.event;
      if (!use.record) {
        continue;
      }
      event.recorded = true;
      event.in_graph.by_model = true;
      VNPU_RETURN_IF_ERROR(RecordNext(&event.reg, stream, &event.record));
    }
    return ACL_SUCCESS;
  }

 private:
  static aclError RecordNext(EventRegister* reg, Stream* stream, Submitted* record) {
    VNPU_RETURN_IF_ERROR(Submit(
        stream, 0, 0,
        [&](Slot& slot) {
          slot.sqe->opcode = VNPU_OP_EVENT_RECORD;
          slot.sqe->event.event_id = reg->id;
          slot.sqe->event.seq = reg->seq + 1;
        },
        record));
    ++reg->seq;
    reg->last_record = {.queue = record->queue, .task = record->task};
    return ACL_SUCCESS;
  }

  const std::vector<ExternalUse>& uses_;
  std::vector<std::unique_lock<std::mutex>> locks_;
};

aclError ExecuteWithMore(Model* model, Stream* stream) {
  std::vector<ExternalUse> uses;
  {
    const std::lock_guard lock(model->program.lock);
    if (!model->program.loaded) {
      return FailGone();
    }
    uses = model->program.externals;
  }
  if (model->program.has_calls.load(std::memory_order_relaxed)) {
    stream->session->host_calls().NoteWhatCame();
  }
  const LockedEvents events(uses);
  VNPU_RETURN_IF_ERROR(events.RecordUnrecorded(stream));
  const std::vector<uint64_t> numbers = events.Numbers();
  const auto bytes = static_cast<uint32_t>(numbers.size() * sizeof(uint64_t));
  bool there = false;
  VNPU_RETURN_IF_ERROR(Submit(stream, bytes, 0, [&](Slot& slot) {
    std::ranges::copy(std::as_bytes(std::span(numbers)), slot.args);
    there = FillExecute(model->program, stream->queue, slot, bytes);
  }));
  return there ? events.NoteRun(stream) : FailGone();
}

}  // namespace

aclError ExecuteModel(Model* model, Stream* stream) {
  if (model->state.load(std::memory_order_acquire) != ModelState::kReady) [[unlikely]] {
    return FailNotReady(*model);
  }
  Program& program = model->program;
  if (stream->has(kDiverted) || stream->has(kUpdating) ||
      stream->session_serial != program.session_serial) [[unlikely]] {
    VNPU_RETURN_IF_ERROR(CheckStream(*model, stream));
    return NestModel(model, stream);
  }
  if (program.has_more.load(std::memory_order_relaxed)) [[unlikely]] {
    return ExecuteWithMore(model, stream);
  }
  bool there = false;
  VNPU_RETURN_IF_ERROR(Submit(
      stream, 0, 0, [&](Slot& slot) { there = FillExecute(program, stream->queue, slot, 0); }));
  return there ? ACL_SUCCESS : FailGone();
}

aclError ExecuteModelNow(Model* model, Deadline deadline) {
  Context* context = nullptr;
  VNPU_RETURN_IF_ERROR(CurrentContext(&context));
  VNPU_RETURN_IF_ERROR(ExecuteModel(model, context->default_stream));
  return SynchronizeStream(context->default_stream, deadline);
}

aclError AbortModel(Model* model) {
  if (model->state.load() != ModelState::kReady) {
    return FailNotReady(*model);
  }
  if (!model->built) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "a model that was captured cannot be aborted; abort the stream that executes it "
                "with aclrtStreamAbort");
  }
  const std::lock_guard lock(model->mutex);
  vnpu_ioc_model_abort request{.model_id = model->program.model_id, .flags = 0};
  const int result = model->session->Call(VNPU_IOC_MODEL_ABORT, request);
  return result < 0 ? FailErrno(-result, "the driver cannot abort the model") : ACL_SUCCESS;
}

}  // namespace vnpu::runtime
