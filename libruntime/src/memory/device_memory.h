// Device memory of a session: large regions taken from the driver, handed out in blocks.
#ifndef VNPU_LIBRUNTIME_SRC_MEMORY_DEVICE_MEMORY_H_
#define VNPU_LIBRUNTIME_SRC_MEMORY_DEVICE_MEMORY_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "acl/acl_base.h"
#include "libruntime/src/memory/block_pool.h"

namespace vnpu::runtime {

class Session;

// Any thread.
class DeviceMemory {
 public:
  explicit DeviceMemory(Session& session) : session_(session) {}

  // Start and size of a block are multiples of 512 bytes.
  aclError Allocate(uint64_t size, uint64_t* address);
  aclError Free(uint64_t address);

  // Bytes taken from the driver and not handed out.
  uint64_t cached_bytes() const;

  // The region that `address` lies in.
  std::optional<BlockPool::Range> RegionOf(uint64_t address) const;

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

  Session& session_;
  mutable std::mutex mutex_;
  BlockPool pool_;
  std::map<uint64_t, Region> regions_;
  uint64_t next_region_ = uint64_t{64} << 20;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_MEMORY_DEVICE_MEMORY_H_
