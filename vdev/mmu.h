// The memory-management unit: walks a session's page table and keeps translations in a TLB.
#ifndef VNPU_VDEV_MMU_H_
#define VNPU_VDEV_MMU_H_

#include <array>
#include <cstdint>
#include <optional>

#include "vdev/page_table.h"

namespace vnpu::vdev {

// What a walk finds: the page that an address lies in.
struct Translation {
  uint64_t va;     // start of the page
  uint64_t pa;     // physical address of the page
  uint64_t size;   // kPageSize or kHugePageSize
  uint64_t flags;  // kPteRead | kPteWrite | kPteExec | kPteHost, as the entry has them
};

// Walks the table in `table` (kTableBytes, format of page_table.h). Nothing when not mapped. Never
// reads outside the table, whatever the entries say. Any thread.
std::optional<Translation> Walk(const std::byte* table, uint64_t va);

// One worker's view of a session's table: a walk with a TLB before it. Not thread-safe.
class Mmu {
 public:
  // `table` must outlive the object.
  explicit Mmu(const std::byte* table) : table_(table) {}

  // True when every page of [va, va + size) has all the rights in `rights` (kPte* flags). On false
  // `*fault` is the first address that has not. size 0 is true.
  bool Check(uint64_t va, uint64_t size, uint64_t rights, uint64_t* fault);

 private:
  static constexpr size_t kEntries = 64;
  struct Entry {
    uint64_t tag = UINT64_MAX;  // va of the page
    uint64_t size = 0;
    uint64_t flags = 0;
    uint64_t generation = 0;
  };

  const Entry* Lookup(uint64_t va, uint64_t rights);
  const Entry* Hit(uint64_t va, uint64_t rights, uint64_t page_size, uint64_t generation) const;

  const std::byte* table_;
  std::array<Entry, kEntries> entries_{};
};

}  // namespace vnpu::vdev

#endif  // VNPU_VDEV_MMU_H_
