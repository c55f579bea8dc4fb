// The physical memory of one device.
#ifndef VNPU_DRIVER_MEM_HBM_H_
#define VNPU_DRIVER_MEM_HBM_H_

#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "driver/base/unique_fd.h"
#include "driver/mem/buddy.h"

namespace vnpu::driver {

// Physical addresses: each device's HBM has 1 TiB of them, not from 0 on, which is nobody's
// address. Pinned host memory has addresses of its own; see SessionMemory.
constexpr uint64_t HbmBase(uint32_t device) { return uint64_t{1 + device} << 40; }
inline constexpr uint64_t kHostBase = uint64_t{1} << 48;
inline constexpr uint64_t kHostObjectBase = uint64_t{1} << 49;  // of host memory objects
inline constexpr uint64_t kHostObjectEnd = uint64_t{1} << 51;

class Hbm;

// Blocks of HBM; given back on destruction.
class HbmBlocks {
 public:
  HbmBlocks() = default;
  HbmBlocks(Hbm* hbm, std::vector<Block> blocks) : hbm_(hbm), blocks_(std::move(blocks)) {}
  HbmBlocks(HbmBlocks&& other) noexcept
      : hbm_(std::exchange(other.hbm_, nullptr)), blocks_(std::move(other.blocks_)) {}
  HbmBlocks& operator=(HbmBlocks&& other) noexcept;
  ~HbmBlocks();

  const std::vector<Block>& blocks() const { return blocks_; }

 private:
  Hbm* hbm_ = nullptr;
  std::vector<Block> blocks_;
};

// Memory of a device, or of the host: pages, and the file behind them. Whoever holds it keeps it.
struct PhysicalMemory {
  uint32_t device = 0;
  uint64_t host_address = 0;  // of host memory, which has no blocks; 0: of a device
  uint64_t size = 0;
  bool huge = false;
  HbmBlocks blocks;
  UniqueFd file;

  uint64_t Address(const Block& block) const {
    return HbmBase(device) + block.page * uint64_t{4096};
  }
};

// Page numbers of HBM; what backs them is a memory file for each object. Thread-safe.
class Hbm {
 public:
  // `numa_node`: where the pages shall lie; -1: anywhere.
  Hbm(uint64_t bytes, int numa_node);

  // `bytes`: multiple of 4096, or of 2 MiB with `huge`; `backing` receives a sparse memory file of
  // that size. -ENOMEM when full or too fragmented; other -errno from the system.
  int Allocate(uint64_t bytes, bool huge, HbmBlocks* blocks, UniqueFd* backing);

  uint64_t total_bytes() const { return total_bytes_; }
  uint64_t free_bytes() const;
  // The node that the pages are bound to, or 0.
  uint32_t numa_node() const { return numa_node_ < 0 ? 0 : static_cast<uint32_t>(numa_node_); }

 private:
  friend class HbmBlocks;
  void Free(const std::vector<Block>& blocks);
  void Bind(int fd, uint64_t bytes);

  uint64_t total_bytes_;
  int numa_node_;
  mutable std::mutex mutex_;
  BuddyAllocator buddy_;
  bool bind_failed_ = false;  // reported once
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_MEM_HBM_H_
