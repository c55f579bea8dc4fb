// The short way into a stream that is captured, of tasks that have neither arguments nor data of
// their own and belong to no task group.
#ifndef VNPU_LIBRUNTIME_SRC_GRAPH_PLAIN_TASK_H_
#define VNPU_LIBRUNTIME_SRC_GRAPH_PLAIN_TASK_H_

#include <atomic>
#include <cstdint>

#include "libruntime/src/graph/graph_stream.h"
#include "libruntime/src/graph/model.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {

namespace internal {
// To which nodes the calling thread has added the last one; last_task is its id.
struct LastNode {
  Stream* stream;
  const GraphStream* graph;
  uint32_t generation;  // of graph
};
extern thread_local constinit LastNode last_node;
}  // namespace internal

// With the stream's lock held: a node to be filled in. Null: the stream takes no such tasks.
inline GraphNode* OpenPlainNode(GraphStream* graph) {
  if (graph == nullptr) {
    return nullptr;
  }
  const Model* const model = graph->model;
  if (graph->sealed || graph->ended || graph->persistent ||
      model->capture.refused.load(std::memory_order_relaxed) != ACL_SUCCESS ||
      model->open_group_stream.load(std::memory_order_relaxed) != nullptr) [[unlikely]] {
    return nullptr;
  }
  return NextNode(graph);
}

inline void FillNode(const GraphStream& graph, const void* object, NodeKind kind, uint8_t hints,
                     GraphNode* node) {
  node->object = object;
  node->kind = kind;
  node->bits = static_cast<uint8_t>(hints << GraphNode::kHintShift);
  node->entry = GraphNode::kNoEntry;
  node->id = graph.size + graph.id_base;
}

// From here on the graph has the node; with the lock held.
inline void AppendNode(Stream* stream, GraphStream* graph, const GraphNode& node) {
  ++graph->next;
  internal::last_task = internal::kGraphTask | node.id;
  internal::last_node.stream = stream;
  internal::last_node.graph = graph;
  internal::last_node.generation = graph->generation();
  ++graph->size;
}

// As Submit() of a task without arguments and data. False: nothing was done, and Submit() knows
// why.
template <class Fill>
bool SubmitToCapture(Stream* stream, Fill&& fill) {
  const HoldStream hold(stream);
  GraphStream* const graph = stream->graph;
  GraphNode* const node = OpenPlainNode(graph);
  if (node == nullptr) [[unlikely]] {
    return false;
  }
  Slot slot{.sqe = &node->sqe};
  fill(slot);
  node->args = nullptr;
  node->arg_room = 0;
  FillNode(*graph, slot.object, slot.kind, slot.hints, node);
  AppendNode(stream, graph, *node);
  return true;
}

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_GRAPH_PLAIN_TASK_H_
