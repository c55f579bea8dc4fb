// Which part of which object is mapped where.
#ifndef VNPU_DRIVER_MEM_MAPPED_RANGES_H_
#define VNPU_DRIVER_MEM_MAPPED_RANGES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

namespace vnpu::driver {

// Neighbours that continue one another in address and object are one entry, as they are one mapping
// of the device process: so its limit of mappings bounds the entries too. Not thread-safe.
class MappedRanges {
 public:
  struct Part {
    uint64_t va = 0;
    uint64_t size = 0;
    uint32_t object = 0;
    uint64_t offset = 0;  // in the object
  };

  // `part` overlaps nothing.
  void Add(const Part& part);
  // Takes away what is mapped in [va, va + size) and reports the pieces.
  void Remove(uint64_t va, uint64_t size, const std::function<void(const Part&)>& removed);
  // The entry that holds `va`.
  std::optional<Part> Find(uint64_t va) const;

  size_t count() const { return parts_.size(); }

 private:
  using Parts = std::map<uint64_t, Part>;

  void SplitAt(uint64_t va);

  Parts parts_;  // by va
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_MEM_MAPPED_RANGES_H_
