#include "libruntime/src/graph/graph_stream.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/round_up.h"
#include "libruntime/src/base/spinlock.h"
#include "libruntime/src/callback/host_calls.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/graph/nested.h"
#include "libruntime/src/memory/memory_pool.h"
#include "libruntime/src/memory/pinned_memory.h"

namespace vnpu::runtime {

constinit Slab<GraphStream, kMaxGraphStreams> graph_streams;

namespace {

// Blocks of nodes and arguments are kept for the next capture: fresh memory costs a page fault for
// every 40 tasks, more than to capture them.
constexpr size_t kBlockBytes = size_t{GraphStream::kBlockNodes} * sizeof(GraphNode);

class BlockCache {
 public:
  std::byte* Take() {
    {
      const std::lock_guard lock(lock_);
      if (!free_.empty()) {
        std::byte* const block = free_.back();
        free_.pop_back();
        return block;
      }
    }
    return static_cast<std::byte*>(::operator new (kBlockBytes, std::align_val_t{64}));
  }

  void Give(std::byte* block) {
    constexpr size_t kMost = 512;
    {
      const std::lock_guard lock(lock_);
      if (free_.size() < kMost) {
        free_.push_back(block);
        return;
      }
    }
    ::operator delete (block, std::align_val_t{64});
  }

 private:
  Spinlock lock_;
  std::vector<std::byte*> free_;
};

BlockCache& Blocks() {
  static auto* const blocks = new BlockCache;
  return *blocks;
}

}  // namespace

GraphStream* NewGraphStream(std::shared_ptr<Session> session, Stream* stream, uint32_t priority) {
  GraphStream* const graph = graph_streams.Allocate();
  if (graph == nullptr) {
    return nullptr;
  }
  graph->model = nullptr;
  graph->stream = stream;
  graph->session = std::move(session);
  graph->number = 0;
  graph->priority = priority;
  graph->persistent = false;
  graph->starts = true;
  graph->ended = false;
  graph->sealed = false;
  graph->data_block_bytes = 64u << 10;
  graph_streams.Publish(graph);
  return graph;
}

void ClearGraphStream(GraphStream* graph) {
  for (GraphNode* const block : graph->blocks) {
    Blocks().Give(reinterpret_cast<std::byte*>(block));
  }
  for (std::byte* const block : graph->arg_blocks) {
    Blocks().Give(block);
  }
  for (std::byte* const block : graph->data_blocks) {
    if (graph->session->usable()) {
      graph->session->pinned_memory().Free(block);
    }
  }
  graph->size = 0;
  graph->id_base = 0;
  graph->blocks.clear();
  graph->next = graph->block_end = nullptr;
  graph->waits.clear();
  graph->gotos.clear();
  graph->updates.clear();
  graph->task_ids.clear();
  graph->descriptions.clear();
  for (const std::shared_ptr<GraphCall>& call : graph->calls) {
    graph->session->host_calls().EndGraphCall(call);
  }
  graph->calls.clear();
  graph->session->memory_pools().ReleaseGraph(graph);
  for (const NestedModel& nested : graph->nested) {
    LeaveNested(nested);
  }
  graph->nested.clear();
  graph->arg_next = graph->arg_end = nullptr;
  graph->arg_blocks.clear();
  graph->large_args.clear();
  graph->data_next = graph->data_end = nullptr;
  graph->data_blocks.clear();
  graph->ended = false;
  graph->sealed = false;
}

void FreeGraphStream(GraphStream* graph) {
  if (!graph_streams.Retire(graph)) {
    return;
  }
  ClearGraphStream(graph);
  graph->session.reset();
  graph->model = nullptr;
  graph->stream = nullptr;
  graph_streams.Free(graph);
}

void NumberTasks(std::span<GraphStream* const> streams) {
  std::vector<GraphNode*> nodes;
  for (GraphStream* const graph : streams) {
    for (uint32_t i = 0; i < graph->size; ++i) {
      nodes.push_back(&graph->node(i));
      if (graph->persistent && i >= graph->task_ids.size()) {
        graph->task_ids.push_back(graph->node(i).id);
      }
    }
  }
  std::ranges::stable_sort(nodes, {}, &GraphNode::id);
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    nodes[i]->id = i;
  }
}

uint32_t FindTaskNumber(const GraphStream& graph, uint32_t task) {
  const auto id = [&](uint32_t i) {
    return i < graph.task_ids.size() ? graph.task_ids[i] : graph.node(i).id;
  };
  uint32_t first = 0;
  for (uint32_t end = graph.size; first < end;) {
    const uint32_t middle = first + (end - first) / 2;
    if (id(middle) < task) {
      first = middle + 1;
    } else {
      end = middle;
    }
  }
  return first < graph.size && id(first) == task ? first : graph.size;
}

GraphNode* FindTask(const GraphStream& graph, uint32_t task) {
  const uint32_t number = FindTaskNumber(graph, task);
  return number < graph.size ? &graph.node(number) : nullptr;
}

std::byte* TakeArgs(GraphStream* graph, uint32_t bytes) {
  const size_t rounded = RoundUp(bytes, 8);
  if (rounded > kBlockBytes) {
    return graph->large_args.emplace_back(std::make_unique<std::byte[]>(rounded)).get();
  }
  if (static_cast<size_t>(graph->arg_end - graph->arg_next) < rounded) {
    graph->arg_blocks.push_back(Blocks().Take());
    graph->arg_next = graph->arg_blocks.back();
    graph->arg_end = graph->arg_next + kBlockBytes;
  }
  std::byte* const args = graph->arg_next;
  graph->arg_next += rounded;
  return args;
}

void AddBlock(GraphStream* graph) {
  auto* const block = reinterpret_cast<GraphNode*>(Blocks().Take());
  graph->blocks.push_back(block);
  graph->next = block;
  graph->block_end = block + GraphStream::kBlockNodes;
}

std::byte* TakeData(GraphStream* graph, uint32_t bytes) {
  std::byte* const data = graph->data_next;
  graph->data_next += bytes;
  return data;
}

aclError NewDataBlock(const GraphStream& graph, uint32_t bytes, std::byte** block,
                      uint32_t* block_bytes) {
  *block_bytes = std::max(bytes, graph.data_block_bytes);
  return graph.session->pinned_memory().Allocate(*block_bytes, block);
}

void AddDataBlock(GraphStream* graph, std::byte* block, uint32_t block_bytes) {
  graph->data_blocks.push_back(block);
  graph->data_next = block;
  graph->data_end = block + block_bytes;
}

}  // namespace vnpu::runtime
