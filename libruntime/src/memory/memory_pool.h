// Memory pools whose blocks are allocated and freed in the order of streams (manual 11-10).
#ifndef VNPU_LIBRUNTIME_SRC_MEMORY_MEMORY_POOL_H_
#define VNPU_LIBRUNTIME_SRC_MEMORY_MEMORY_POOL_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "acl/acl_base.h"
#include "libruntime/src/base/slab.h"
#include "libruntime/src/event/event_pool.h"
#include "libruntime/src/memory/block_pool.h"

namespace vnpu::runtime {

struct GraphStream;
struct Stream;

// A block that was freed in a stream whose tasks may still use it.
struct PendingBlock {
  uint64_t address = 0;
  TaskPoint freed_at;
  std::optional<EventRegister> event;  // recorded there
};

// What a pool has; guarded by the mutex of its MemoryPools.
struct MemPoolState {
  // Settings.
  uint64_t max_size = 0;
  uint64_t release_threshold = 0;
  bool follow_events = true;
  bool opportunistic =
      true;              // takes what other streams freed when they are seen to be done with it
  bool internal = true;  // else makes the stream wait for them
  // Memory: in use, pending, or free in `blocks`.
  BlockPool blocks;
  std::multimap<uint64_t, PendingBlock> pending;  // by size
  uint64_t reserved = 0;                          // bytes of all regions
  uint64_t reserved_high = 0;
  uint64_t used = 0;
  uint64_t used_high = 0;
  bool destroyed = false;  // goes when nothing of it is in use
};

// The object behind aclrtMemPool.
struct alignas(64) MemPool : SlabObject {
  uint32_t device = 0;
  uint64_t session_serial = 0;
  MemPoolState* state = nullptr;
};

// The pools of a session. Any thread.
class MemoryPools {
 public:
  explicit MemoryPools(Session& session) : session_(session) {}

  aclError Create(uint64_t max_size, MemPool** pool);
  // Memory in use stays valid until it is freed.
  aclError Destroy(MemPool* pool);

  // Runs `visit` on the state of a live pool.
  template <class Visit>
  aclError WithState(const MemPool* pool, Visit&& visit) {
    const std::lock_guard lock(mutex_);
    MemPoolState* state = nullptr;
    const aclError error = FindState(pool, &state);
    return error == 0 ? visit(*state) : error;
  }

  // For tasks of the stream that are submitted from now on.
  aclError Allocate(MemPool* pool, uint64_t size, Stream* stream, uint64_t* address);
  // The block can be used again behind the tasks submitted to the stream so far.
  aclError Free(uint64_t address, Stream* stream);

  // Captured and persistent streams: memory that they allocate or free belongs to their model until
  // its tasks are gone, whoever frees it, since the model uses it in each run. So the address
  // stays.
  void ReleaseGraph(GraphStream* graph);

  // Gives unused memory back to the device, down to `keep` bytes.
  aclError TrimTo(MemPool* pool, uint64_t keep);
  // After a stream was waited for: takes in what is not pending any more, and trims pools to their
  // thresholds.
  void Settle();

  bool any() const { return count_.load(std::memory_order_relaxed) != 0; }
  // Whether the address lies in memory of a pool.
  bool Contains(uint64_t address) const;

  // Ends all handles; the driver has taken the memory back.
  void Drop();

 private:
  struct Used {
    MemPoolState* state = nullptr;
    uint64_t size = 0;
  };
  struct Region {
    uint64_t size = 0;
    MemPoolState* state = nullptr;
  };
  using Pending = std::multimap<uint64_t, PendingBlock>;
  // Memory that tasks of models use.
  struct Held {
    MemPoolState* state = nullptr;
    uint64_t size = 0;
    uint32_t graphs = 0;  // streams of models
    std::optional<PendingBlock> freed;
  };

  // graph_memory.cc:
  aclError AllocateInGraph(MemPool* pool, uint64_t size, Stream* stream, uint64_t* address);
  aclError FreeInGraph(uint64_t address, Stream* stream);
  static uint64_t TakeFromGraph(GraphStream& graph, uint64_t size, uint64_t largest);
  void Hold(GraphStream& graph, uint64_t address, const Used& used);
  // A block that has been freed in a stream that runs its tasks becomes pending.
  void PutAway(MemPoolState& state, uint64_t size, const PendingBlock& block);

  aclError FindState(const MemPool* pool, MemPoolState** state) const;
  // Of a pool that is to give so much.
  aclError FindStateFor(const MemPool* pool, uint64_t size, MemPoolState** state) const;
  // The functions below are called with the mutex held.
  void SettlePending(MemPoolState& state);
  void Trim(MemPoolState& state, uint64_t keep);
  bool Grow(MemPoolState& state, uint64_t size);
  uint64_t TakeOwn(MemPoolState& state, uint64_t size, uint64_t largest, const SubmitQueue* queue);
  uint64_t TakeFree(MemPoolState& state, uint64_t size);
  std::optional<PendingBlock> TakeOthers(MemPoolState& state, uint64_t size);
  PendingBlock TakePending(MemPoolState& state, Pending::iterator block);
  void Use(MemPoolState& state, uint64_t address);
  Used Unuse(uint64_t address);
  void Reap();
  static aclError FailNotUsed(uint64_t address);

  Session& session_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<MemPoolState>> states_;
  std::vector<MemPool*> handles_;
  std::map<uint64_t, Region> regions_;
  std::unordered_map<uint64_t, Used> used_;
  std::unordered_map<uint64_t, Held> held_;
  std::atomic<size_t> count_{0};  // of states_
};

// The object of a handle, and the session that it belongs to.
aclError ResolveMemPool(void* handle, MemPool** pool, std::shared_ptr<Session>* session);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_MEMORY_MEMORY_POOL_H_
