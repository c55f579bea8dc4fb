#include "libruntime/src/graph/graph_event.h"

#include <algorithm>
#include <mutex>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/graph/capture.h"

namespace vnpu::runtime {
namespace {

// In place of the number of a capture: the last record is in a persistent stream.
constexpr uint64_t kPersistent = ~uint64_t{0};

// The model into which the event's last record is being captured; null: none.
Model* CaptureOfEvent(const Event& event) {
  Model* const model = event.in_graph.model;
  return model != nullptr && model->alive() && model->capturing() &&
                 model->capture_number.load() == event.in_graph.capture
             ? model
             : nullptr;
}

// Whether the event's last record is in a persistent stream that still has it.
bool RecordedPersistently(const Event& event) {
  const EventInGraph& mark = event.in_graph;
  return mark.capture == kPersistent && mark.stream->alive() && mark.node < mark.stream->size &&
         mark.stream->node(mark.node).object == &event;
}

aclError FailIpc() {
  return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
              "events with ACL_EVENT_IPC cannot be used in models");
}

// An event that others see may not end before the model.
void NoteUse(Model* model, Event* event) {
  const std::lock_guard lock(model->mutex);
  Model* const root = RootOf(model);
  const bool known = std::ranges::any_of(root->event_uses, [&](const ExternalUse& use) {
    return use.event == event && use.generation == event->generation();
  });
  if (!known) {
    root->event_uses.push_back({.event = event, .generation = event->generation()});
    ++event->in_graph.uses;
  }
}

// The model of a stream with the attention kDiverted; null: persistent and not bound.
Model* ModelOfStream(Stream* stream) {
  const std::lock_guard lock(stream->lock);
  return stream->graph != nullptr ? stream->graph->model : nullptr;
}

// An entry with a fixed number.
aclError SubmitFixed(Stream* stream, NodeKind kind, uint8_t opcode, Event* event, uint64_t seq,
                     uint32_t timeout_us) {
  VNPU_RETURN_IF_ERROR(TakeRegister(*event, *stream));
  VNPU_RETURN_IF_ERROR(Submit(stream, 0, 0, [&](Slot& slot) {
    slot.kind = kind;
    slot.object = event;
    slot.sqe->opcode = opcode;
    slot.sqe->timeout_us = timeout_us;
    slot.sqe->event.event_id = event->reg.id;
    slot.sqe->event.seq = seq;
  }));
  if (Model* const model = ModelOfStream(stream); model != nullptr) {
    NoteUse(model, event);
  }
  return ACL_SUCCESS;
}

aclError CheckExternal(const Event& event, Model* model) {
  if (model == nullptr || !model->capturing()) {
    return Fail(ACL_ERROR_RT_STREAM_NOT_CAPTURED,
                "external records and waits are for streams that are captured");
  }
  if (event.kind != EventKind::kReusable || event.flags != ACL_EVENT_SYNC) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "external records and waits take an event of aclrtCreateEventExWithFlag with "
                "ACL_EVENT_SYNC alone");
  }
  if (model->parent != nullptr) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "external records and waits cannot be in the body of a conditional task");
  }
  const std::lock_guard lock(model->mutex);
  for (const GraphStream* const graph : model->streams) {
    for (uint32_t i = 0; i < graph->size; ++i) {
      const GraphNode& node = graph->node(i);
      if ((node.sqe.flags & VNPU_SQE_SEQ_IN_ARGS) != 0 && node.object == &event) {
        return Fail(ACL_ERROR_RT_PARAM_INVALID,
                    "a model can have one external record or wait of an event, and has it");
      }
    }
  }
  return ACL_SUCCESS;
}

// An entry whose number comes with each launch.
aclError SubmitExternal(Stream* stream, NodeKind kind, uint8_t opcode, Event* event) {
  Model* const model = ModelOfStream(stream);
  VNPU_RETURN_IF_ERROR(CheckExternal(*event, model));
  VNPU_RETURN_IF_ERROR(TakeRegister(*event, *stream));
  VNPU_RETURN_IF_ERROR(Submit(stream, 0, 0, [&](Slot& slot) {
    slot.kind = kind;
    slot.object = event;
    slot.sqe->opcode = opcode;
    slot.sqe->flags = VNPU_SQE_SEQ_IN_ARGS;
    slot.sqe->event.event_id = event->reg.id;
  }));
  NoteUse(model, event);
  return ACL_SUCCESS;
}

// A wait for the record `node` of `from` (null: for the next one) in a diverted stream.
aclError SubmitWait(Stream* stream, Event* event, GraphStream* from, uint32_t record) {
  GraphStream* graph = nullptr;
  uint32_t index = 0;
  const aclError error = Submit(stream, 0, 0, [&](Slot& slot) {
    slot.kind = NodeKind::kWait;
    slot.object = event;
    graph = stream->graph;
    index = graph->size;
    graph->waits.push_back({.node = index, .from = from, .record = record});
    if (from != nullptr) {
      // Its id has to be above the record's.
      const uint32_t least = from->node(record).id + 1;
      graph->id_base = std::max(graph->id_base, least > index ? least - index : 0);
    }
  });
  if (error != ACL_SUCCESS && graph != nullptr) {
    const std::lock_guard lock(stream->lock);
    std::erase_if(graph->waits, [&](const GraphWait& wait) { return wait.node >= graph->size; });
  }
  return error;
}

aclError FailConflict(Model* first, Model* second) {
  for (Model* const model : {first, second}) {
    if (model != nullptr && model->capturing()) {
      RefuseCapture(model, ACL_ERROR_STREAM_CAPTURE_CONFLICT);
    }
  }
  return Fail(ACL_ERROR_STREAM_CAPTURE_CONFLICT,
              "the event is captured into another model than the stream; the captures have failed");
}

aclError WaitInCapture(Stream* stream, Event* event, Model* stream_model) {
  Model* const captured = CaptureOfEvent(*event);
  if (captured == nullptr) {
    RefuseCapture(stream_model, ACL_ERROR_RT_CAPTURE_DEPENDENCY);
    return Fail(ACL_ERROR_RT_CAPTURE_DEPENDENCY,
                "the stream is captured, and the event has no record in the capture; record it in "
                "a captured stream first. The capture has failed");
  }
  if (captured != stream_model) {
    return FailConflict(captured, stream_model);
  }
  return SubmitWait(stream, event, event->in_graph.stream, event->in_graph.node);
}

aclError WaitInPersistent(Stream* stream, Event* event, Model* stream_model, uint32_t timeout_us) {
  if (Model* const captured = CaptureOfEvent(*event); captured != nullptr) {
    return FailConflict(captured, nullptr);
  }
  if (RecordedPersistently(*event) && event->in_graph.stream->model == stream_model) {
    return SubmitWait(stream, event, event->in_graph.stream, event->in_graph.node);
  }
  if (event->recorded) {  // by a stream that runs
    return SubmitFixed(stream, NodeKind::kExternalWait, VNPU_OP_EVENT_WAIT, event, event->reg.seq,
                       timeout_us);
  }
  return event->kind == EventKind::kFlags
             ? SubmitWait(stream, event, nullptr, 0)
             : Fail(ACL_ERROR_RT_CAPTURE_DEPENDENCY,
                    "the event has no record that the wait could be for; record it first");
}

// The first record of the event behind the waiting node, in the order of submission.
void FindNextRecord(const Model& model, const GraphNode& waiting, GraphWait* wait) {
  uint32_t best = UINT32_MAX;
  for (GraphStream* const graph : model.streams) {
    for (uint32_t i = 0; i < graph->size; ++i) {
      const GraphNode& node = graph->node(i);
      if (node.kind == NodeKind::kRecord && node.object == waiting.object && node.id > waiting.id &&
          node.id < best) {
        best = node.id;
        wait->record = i;
        wait->from = graph;
      }
    }
  }
}

// The stream, which runs its tasks so far, becomes part of the capture.
aclError WaitToJoin(Stream* stream, Event* event, Model* captured) {
  {
    const std::lock_guard lock(captured->mutex);
    if (CaptureOfEvent(*event) != captured) {
      return Fail(ACL_ERROR_RT_CAPTURE_DEPENDENCY, "the capture ended meanwhile");
    }
    if (const aclError cause = captured->capture.refused.load(); cause != ACL_SUCCESS) {
      return Fail(ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED,
                  "the capture of the event has failed since a call was refused with error {}",
                  cause);
    }
    GraphStream* joined = nullptr;
    VNPU_RETURN_IF_ERROR(JoinCapture(captured, stream, &joined));
  }
  return SubmitWait(stream, event, event->in_graph.stream, event->in_graph.node);
}

}  // namespace

aclError RecordInGraph(Event* event, Stream* stream, bool external) {
  if (event->ipc != nullptr) {
    return FailIpc();
  }
  if (event->is_switch()) {
    return SubmitFixed(stream, NodeKind::kExternalRecord, VNPU_OP_EVENT_RECORD, event,
                       event->on_seq(), /*timeout_us=*/0);
  }
  if (external) {
    return SubmitExternal(stream, NodeKind::kExternalRecord, VNPU_OP_EVENT_RECORD, event);
  }
  EventInGraph mark = event->in_graph;
  VNPU_RETURN_IF_ERROR(Submit(stream, 0, 0, [&](Slot& slot) {
    slot.kind = NodeKind::kRecord;
    slot.object = event;
    const GraphStream& graph = *stream->graph;
    mark.capture = graph.persistent ? kPersistent : graph.model->capture_number.load();
    mark.model = graph.model;
    mark.stream = stream->graph;
    mark.node = graph.size;
  }));
  event->in_graph = mark;
  return ACL_SUCCESS;
}

aclError ResetInGraph(Event* event, Stream* stream) {
  if (event->is_switch()) {
    return SubmitFixed(stream, NodeKind::kExternalReset, VNPU_OP_EVENT_RESET, event,
                       event->off_seq(), /*timeout_us=*/0);
  }
  // Registers of a graph are reset when it starts.
  return Submit(stream, 0, 0, [&](Slot& slot) {
    slot.kind = NodeKind::kReset;
    slot.object = event;
  });
}

aclError WaitInGraph(Stream* stream, Event* event, uint32_t timeout_us, bool external, bool* done) {
  *done = true;
  Model* const captured = CaptureOfEvent(*event);
  if (!stream->has(kDiverted)) {
    if (captured == nullptr) {
      *done = false;
      return ACL_SUCCESS;
    }
    return WaitToJoin(stream, event, captured);
  }
  if (event->ipc != nullptr) {
    return FailIpc();
  }
  if (event->kind != EventKind::kDefault &&
      (event->flags & (ACL_EVENT_SYNC | ACL_EVENT_EXTERNAL)) == 0) {
    *done = false;  // is refused as everywhere
    return ACL_SUCCESS;
  }
  if (event->is_switch()) {
    return SubmitFixed(stream, NodeKind::kExternalWait, VNPU_OP_EVENT_WAIT, event, event->on_seq(),
                       timeout_us);
  }
  if (external) {
    return SubmitExternal(stream, NodeKind::kExternalWait, VNPU_OP_EVENT_WAIT, event);
  }
  if (Model* const model = CaptureOf(stream); model != nullptr) {
    return WaitInCapture(stream, event, model);
  }
  return WaitInPersistent(stream, event, ModelOfStream(stream), timeout_us);
}

aclError CheckNotCaptured(Event* event, const char* what) {
  if (event->in_graph.capture == 0) {
    return ACL_SUCCESS;
  }
  Model* const model = CaptureOfEvent(*event);
  if (model == nullptr) {
    return ACL_SUCCESS;
  }
  RefuseCapture(model, ACL_ERROR_RT_EVENT_CAPTURED);
  return Fail(ACL_ERROR_RT_EVENT_CAPTURED,
              "the event's last record is captured: it cannot be {}. The capture has failed", what);
}

aclError ResolveEarlyWaits(Model* model) {
  for (GraphStream* const graph : model->streams) {
    for (GraphWait& wait : graph->waits) {
      if (wait.from == nullptr) {
        FindNextRecord(*model, graph->node(wait.node), &wait);
      }
      if (wait.from == nullptr || wait.from->model != model) {
        return Fail(ACL_ERROR_RT_CAPTURE_DEPENDENCY,
                    "a wait in stream {} is for an event that no stream of the model records",
                    graph->number);
      }
    }
  }
  return ACL_SUCCESS;
}

}  // namespace vnpu::runtime
