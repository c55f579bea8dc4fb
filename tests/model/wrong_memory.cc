// Wrong calls on memory: null, nothing, too much, freed, of another kind.
#include "tests/model/actions.h"

namespace vnpu::model {
namespace {

constexpr size_t kTooMuch = size_t{1} << 50;

void Allocations(Player& player) {
  if (player.current == nullptr) {
    player.Enter(player.world.primary);
  }
  void* memory = nullptr;
  switch (player.random.Below(6)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM,
                 aclrtMalloc(nullptr, 64, ACL_MEM_MALLOC_HUGE_FIRST));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtMalloc(&memory, 0, ACL_MEM_MALLOC_HUGE_FIRST));
      break;
    case 2:
      MODEL_CALL(player, ACL_ERROR_RT_MEMORY_ALLOCATION,
                 aclrtMalloc(&memory, kTooMuch, ACL_MEM_MALLOC_HUGE_FIRST));
      break;
    case 3:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtMallocCached(&memory, 64, ACL_MEM_MALLOC_HUGE_ONLY_P2P));
      break;
    case 4:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtMallocHost(&memory, 0));
      break;
    default:
      MODEL_CALL(player, ACL_ERROR_RT_MEMORY_ALLOCATION, aclrtMallocHost(&memory, kTooMuch));
      break;
  }
}

void Frees(Player& player) {
  Buffer* buffer = AnyBuffer(player, [](const Buffer& each) {
    return each.place == Place::kDevice || each.place == Place::kPinned;
  });
  if (buffer == nullptr) {
    return;
  }
  const bool device = buffer->place == Place::kDevice;
  switch (player.random.Below(4)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM, aclrtFree(nullptr));
      break;
    case 1:  // memory of the other kind
      if (device) {
        MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtFreeHost(buffer->allocation));
      } else {
        MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtFree(buffer->allocation));
      }
      break;
    case 2:  // not its start
      if (device) {
        MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtFree(buffer->allocation + 4));
      } else {
        MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtFreeHost(buffer->allocation + 4));
      }
      break;
    default:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtFree(&player));
      break;
  }
}

void Copies(Player& player) {
  Buffer* buffer = AnyBuffer(player, [](const Buffer& each) { return each.OnDevice(); });
  if (buffer == nullptr) {
    return;
  }
  std::byte* const at = buffer->address;
  const size_t size = buffer->size();
  std::byte host[4];
  switch (player.random.Below(8)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtMemcpy(host, sizeof(host), at, sizeof(host) + 1, ACL_MEMCPY_DEVICE_TO_HOST));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtMemcpy(host, sizeof(host), at, 0, ACL_MEMCPY_DEVICE_TO_HOST));
      break;
    case 2:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM,
                 aclrtMemcpy(nullptr, size, at, 4, ACL_MEMCPY_DEVICE_TO_HOST));
      break;
    case 3:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtMemcpy(host, sizeof(host), at, 4, static_cast<aclrtMemcpyKind>(99)));
      break;
    case 4:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtMemset(at, size, 0, size + 1));
      break;
    case 5:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtMemcpy2d(at, 1, host, 1, 2, 1, ACL_MEMCPY_HOST_TO_DEVICE));
      break;
    case 6:
      MODEL_CALL(player, ACL_ERROR_RT_ADDR_UNALIGNED, aclrtMemsetD32(at + 1, size, 0, 1));
      break;
    default:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtMemset(at, size, 0, 0));
      break;
  }
}

// A kind that the addresses contradict.
void Kinds(Player& player) {
  Buffer* buffer = AnyBuffer(player, [](const Buffer& each) { return each.OnDevice(); });
  Buffer* pinned =
      AnyBuffer(player, [](const Buffer& each) { return each.place == Place::kPinned; });
  if (buffer == nullptr || pinned == nullptr) {
    return;
  }
  Stream& stream = player.AnyStream();
  player.Enter(*stream.context);
  MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
             aclrtMemcpyAsync(pinned->address, pinned->size(), buffer->address, 1,
                              ACL_MEMCPY_HOST_TO_DEVICE, stream.handle));
}

void Questions(Player& player) {
  size_t free = 0;
  aclrtPtrAttributes attributes{};
  if (player.current == nullptr) {
    player.Enter(player.world.primary);
  }
  switch (player.random.Below(4)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM, aclrtGetMemInfo(ACL_HBM_MEM, &free, nullptr));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtGetMemInfo(static_cast<aclrtMemAttr>(999), &free, &free));
      break;
    case 2:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM, aclrtPointerGetAttributes(nullptr, &attributes));
      break;
    default:
      MODEL_CALL(player, ACL_ERROR_INVALID_PARAM, aclrtPointerGetAttributes(&free, nullptr));
      break;
  }
}

}  // namespace

std::span<const Action> WrongMemoryActions() {
  static constexpr Action kActions[] = {
      {"wrong allocations", 15, Allocations},
      {"wrong frees", 20, Frees},
      {"wrong copies", 25, Copies},
      {"wrong kinds of copies", 10, Kinds},
      {"wrong questions about memory", 8, Questions},
  };
  return kActions;
}

}  // namespace vnpu::model
