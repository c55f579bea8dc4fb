#include "driver/mem/buddy.h"

#include <algorithm>
#include <bit>

namespace vnpu::driver {

BuddyAllocator::BuddyAllocator(uint64_t pages) : total_pages_(pages) {
  uint64_t page = 0;
  while (page < pages) {
    const int by_size = static_cast<int>(std::bit_width(pages - page)) - 1;
    const int by_place = page == 0 ? kMaxOrder : std::countr_zero(page);
    const int order = std::min({kMaxOrder, by_size, by_place});
    InsertFree({page, order});
    page += uint64_t{1} << order;
  }
}

void BuddyAllocator::InsertFree(Block block) {
  free_[block.order].insert(block.page);
  free_pages_ += block.pages();
}

std::optional<Block> BuddyAllocator::Allocate(int order) {
  int from = order;
  while (from <= kMaxOrder && free_[from].empty()) {
    ++from;
  }
  if (order < 0 || from > kMaxOrder) {
    return std::nullopt;
  }
  const uint64_t page = *free_[from].begin();
  free_[from].erase(free_[from].begin());
  while (from > order) {
    --from;
    free_[from].insert(page + (uint64_t{1} << from));
  }
  free_pages_ -= uint64_t{1} << order;
  return Block{page, order};
}

void BuddyAllocator::Free(Block block) {
  free_pages_ += block.pages();
  while (block.order < kMaxOrder) {
    const uint64_t buddy = block.page ^ block.pages();
    const auto it = free_[block.order].find(buddy);
    if (it == free_[block.order].end()) {
      break;
    }
    free_[block.order].erase(it);
    block.page = std::min(block.page, buddy);
    ++block.order;
  }
  free_[block.order].insert(block.page);
}

std::optional<std::vector<Block>> BuddyAllocator::AllocateBlocks(uint64_t pages, int min_order,
                                                                 size_t max_blocks) {
  if (pages > free_pages_) {
    return std::nullopt;
  }
  std::vector<Block> blocks;
  int order = kMaxOrder;
  while (pages > 0) {
    order = std::min(order, static_cast<int>(std::bit_width(pages)) - 1);
    std::optional<Block> block;
    if (blocks.size() < max_blocks) {
      while (order >= min_order && !(block = Allocate(order))) {
        --order;
      }
    }
    if (!block) {
      std::for_each(blocks.begin(), blocks.end(), [this](Block b) { Free(b); });
      return std::nullopt;
    }
    pages -= block->pages();
    blocks.push_back(*block);
  }
  return blocks;
}

}  // namespace vnpu::driver
