// Memory: allocating and freeing, what is told about addresses, contents.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <shared_mutex>
#include <string>

#include "tests/model/actions.h"

namespace vnpu::model {
namespace {

constexpr size_t kMostBuffers = 24;
constexpr size_t kWord = sizeof(uint32_t);
constexpr size_t kKiB = 1024;
constexpr size_t kMiB = size_t{1024} * kKiB;

size_t RandomSize(Player& player, size_t largest) {
  const size_t limit =
      player.random.Of<size_t>({64, 512, 4 * kKiB, 4 * kKiB, 16 * kKiB, 64 * kKiB});
  return player.random.Between(1, std::min(limit, largest) / kWord) * kWord;
}

// Of an allocation of this size the buffer is a part, where large ones would take long to compare.
void ChoosePart(Player& player, Buffer& buffer) {
  constexpr size_t kLargest = 256 * kKiB;
  const size_t size = std::min(buffer.allocated, kLargest) / kWord * kWord;
  const size_t room = (buffer.allocated - size) / kWord;
  buffer.address = buffer.allocation + player.random.Between(0, room) * kWord;
  buffer.bytes.resize(size);
}

void AllocateOnDevice(Player& player, Buffer& buffer) {
  void* memory = nullptr;
  const auto policy = player.random.Of({ACL_MEM_MALLOC_HUGE_FIRST, ACL_MEM_MALLOC_HUGE_ONLY,
                                        ACL_MEM_MALLOC_NORMAL_ONLY, ACL_MEM_MALLOC_HUGE_FIRST_P2P,
                                        ACL_MEM_MALLOC_NORMAL_ONLY_P2P});
  switch (player.random.Below(4)) {
    case 0:
      MODEL_CALL(player, ACL_SUCCESS, aclrtMallocAlign32(&memory, buffer.allocated, policy));
      break;
    case 1:
      MODEL_CALL(player, ACL_SUCCESS,
                 aclrtMallocCached(&memory, buffer.allocated, ACL_MEM_MALLOC_HUGE_FIRST));
      break;
    default:
      MODEL_CALL(player, ACL_SUCCESS, aclrtMalloc(&memory, buffer.allocated, policy));
      break;
  }
  buffer.allocation = static_cast<std::byte*>(memory);
}

void FillOnHost(Player& player, Buffer& buffer) {
  for (size_t i = 0; i < buffer.size(); i += kWord) {
    const auto value = static_cast<uint32_t>(player.random.Bits());
    std::memcpy(&buffer.bytes[i], &value, kWord);
  }
}

// Gives a new buffer contents, by a copy or by a fill.
void Initialize(Player& player, Buffer& buffer) {
  if (buffer.HostReaches()) {
    FillOnHost(player, buffer);
    std::memcpy(buffer.address, buffer.bytes.data(), buffer.size());
    return;
  }
  if (player.random.Percent(50)) {
    FillOnHost(player, buffer);
    MODEL_CALL(player, ACL_SUCCESS,
               aclrtMemcpy(buffer.address, buffer.size(), buffer.bytes.data(), buffer.size(),
                           ACL_MEMCPY_HOST_TO_DEVICE));
    return;
  }
  const auto value = static_cast<uint8_t>(player.random.Bits());
  MODEL_CALL(player, ACL_SUCCESS, aclrtMemset(buffer.address, buffer.size(), value, buffer.size()));
  std::ranges::fill(buffer.bytes, std::byte{value});
}

void Allocate(Player& player) {
  if (player.buffers.size() < kMostBuffers) {
    AllocateBuffer(
        player,
        player.random.Of({Place::kDevice, Place::kDevice, Place::kPinned, Place::kPageable}),
        64 * kKiB);
  }
}

// Up to what is mapped on its own.
void AllocateLarge(Player& player) {
  if (player.buffers.size() >= kMostBuffers) {
    return;
  }
  AllocateBuffer(player, player.random.Of({Place::kDevice, Place::kDevice, Place::kPinned}),
                 player.random.Of<size_t>({kMiB, 2 * kMiB, 5 * kMiB, 33 * kMiB}));
}

void AllocateManaged(Player& player) {
  if (player.buffers.size() < kMostBuffers) {
    AllocateBuffer(player, Place::kManaged, 64 * kKiB);
  }
}

void Free(Player& player) {
  Buffer* buffer = AnyBuffer(player, [](const Buffer&) { return true; });
  if (buffer == nullptr || player.buffers.size() < kMostBuffers / 3) {
    return;
  }
  if (player.random.Percent(50)) {
    VerifyBuffer(player, *buffer);
  }
  FreeBuffer(player, *buffer);
}

void Verify(Player& player) {
  if (Buffer* buffer = AnyBuffer(player, [](const Buffer&) { return true; })) {
    VerifyBuffer(player, *buffer);
  }
}

// What the host writes while nobody uses the memory.
void WriteByHost(Player& player) {
  Buffer* buffer = AnyBuffer(player, [](const Buffer& each) { return each.HostReaches(); });
  if (buffer == nullptr) {
    return;
  }
  player.HostWrites(*buffer);
  player.journal.Note("the host writes");
  const size_t at = player.random.Below(buffer->size());
  const size_t count = player.random.Between(1, buffer->size() - at);
  const auto value = static_cast<uint8_t>(player.random.Bits());
  std::memset(buffer->address + at, value, count);
  std::fill_n(buffer->bytes.begin() + static_cast<ptrdiff_t>(at), count, std::byte{value});
}

aclrtMemLocationType LocationOf(Place place) {
  switch (place) {
    case Place::kPageable:
      return ACL_MEM_LOCATION_TYPE_UNREGISTERED;
    case Place::kPinned:
      return ACL_MEM_LOCATION_TYPE_HOST;
    case Place::kManaged:
      return ACL_MEM_LOCATION_TYPE_MANAGED;
    default:
      return ACL_MEM_LOCATION_TYPE_DEVICE;
  }
}

void Attributes(Player& player) {
  Buffer* buffer = AnyBuffer(player, [](const Buffer&) { return true; });
  if (buffer == nullptr) {
    return;
  }
  aclrtPtrAttributes attributes{};
  MODEL_CALL(player, ACL_SUCCESS, aclrtPointerGetAttributes(buffer->address, &attributes));
  const aclrtMemLocationType wanted = LocationOf(buffer->place);
  MODEL_REQUIRE(player, attributes.location.type == wanted);
  MODEL_REQUIRE(player, attributes.location.id == 0);
}

void AddressRange(Player& player) {
  Buffer* buffer = AnyBuffer(player, [](const Buffer& each) { return each.place != Place::kPool; });
  if (buffer == nullptr) {
    return;
  }
  void* base = nullptr;
  size_t size = 0;
  if (buffer->place == Place::kPageable) {
    MODEL_CALL(player, ACL_ERROR_RT_PARAM_INVALID,
               aclrtMemGetAddressRange(buffer->address, &base, &size));
    return;
  }
  MODEL_CALL(player, ACL_SUCCESS, aclrtMemGetAddressRange(buffer->address, &base, &size));
  MODEL_REQUIRE(player, base == buffer->allocation);
  MODEL_REQUIRE(player, size >= buffer->allocated);
}

void Information(Player& player) {
  if (player.current == nullptr) {
    player.Enter(player.world.primary);
  }
  size_t free = 0;
  size_t total = 0;
  const auto kind = player.random.Of({ACL_HBM_MEM, ACL_HBM_MEM_NORMAL, ACL_HBM_MEM_HUGE});
  MODEL_CALL(player, ACL_SUCCESS, aclrtGetMemInfo(kind, &free, &total));
  MODEL_REQUIRE(player, free <= total);
  size_t held = 0;
  for (const auto& buffer : player.buffers) {
    held += buffer->place == Place::kDevice ? buffer->allocated : 0;
  }
  MODEL_REQUIRE(player, free + held <= total);
}

}  // namespace

Buffer& AllocateBuffer(Player& player, Place place, size_t largest) {
  if (player.current == nullptr) {
    player.Enter(player.world.primary);
  }
  auto made = std::make_unique<Buffer>();
  Buffer& buffer = *made;
  buffer.place = place;
  buffer.allocated = largest > 64 * kKiB ? largest : RandomSize(player, largest);
  void* memory = nullptr;
  if (place == Place::kDevice) {
    AllocateOnDevice(player, buffer);
  } else if (place == Place::kPinned) {
    MODEL_CALL(player, ACL_SUCCESS, aclrtMallocHost(&memory, buffer.allocated));
    buffer.allocation = static_cast<std::byte*>(memory);
  } else if (place == Place::kManaged) {
    MODEL_CALL(player, ACL_SUCCESS,
               aclrtMemAllocManaged(&memory, buffer.allocated, ACL_RT_MEM_ATTACH_GLOBAL));
    buffer.allocation = static_cast<std::byte*>(memory);
  } else {
    buffer.allocation = static_cast<std::byte*>(std::malloc(buffer.allocated));
  }
  ChoosePart(player, buffer);
  player.buffers.push_back(std::move(made));
  Initialize(player, buffer);
  return buffer;
}

void VerifyBuffer(Player& player, Buffer& buffer) {
  player.HostReads(buffer);
  const std::byte* found = buffer.address;
  std::vector<std::byte> copied;
  if (!buffer.HostReaches()) {
    copied.resize(buffer.size());
    MODEL_CALL(player, ACL_SUCCESS,
               aclrtMemcpy(copied.data(), copied.size(), buffer.address, buffer.size(),
                           ACL_MEMCPY_DEVICE_TO_HOST));
    found = copied.data();
  } else {
    player.journal.Note("the host reads");
  }
  if (std::memcmp(found, buffer.bytes.data(), buffer.size()) == 0) {
    return;
  }
  const auto first = static_cast<size_t>(
      std::mismatch(buffer.bytes.begin(), buffer.bytes.end(), found).first - buffer.bytes.begin());
  player.journal.Fail("byte " + std::to_string(first) + " of the " + std::to_string(buffer.size()) +
                      " of a buffer (place " + std::to_string(static_cast<int>(buffer.place)) +
                      ") is " + std::to_string(static_cast<int>(found[first])) + " and should be " +
                      std::to_string(static_cast<int>(buffer.bytes[first])));
}

void FreeBuffer(Player& player, Buffer& buffer) {
  if (buffer.place == Place::kPool) {
    FreePoolBuffer(player, buffer);
    return;
  }
  if (buffer.place == Place::kMapped) {
    UnmapBuffer(player, buffer);
    return;
  }
  if (buffer.place == Place::kPageable) {
    player.HostWrites(buffer);
    player.journal.Note("free");
    std::free(buffer.allocation);
    Remove(player.buffers, &buffer);
    return;
  }
  const bool pinned = buffer.place == Place::kPinned;
  constexpr uint64_t kSynchronizing = 5;
  if (player.random.Percent(kSynchronizing)) {
    if (player.current == nullptr) {
      player.Enter(player.world.primary);
    }
    player.OpenAllGates();
    const std::shared_lock lock(player.world.quiet);
    if (pinned) {
      MODEL_CALL(player, ACL_SUCCESS, aclrtFreeHostWithDevSync(buffer.allocation));
    } else {
      MODEL_CALL(player, ACL_SUCCESS, aclrtFreeWithDevSync(buffer.allocation));
    }
    player.AllDone();
  } else {
    player.HostWrites(buffer);
    if (pinned) {
      MODEL_CALL(player, ACL_SUCCESS, aclrtFreeHost(buffer.allocation));
    } else {
      MODEL_CALL(player, ACL_SUCCESS, aclrtFree(buffer.allocation));
    }
  }
  Remove(player.buffers, &buffer);
}

std::span<const Action> BufferActions() {
  static constexpr Action kActions[] = {
      {"allocate", 40, Allocate},
      {"allocate much", 1, AllocateLarge},
      {"allocate managed memory", 2, AllocateManaged},
      {"free", 40, Free},
      {"verify", 60, Verify},
      {"write by the host", 20, WriteByHost},
      {"attributes of a pointer", 20, Attributes},
      {"range of an address", 10, AddressRange},
      {"memory information", 5, Information},
  };
  return kActions;
}

}  // namespace vnpu::model
