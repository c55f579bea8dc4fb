#include "libruntime/src/graph/build.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/graph/compile.h"
#include "libruntime/src/graph/graph_event.h"
#include "libruntime/src/graph/label.h"
#include "libruntime/src/graph/nested.h"
#include "libruntime/src/graph/task.h"
#include "libruntime/src/memory/copy.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {
namespace {

// The nodes of a persistent stream; null: it is another stream.
GraphStream* PersistentOf(Stream* stream) {
  const std::lock_guard lock(stream->lock);
  return stream->graph != nullptr && stream->graph->persistent ? stream->graph : nullptr;
}

aclError CheckBuilding(const Model& model) {
  return model.state.load() == ModelState::kBuilding
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_PARAM_INVALID,
                    "the model is not being built; begin with aclmdlRIBuildBegin");
}

aclError FindBound(const Model& model, Stream* stream, GraphStream** graph) {
  *graph = PersistentOf(stream);
  return *graph != nullptr && (*graph)->model == &model
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_STREAM_MODEL, "the stream is not bound to the model");
}

void Seal(GraphStream* graph, bool sealed) {
  const std::lock_guard lock(graph->stream->lock);
  graph->sealed = sealed;
}

// Takes the stream out of its model. With the model's mutex held.
void Unbind(Model* model, GraphStream* graph) {
  FreeTasksOf(model);
  std::erase(model->streams, graph);
  for (size_t i = 0; i < model->streams.size(); ++i) {
    model->streams[i]->number = static_cast<uint32_t>(i);
  }
  graph->model = nullptr;
  if (model->state.load() == ModelState::kReady) {
    model->state.store(ModelState::kUnbound);
  }
}

// Whether streams do not all run once, from their beginnings to their ends.
bool HasJumps(const Model& model) {
  for (const GraphStream* const graph : model.streams) {
    for (uint32_t i = 0; i < graph->size; ++i) {
      const NodeKind kind = graph->node(i).kind;
      if (kind == NodeKind::kGoto || kind == NodeKind::kActivate || kind == NodeKind::kSwitch) {
        return true;
      }
    }
  }
  return false;
}

aclError CheckTargets(Stream* stream, Stream* target, GraphStream** found) {
  GraphStream* const from = PersistentOf(stream);
  *found = PersistentOf(target);
  return from != nullptr && *found != nullptr && from->model != nullptr &&
                 (*found)->model == from->model
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_STREAM_MODEL,
                    "both streams have to be bound to one model; call aclmdlRIBindStream first");
}

}  // namespace

aclError MakePersistent(Stream* stream) {
  GraphStream* const graph = NewGraphStream(stream->session, stream, stream->priority.load());
  if (graph == nullptr) {
    return Fail(ACL_ERROR_RT_NO_STREAM_RESOURCE, "too many streams in models");
  }
  graph->persistent = true;
  const std::lock_guard lock(stream->lock);
  stream->graph = graph;
  stream->attention.fetch_or(kDiverted);
  return ACL_SUCCESS;
}

aclError BindStream(Model* model, Stream* stream, bool starts) {
  const std::lock_guard lock(model->mutex);
  VNPU_RETURN_IF_ERROR(CheckBuilding(*model));
  GraphStream* const graph = PersistentOf(stream);
  if (graph == nullptr) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "models are built of streams that aclrtCreateStreamWithConfig made with "
                "ACL_STREAM_PERSISTENT");
  }
  if (graph->model != nullptr) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "the stream is bound to {} model already",
                graph->model == model ? "this" : "another");
  }
  const std::lock_guard stream_lock(stream->lock);
  graph->model = model;
  graph->number = static_cast<uint32_t>(model->streams.size());
  graph->starts = starts;
  graph->sealed = false;
  graph->ended = false;
  model->streams.push_back(graph);
  return ACL_SUCCESS;
}

aclError UnbindStream(Model* model, Stream* stream) {
  const std::lock_guard lock(model->mutex);
  GraphStream* graph = nullptr;
  VNPU_RETURN_IF_ERROR(FindBound(*model, stream, &graph));
  VNPU_RETURN_IF_ERROR(CheckNotNested(*model));
  {
    const std::lock_guard launches(model->program.lock);
    if (model->program.loaded && !IdleProgram(model->program)) {
      return Fail(ACL_ERROR_RT_MODEL_RUNNING,
                  "the model is being executed; synchronise its streams first");
    }
  }
  Unbind(model, graph);
  return ACL_SUCCESS;
}

aclError EndTasks(Model* model, Stream* stream) {
  const std::lock_guard lock(model->mutex);
  VNPU_RETURN_IF_ERROR(CheckBuilding(*model));
  GraphStream* graph = nullptr;
  VNPU_RETURN_IF_ERROR(FindBound(*model, stream, &graph));
  VNPU_RETURN_IF_ERROR(Submit(stream, 0, 0, [](Slot& slot) { slot.kind = NodeKind::kEnd; }));
  const std::lock_guard stream_lock(stream->lock);
  graph->ended = true;
  return ACL_SUCCESS;
}

aclError EndBuild(Model* model) {
  const std::lock_guard lock(model->mutex);
  VNPU_RETURN_IF_ERROR(CheckBuilding(*model));
  if (std::ranges::none_of(model->streams, [](const GraphStream* each) { return each->ended; })) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "no stream of the model has an end; call aclmdlRIEndTask first");
  }
  NumberTasks(model->streams);
  model->jumps = HasJumps(*model);
  VNPU_RETURN_IF_ERROR(ResolveEarlyWaits(model));
  VNPU_RETURN_IF_ERROR(CompileAndLoad(model));
  for (GraphStream* const graph : model->streams) {
    Seal(graph, true);
  }
  return ACL_SUCCESS;
}

aclError CleanTasks(Stream* stream) {
  GraphStream* const graph = PersistentOf(stream);
  if (graph == nullptr) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "the stream is not one of aclrtCreateStreamWithConfig with ACL_STREAM_PERSISTENT");
  }
  if (Model* const model = graph->model; model != nullptr) {
    const std::lock_guard lock(model->mutex);
    if (model->state.load() != ModelState::kBuilding) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "the stream is bound to a model; call aclmdlRIUnbindStream first");
    }
    FreeTasksOf(model);
  }
  ForgetLabels(graph);
  const std::lock_guard lock(stream->lock);
  ClearGraphStream(graph);
  return ACL_SUCCESS;
}

void DropPersistent(Stream* stream) {
  GraphStream* const graph = PersistentOf(stream);
  if (graph == nullptr) {
    return;
  }
  if (Model* const model = graph->model; model != nullptr) {
    const std::lock_guard lock(model->mutex);
    Unbind(model, graph);
  }
  {
    const std::lock_guard lock(stream->lock);
    stream->graph = nullptr;
  }
  ForgetLabels(graph);
  FreeGraphStream(graph);
}

aclError AddActivate(Stream* stream, Stream* target) {
  GraphStream* found = nullptr;
  VNPU_RETURN_IF_ERROR(CheckTargets(stream, target, &found));
  return Submit(stream, 0, 0, [&](Slot& slot) {
    slot.kind = NodeKind::kActivate;
    slot.object = found;
    slot.sqe->opcode = VNPU_OP_MODEL_ACTIVATE;
  });
}

aclError AddSwitch(Stream* stream, const StreamSwitch& choice, Stream* target) {
  GraphStream* found = nullptr;
  VNPU_RETURN_IF_ERROR(CheckTargets(stream, target, &found));
  for (const void* const value : {choice.left, choice.right}) {
    if (reinterpret_cast<uint64_t>(value) % choice.width != 0) {
      return Fail(ACL_ERROR_RT_ADDR_UNALIGNED, "{} is not aligned to {} bytes", value,
                  choice.width);
    }
    VNPU_RETURN_IF_ERROR(CheckReachable(value, *stream));
  }
  return Submit(stream, 0, 0, [&](Slot& slot) {
    slot.kind = NodeKind::kSwitch;
    slot.object = found;
    slot.sqe->opcode = VNPU_OP_MODEL_SWITCH;
    slot.sqe->choice.left = reinterpret_cast<uint64_t>(choice.left);
    slot.sqe->choice.right = reinterpret_cast<uint64_t>(choice.right);
    slot.sqe->choice.compare = static_cast<uint32_t>(choice.condition);
    slot.sqe->choice.width = choice.width;
  });
}

}  // namespace vnpu::runtime
