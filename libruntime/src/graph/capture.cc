#include "libruntime/src/graph/capture.h"

#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/graph/compile.h"
#include "libruntime/src/graph/group.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {

std::atomic<uint32_t> captures_under_way{0};

namespace {

std::atomic<uint64_t> next_capture{1};

// The default stream of a context with captures takes no tasks.
void CountCapture(Context* context, int change) {
  const std::lock_guard lock(context->mutex);
  context->captures += static_cast<uint32_t>(change);
  if (context->default_stream == nullptr) {
    return;
  }
  if (context->captures > 0) {
    context->default_stream->attention.fetch_or(kNoImplicit);
  } else {
    context->default_stream->attention.fetch_and(static_cast<uint8_t>(~kNoImplicit));
  }
}

// With the model's mutex held.
aclError Divert(Model* model, Stream* stream, GraphStream** graph) {
  GraphStream* const fresh = NewGraphStream(model->session, stream, stream->priority.load());
  if (fresh == nullptr) {
    return Fail(ACL_ERROR_RT_NO_STREAM_RESOURCE, "too many streams in models ({})",
                kMaxGraphStreams);
  }
  fresh->model = model;
  fresh->number = static_cast<uint32_t>(model->streams.size());
  {
    const std::lock_guard lock(stream->lock);
    if (stream->alive() && stream->graph == nullptr && stream->update == nullptr) {
      stream->graph = fresh;
      stream->attention.fetch_or(kDiverted);
      model->streams.push_back(fresh);
      *graph = fresh;
      return ACL_SUCCESS;
    }
  }
  FreeGraphStream(fresh);
  return Fail(ACL_ERROR_RT_STREAM_CAPTURED,
              "the stream is captured, persistent, updates a task group, or was destroyed");
}

// The streams run their tasks again. With the model's mutex held.
void ReleaseStreams(Model* model) {
  for (GraphStream* const graph : model->streams) {
    Stream* const stream = graph->stream;
    if (stream == nullptr || graph->persistent) {
      continue;
    }
    const std::lock_guard lock(stream->lock);
    if (stream->graph == graph) {
      stream->graph = nullptr;
      stream->attention.fetch_and(static_cast<uint8_t>(~kDiverted));
    }
    graph->stream = nullptr;
    graph->sealed = true;
  }
}

// The capture is over, one way or the other. With the model's mutex held.
void FinishCapture(Model* model, ModelState state) {
  ReleaseStreams(model);
  model->open_group_stream.store(nullptr);
  model->open_group = nullptr;
  model->state.store(state, std::memory_order_release);
  captures_under_way.fetch_sub(1);
  if (contexts.Resolve(model->context) != nullptr &&
      model->context->generation() == model->context_generation) {
    CountCapture(model->context, -1);
  }
}

// Where each side stream is known to be done when the capture's first stream is.
std::vector<uint32_t> JoinedUpTo(const Model& model) {
  std::vector<uint32_t> joined(model.streams.size(), 0);
  joined[0] = model.streams[0]->size;
  std::vector<const GraphStream*> todo{model.streams[0]};
  while (!todo.empty()) {
    const GraphStream* const graph = todo.back();
    todo.pop_back();
    for (const GraphWait& wait : graph->waits) {
      if (wait.from != nullptr && wait.node < joined[graph->number] &&
          joined[wait.from->number] <= wait.record) {
        joined[wait.from->number] = wait.record + 1;
        todo.push_back(wait.from);
      }
    }
  }
  return joined;
}

aclError CheckJoined(const Model& model) {
  const std::vector<uint32_t> joined = JoinedUpTo(model);
  for (const GraphStream* const graph : model.streams) {
    if (joined[graph->number] < graph->size) {
      return Fail(ACL_ERROR_RT_STREAM_UNJOINED,
                  "captured stream {} has {} task(s) that the first stream does not wait for: "
                  "record an event behind its last task, and have the first stream wait for it",
                  graph->number, graph->size - joined[graph->number]);
    }
  }
  return ACL_SUCCESS;
}

aclError CheckBodies(const Model& model) {
  for (const auto& task : model.cond_tasks) {
    for (const Model* const body : task->bodies) {
      if (body->capturing()) {
        return Fail(ACL_ERROR_RT_SUB_ACLGRAPH_IS_CAPTURING,
                    "the body of a conditional task is still captured; end that capture first");
      }
    }
  }
  return ACL_SUCCESS;
}

// Everything that a capture must be at its end.
aclError CheckComplete(const Model& model) {
  if (const aclError cause = model.capture.refused.load(); cause != ACL_SUCCESS) {
    return Fail(ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED,
                "the capture has failed since a call in it was refused with error {}", cause);
  }
  if (model.open_group != nullptr) {
    return Fail(ACL_ERROR_STREAM_TASK_GROUP_STATUS,
                "a task group is open; call aclmdlRICaptureTaskGrpEnd first");
  }
  return CheckJoined(model);
}

}  // namespace

uint64_t ThisThread() {
  static thread_local const auto id = static_cast<uint64_t>(gettid());
  return id;
}

void RefuseCapture(Model* model, aclError cause) {
  aclError none = ACL_SUCCESS;
  model->capture.refused.compare_exchange_strong(none, cause);
}

aclError BeginCapture(Stream* stream, aclmdlRICaptureMode mode, Model* into) {
  if (stream == stream->context->default_stream) {
    return Fail(ACL_ERROR_RT_STREAM_CAPTURE_IMPLICIT,
                "the default stream cannot be captured; make one with aclrtCreateStream");
  }
  if (stream->has(kDiverted)) {
    return Fail(ACL_ERROR_RT_STREAM_CAPTURED, "the stream is {}",
                CaptureOf(stream) != nullptr ? "captured already" : "persistent");
  }
  Model* model = into;
  if (model == nullptr) {
    VNPU_RETURN_IF_ERROR(NewModel(ModelState::kEmpty, nullptr, &model));
  }
  std::unique_lock lock(model->mutex);
  if (const ModelState state = model->state.load(); state != ModelState::kEmpty) {
    return Fail(
        state == ModelState::kCapturing ? ACL_ERROR_RT_MODEL_CAPTURED : ACL_ERROR_RT_PARAM_INVALID,
        "tasks can be captured once, into a body of aclmdlRIAddCondTask; this model {}",
        state == ModelState::kCapturing ? "is being captured" : "has its tasks");
  }
  model->capture.mode = mode;
  model->capture.thread = ThisThread();
  model->capture.refused.store(ACL_SUCCESS);
  model->capture_number.store(next_capture.fetch_add(1));
  GraphStream* graph = nullptr;
  const aclError error = Divert(model, stream, &graph);
  if (error != ACL_SUCCESS) {
    lock.unlock();
    if (into == nullptr) {
      DropModel(model);
    }
    return error;
  }
  CountCapture(model->context, 1);
  captures_under_way.fetch_add(1);
  model->state.store(ModelState::kCapturing, std::memory_order_release);
  return ACL_SUCCESS;
}

aclError EndCapture(Stream* stream, Model** model) {
  Model* const found = CaptureOf(stream);
  if (found == nullptr) {
    return Fail(ACL_ERROR_RT_STREAM_NOT_CAPTURED,
                "the stream is not captured; call aclmdlRICaptureBegin first");
  }
  aclError error = ACL_SUCCESS;
  const bool body = found->parent != nullptr;
  {
    const std::lock_guard lock(found->mutex);
    if (!found->capturing() || found->streams.empty() || found->streams[0]->stream != stream) {
      return Fail(ACL_ERROR_RT_STREAM_CAPTURE_UNMATCHED,
                  "the capture began in another stream; this one joined it by an event");
    }
    if (found->capture.mode != ACL_MODEL_RI_CAPTURE_MODE_RELAXED &&
        found->capture.thread != ThisThread()) {
      return Fail(ACL_ERROR_RT_STREAM_CAPTURE_WRONG_THREAD,
                  "the thread that began the capture has to end it, unless its mode is relaxed");
    }
    VNPU_RETURN_IF_ERROR(CheckBodies(*found));
    error = CheckComplete(*found);
    FinishCapture(found, body ? ModelState::kWhole : ModelState::kEmpty);
    if (found->streams.size() > 1) {
      NumberTasks(found->streams);
    }
    if (error == ACL_SUCCESS && !body) {
      error = CompileAndLoad(found);
    }
  }
  if (error == ACL_SUCCESS) {
    *model = found;
    return ACL_SUCCESS;
  }
  if (body) {
    RefuseCapture(RootOf(found), error);
  } else {
    DropModel(found);
  }
  return error;
}

aclError CaptureInfo(Stream* stream, aclmdlRICaptureStatus* status, Model** model) {
  *model = CaptureOf(stream);
  if (*model == nullptr) {
    *status = ACL_MODEL_RI_CAPTURE_STATUS_NONE;
  } else {
    *status = (*model)->capture.refused.load() == ACL_SUCCESS
                  ? ACL_MODEL_RI_CAPTURE_STATUS_ACTIVE
                  : ACL_MODEL_RI_CAPTURE_STATUS_INVALIDATED;
  }
  return ACL_SUCCESS;
}

aclError JoinCapture(Model* model, Stream* stream, GraphStream** graph) {
  if (stream->session_serial != model->session_serial) {
    return Fail(ACL_ERROR_STREAM_CAPTURE_CONFLICT,
                "the event is captured on device {}, the stream is of another",
                model->session->index());
  }
  if (stream == stream->context->default_stream) {
    RefuseCapture(model, ACL_ERROR_RT_STREAM_CAPTURE_IMPLICIT);
    return Fail(ACL_ERROR_RT_STREAM_CAPTURE_IMPLICIT,
                "the default stream cannot take part in a capture");
  }
  return Divert(model, stream, graph);
}

Model* CaptureOf(Stream* stream) {
  const std::lock_guard lock(stream->lock);
  if (stream->graph == nullptr || stream->graph->persistent) {
    return nullptr;
  }
  return stream->graph->model;
}

void AbandonCapture(Model* model) {
  const std::lock_guard lock(model->mutex);
  if (model->capturing()) {
    RefuseCapture(model, ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED);
    FinishCapture(model, ModelState::kEmpty);
  }
}

aclError LeaveCapture(Stream* stream, bool force) {
  Model* const model = CaptureOf(stream);
  if (model == nullptr) {
    return ACL_SUCCESS;
  }
  if (!force) {
    return Fail(ACL_ERROR_RT_STREAM_CAPTURED,
                "the stream is captured; call aclmdlRICaptureEnd first");
  }
  bool ended = false;
  {
    const std::lock_guard lock(model->mutex);
    RefuseCapture(model, ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED);
    GraphStream* left = nullptr;
    {
      const std::lock_guard stream_lock(stream->lock);
      left = std::exchange(stream->graph, nullptr);
      stream->attention.fetch_and(static_cast<uint8_t>(~kDiverted));
    }
    if (left != nullptr) {
      left->stream = nullptr;
      left->sealed = true;
      ended = model->capturing() && left == model->streams[0];  // nobody else can end it
    }
    if (ended) {
      Log().warn("a stream was destroyed while it was captured; the capture is given up");
      FinishCapture(model, ModelState::kEmpty);
    }
  }
  if (ended && model->parent == nullptr) {
    DropModel(model);
  }
  return ACL_SUCCESS;
}

aclError FailCaptureEnded() {
  return Fail(ACL_ERROR_RT_STREAM_NOT_CAPTURED, "the stream's capture ended meanwhile");
}

}  // namespace vnpu::runtime
