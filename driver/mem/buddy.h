// Buddy allocator over physical page numbers.
#ifndef VNPU_DRIVER_MEM_BUDDY_H_
#define VNPU_DRIVER_MEM_BUDDY_H_

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

namespace vnpu::driver {

// 2^order pages, at a page number that is a multiple of its size.
struct Block {
  uint64_t page = 0;
  int order = 0;
  uint64_t pages() const { return uint64_t{1} << order; }
};

// Hands out blocks of 4 KiB (order 0) to 1 GiB (order 18), lowest address first. Not thread-safe.
class BuddyAllocator {
 public:
  static constexpr int kMaxOrder = 18;

  // Manages pages [0, pages); any count.
  explicit BuddyAllocator(uint64_t pages);

  // Nothing when no block of that size is left.
  std::optional<Block> Allocate(int order);
  // `block` as Allocate gave it out.
  void Free(Block block);

  // `pages` in as few blocks as the free lists allow, largest first, none below `min_order` and
  // at most `max_blocks`; nothing, and nothing taken, when that cannot be had. `pages` is a
  // multiple of 2^min_order.
  std::optional<std::vector<Block>> AllocateBlocks(uint64_t pages, int min_order,
                                                   size_t max_blocks);

  uint64_t free_pages() const { return free_pages_; }
  uint64_t total_pages() const { return total_pages_; }

 private:
  void InsertFree(Block block);

  uint64_t total_pages_;
  uint64_t free_pages_ = 0;
  std::array<std::set<uint64_t>, kMaxOrder + 1> free_;  // page numbers, by order
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_MEM_BUDDY_H_
