#include "libruntime/src/memory/memory_pool.h"

#include <vnpu/abi.h>
#include <vnpu/queue.h>

#include <algorithm>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/base/ranges.h"
#include "libruntime/src/base/round_up.h"
#include "libruntime/src/device/device.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/device_memory.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {
namespace {

constexpr size_t kMaxPools = 65536;
constinit Slab<MemPool, kMaxPools> pools;

// The queue of a live stream, and its last task so far.
aclError TakePoint(Stream* stream, SubmitQueue** queue, TaskPoint* last) {
  const std::lock_guard lock(stream->lock);
  if (!stream->alive()) {
    return FailStaleStream(stream);
  }
  *queue = stream->queue;
  const uint64_t tail = stream->queue->tail();
  *last = tail == 0 ? TaskPoint{} : TaskPoint{.queue = stream->queue, .task = tail - 1};
  return ACL_SUCCESS;
}

aclError SubmitEvent(Stream* stream, uint8_t opcode, uint32_t event_id, uint64_t seq,
                     Submitted* submitted) {
  return Submit(
      stream, 0, 0,
      [&](Slot& slot) {
        slot.sqe->opcode = opcode;
        slot.sqe->event.event_id = event_id;
        slot.sqe->event.seq = seq;
      },
      submitted);
}

// Records an event behind all tasks of the stream.
aclError RecordEnd(Session& session, Stream* stream, PendingBlock* block) {
  EventRegister event;
  VNPU_RETURN_IF_ERROR(session.events().Acquire(&event));
  Submitted record;
  const aclError error =
      SubmitEvent(stream, VNPU_OP_EVENT_RECORD, event.id, event.seq + 1, &record);
  if (error != ACL_SUCCESS) {
    session.events().Release(event);
    return error;
  }
  ++event.seq;
  event.last_record = {.queue = record.queue, .task = record.task};
  block->freed_at = event.last_record;
  block->event = event;
  return ACL_SUCCESS;
}

}  // namespace

aclError MemoryPools::FailNotUsed(uint64_t address) {
  return Fail(ACL_ERROR_RT_PARAM_INVALID,
              "{:#x} is not memory in use of a pool: freed twice, or not what "
              "aclrtMemPoolMallocAsync returned",
              address);
}

aclError MemoryPools::Create(uint64_t max_size, MemPool** pool) {
  const std::lock_guard lock(mutex_);
  MemPool* fresh = pools.Allocate();
  if (fresh == nullptr) {
    return Fail(ACL_ERROR_RT_RESOURCE_ALLOC_FAIL, "too many memory pools ({})", kMaxPools);
  }
  MemPoolState* state = states_.emplace_back(std::make_unique<MemPoolState>()).get();
  const uint64_t most = session_.info().hbm_total;
  state->max_size = max_size == 0 ? most : std::min(max_size, most);
  fresh->device = session_.index();
  fresh->session_serial = session_.serial();
  fresh->state = state;
  handles_.push_back(fresh);
  count_.store(states_.size(), std::memory_order_relaxed);
  pools.Publish(fresh);
  *pool = fresh;
  return ACL_SUCCESS;
}

aclError MemoryPools::FindState(const MemPool* pool, MemPoolState** state) const {
  if (!pool->alive() || pool->session_serial != session_.serial()) {
    return Fail(ACL_ERROR_RT_INVALID_HANDLE, "the memory pool was destroyed by another thread");
  }
  *state = pool->state;
  return ACL_SUCCESS;
}

aclError MemoryPools::Destroy(MemPool* pool) {
  const std::lock_guard lock(mutex_);
  MemPoolState* state = nullptr;
  VNPU_RETURN_IF_ERROR(FindState(pool, &state));
  pools.Retire(pool);
  std::erase(handles_, pool);
  pool->state = nullptr;
  pools.Free(pool);
  state->destroyed = true;
  Reap();
  return ACL_SUCCESS;
}

// Ends the destroyed pools that nothing is used of any more.
void MemoryPools::Reap() {
  for (const auto& state : states_) {
    if (state->destroyed) {
      Trim(*state, 0);
    }
  }
  std::erase_if(states_,
                [](const auto& state) { return state->destroyed && state->reserved == 0; });
  count_.store(states_.size(), std::memory_order_relaxed);
}

PendingBlock MemoryPools::TakePending(MemPoolState& state, Pending::iterator block) {
  PendingBlock taken = block->second;
  state.pending.erase(block);
  return taken;
}

// What the tasks of other streams are done with becomes free.
void MemoryPools::SettlePending(MemPoolState& state) {
  for (auto block = state.pending.begin(); block != state.pending.end();) {
    const auto next = std::next(block);
    if (block->second.freed_at.done()) {
      const PendingBlock taken = TakePending(state, block);
      if (taken.event.has_value()) {
        session_.events().Release(*taken.event);
      }
      state.blocks.Free(taken.address);
    }
    block = next;
  }
}

void MemoryPools::Trim(MemPoolState& state, uint64_t keep) {
  SettlePending(state);
  for (const uint64_t base : state.blocks.EmptyRegions()) {
    const uint64_t size = state.blocks.region_size(base);
    if (state.reserved - size < keep) {
      continue;
    }
    state.blocks.RemoveRegion(base);
    regions_.erase(base);
    state.reserved -= size;
    if (session_.device_memory().Free(base) != ACL_SUCCESS) {
      Log().warn("memory of a pool at {:#x} was not given back", base);
    }
  }
}

bool MemoryPools::Grow(MemPoolState& state, uint64_t size) {
  const uint64_t least = RoundUp(size, BlockPool::kAlign);
  const uint64_t room = (state.max_size - state.reserved) / BlockPool::kAlign * BlockPool::kAlign;
  if (room < least) {
    return false;
  }
  const uint64_t bytes = std::min(RoundUp(size, VNPU_HUGE_PAGE_SIZE), room);
  uint64_t base = 0;
  {
    const QuietErrors quiet;  // there may be another way
    if (session_.device_memory().Allocate({.size = bytes}, &base) != ACL_SUCCESS) {
      return false;
    }
  }
  state.blocks.AddRegion(base, bytes);
  regions_[base] = {.size = bytes, .state = &state};
  state.reserved += bytes;
  state.reserved_high = std::max(state.reserved_high, state.reserved);
  return true;
}

// Memory that the stream itself freed needs no waiting.
uint64_t MemoryPools::TakeOwn(MemPoolState& state, uint64_t size, uint64_t largest,
                              const SubmitQueue* queue) {
  for (auto block = state.pending.lower_bound(size);
       block != state.pending.end() && block->first <= largest; ++block) {
    if (block->second.freed_at.queue == queue) {
      const PendingBlock taken = TakePending(state, block);
      if (taken.event.has_value()) {
        session_.events().Release(*taken.event);
      }
      return taken.address;
    }
  }
  return 0;
}

uint64_t MemoryPools::TakeFree(MemPoolState& state, uint64_t size) {
  uint64_t address = state.blocks.Allocate(size);
  if (address == 0 && state.opportunistic) {
    SettlePending(state);
    address = state.blocks.Allocate(size);
  }
  if (address == 0 && Grow(state, size)) {
    address = state.blocks.Allocate(size);
  }
  return address;
}

// Memory that another stream freed, with an event to wait for.
std::optional<PendingBlock> MemoryPools::TakeOthers(MemPoolState& state, uint64_t size) {
  for (auto block = state.pending.lower_bound(size); state.internal && block != state.pending.end();
       ++block) {
    if (block->second.event.has_value()) {
      return TakePending(state, block);
    }
  }
  return std::nullopt;
}

void MemoryPools::Use(MemPoolState& state, uint64_t address) {
  const uint64_t size = state.blocks.Find(address)->size;
  used_[address] = {.state = &state, .size = size};
  state.used += size;
  state.used_high = std::max(state.used_high, state.used);
}

MemoryPools::Used MemoryPools::Unuse(uint64_t address) {
  const auto found = used_.find(address);
  if (found == used_.end()) {
    return {};
  }
  const Used used = found->second;
  used_.erase(found);
  used.state->used -= used.size;
  return used;
}

aclError MemoryPools::FindStateFor(const MemPool* pool, uint64_t size, MemPoolState** state) const {
  VNPU_RETURN_IF_ERROR(FindState(pool, state));
  return size <= (*state)->max_size
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_MEMORY_ALLOCATION, "{} bytes are more than the pool's {}", size,
                    (*state)->max_size);
}

aclError MemoryPools::Allocate(MemPool* pool, uint64_t size, Stream* stream, uint64_t* address) {
  if (stream->has(kDiverted)) {
    return AllocateInGraph(pool, size, stream, address);
  }
  SubmitQueue* queue = nullptr;
  TaskPoint last;
  VNPU_RETURN_IF_ERROR(TakePoint(stream, &queue, &last));
  std::optional<PendingBlock> others;
  {
    const std::lock_guard lock(mutex_);
    MemPoolState* state = nullptr;
    VNPU_RETURN_IF_ERROR(FindStateFor(pool, size, &state));
    *address = TakeOwn(*state, size, RoundUp(2 * size, BlockPool::kAlign), queue);
    if (*address == 0) {
      *address = TakeFree(*state, size);
    }
    if (*address == 0) {
      *address = TakeOwn(*state, size, UINT64_MAX, queue);
    }
    if (*address == 0) {
      others = TakeOthers(*state, size);
      *address = others.has_value() ? others->address : 0;
    }
    if (*address == 0) {
      return Fail(ACL_ERROR_RT_MEMORY_ALLOCATION,
                  "no {} bytes left: the pool has {} of at most {}, {} in use", size,
                  state->reserved, state->max_size, state->used);
    }
    Use(*state, *address);
  }
  if (!others.has_value()) {
    return ACL_SUCCESS;
  }
  // Without the lock: there may be no room in the stream's queue.
  const aclError error =
      SubmitEvent(stream, VNPU_OP_EVENT_WAIT, others->event->id, others->event->seq, nullptr);
  if (error == ACL_SUCCESS) {
    session_.events().Release(*others->event);
    return ACL_SUCCESS;
  }
  const std::lock_guard lock(mutex_);
  if (const Used used = Unuse(*address); used.state != nullptr) {
    used.state->pending.emplace(used.size, *others);
  }
  return error;
}

void MemoryPools::PutAway(MemPoolState& state, uint64_t size, const PendingBlock& block) {
  if (const auto held = held_.find(block.address); held != held_.end()) {
    held->second.freed = block;
  } else if (block.freed_at.done() && !block.event.has_value()) {
    state.blocks.Free(block.address);
  } else {
    state.pending.emplace(size, block);
  }
}

aclError MemoryPools::Free(uint64_t address, Stream* stream) {
  if (stream->has(kDiverted)) {
    return FreeInGraph(address, stream);
  }
  PendingBlock block{.address = address, .freed_at = {}, .event = {}};
  SubmitQueue* queue = nullptr;
  VNPU_RETURN_IF_ERROR(TakePoint(stream, &queue, &block.freed_at));
  Used used;
  bool record = false;
  {
    const std::lock_guard lock(mutex_);
    used = Unuse(address);
    if (used.state == nullptr) {
      return FailNotUsed(address);
    }
    record = used.state->internal && !block.freed_at.done();
  }
  const aclError error = record ? RecordEnd(session_, stream, &block) : ACL_SUCCESS;
  const std::lock_guard lock(mutex_);
  if (!any()) {
    return FailDeviceLost(session_.index());  // closed meanwhile
  }
  // Until here the block kept its pool from going.
  if (error != ACL_SUCCESS) {
    used_[address] = used;
    used.state->used += used.size;
  } else {
    PutAway(*used.state, used.size, block);
  }
  return error;
}

aclError MemoryPools::TrimTo(MemPool* pool, uint64_t keep) {
  const std::lock_guard lock(mutex_);
  MemPoolState* state = nullptr;
  VNPU_RETURN_IF_ERROR(FindState(pool, &state));
  Trim(*state, keep);
  return ACL_SUCCESS;
}

void MemoryPools::Settle() {
  const std::lock_guard lock(mutex_);
  for (const auto& state : states_) {
    SettlePending(*state);
    if (state->blocks.free_bytes() > state->release_threshold) {
      Trim(*state, state->release_threshold);
    }
  }
  Reap();
}

bool MemoryPools::Contains(uint64_t address) const {
  if (!any()) {
    return false;
  }
  const std::lock_guard lock(mutex_);
  return FindRange(regions_, address, [](const Region& region) { return region.size; }) !=
         regions_.end();
}

void MemoryPools::Drop() {
  const std::lock_guard lock(mutex_);
  for (MemPool* pool : handles_) {
    if (pools.Retire(pool)) {
      pool->state = nullptr;
      pools.Free(pool);
    }
  }
  handles_.clear();
  used_.clear();
  held_.clear();
  regions_.clear();
  states_.clear();
  count_.store(0, std::memory_order_relaxed);
}

aclError ResolveMemPool(void* handle, MemPool** pool, std::shared_ptr<Session>* session) {
  VNPU_REQUIRE_NOT_NULL(handle);
  *pool = pools.Resolve(handle);
  if (*pool != nullptr) {
    *session = SessionOfDevice((*pool)->device);
    if (*session != nullptr && (*session)->serial() == (*pool)->session_serial) {
      return ACL_SUCCESS;
    }
  }
  return Fail(ACL_ERROR_RT_INVALID_HANDLE, "{} is not a memory pool, or it was destroyed", handle);
}

}  // namespace vnpu::runtime
