// Device memory of a session: large regions taken from the driver, handed out in blocks.
#ifndef VNPU_LIBRUNTIME_SRC_MEMORY_DEVICE_MEMORY_H_
#define VNPU_LIBRUNTIME_SRC_MEMORY_DEVICE_MEMORY_H_

#include <vnpu/abi.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "acl/acl_base.h"
#include "libruntime/src/memory/block_pool.h"
#include "libruntime/src/memory/memory_usage.h"
#include "libruntime/src/memory/share_key.h"

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
  bool own_pages = false;  // whatever the size
  uint32_t component = kApplication;
};

// Any thread.
class DeviceMemory {
 public:
  explicit DeviceMemory(Session& session) : session_(session) {}

  // Start and size of a block are multiples of 512 bytes; those of a block whose size is a multiple
  // of 4 KiB, or 64 KiB at least, or that asks for it, are multiples of 4 KiB: such a block has its
  // pages for itself.
  aclError Allocate(const MemoryRequest& request, uint64_t* address);
  aclError Free(uint64_t address);

  // Asks the driver about the device; `*free` is what it has free and what was taken from it and
  // not handed out, at one moment.
  aclError QueryFree(vnpu_device_info* info, uint64_t* free) const;

  // What the driver gave, that `address` lies in: a range, and the size of its pages.
  struct Extent {
    uint64_t base = 0;
    uint64_t size = 0;
    uint32_t page_size = 0;
  };
  std::optional<Extent> RegionOf(uint64_t address) const;
  // The block in use that holds `address`.
  std::optional<BlockPool::Range> BlockOf(uint64_t address) const;

  // Lets other processes import the pages of [address, address + size), which must lie in one block
  // that has them for itself. `flags`: VNPU_EXPORT_*. A block that was freed while somebody still
  // has it is not handed out before nobody has.
  aclError Export(uint64_t address, uint64_t size, uint32_t flags, Exported* exported);
  // `address`: as exported.
  void EndExport(uint64_t address, uint32_t share_id);

 private:
  // From this size on whole pages waste little.
  static constexpr uint64_t kOwnPages = uint64_t{64} << 10;

  // A mapped range: a region that blocks are cut from, or one allocation.
  struct Region {
    uint64_t size = 0;
    uint32_t pmem_id = 0;
    uint32_t page_size = 0;
    bool single = false;
    bool read_only = false;
  };
  // Regions of one page size.
  struct Pool {
    BlockPool pages{};  // blocks of whole pages
    BlockPool small{};  // regions are blocks of `pages`
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
  static bool HasOwnPages(const MemoryRequest& request, uint64_t size);
  aclError AllocatePages(Pool& pool, uint64_t size, uint64_t* address);
  aclError AllocateSmall(Pool& pool, uint64_t size, uint64_t* address);
  std::optional<uint64_t> TakeBack(uint64_t address);
  std::optional<uint64_t> TakeBackPages(Pool& pool, uint64_t address);
  void FreePages(Pool& pool, uint64_t address);
  Pool& PoolOf(const Region& region) {
    return region.page_size == huge_.page_size ? huge_ : normal_;
  }
  const Pool& PoolOf(const Region& region) const {
    return region.page_size == huge_.page_size ? huge_ : normal_;
  }
  std::map<uint64_t, Region>::const_iterator FindRegion(uint64_t address) const;
  std::optional<BlockPool::Range> PagesOf(uint64_t address) const;
  bool EndShares(std::vector<uint32_t>* shares);
  bool ReclaimLent();

  Session& session_;
  mutable std::mutex mutex_;
  Pool huge_{.page_size = 2u << 20, .next_region = uint64_t{64} << 20};
  Pool normal_{.page_size = 4096, .next_region = uint64_t{4} << 20};
  std::map<uint64_t, Region> regions_;
  std::unordered_map<uint64_t, uint32_t> components_;  // of blocks that are not the application's
  std::map<uint64_t, std::vector<uint32_t>> exports_;  // of blocks
  std::set<uint64_t> lent_;                            // freed blocks that somebody may still have
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_MEMORY_DEVICE_MEMORY_H_
