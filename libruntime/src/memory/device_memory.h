// Device memory of a session: large regions taken from the driver, handed out in blocks.
#ifndef VNPU_LIBRUNTIME_SRC_MEMORY_DEVICE_MEMORY_H_
#define VNPU_LIBRUNTIME_SRC_MEMORY_DEVICE_MEMORY_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "acl/acl_base.h"
#include "libruntime/src/memory/block_pool.h"
#include "libruntime/src/memory/share_key.h"

namespace vnpu::runtime {

class Session;

// Any thread.
class DeviceMemory {
 public:
  explicit DeviceMemory(Session& session) : session_(session) {}

  // Start and size of a block are multiples of 512 bytes; those of a block whose size is a multiple
  // of 4 KiB, or 64 KiB at least, are multiples of 4 KiB: such a block has its pages for itself.
  aclError Allocate(uint64_t size, uint64_t* address);
  aclError Free(uint64_t address);

  // Bytes taken from the driver and not handed out.
  uint64_t cached_bytes() const;

  // The region that `address` lies in.
  std::optional<BlockPool::Range> RegionOf(uint64_t address) const;
  // The block in use that holds `address`.
  std::optional<BlockPool::Range> BlockOf(uint64_t address) const;

  // Lets other processes import the pages of [address, address + size), which must lie in one block
  // that has them for itself. `flags`: VNPU_EXPORT_*. A block that was freed while somebody still
  // has it is not handed out before nobody has.
  aclError Export(uint64_t address, uint64_t size, uint32_t flags, Exported* exported);
  // `address`: as exported.
  void EndExport(uint64_t address, uint32_t share_id);

 private:
  // A mapped range: a region that blocks are cut from, or one allocation.
  struct Region {
    uint64_t size = 0;
    uint32_t pmem_id = 0;
    bool single = false;
  };

  aclError MapRegion(uint64_t size, uint64_t* base, Region* region);
  void UnmapRegion(uint64_t base, const Region& region);
  aclError Grow(uint64_t size);
  aclError AllocateSingle(uint64_t size, uint64_t* address);
  aclError AllocatePages(uint64_t size, uint64_t* address);
  aclError AllocateSmall(uint64_t size, uint64_t* address);
  void FreePages(uint64_t address);
  std::optional<BlockPool::Range> PagesOf(uint64_t address) const;
  bool EndShares(std::vector<uint32_t>* shares);
  bool ReclaimLent();

  Session& session_;
  mutable std::mutex mutex_;
  BlockPool pages_;  // blocks of whole pages
  BlockPool small_;  // regions are blocks of `pages_`
  std::map<uint64_t, Region> regions_;
  std::map<uint64_t, std::vector<uint32_t>> exports_;  // of blocks
  std::set<uint64_t> lent_;                            // freed blocks that somebody may still have
  uint64_t next_region_ = uint64_t{64} << 20;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_MEMORY_DEVICE_MEMORY_H_
