// Memory of pools that is allocated and freed by streams of models.
#include <algorithm>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/round_up.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/graph/capture.h"
#include "libruntime/src/graph/graph_stream.h"
#include "libruntime/src/memory/memory_pool.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {
namespace {

// Takes a place in the stream's order, if the stream takes tasks.
aclError PlaceInGraph(Stream* stream, GraphStream** graph) {
  VNPU_RETURN_IF_ERROR(Submit(stream, 0, 0, [&](Slot& slot) {
    *graph = stream->graph;
    slot.kind = NodeKind::kMemory;
    slot.sqe->opcode = VNPU_OP_NOP;
  }));
  return *graph != nullptr ? ACL_SUCCESS : FailCaptureEnded();
}

}  // namespace

// Memory that the stream has freed. Other streams of the model may run at the same time.
uint64_t MemoryPools::TakeFromGraph(GraphStream& graph, uint64_t size, uint64_t largest) {
  const auto block = graph.free_memory.lower_bound(size);
  if (block == graph.free_memory.end() || block->first > largest) {
    return 0;
  }
  const uint64_t address = block->second;
  graph.free_memory.erase(block);
  return address;
}

void MemoryPools::Hold(GraphStream& graph, uint64_t address, const Used& used) {
  Held& held = held_[address];
  held.state = used.state;
  held.size = used.size;
  if (std::ranges::find(graph.memory, address) == graph.memory.end()) {
    ++held.graphs;
    graph.memory.push_back(address);
  }
}

aclError MemoryPools::AllocateInGraph(MemPool* pool, uint64_t size, Stream* stream,
                                      uint64_t* address) {
  GraphStream* graph = nullptr;
  VNPU_RETURN_IF_ERROR(PlaceInGraph(stream, &graph));
  const std::lock_guard lock(mutex_);
  MemPoolState* state = nullptr;
  VNPU_RETURN_IF_ERROR(FindStateFor(pool, size, &state));
  *address = TakeFromGraph(*graph, size, RoundUp(2 * size, BlockPool::kAlign));
  if (*address == 0) {
    *address = TakeFree(*state, size);
  }
  if (*address == 0) {
    *address = TakeFromGraph(*graph, size, UINT64_MAX);
  }
  if (*address == 0) {
    return Fail(ACL_ERROR_RT_MEMORY_ALLOCATION,
                "no {} bytes left: the pool has {} of at most {}, {} in use; what models use stays "
                "theirs until they are destroyed",
                size, state->reserved, state->max_size, state->used);
  }
  Use(*state, *address);
  Hold(*graph, *address, used_.at(*address));
  held_.at(*address).freed.reset();
  return ACL_SUCCESS;
}

aclError MemoryPools::FreeInGraph(uint64_t address, Stream* stream) {
  GraphStream* graph = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (!used_.contains(address)) {
      return FailNotUsed(address);
    }
  }
  VNPU_RETURN_IF_ERROR(PlaceInGraph(stream, &graph));
  const std::lock_guard lock(mutex_);
  const Used used = Unuse(address);
  if (used.state == nullptr) {
    return FailNotUsed(address);
  }
  Hold(*graph, address, used);
  held_.at(address).freed = PendingBlock{.address = address, .freed_at = {}, .event = {}};
  graph->free_memory.emplace(used.size, address);
  return ACL_SUCCESS;
}

void MemoryPools::ReleaseGraph(GraphStream* graph) {
  if (graph->memory.empty()) {
    return;
  }
  const std::lock_guard lock(mutex_);
  for (const uint64_t address : graph->memory) {
    const auto found = held_.find(address);
    if (found == held_.end() || --found->second.graphs > 0) {
      continue;
    }
    const Held held = found->second;
    held_.erase(found);
    if (held.freed.has_value()) {
      PutAway(*held.state, held.size, *held.freed);
    }
  }
  graph->memory.clear();
  graph->free_memory.clear();
  Reap();
}

}  // namespace vnpu::runtime
