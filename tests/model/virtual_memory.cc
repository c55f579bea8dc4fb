// Reserved addresses, physical memory, and mappings, which serve as buffers.
#include <algorithm>

#include "tests/model/actions.h"

namespace vnpu::model {
namespace {

constexpr size_t kMostRanges = 3;
constexpr size_t kHuge = size_t{2} << 20;
constexpr size_t kPage = 4096;

void Reserve(Player& player) {
  if (player.mappings.size() >= kMostRanges) {
    return;
  }
  if (player.current == nullptr) {
    player.Enter(player.world.primary);
  }
  auto range = std::make_unique<Mapping>();
  void* address = nullptr;
  MODEL_CALL(player, ACL_SUCCESS, aclrtReserveMemAddress(&address, kHuge, 0, nullptr, 0));
  range->address = static_cast<std::byte*>(address);
  player.mappings.push_back(std::move(range));
}

Mapping* AnyRange(Player& player, bool mapped) {
  if (player.mappings.empty()) {
    return nullptr;
  }
  Mapping* range = player.random.Pick(player.mappings).get();
  return (range->physical != nullptr) == mapped ? range : nullptr;
}

void Release(Player& player) {
  Mapping* range = AnyRange(player, false);
  if (range != nullptr) {
    DestroyMapping(player, *range);
  }
}

aclrtPhysicalMemProp Properties(bool huge) {
  aclrtPhysicalMemProp properties{};
  properties.memAttr = huge ? ACL_HBM_MEM_HUGE : ACL_MEM_NORMAL;
  properties.location.type = ACL_MEM_LOCATION_TYPE_DEVICE;
  return properties;
}

void Map(Player& player) {
  Mapping* range = AnyRange(player, false);
  if (range == nullptr) {
    return;
  }
  range->huge = player.random.Percent(30);
  range->size = range->huge ? kHuge : player.random.Between(1, 16) * kPage;
  const aclrtPhysicalMemProp properties = Properties(range->huge);
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtMallocPhysical(&range->physical, range->size, &properties, 0));
  MODEL_CALL(player, ACL_SUCCESS, aclrtMapMem(range->address, range->size, 0, range->physical, 0));
  auto buffer = std::make_unique<Buffer>();
  buffer->place = Place::kMapped;
  buffer->mapping = range;
  buffer->address = buffer->allocation = range->address;
  buffer->allocated = range->size;
  buffer->bytes.resize(std::min(range->size, 16 * kPage));
  const auto value = static_cast<uint8_t>(player.random.Bits());
  MODEL_CALL(player, ACL_SUCCESS,
             aclrtMemset(buffer->address, buffer->size(), value, buffer->size()));
  std::ranges::fill(buffer->bytes, std::byte{value});
  player.buffers.push_back(std::move(buffer));
}

void Unmap(Player& player) {
  Buffer* buffer =
      AnyBuffer(player, [](const Buffer& each) { return each.place == Place::kMapped; });
  if (buffer != nullptr) {
    VerifyBuffer(player, *buffer);
    UnmapBuffer(player, *buffer);
  }
}

// The same memory at another place: what is there stays.
void Move(Player& player) {
  Buffer* buffer =
      AnyBuffer(player, [](const Buffer& each) { return each.place == Place::kMapped; });
  Mapping* to = AnyRange(player, false);
  if (buffer == nullptr || to == nullptr) {
    return;
  }
  Mapping& from = *buffer->mapping;
  player.HostWrites(*buffer);
  MODEL_CALL(player, ACL_SUCCESS, aclrtUnmapMem(from.address));
  MODEL_CALL(player, ACL_SUCCESS, aclrtMapMem(to->address, from.size, 0, from.physical, 0));
  to->physical = from.physical;
  to->size = from.size;
  to->huge = from.huge;
  from.physical = nullptr;
  buffer->mapping = to;
  buffer->address = buffer->allocation = to->address;
  VerifyBuffer(player, *buffer);
}

void WrongOnMapped(Player& player, Mapping& range) {
  aclrtDrvMemHandle physical = range.physical;
  switch (player.random.Below(4)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtReleaseMemAddress(range.address));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtMapMem(range.address, range.size, 0, physical, 0));
      break;
    case 2:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtUnmapMem(range.address + 64));
      break;
    default:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtFree(range.address));
      break;
  }
}

void Wrong(Player& player) {
  if (player.mappings.empty()) {
    return;
  }
  Mapping& range = *player.random.Pick(player.mappings);
  if (range.physical != nullptr) {
    WrongOnMapped(player, range);
    return;
  }
  uint32_t word = 0;
  void* base = nullptr;
  size_t size = 0;
  switch (player.random.Below(5)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtUnmapMem(range.address));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtReleaseMemAddress(range.address + kPage));
      break;
    case 2:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE,
                 aclrtMapMem(range.address, kHuge, 0, &word, 0));
      break;
    case 3:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
                 aclrtMemGetAddressRange(range.address, &base, &size));
      break;
    default:
      // Nothing is there: the copy fails, and nothing else does.
      MODEL_CALL(
          player, ACL_ERROR_RT_SYS_DMA,
          aclrtMemcpy(&word, sizeof(word), range.address, sizeof(word), ACL_MEMCPY_DEVICE_TO_HOST));
      break;
  }
}

void WrongPhysical(Player& player) {
  aclrtDrvMemHandle made = nullptr;
  aclrtPhysicalMemProp properties = Properties(true);
  if (player.current == nullptr) {
    player.Enter(player.world.primary);
  }
  switch (player.random.Below(4)) {
    case 0:
      MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID, aclrtMallocPhysical(&made, 0, &properties, 0));
      break;
    case 1:
      MODEL_CALL(player, ACL_ERROR_RT_MEMORY_ALLOCATION,
                 aclrtMallocPhysical(&made, size_t{1} << 50, &properties, 0));
      break;
    case 2:
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE, aclrtFreePhysical(&properties));
      break;
    default:
      properties.location.id = 63;
      MODEL_CALL(player, ACL_ERROR_RT_INVALID_DEVICEID,
                 aclrtMallocPhysical(&made, kHuge, &properties, 0));
      break;
  }
}

}  // namespace

void UnmapBuffer(Player& player, Buffer& buffer) {
  player.HostWrites(buffer);
  Mapping& range = *buffer.mapping;
  const aclrtDrvMemHandle physical = range.physical;
  // In either order: the memory stays until both have happened.
  if (player.random.Percent(50)) {
    MODEL_CALL(player, ACL_SUCCESS, aclrtUnmapMem(range.address));
    MODEL_CALL(player, ACL_SUCCESS, aclrtFreePhysical(physical));
  } else {
    MODEL_CALL(player, ACL_SUCCESS, aclrtFreePhysical(physical));
    MODEL_CALL(player, ACL_ERROR_RT_INVALID_HANDLE, aclrtFreePhysical(physical));
    MODEL_CALL(player, ACL_SUCCESS, aclrtUnmapMem(range.address));
  }
  range.physical = nullptr;
  Remove(player.buffers, &buffer);
}

void DestroyMapping(Player& player, Mapping& mapping) {
  MODEL_CALL(player, ACL_SUCCESS, aclrtReleaseMemAddress(mapping.address));
  Remove(player.mappings, &mapping);
}

std::span<const Action> VirtualMemoryActions() {
  static constexpr Action kActions[] = {
      {"reserve addresses", 3, Reserve},
      {"release addresses", 1, Release},
      {"map", 5, Map},
      {"unmap", 3, Unmap},
      {"map elsewhere", 2, Move},
      {"wrong calls on addresses", 6, Wrong},
      {"wrong calls on physical memory", 3, WrongPhysical},
  };
  return kActions;
}

}  // namespace vnpu::model
