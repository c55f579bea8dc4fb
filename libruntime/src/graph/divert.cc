// Submission to streams whose tasks do not go to their queues: those that are captured, persistent,
// or update a task group.
#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <utility>

#include "libruntime/src/base/round_up.h"
#include "libruntime/src/graph/capture.h"
#include "libruntime/src/graph/group.h"
#include "libruntime/src/graph/plain_task.h"
#include "libruntime/src/graph/task.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {
namespace {

// Numbers tasks of persistent streams; BuildEnd numbers those of its model anew.
std::atomic<uint32_t> next_persistent_id{0};

// Whether tasks may come in; with the stream's lock held.
aclError CheckTakesTasks(const GraphStream& graph) {
  if (graph.sealed || graph.ended) {
    return ACL_ERROR_RT_PARAM_INVALID;
  }
  const Model* const model = graph.model;
  if (model == nullptr || graph.persistent) {
    return ACL_SUCCESS;
  }
  if (model->capture.refused.load(std::memory_order_relaxed) != ACL_SUCCESS) {
    return ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED;
  }
  const GraphStream* const group = model->open_group_stream.load(std::memory_order_relaxed);
  return group != nullptr && group != &graph ? ACL_ERROR_STREAM_TASK_GROUP_INTR : ACL_SUCCESS;
}

// Without the lock: says why.
[[gnu::cold]] aclError FailTask(Stream* stream, aclError code) {
  switch (code) {
    case ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED:
      return Fail(code, "the capture of the stream has failed; end it with aclmdlRICaptureEnd");
    case ACL_ERROR_STREAM_TASK_GROUP_INTR:
      if (Model* const model = CaptureOf(stream); model != nullptr) {
        RefuseCapture(model, code);
      }
      return Fail(code,
                  "another stream of the capture records a task group; tasks of this stream have "
                  "to wait for aclmdlRICaptureTaskGrpEnd. The capture has failed");
    default:
      return Fail(
          code,
          "the stream's tasks are complete: aclmdlRIEndTask or aclmdlRIBuildEnd was called; "
          "aclrtPersistentTaskClean starts anew");
  }
}

// With the lock held: makes the node.
void OpenNode(GraphStream* graph, uint32_t arg_bytes, uint32_t data_bytes,
              internal::GraphPlace* place) {
  GraphNode* const node = NextNode(graph);
  node->args = arg_bytes > 0 ? TakeArgs(graph, arg_bytes) : nullptr;
  node->arg_room = arg_bytes;
  place->sqe = &node->sqe;
  place->args = node->args;
  place->graph = graph;
  if (data_bytes > 0) {
    place->data = TakeData(graph, data_bytes);
  }
}

aclError TakePlace(Stream* stream, uint32_t arg_bytes, uint32_t data_asked,
                   internal::GraphPlace* place) {
  const auto data_bytes = static_cast<uint32_t>(RoundUp(data_asked, 64));
  std::byte* block = nullptr;
  uint32_t block_bytes = 0;
  for (;;) {
    stream->lock.lock();
    GraphStream* const graph = stream->alive() ? PlaceOf(*stream) : nullptr;
    const aclError refused = graph != nullptr ? CheckTakesTasks(*graph) : ACL_SUCCESS;
    if (graph == nullptr || refused != ACL_SUCCESS) {
      stream->lock.unlock();
      return refused == ACL_SUCCESS ? ACL_SUCCESS : FailTask(stream, refused);
    }
    if (block != nullptr) {
      AddDataBlock(graph, block, block_bytes);
      block = nullptr;
    }
    if (HasData(*graph, data_bytes)) {
      OpenNode(graph, arg_bytes, data_bytes, place);
      return ACL_SUCCESS;
    }
    stream->lock.unlock();
    VNPU_RETURN_IF_ERROR(NewDataBlock(*graph, data_bytes, &block, &block_bytes));
  }
}

// What else there is to do for a task of a persistent stream, a task group, or an update of one;
// with the stream's lock held.
aclError Classify(const Stream& stream, GraphStream* graph, GraphNode* node) {
  if (graph->persistent) {
    node->id = next_persistent_id.fetch_add(1, std::memory_order_relaxed);
  }
  if (stream.update != nullptr) {
    return CheckReplacement(*stream.update, *node);
  }
  Model* const model = graph->model;
  return model != nullptr && model->open_group_stream.load(std::memory_order_relaxed) == graph
             ? EnterGroup(model->open_group, node)
             : ACL_SUCCESS;
}

[[gnu::noinline]] aclError AttendAnything(Stream* stream, uint32_t arg_bytes, uint32_t data_bytes,
                                          internal::GraphPlace* place) {
  if (stream->has(kNoImplicit)) {
    return internal::RefuseImplicit(stream);
  }
  if (stream->has(kDiverted) || stream->has(kUpdating)) {
    return TakePlace(stream, arg_bytes, data_bytes, place);
  }
  return stream->stops_on_failure() ? internal::FailIfStopped(stream) : ACL_SUCCESS;
}

// The node is kept, unless there is an error; without the lock afterwards.
[[gnu::noinline]] aclError KeepAnyTask(Stream* stream, GraphStream* graph, GraphNode* node,
                                       Submitted* submitted) {
  const aclError error = Classify(*stream, graph, node);
  const uint32_t id = node->id;
  if (error == ACL_SUCCESS) {
    AppendNode(stream, graph, *node);
  }
  stream->lock.unlock();
  if (submitted != nullptr) {
    *submitted = {.queue = nullptr, .task = id};
  }
  return error == ACL_SUCCESS ? ACL_SUCCESS : FailGroupTask(error);
}

}  // namespace

GraphStream* PlaceOf(const Stream& stream) {
  return stream.update != nullptr ? stream.update->scratch : stream.graph;
}

namespace internal {

thread_local constinit LastNode last_node{};

aclError Attend(Stream* stream, uint32_t arg_bytes, uint32_t data_bytes, GraphPlace* place) {
  if (stream->attention.load(std::memory_order_relaxed) == kDiverted &&
      (arg_bytes | data_bytes) == 0) [[likely]] {
    stream->lock.lock();
    GraphStream* const graph = stream->graph;
    if (GraphNode* const node = OpenPlainNode(graph); node != nullptr) [[likely]] {
      node->args = nullptr;
      node->arg_room = 0;
      place->sqe = &node->sqe;
      place->graph = graph;
      place->plain = true;
      return ACL_SUCCESS;
    }
    stream->lock.unlock();
  }
  return AttendAnything(stream, arg_bytes, data_bytes, place);
}

aclError KeepTask(Stream* stream, const GraphPlace& place, const void* object, NodeKind kind,
                  uint8_t hints, Submitted* submitted) {
  static_assert(offsetof(GraphNode, sqe) == 0);
  auto* const node = reinterpret_cast<GraphNode*>(place.sqe);
  GraphStream* const graph = place.graph;
  FillNode(*graph, object, kind, hints, node);
  if (!place.plain) [[unlikely]] {
    return KeepAnyTask(stream, graph, node, submitted);
  }
  AppendNode(stream, graph, *node);
  stream->lock.unlock();
  if (submitted != nullptr) {
    *submitted = {.queue = nullptr, .task = node->id};
  }
  return ACL_SUCCESS;
}

}  // namespace internal

aclError DescribeLastTask(std::string text) {
  const uint64_t task = internal::last_task;
  const internal::LastNode& last_node = internal::last_node;
  if (Stream* const stream = last_node.stream;
      task != ~uint64_t{0} && (task & internal::kGraphTask) != 0) {
    const std::lock_guard lock(stream->lock);
    GraphStream* const graph = stream->alive() ? stream->graph : nullptr;
    if (graph != nullptr && graph == last_node.graph &&
        graph->generation() == last_node.generation && stream->update == nullptr &&
        !graph->sealed) {
      const uint32_t number = FindTaskNumber(*graph, static_cast<uint32_t>(task));
      if (number < graph->size) {
        graph->descriptions[number] = std::move(text);
        return ACL_SUCCESS;
      }
    }
  }
  return Fail(ACL_ERROR_RT_STREAM_NOT_CAPTURED,
              "the last task of this thread is not one of a stream that is captured, or of a model "
              "that is built");
}

}  // namespace vnpu::runtime
