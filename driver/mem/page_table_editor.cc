#include "driver/mem/page_table_editor.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace vnpu::driver {
namespace {

using vdev::kHugePageSize;
using vdev::kPageSize;
using vdev::kPteAddressMask;
using vdev::kPteHuge;
using vdev::kPtePresent;
using vdev::kTableEntries;
using vdev::kTableLevels;

constexpr uint64_t kRights = vdev::kPteRead | vdev::kPteWrite | vdev::kPteExec;
constexpr uint64_t kLeafFlags = kRights | vdev::kPteHost;

constexpr uint64_t RegionEnd(uint64_t va) { return (va | (kHugePageSize - 1)) + 1; }

// End of what one entry of `level` covers.
constexpr uint64_t EntryEnd(uint64_t va, int level) {
  return (va | ((uint64_t{1} << (12 + 9 * level)) - 1)) + 1;
}

bool IsHuge(uint64_t entry) { return (entry & kPteHuge) != 0; }

}  // namespace

PageTableEditor::PageTableEditor(std::byte* table, uint64_t max_nodes)
    : table_(table),
      max_nodes_(std::min(max_nodes, vdev::kTableMaxNodes)),
      next_fresh_(vdev::kRootNode + 1),
      live_(max_nodes_) {}

std::atomic<uint64_t>& PageTableEditor::Entry(const Path& path, int level, uint64_t va) const {
  auto* node = reinterpret_cast<vdev::TableNode*>(table_ + path.node[level] * kPageSize);
  return node->entries[vdev::TableIndex(va, level)];
}

// Fills the path down to `to_level`; false when an entry on the way is absent or a huge page.
bool PageTableEditor::Walk(uint64_t va, int to_level, Path* path) const {
  path->node[kTableLevels - 1] = vdev::kRootNode;
  for (int level = kTableLevels - 1; level > to_level; --level) {
    const uint64_t entry = Entry(*path, level, va).load(std::memory_order_relaxed);
    if (entry == 0 || IsHuge(entry)) {
      return false;
    }
    path->node[level - 1] = static_cast<uint32_t>((entry & kPteAddressMask) / kPageSize);
  }
  return true;
}

bool PageTableEditor::WalkCreate(uint64_t va, int to_level, Path* path) {
  path->node[kTableLevels - 1] = vdev::kRootNode;
  for (int level = kTableLevels - 1; level > to_level; --level) {
    const uint64_t entry = Entry(*path, level, va).load(std::memory_order_relaxed);
    auto node = static_cast<uint32_t>((entry & kPteAddressMask) / kPageSize);
    if (entry == 0) {
      node = AllocateNode();
      if (node == 0) {
        PruneEmpty(*path, va);
        return false;
      }
      Set(*path, level, va, node * kPageSize | kPtePresent);
    }
    path->node[level - 1] = node;
  }
  return true;
}

// A zeroed node, or 0.
uint32_t PageTableEditor::AllocateNode() {
  uint32_t node = 0;
  if (!free_nodes_.empty()) {
    node = free_nodes_.back();
    free_nodes_.pop_back();
  } else if (next_fresh_ < max_nodes_) {
    node = next_fresh_++;
  } else {
    return 0;
  }
  ++nodes_;
  return node;
}

void PageTableEditor::Set(const Path& path, int level, uint64_t va, uint64_t entry) {
  Entry(path, level, va).store(entry, std::memory_order_release);
  ++live_[path.node[level]];
}

// Clears an entry, and those above it whose node became empty.
void PageTableEditor::Clear(const Path& path, int level, uint64_t va) {
  for (; level < kTableLevels; ++level) {
    Entry(path, level, va).store(0, std::memory_order_release);
    const uint32_t node = path.node[level];
    if (--live_[node] != 0 || node == vdev::kRootNode) {
      return;
    }
    set_aside_.push_back(node);
  }
}

// Takes the lowest node of an incomplete path away again if it is empty.
void PageTableEditor::PruneEmpty(const Path& path, uint64_t va) {
  int level = 0;
  while (path.node[level] == 0) {
    ++level;
  }
  if (level < kTableLevels - 1 && live_[path.node[level]] == 0) {
    set_aside_.push_back(path.node[level]);
    Clear(path, level + 1, va);
  }
}

void PageTableEditor::Reclaim() {
  for (const uint32_t node : set_aside_) {
    std::memset(static_cast<void*>(table_ + node * kPageSize), 0, kPageSize);
    free_nodes_.push_back(node);
  }
  nodes_ -= set_aside_.size();
  set_aside_.clear();
}

void PageTableEditor::Bump() {
  reinterpret_cast<vdev::TableHeader*>(table_)->generation.fetch_add(1);
}

uint64_t PageTableEditor::generation() const {
  return reinterpret_cast<const vdev::TableHeader*>(table_)->generation.load();
}

// Maps a range inside one 2 MiB region.
bool PageTableEditor::MapRegion(uint64_t va, uint64_t end, uint64_t pa, uint64_t flags) {
  Path path;
  if (end - va == kHugePageSize && pa % kHugePageSize == 0) {
    if (!WalkCreate(va, 1, &path)) {
      return false;
    }
    Set(path, 1, va, pa | flags | kPteHuge | kPtePresent);
    return true;
  }
  if (!WalkCreate(va, 0, &path)) {
    return false;
  }
  for (; va < end; va += kPageSize, pa += kPageSize) {
    Set(path, 0, va, pa | flags | kPtePresent);
  }
  return true;
}

int PageTableEditor::Map(uint64_t va, uint64_t size, uint64_t pa, uint64_t flags) {
  const uint64_t end = va + size;
  for (uint64_t at = va; at < end;) {
    const uint64_t stop = std::min(end, RegionEnd(at));
    if (!MapRegion(at, stop, pa + (at - va), flags & kLeafFlags)) {
      if (at > va) {
        Unmap(va, at - va, [](const TableLeaf&) {});
      }
      return -ENOMEM;
    }
    at = stop;
  }
  return 0;
}

// Calls visit(path, level, leaf) for every page mapped in [va, end), whole huge pages included.
// The visitor may clear the page it is given.
template <typename Visit>
void PageTableEditor::ForEachLeaf(uint64_t va, uint64_t end, Visit visit) const {
  while (va < end) {
    Path path;
    path.node[kTableLevels - 1] = vdev::kRootNode;
    int level = kTableLevels - 1;
    uint64_t entry = Entry(path, level, va).load(std::memory_order_relaxed);
    while (level > 0 && entry != 0 && !IsHuge(entry)) {
      path.node[--level] = static_cast<uint32_t>((entry & kPteAddressMask) / kPageSize);
      entry = Entry(path, level, va).load(std::memory_order_relaxed);
    }
    if (entry != 0) {
      const uint64_t size = level == 1 ? kHugePageSize : kPageSize;
      const TableLeaf leaf{va & ~(size - 1), entry & kPteAddressMask, size, entry & kLeafFlags};
      if (!visit(path, level, leaf)) {
        return;
      }
    }
    va = EntryEnd(va, level);
  }
}

// Turns the huge page at `va`, if there is one, into a node of small pages.
bool PageTableEditor::Split(uint64_t va) {
  Path path;
  if (!Walk(va, 1, &path)) {
    return true;
  }
  std::atomic<uint64_t>& slot = Entry(path, 1, va);
  const uint64_t huge = slot.load(std::memory_order_relaxed);
  if (!IsHuge(huge)) {
    return true;
  }
  const uint32_t node = AllocateNode();
  if (node == 0) {
    return false;
  }
  auto* entries = reinterpret_cast<vdev::TableNode*>(table_ + node * kPageSize)->entries;
  for (size_t i = 0; i < kTableEntries; ++i) {
    entries[i].store((huge & ~kPteHuge) + i * kPageSize, std::memory_order_relaxed);
  }
  live_[node] = kTableEntries;
  slot.store(node * kPageSize | kPtePresent, std::memory_order_release);
  return true;
}

bool PageTableEditor::SplitEnds(uint64_t va, uint64_t end) {
  return (va % kHugePageSize == 0 || Split(va)) && (end % kHugePageSize == 0 || Split(end));
}

int PageTableEditor::Unmap(uint64_t va, uint64_t size,
                           const std::function<void(const TableLeaf&)>& removed) {
  const uint64_t end = va + size;
  if (!SplitEnds(va, end)) {
    return -ENOMEM;
  }
  ForEachLeaf(va, end, [&](const Path& path, int level, const TableLeaf& leaf) {
    Clear(path, level, leaf.va);
    removed(leaf);
    return true;
  });
  Bump();
  return 0;
}

int PageTableEditor::Protect(uint64_t va, uint64_t size, uint64_t rights) {
  const uint64_t end = va + size;
  if (!SplitEnds(va, end)) {
    return -ENOMEM;
  }
  bool reduced = false;
  ForEachLeaf(va, end, [&](const Path& path, int level, const TableLeaf& leaf) {
    std::atomic<uint64_t>& slot = Entry(path, level, leaf.va);
    const uint64_t old = slot.load(std::memory_order_relaxed);
    slot.store((old & ~kRights) | (rights & kRights), std::memory_order_release);
    reduced = reduced || (old & kRights & ~rights) != 0;
    return true;
  });
  if (reduced) {
    Bump();
  }
  return 0;
}

std::optional<TableLeaf> PageTableEditor::Find(uint64_t va) const {
  std::optional<TableLeaf> found;
  ForEachLeaf(va, va + 1, [&](const Path&, int, const TableLeaf& leaf) {
    found = leaf;
    return false;
  });
  return found;
}

bool PageTableEditor::AllMapped(uint64_t va, uint64_t size) const {
  const uint64_t end = va + size;
  uint64_t covered = va;
  ForEachLeaf(va, end, [&](const Path&, int, const TableLeaf& leaf) {
    if (leaf.va > covered) {
      return false;
    }
    covered = leaf.va + leaf.size;
    return true;
  });
  return covered >= end;
}

bool PageTableEditor::AnyMapped(uint64_t va, uint64_t size) const {
  bool any = false;
  ForEachLeaf(va, va + size, [&](const Path&, int, const TableLeaf&) {
    any = true;
    return false;
  });
  return any;
}

}  // namespace vnpu::driver
