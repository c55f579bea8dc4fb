#include "vdev/mmu.h"

#include <algorithm>

namespace vnpu::vdev {
namespace {

constexpr uint64_t kRightsMask = kPteRead | kPteWrite | kPteExec | kPteHost;

size_t Slot(uint64_t va, uint64_t page_size, size_t slots) { return (va / page_size) % slots; }

}  // namespace

std::optional<Translation> Walk(const std::byte* table, uint64_t va) {
  if (va >> (12 + 9 * kTableLevels) != 0) {
    return std::nullopt;
  }
  uint64_t node = kRootNode;
  for (int level = kTableLevels - 1; level >= 0; --level) {
    const auto* entries = reinterpret_cast<const TableNode*>(table + node * kPageSize);
    const uint64_t entry = entries->entries[TableIndex(va, level)].load(std::memory_order_acquire);
    if ((entry & kPtePresent) == 0) {
      return std::nullopt;
    }
    const bool huge = level == 1 && (entry & kPteHuge) != 0;
    if (level == 0 || huge) {
      const uint64_t size = huge ? kHugePageSize : kPageSize;
      return Translation{va & ~(size - 1), entry & kPteAddressMask, size, entry & kRightsMask};
    }
    node = (entry & kPteAddressMask) / kPageSize;
    if (node == 0 || node >= kTableMaxNodes) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

const Mmu::Entry* Mmu::Hit(uint64_t va, uint64_t rights, uint64_t page_size,
                           uint64_t generation) const {
  const Entry& entry = entries_[Slot(va, page_size, kEntries)];
  const bool hit = entry.size == page_size && entry.tag == (va & ~(page_size - 1)) &&
                   entry.generation == generation && (entry.flags & rights) == rights;
  return hit ? &entry : nullptr;
}

// An entry that lacks a right may be older than the table, which grants rights without a new
// generation: only the walk refuses.
const Mmu::Entry* Mmu::Lookup(uint64_t va, uint64_t rights) {
  // Read before the walk: a change during the walk makes the new entry stale, not wrong.
  const uint64_t generation =
      reinterpret_cast<const TableHeader*>(table_)->generation.load(std::memory_order_acquire);
  if (const Entry* hit = Hit(va, rights, kHugePageSize, generation)) {
    return hit;
  }
  if (const Entry* hit = Hit(va, rights, kPageSize, generation)) {
    return hit;
  }
  const std::optional<Translation> found = Walk(table_, va);
  if (!found) {
    return nullptr;
  }
  Entry& entry = entries_[Slot(va, found->size, kEntries)];
  entry = {found->va, found->size, found->flags, generation};
  return &entry;
}

bool Mmu::Check(uint64_t va, uint64_t size, uint64_t rights, uint64_t* fault) {
  *fault = va;
  if (size > UINT64_MAX - va) {
    return false;
  }
  const uint64_t end = va + size;
  while (va < end) {
    const Entry* entry = Lookup(va, rights);
    if (entry == nullptr || (entry->flags & rights) != rights) {
      *fault = va;
      return false;
    }
    va = std::min(end, entry->tag + entry->size);
  }
  return true;
}

}  // namespace vnpu::vdev
