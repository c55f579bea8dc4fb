// Pinned host memory of a session: memfds that driver and device map at the client's addresses.
#ifndef VNPU_LIBRUNTIME_SRC_MEMORY_PINNED_MEMORY_H_
#define VNPU_LIBRUNTIME_SRC_MEMORY_PINNED_MEMORY_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

#include "acl/acl_base.h"
#include "libruntime/src/memory/block_pool.h"

namespace vnpu::runtime {

class Session;

// Any thread.
class PinnedMemory {
 public:
  explicit PinnedMemory(Session& session) : session_(session) {}

  // Start and size of a block are multiples of 512 bytes.
  aclError Allocate(uint64_t size, std::byte** memory);
  // A block whose start and size are multiples of 2 MiB, with pages of its own.
  aclError AllocateOwn(uint64_t size, std::byte** memory);
  aclError Free(void* memory);

  // The block in use that holds `address`.
  std::optional<BlockPool::Range> BlockOf(uint64_t address) const;

  // For pinned memory that others map into the window. False: too many ranges are pinned.
  bool AddExtent(uint64_t begin, uint64_t size);
  void RemoveExtent(uint64_t begin);

  // Whether the address, in the session's window, lies in pinned memory. No lock.
  bool Contains(uint64_t address) const {
    const size_t count = extent_count_.load(std::memory_order_acquire);
    for (size_t i = 0; i < count; ++i) {
      const uint64_t begin = extents_[i].begin.load(std::memory_order_acquire);
      if (begin != 0 && address >= begin &&
          address < extents_[i].end.load(std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

 private:
  struct Region {
    uint64_t size = 0;
    bool single = false;
  };
  // Where pinned memory lies, for Contains. Begin 0: unused.
  struct Extent {
    std::atomic<uint64_t> begin{0};
    std::atomic<uint64_t> end{0};
  };
  static constexpr size_t kExtents = 1024;

  aclError PinRegion(uint64_t size, bool single, uint64_t* base);
  void UnpinRegion(uint64_t base, uint64_t size);

  // With the mutex held.
  bool EnterExtent(uint64_t begin, uint64_t size);
  void LeaveExtent(uint64_t begin);

  Session& session_;
  mutable std::mutex mutex_;
  BlockPool pool_;
  std::map<uint64_t, Region> regions_;
  uint64_t next_region_ = uint64_t{2} << 20;
  std::atomic<size_t> extent_count_{0};
  std::array<Extent, kExtents> extents_;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_MEMORY_PINNED_MEMORY_H_
