#include "libruntime/src/memory/block_pool.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace vnpu::runtime {
namespace {

constexpr uint64_t kBase = 0x1200'0000'0000;

TEST(BlockPool, EmptyPoolHasNothing) {
  BlockPool pool;
  EXPECT_EQ(pool.Allocate(1), 0u);
  EXPECT_FALSE(pool.Free(kBase).has_value());
}

TEST(BlockPool, WholeRegionIsUsable) {
  BlockPool pool;
  pool.AddRegion(kBase, 1 << 20);
  EXPECT_EQ(pool.Allocate(1 << 20), kBase);
  EXPECT_EQ(pool.Allocate(1), 0u);
  EXPECT_EQ(pool.free_bytes(), 0u);
  const auto freed = pool.Free(kBase);
  ASSERT_TRUE(freed.has_value());
  EXPECT_TRUE(freed->region_empty);
  EXPECT_EQ(pool.free_bytes(), uint64_t{1} << 20);
}

TEST(BlockPool, NeighboursMerge) {
  BlockPool pool;
  pool.AddRegion(kBase, 3 * 512);
  const uint64_t a = pool.Allocate(512);
  const uint64_t b = pool.Allocate(512);
  const uint64_t c = pool.Allocate(512);
  EXPECT_FALSE(pool.Free(a)->region_empty);
  EXPECT_FALSE(pool.Free(c)->region_empty);
  EXPECT_EQ(pool.Allocate(1024), 0u);
  EXPECT_TRUE(pool.Free(b)->region_empty);
  EXPECT_EQ(pool.Allocate(1536), kBase);
}

TEST(BlockPool, BlocksOfOtherRegionsDoNotMerge) {
  BlockPool pool;
  pool.AddRegion(kBase, 4096);
  pool.AddRegion(kBase + 4096, 4096);
  EXPECT_EQ(pool.Allocate(8192), 0u);
  EXPECT_NE(pool.Allocate(4096), 0u);
  EXPECT_NE(pool.Allocate(4096), 0u);
}

TEST(BlockPool, RegionsLeaveWhenEmpty) {
  BlockPool pool;
  pool.AddRegion(kBase, 4096);
  pool.RemoveRegion(kBase);
  EXPECT_EQ(pool.regions(), 0u);
  EXPECT_EQ(pool.free_bytes(), 0u);
  EXPECT_EQ(pool.Allocate(512), 0u);
}

TEST(BlockPool, RandomUseKeepsBlocksApart) {
  BlockPool pool;
  constexpr uint64_t kRegion = 1 << 22;
  pool.AddRegion(kBase, kRegion);
  pool.AddRegion(kBase + 2 * kRegion, kRegion);
  std::mt19937_64 random(7);
  std::map<uint64_t, uint64_t> used;
  for (int i = 0; i < 20000; ++i) {
    if (!used.empty() && random() % 2 == 0) {
      auto victim = used.lower_bound(kBase + random() % (3 * kRegion));
      victim = victim == used.end() ? used.begin() : victim;
      ASSERT_TRUE(pool.Free(victim->first).has_value());
      used.erase(victim);
      continue;
    }
    const uint64_t size = 1 + random() % (uint64_t{1} << random() % 18);
    const uint64_t address = pool.Allocate(size);
    if (address == 0) {
      continue;
    }
    ASSERT_EQ(address % BlockPool::kAlign, 0u);
    const auto block = pool.Find(address);
    ASSERT_TRUE(block.has_value());
    ASSERT_GE(block->size, size);
    const auto after = used.upper_bound(address);
    ASSERT_TRUE(after == used.end() || address + block->size <= after->first);
    ASSERT_TRUE(after == used.begin() ||
                std::prev(after)->first + std::prev(after)->second <= address);
    used[address] = block->size;
  }
  for (const auto& [address, size] : used) {
    ASSERT_TRUE(pool.Free(address).has_value());
  }
  EXPECT_EQ(pool.free_bytes(), 2 * kRegion);
  EXPECT_NE(pool.Allocate(kRegion), 0u);
}

TEST(BlockPool, FindsTheBlockAroundAnAddress) {
  BlockPool pool;
  pool.AddRegion(0x100000, 0x10000);
  pool.AddRegion(0x900000, 0x10000);
  const uint64_t first = pool.Allocate(0x1000);
  const uint64_t second = pool.Allocate(0x2000);
  ASSERT_TRUE(pool.FindAround(second + 0x1fff).has_value());
  EXPECT_EQ(pool.FindAround(second + 0x1fff)->base, second);
  EXPECT_EQ(pool.FindAround(second + 0x1fff)->size, 0x2000u);
  EXPECT_EQ(pool.FindAround(first)->base, first);
  pool.Free(first);
  EXPECT_FALSE(pool.FindAround(first + 1).has_value());
  EXPECT_EQ(pool.FindAround(second + 1)->base, second);
  EXPECT_FALSE(pool.FindAround(second + 0x2000).has_value()) << "free";
  EXPECT_FALSE(pool.FindAround(0x500000).has_value()) << "of no region";
}

}  // namespace
}  // namespace vnpu::runtime
