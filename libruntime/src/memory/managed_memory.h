// Memory with one address on host and device (manual 11-05): pinned host memory, which both reach
// all the time. Nothing moves, so advice and prefetches are only remembered.
#ifndef VNPU_LIBRUNTIME_SRC_MEMORY_MANAGED_MEMORY_H_
#define VNPU_LIBRUNTIME_SRC_MEMORY_MANAGED_MEMORY_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "acl/acl_rt.h"
#include "libruntime/src/memory/block_pool.h"

namespace vnpu::runtime {

class Session;

// A place, or kNowhere; NUMA nodes by number, never "current".
struct ManagedPlace {
  aclrtMemManagedLocationType type = ACL_MEM_LOCATIONTYPE_INVALID;
  int32_t id = 0;

  bool operator==(const ManagedPlace&) const = default;
  // The number that attributes give for it.
  int32_t number() const;
};

// A range of managed memory; `size` is above 0.
struct ManagedRange {
  uint64_t address = 0;
  uint64_t size = 0;
};

// Any thread.
class ManagedMemory {
 public:
  explicit ManagedMemory(Session& session) : session_(session) {}

  // Start and size are multiples of 2 MiB.
  aclError Allocate(uint64_t size, uint64_t* address);
  aclError Free(uint64_t address);

  // Whether the address lies in managed memory, in use or not. No lock while there is none.
  bool Contains(uint64_t address) const {
    return region_count_.load(std::memory_order_acquire) != 0 && IsInRegion(address);
  }

  // The allocation that holds the address.
  std::optional<BlockPool::Range> BlockOf(uint64_t address) const;

  // `place` is kNowhere where the advice needs none.
  aclError Advise(const ManagedRange& range, aclrtMemManagedAdviseType advice,
                  const ManagedPlace& place);
  aclError NotePrefetch(const ManagedRange& range, const ManagedPlace& place);
  // Fails unless all of the range is allocated.
  aclError Check(const ManagedRange& range);

  // Attribute of a range, as the manual says; `bytes` must fit the attribute.
  aclError ReadAttribute(const ManagedRange& range, aclrtMemManagedRangeAttribute attribute,
                         void* data, size_t bytes);

 private:
  // What is remembered of 2 MiB.
  struct Page {
    bool read_mostly = false;
    ManagedPlace preferred;
    ManagedPlace prefetched;
    std::vector<ManagedPlace> accessed_by;
  };
  struct Allocation {
    uint64_t size = 0;
    std::vector<Page> pages;
  };

  bool IsInRegion(uint64_t address) const;
  aclError FindPages(const ManagedRange& range, std::span<Page>* pages);
  static std::vector<ManagedPlace> AccessorsOfAll(std::span<const Page> pages);

  Session& session_;
  mutable std::mutex mutex_;
  BlockPool blocks_;
  std::map<uint64_t, uint64_t> regions_;  // sizes
  std::atomic<size_t> region_count_{0};
  std::map<uint64_t, Allocation> allocations_;
  uint64_t next_region_ = uint64_t{2} << 20;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_MEMORY_MANAGED_MEMORY_H_
