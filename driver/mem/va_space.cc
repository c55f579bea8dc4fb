#include "driver/mem/va_space.h"

#include <cerrno>

namespace vnpu::driver {
namespace {

// Gaps that are large enough only when the alignment happens to suit are tried up to this many.
constexpr int kTightTries = 32;

constexpr uint64_t AlignUp(uint64_t value, uint64_t align) {
  return (value + align - 1) & ~(align - 1);
}

}  // namespace

VaSpace::VaSpace(uint64_t base, uint64_t size, size_t max_ranges)
    : base_(base), size_(size), max_ranges_(max_ranges) {
  AddGap(base, size);
}

void VaSpace::AddGap(uint64_t va, uint64_t size) {
  if (size > 0) {
    gaps_.emplace(va, size);
    by_size_.emplace(size, va);
  }
}

void VaSpace::RemoveGap(uint64_t va) {
  const auto it = gaps_.find(va);
  by_size_.erase({it->second, va});
  gaps_.erase(it);
}

int VaSpace::Take(uint64_t gap_va, uint64_t va, uint64_t size, RangeKind kind) {
  if (ranges_.size() >= max_ranges_) {
    return -ENOSPC;
  }
  const uint64_t gap_size = gaps_.at(gap_va);
  RemoveGap(gap_va);
  AddGap(gap_va, va - gap_va);
  AddGap(va + size, gap_va + gap_size - (va + size));
  ranges_.emplace(va, VaRange{va, size, kind, 0});
  return 0;
}

int VaSpace::Reserve(uint64_t size, uint64_t align, RangeKind kind, uint64_t* va) {
  if (size == 0 || size > size_ || align > size_) {
    return -ENOMEM;
  }
  const auto fits = [&](uint64_t gap_va, uint64_t gap_size) {
    const uint64_t start = AlignUp(gap_va, align);
    return start - gap_va <= gap_size && gap_size - (start - gap_va) >= size;
  };
  auto it = by_size_.lower_bound({size, 0});
  for (int i = 0; i < kTightTries && it != by_size_.end(); ++i, ++it) {
    if (fits(it->second, it->first)) {
      *va = AlignUp(it->second, align);
      return Take(it->second, *va, size, kind);
    }
  }
  it = by_size_.lower_bound({size + align, 0});
  if (it == by_size_.end()) {
    return -ENOMEM;
  }
  *va = AlignUp(it->second, align);
  return Take(it->second, *va, size, kind);
}

int VaSpace::ReserveAt(uint64_t va, uint64_t size, RangeKind kind) {
  if (size == 0 || va < base_ || va - base_ >= size_ || size > size_ - (va - base_)) {
    return -EINVAL;
  }
  auto gap = gaps_.upper_bound(va);
  if (gap == gaps_.begin()) {
    return -EEXIST;
  }
  --gap;
  if (va - gap->first >= gap->second || gap->second - (va - gap->first) < size) {
    return -EEXIST;
  }
  return Take(gap->first, va, size, kind);
}

int VaSpace::Release(uint64_t va) {
  const auto it = ranges_.find(va);
  if (it == ranges_.end()) {
    return -ENOENT;
  }
  if (it->second.mapped != 0) {
    return -EBUSY;
  }
  uint64_t start = va;
  uint64_t end = va + it->second.size;
  ranges_.erase(it);
  const auto after = gaps_.find(end);
  if (after != gaps_.end()) {
    end += after->second;
    RemoveGap(after->first);
  }
  const auto next = gaps_.lower_bound(start);
  if (next != gaps_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == start) {
      start = before->first;
      RemoveGap(start);
    }
  }
  AddGap(start, end - start);
  return 0;
}

VaRange* VaSpace::Find(uint64_t va, uint64_t size) {
  auto it = ranges_.upper_bound(va);
  if (it == ranges_.begin()) {
    return nullptr;
  }
  VaRange& range = std::prev(it)->second;
  const uint64_t offset = va - range.va;
  return offset < range.size && size <= range.size - offset ? &range : nullptr;
}

}  // namespace vnpu::driver
