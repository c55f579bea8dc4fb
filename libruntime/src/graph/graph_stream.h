// The tasks of one stream of a graph, as they were submitted.
#ifndef VNPU_LIBRUNTIME_SRC_GRAPH_GRAPH_STREAM_H_
#define VNPU_LIBRUNTIME_SRC_GRAPH_GRAPH_STREAM_H_

#include <vnpu/queue.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "acl/acl_base.h"
#include "libruntime/src/base/slab.h"
#include "libruntime/src/graph/node_kind.h"

namespace vnpu::runtime {

class Session;
struct GraphStream;
struct Model;
struct Stream;

enum NodeFlags : uint8_t {
  kNodeDisabled = 1,  // left out: its entry does nothing
  kNodeChanged = 2,   // aclmdlRIUpdate has yet to bring it to the device
  kNodeGrouped = 4,   // part of a task group
};

// One task.
struct GraphNode {
  static constexpr uint32_t kNoEntry = UINT32_MAX;

  vnpu_sqe sqe;        // as in an image, once the graph is compiled
  const void* object;  // see NodeKind
  std::byte* args;     // kernel: the arguments that are not in the entry
  uint32_t id;         // an order of the model's tasks that fits what they wait for, from 0
  uint32_t entry;      // number of its entry in the image
  uint32_t arg_room;   // bytes for arguments in the image
  NodeKind kind;
  uint8_t bits;  // NodeFlags, and the launch's hints above them

  static constexpr uint32_t kHintShift = 4;
  bool has(NodeFlags flag) const { return (bits & flag) != 0; }
};
static_assert(sizeof(GraphNode) == 96);

// For which record a node of kind kWait waits: the node `record` of `from`. Null: for the next one
// of the event, which has not come yet.
struct GraphWait {
  uint32_t node = 0;
  GraphStream* from = nullptr;
  uint32_t record = 0;
};

struct Label;
struct GraphCall;

// A model that a node of kind kModel runs.
struct NestedModel {
  Model* model = nullptr;
  uint32_t generation = 0;
};

// What a node of kind kGoto chooses from.
struct GotoTask {
  std::vector<Label*> labels;
  uint32_t first_label = 0;  // in the image
};

// What a node of kind kUpdate changes.
struct TaskUpdate {
  GraphStream* stream = nullptr;
  uint32_t generation = 0;        // of the stream
  uint32_t task = 0;              // its number for aclrtGetThreadLastTaskId
  std::vector<uint32_t> kernels;  // func_ids to choose from
};

// A live object is a valid aclrtStream for aclmdlRIGetTasksByStream alone. Guarded by the lock of
// `stream` while tasks come in, by the model's mutex otherwise.
struct alignas(64) GraphStream : SlabObject {
  static constexpr uint32_t kBlockNodes = 128;

  Model* model = nullptr;    // null: of a persistent stream that is not bound to one
  Stream* stream = nullptr;  // whose tasks come here; null: the capture is over
  std::shared_ptr<Session> session;
  uint32_t number = 0;  // in the model
  uint32_t priority = 0;
  bool persistent = false;
  bool starts = true;   // with the model; otherwise when it is activated
  bool ended = false;   // aclmdlRIEndTask
  bool sealed = false;  // takes no more tasks

  uint32_t size = 0;          // nodes
  uint32_t id_base = 0;       // while it is captured: what ids are above `size`, as waits demand
  GraphNode* next = nullptr;  // place of the next node
  GraphNode* block_end = nullptr;
  std::vector<GraphNode*> blocks;
  std::vector<GraphWait> waits;  // in the order of their nodes
  std::vector<std::unique_ptr<GotoTask>> gotos;
  std::vector<std::unique_ptr<TaskUpdate>> updates;
  std::vector<uint32_t> task_ids;  // of persistent tasks that have got their final ids: the first

  std::map<uint32_t, std::string> descriptions;  // of nodes, by aclrtCacheLastTaskExtendInfo
  std::vector<std::shared_ptr<GraphCall>> calls;
  std::vector<NestedModel> nested;

  // Memory of pools; guarded by the pools' mutex.
  std::vector<uint64_t> memory;
  std::multimap<uint64_t, uint64_t> free_memory;  // that the stream has freed: address by size

  std::byte* arg_next = nullptr;  // room in the last block of arguments
  std::byte* arg_end = nullptr;
  std::vector<std::byte*> arg_blocks;
  std::vector<std::unique_ptr<std::byte[]>> large_args;
  std::byte* data_next = nullptr;  // room in the last block of pinned memory
  std::byte* data_end = nullptr;
  std::vector<std::byte*> data_blocks;
  uint32_t data_block_bytes = 0;  // of the next one, at least

  // Where the compiler put it.
  uint32_t image_stream = 0;
  uint32_t first_entry = 0;
  uint32_t entries = 0;

  GraphNode& node(uint32_t i) const { return blocks[i / kBlockNodes][i % kBlockNodes]; }
};

inline constexpr size_t kMaxGraphStreams = 262144;
extern Slab<GraphStream, kMaxGraphStreams> graph_streams;

// A new one, live. Null: there are too many.
GraphStream* NewGraphStream(std::shared_ptr<Session> session, Stream* stream, uint32_t priority);
void FreeGraphStream(GraphStream* graph);
// Forgets all tasks.
void ClearGraphStream(GraphStream* graph);

// Gives the tasks of all streams their final ids.
void NumberTasks(std::span<GraphStream* const> streams);

// The number of the node that aclrtGetThreadLastTaskId called so; graph.size: there is none. Of
// persistent streams, or while the stream is captured.
uint32_t FindTaskNumber(const GraphStream& graph, uint32_t task);
// That node, or null.
GraphNode* FindTask(const GraphStream& graph, uint32_t task);

// Memory for arguments that lives as long as the nodes.
std::byte* TakeArgs(GraphStream* graph, uint32_t bytes);

void AddBlock(GraphStream* graph);

// A node whose entry is zero, which is not counted in `size` yet, and whose other fields are to be
// filled in.
inline GraphNode* NextNode(GraphStream* graph) {
  if (graph->next == graph->block_end) [[unlikely]] {
    AddBlock(graph);
  }
  GraphNode* const node = graph->next;
  // The lines of nodes to come are asked for in time.
  constexpr size_t kAhead = 8;
  __builtin_prefetch(node + kAhead, /*rw=*/1);
  node->sqe = {};
  return node;
}

// Whether TakeData finds `bytes` (multiple of 64) of pinned memory. AddData makes room for them;
// not under a stream's lock.
inline bool HasData(const GraphStream& graph, uint32_t bytes) {
  return static_cast<size_t>(graph.data_end - graph.data_next) >= bytes;
}
std::byte* TakeData(GraphStream* graph, uint32_t bytes);
aclError NewDataBlock(const GraphStream& graph, uint32_t bytes, std::byte** block,
                      uint32_t* block_bytes);
void AddDataBlock(GraphStream* graph, std::byte* block, uint32_t block_bytes);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_GRAPH_GRAPH_STREAM_H_
