// Device memory of a session: large regions taken from the driver, handed out in blocks.
#ifndef VNPU_LIBRUNTIME_SRC_MEMORY_DEVICE_MEMORY_H_
#define VNPU_LIBRUNTIME_SRC_MEMORY_DEVICE_MEMORY_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "acl/acl_base.h"
#include "libruntime/src/memory/block_pool.h"
#include "libruntime/src/memory/memory_usage.h"

namespace vnpu::runtime {

class Session;

// Pages to take memory from.
enum class PagePolicy : uint8_t {
  kHugeFirst,  // 2 MiB, else 4 KiB; above 1 MiB in multiples of 2 MiB
  kHugeOnly,   // 2 MiB, in multiples of them
  kNormal,     // 4 KiB
  kGiant,      // multiples of 1 GiB, aligned so; mapped by pages of 2 MiB
};

struct MemoryRequest {
  uint64_t size = 0;  // bytes
  PagePolicy pages = PagePolicy::kHugeFirst;
  bool read_only = false;  // for everyone: such memory stays zero
  uint32_t component = kApplication;
};

// Any thread.
class DeviceMemory {
 public:
  explicit DeviceMemory(Session& session) : session_(session) {}

  // Start and size of a block are multiples of 512 bytes.
  aclError Allocate(const MemoryRequest& request, uint64_t* address);
  aclError Free(uint64_t address);

  // Bytes taken from the driver and not handed out.
  uint64_t cached_bytes() const;

  // What the driver gave, that `address` lies in: a range, and the size of its pages.
  struct Extent {
    uint64_t base = 0;
    uint64_t size = 0;
    uint32_t page_size = 0;
  };
  std::optional<Extent> RegionOf(uint64_t address) const;

 private:
  // A mapped range: a region that blocks are cut from, or one allocation.
  struct Region {
    uint64_t size = 0;
    uint32_t pmem_id = 0;
    uint32_t page_size = 0;
    bool single = false;
  };
  // Regions of one page size.
  struct Pool {
    BlockPool blocks;
    uint32_t page_size = 0;
    uint64_t next_region = 0;
  };

  aclError AllocateFrom(Pool& pool, const MemoryRequest& request, uint64_t* address,
                        uint64_t* size);
  aclError MapRegion(uint32_t page_size, const MemoryRequest& request, uint64_t bytes,
                     uint64_t* base, Region* region);
  void UnmapRegion(uint64_t base, const Region& region);
  void DropRegion(Pool& pool, uint64_t base);
  bool DropEmptyRegions();
  aclError Grow(Pool& pool, uint64_t size);

  Session& session_;
  mutable std::mutex mutex_;
  Pool huge_{.blocks = {}, .page_size = 2u << 20, .next_region = uint64_t{64} << 20};
  Pool normal_{.blocks = {}, .page_size = 4096, .next_region = uint64_t{4} << 20};
  std::map<uint64_t, Region> regions_;
  std::unordered_map<uint64_t, uint32_t> components_;  // of blocks that are not the application's
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_MEMORY_DEVICE_MEMORY_H_
