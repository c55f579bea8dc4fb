// The window of device virtual addresses of one session and its reservations.
#ifndef VNPU_DRIVER_MEM_VA_SPACE_H_
#define VNPU_DRIVER_MEM_VA_SPACE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

namespace vnpu::driver {

enum class RangeKind { kClient, kPinned, kModule };

// One reservation.
struct VaRange {
  uint64_t va = 0;
  uint64_t size = 0;
  RangeKind kind = RangeKind::kClient;
  uint64_t mapped = 0;  // bytes mapped in it
};

// Best fit over the free gaps, logarithmic in the number of reservations. Not thread-safe.
class VaSpace {
 public:
  // The window [base, base + size); at most `max_ranges` reservations.
  VaSpace(uint64_t base, uint64_t size, size_t max_ranges);

  // Reserves `size` bytes (multiple of 4096, not 0) at a multiple of `align` (power of two).
  // -ENOMEM no such gap, -ENOSPC too many reservations.
  int Reserve(uint64_t size, uint64_t align, RangeKind kind, uint64_t* va);
  // At exactly `va`. -EEXIST taken, -EINVAL outside of the window, -ENOSPC.
  int ReserveAt(uint64_t va, uint64_t size, RangeKind kind);
  // -ENOENT no reservation starts there, -EBUSY something is mapped in it.
  int Release(uint64_t va);

  // The reservation that [va, va + size) lies in, or nullptr; overflow-safe. `size` >= 1.
  VaRange* Find(uint64_t va, uint64_t size = 1);

  size_t count() const { return ranges_.size(); }
  uint64_t base() const { return base_; }
  uint64_t size() const { return size_; }

 private:
  void AddGap(uint64_t va, uint64_t size);
  void RemoveGap(uint64_t va);
  int Take(uint64_t gap_va, uint64_t va, uint64_t size, RangeKind kind);

  uint64_t base_;
  uint64_t size_;
  size_t max_ranges_;
  std::map<uint64_t, VaRange> ranges_;               // by va
  std::map<uint64_t, uint64_t> gaps_;                // va -> size
  std::set<std::pair<uint64_t, uint64_t>> by_size_;  // (size, va) of the gaps
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_MEM_VA_SPACE_H_
