#include "driver/mem/mapped_ranges.h"

#include <iterator>

namespace vnpu::driver {
namespace {

bool Continues(const MappedRanges::Part& left, const MappedRanges::Part& right) {
  return left.object == right.object && left.va + left.size == right.va &&
         left.offset + left.size == right.offset;
}

}  // namespace

void MappedRanges::Add(const Part& part) {
  Part joined = part;
  const auto after = parts_.find(part.va + part.size);
  if (after != parts_.end() && Continues(part, after->second)) {
    joined.size += after->second.size;
    parts_.erase(after);
  }
  const auto next = parts_.lower_bound(part.va);
  if (next != parts_.begin() && Continues(std::prev(next)->second, joined)) {
    std::prev(next)->second.size += joined.size;
    return;
  }
  parts_.emplace(joined.va, joined);
}

// An entry that `va` lies inside of becomes two.
void MappedRanges::SplitAt(uint64_t va) {
  const auto next = parts_.lower_bound(va);
  if (next == parts_.begin()) {
    return;
  }
  Part& left = std::prev(next)->second;
  const uint64_t kept = va - left.va;
  if (kept < left.size) {
    parts_.emplace(va, Part{va, left.size - kept, left.object, left.offset + kept});
    left.size = kept;
  }
}

void MappedRanges::Remove(uint64_t va, uint64_t size,
                          const std::function<void(const Part&)>& removed) {
  SplitAt(va);
  SplitAt(va + size);
  auto part = parts_.lower_bound(va);
  while (part != parts_.end() && part->first < va + size) {
    removed(part->second);
    part = parts_.erase(part);
  }
}

std::optional<MappedRanges::Part> MappedRanges::Find(uint64_t va) const {
  const auto next = parts_.upper_bound(va);
  if (next == parts_.begin()) {
    return std::nullopt;
  }
  const Part& part = std::prev(next)->second;
  return va - part.va < part.size ? std::optional(part) : std::nullopt;
}

}  // namespace vnpu::driver
