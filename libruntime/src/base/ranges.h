// Maps of ranges that do not overlap, by where they start.
#ifndef VNPU_LIBRUNTIME_SRC_BASE_RANGES_H_
#define VNPU_LIBRUNTIME_SRC_BASE_RANGES_H_

#include <cstdint>

namespace vnpu::runtime {

// The range that holds the address, else the map's end(). `size_of` gives the bytes of a value.
template <class Map, class SizeOf>
auto FindRange(Map& ranges, uint64_t address, SizeOf size_of) {
  auto range = ranges.upper_bound(address);
  if (range == ranges.begin()) {
    return ranges.end();
  }
  --range;
  return address - range->first < size_of(range->second) ? range : ranges.end();
}

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_BASE_RANGES_H_
