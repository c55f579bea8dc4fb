// Memory pools: blocks that are allocated and freed in the order of streams.
#include <algorithm>

#include "tests/model/actions.h"

namespace vnpu::model {
namespace {

constexpr size_t kMostPools = 2;
constexpr size_t kMostBlocks = 6;
constexpr size_t kSmallPool = size_t{2} << 20;

void Create(Player& player) {
  if (player.pools.size() >= kMostPools) {
    return;
  }
  if (player.current == nullptr) {
    player.Enter(player.world.primary);
  }
  auto pool = std::make_unique<Pool>();
  pool->max_size = player.random.Of<size_t>({0, 0, kSmallPool});
  aclrtMemPoolProps properties{};
  properties.allocType = ACL_MEM_ALLOCATION_TYPE_PINNED;
  properties.handleType = ACL_MEM_HANDLE_TYPE_NONE;
  properties.location = {.id = 0, .type = ACL_MEM_LOCATION_TYPE_DEVICE};
  properties.maxSize = pool->max_size;
  MODEL_CALL(player, ACL_SUCCESS, aclrtMemPoolCreate(&pool->handle, &properties));
  player.pools.push_back(std::move(pool));
}

void Destroy(Player& player) {
  if (player.pools.empty()) {
    return;
  }
  Pool& pool = *player.random.Pick(player.pools);
  if (pool.blocks == 0) {
    const aclrtMemPool stale = pool.handle;
    DestroyPool(player, pool);
    const uint64_t then = player.CountDestroyed(HandleKind::kPool);
    if (player.StillStale(HandleKind::kPool, then)) {
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE, aclrtMemPoolDestroy(stale));
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE, aclrtMemPoolTrimTo(stale, 0));
    }
  }
}

void Allocate(Player& player) {
  if (player.pools.empty()) {
    return;
  }
  Pool& pool = *player.random.Pick(player.pools);
  if (pool.blocks >= kMostBlocks) {
    return;
  }
  const bool small = pool.max_size != 0;
  const size_t largest = small ? pool.max_size / 4 : size_t{64} << 10;
  const size_t size = player.random.Between(1, largest / 4) * 4;
  Stream& stream = player.AnyStream();
  player.Prepare(stream, {}, {});
  void* memory = nullptr;
  if (small) {
    // What was freed and is not over yet may fill it.
    const aclError code =
        MODEL_CALL_EITHER(player, ACL_SUCCESS, ACL_ERROR_RT_MEMORY_ALLOCATION,
                          aclrtMemPoolMallocAsync(&memory, size, pool.handle, stream.handle));
    if (code != ACL_SUCCESS) {
      return;
    }
  } else {
    MODEL_CALL(player, ACL_SUCCESS,
               aclrtMemPoolMallocAsync(&memory, size, pool.handle, stream.handle));
  }
  auto buffer = std::make_unique<Buffer>();
  buffer->place = Place::kPool;
  buffer->pool = &pool;
  buffer->address = buffer->allocation = static_cast<std::byte*>(memory);
  buffer->allocated = size;
  buffer->bytes.resize(std::min(size, size_t{64} << 10));
  const auto value = static_cast<uint8_t>(player.random.Bits());
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtMemsetAsync(buffer->address, size, value, size, stream.handle));
  player.Submitted(stream, {}, {buffer.get()});
  std::ranges::fill(buffer->bytes, std::byte{value});
  ++pool.blocks;
  pool.used += size;
  player.buffers.push_back(std::move(buffer));
}

void Free(Player& player) {
  Buffer* buffer = AnyBuffer(player, [](const Buffer& each) { return each.place == Place::kPool; });
  if (buffer != nullptr) {
    FreePoolBuffer(player, *buffer);
  }
}

void Ask(Player& player) {
  if (player.pools.empty()) {
    return;
  }
  const Pool& pool = *player.random.Pick(player.pools);
  uint64_t used = 0;
  uint64_t reserved = 0;
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtMemPoolGetAttr(pool.handle, ACL_RT_MEM_POOL_ATTR_USED_MEM_CURRENT, &used));
  MODEL_CALL(
      player, ACL_SUCCESS,
      aclrtMemPoolGetAttr(pool.handle, ACL_RT_MEM_POOL_ATTR_RESERVED_MEM_CURRENT, &reserved));
  MODEL_REQUIRE(player, used >= pool.used);
  MODEL_REQUIRE(player, (used == 0) == (pool.blocks == 0));
  MODEL_REQUIRE(player, reserved >= used);
  MODEL_REQUIRE(player, pool.max_size == 0 || reserved <= pool.max_size);
}

void Change(Player& player) {
  if (player.pools.empty()) {
    return;
  }
  const Pool& pool = *player.random.Pick(player.pools);
  uint32_t on = static_cast<uint32_t>(player.random.Below(2));
  uint64_t threshold = player.random.Of<uint64_t>({0, 1 << 20, 64 << 20});
  switch (player.random.Below(4)) {
    case 0:
      MODEL_CALL(player, ACL_SUCCESS,
                 aclrtMemPoolSetAttr(pool.handle, ACL_RT_MEM_POOL_REUSE_ALLOW_OPPORTUNISTIC, &on));
      break;
    case 1:
      MODEL_CALL(
          player, ACL_SUCCESS,
          aclrtMemPoolSetAttr(pool.handle, ACL_RT_MEM_POOL_REUSE_ALLOW_INTERNAL_DEPENDENCIES, &on));
      break;
    case 2:
      MODEL_CALL(
          player, ACL_SUCCESS,
          aclrtMemPoolSetAttr(pool.handle, ACL_RT_MEM_POOL_ATTR_RELEASE_THRESHOLD, &threshold));
      break;
    default:
      MODEL_CALL(player, ACL_SUCCESS, aclrtMemPoolTrimTo(pool.handle, threshold));
      break;
  }
}

void Wrong(Player& player) {
  if (player.pools.empty()) {
    return;
  }
  const Pool& pool = *player.random.Pick(player.pools);
  Stream& stream = player.opener();
  player.Enter(*stream.context);
  void* memory = nullptr;
  uint32_t on = 2;
  switch (player.random.Below(5)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtMemPoolMallocAsync(&memory, 0, pool.handle, stream.handle));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_RT_MEMORY_ALLOCATION,
                 aclrtMemPoolMallocAsync(&memory, size_t{1} << 50, pool.handle, stream.handle));
      break;
    case 2:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtMemPoolSetAttr(pool.handle, ACL_RT_MEM_POOL_REUSE_ALLOW_OPPORTUNISTIC, &on));
      break;
    case 3:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtMemPoolFreeAsync(&on, stream.handle));
      break;
    default:
      if (Buffer* buffer =
              AnyBuffer(player, [](const Buffer& each) { return each.place == Place::kPool; })) {
        MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtFree(buffer->address));
      }
      break;
  }
}

}  // namespace

void FreePoolBuffer(Player& player, Buffer& buffer) {
  Stream& stream = player.AnyStream();
  player.Prepare(stream, {}, {&buffer});
  if (buffer.pool->max_size != 0 && stream.gates != 0) {
    // Whoever gets the block from a full pool waits for this place.
    player.OpenGates(stream.gates);
    player.Enter(*stream.context);
  }
  MODEL_CALL(player, ACL_SUCCESS, aclrtMemPoolFreeAsync(buffer.address, stream.handle));
  player.Submitted(stream, {}, {});
  --buffer.pool->blocks;
  buffer.pool->used -= buffer.allocated;
  Remove(player.buffers, &buffer);
}

void DestroyPool(Player& player, Pool& pool) {
  MODEL_CALL(player, ACL_SUCCESS, aclrtMemPoolDestroy(pool.handle));
  Remove(player.pools, &pool);
}

std::span<const Action> PoolActions() {
  static constexpr Action kActions[] = {
      {"create a pool", 3, Create},
      {"destroy a pool", 1, Destroy},
      {"allocate from a pool", 25, Allocate},
      {"free to a pool", 20, Free},
      {"ask a pool", 8, Ask},
      {"change a pool", 5, Change},
      {"wrong calls on pools", 5, Wrong},
  };
  return kActions;
}

}  // namespace vnpu::model
