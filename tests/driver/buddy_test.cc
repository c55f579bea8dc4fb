#include "driver/mem/buddy.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace vnpu::driver {
namespace {

TEST(Buddy, StartsAllFree) {
  for (const uint64_t pages : {1ul, 3ul, 512ul, 100'003ul, 1ul << 20}) {
    EXPECT_EQ(BuddyAllocator(pages).free_pages(), pages);
  }
}

TEST(Buddy, BlocksAreAligned) {
  BuddyAllocator buddy(1 << 12);
  for (int order = 0; order <= 9; ++order) {
    const auto block = buddy.Allocate(order);
    ASSERT_TRUE(block);
    EXPECT_EQ(block->page % block->pages(), 0u);
  }
}

TEST(Buddy, RefusesWhatIsNotThere) {
  BuddyAllocator buddy(512);
  EXPECT_FALSE(buddy.Allocate(10));
  EXPECT_TRUE(buddy.Allocate(9));
  EXPECT_FALSE(buddy.Allocate(0));
  EXPECT_EQ(buddy.free_pages(), 0u);
}

TEST(Buddy, FreedNeighboursBecomeOneBlock) {
  BuddyAllocator buddy(512);
  std::vector<Block> small;
  for (int i = 0; i < 512; ++i) {
    small.push_back(*buddy.Allocate(0));
  }
  EXPECT_FALSE(buddy.Allocate(0));
  for (const Block& block : small) {
    buddy.Free(block);
  }
  EXPECT_TRUE(buddy.Allocate(9));
}

TEST(Buddy, AnObjectMayConsistOfSeveralBlocks) {
  BuddyAllocator buddy(1024);
  const Block hole = *buddy.Allocate(0);
  const auto blocks = buddy.AllocateBlocks(1023, 0, 64);
  ASSERT_TRUE(blocks);
  uint64_t pages = 0;
  for (const Block& block : *blocks) {
    pages += block.pages();
  }
  EXPECT_EQ(pages, 1023u);
  EXPECT_EQ(buddy.free_pages(), 0u);
  buddy.Free(hole);
}

TEST(Buddy, NothingIsTakenWhenItIsNotEnough) {
  BuddyAllocator buddy(1024);
  std::vector<Block> all;
  for (int i = 0; i < 1024; ++i) {
    all.push_back(*buddy.Allocate(0));
  }
  for (size_t i = 0; i < all.size(); i += 2) {
    buddy.Free(all[i]);
  }
  EXPECT_EQ(buddy.free_pages(), 512u);
  EXPECT_FALSE(buddy.AllocateBlocks(513, 0, 1024));  // more than there is
  EXPECT_FALSE(buddy.AllocateBlocks(512, 9, 1024));  // no huge block
  EXPECT_FALSE(buddy.AllocateBlocks(100, 0, 99));    // too many pieces
  EXPECT_EQ(buddy.free_pages(), 512u);
  EXPECT_TRUE(buddy.AllocateBlocks(512, 0, 512));
}

// Random use against a map of owners: no two blocks overlap, nothing gets lost.
TEST(Buddy, RandomUse) {
  constexpr uint64_t kPages = 5000;
  BuddyAllocator buddy(kPages);
  std::mt19937 random(1);
  std::map<uint64_t, Block> held;
  uint64_t held_pages = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0 || held.empty()) {
      const auto block = buddy.Allocate(static_cast<int>(random() % 7));
      if (block) {
        ASSERT_LE(block->page + block->pages(), kPages);
        const auto next = held.lower_bound(block->page);
        ASSERT_TRUE(next == held.end() || block->page + block->pages() <= next->first);
        ASSERT_TRUE(next == held.begin() ||
                    std::prev(next)->first + std::prev(next)->second.pages() <= block->page);
        held.emplace(block->page, *block);
        held_pages += block->pages();
      }
    } else {
      auto it = std::next(held.begin(), static_cast<long>(random() % held.size()));
      buddy.Free(it->second);
      held_pages -= it->second.pages();
      held.erase(it);
    }
    ASSERT_EQ(buddy.free_pages(), kPages - held_pages);
  }
}

}  // namespace
}  // namespace vnpu::driver
