// Walks of a hand-built page table.
#include <gtest/gtest.h>

#include <random>

#include "tests/support/table_builder.h"
#include "vdev/mmu.h"

namespace vnpu::vdev::test {
namespace {

constexpr uint64_t kWalkVa = 0x12'3456'7890'0000;
constexpr uint64_t kHugeVa = 0x0000'7e80'0020'0000;

TEST(MmuWalk, EmptyTableMapsNothing) {
  const TableBuilder table;
  EXPECT_FALSE(Walk(table.data(), 0));
  EXPECT_FALSE(Walk(table.data(), kHugeVa));
}

TEST(MmuWalk, SmallPage) {
  TableBuilder table;
  table.MapPage(kHugeVa + kPageSize, 0x7000, kPteRead | kPteHost);
  const auto found = Walk(table.data(), kHugeVa + kPageSize + 5);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->va, kHugeVa + kPageSize);
  EXPECT_EQ(found->pa, 0x7000u);
  EXPECT_EQ(found->size, kPageSize);
  EXPECT_EQ(found->flags, kPteRead | kPteHost);
  EXPECT_TRUE(Walk(table.data(), kHugeVa + 2 * kPageSize - 1));
  EXPECT_FALSE(Walk(table.data(), kHugeVa + kPageSize - 1));
  EXPECT_FALSE(Walk(table.data(), kHugeVa + 2 * kPageSize));
}

TEST(MmuWalk, HugePage) {
  TableBuilder table;
  table.MapHuge(kHugeVa, 0x4000'0000, kReadWrite | kPteExec);
  const auto found = Walk(table.data(), kHugeVa + kHugePageSize - 1);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->va, kHugeVa);
  EXPECT_EQ(found->pa, 0x4000'0000u);
  EXPECT_EQ(found->size, kHugePageSize);
  EXPECT_EQ(found->flags, kReadWrite | kPteExec);
  EXPECT_FALSE(Walk(table.data(), kHugeVa - 1));
  EXPECT_FALSE(Walk(table.data(), kHugeVa + kHugePageSize));
}

TEST(MmuWalk, LowestAndHighestAddress) {
  TableBuilder table;
  table.MapPage(0, 0x1000, kPteRead);
  table.MapPage((1ull << 48) - kPageSize, 0x2000, kPteRead);
  ASSERT_TRUE(Walk(table.data(), 0));
  ASSERT_TRUE(Walk(table.data(), (1ull << 48) - 1));
  EXPECT_EQ(Walk(table.data(), (1ull << 48) - 1)->pa, 0x2000u);
}

// The table has four levels: bits above them must not be ignored.
TEST(MmuWalk, AddressesBeyondTheTableAreNotMapped) {
  TableBuilder table;
  table.MapPage(kHugeVa, 0x1000, kPteRead);
  table.MapPage(0, 0x1000, kPteRead);
  EXPECT_FALSE(Walk(table.data(), kHugeVa | 1ull << 48));
  EXPECT_FALSE(Walk(table.data(), 1ull << 48));
  EXPECT_FALSE(Walk(table.data(), kWalkVa));
  EXPECT_FALSE(Walk(table.data(), UINT64_MAX));
}

TEST(MmuWalk, NotPresentEntryWithOtherBitsSetMapsNothing) {
  TableBuilder table;
  table.Entry(kHugeVa, 0).store(0x5000 | kReadWrite);
  EXPECT_FALSE(Walk(table.data(), kHugeVa));
}

// The huge flag means something at level 1 only.
TEST(MmuWalk, HugeFlagAtOtherLevels) {
  TableBuilder table;
  table.MapPage(kHugeVa, 0x5000, kPteRead | kPteHuge);
  const auto found = Walk(table.data(), kHugeVa);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size, kPageSize);
  table.Entry(kHugeVa, 2).fetch_or(kPteHuge);
  table.Entry(kHugeVa, 3).fetch_or(kPteHuge);
  ASSERT_TRUE(Walk(table.data(), kHugeVa));
  EXPECT_EQ(Walk(table.data(), kHugeVa)->size, kPageSize);
}

TEST(MmuWalk, NodeNumbersOutsideTheTableEndTheWalk) {
  TableBuilder table;
  for (const uint64_t node : {uint64_t{0}, kTableMaxNodes, kPteAddressMask / kPageSize}) {
    table.Entry(kHugeVa, 3).store(node * kPageSize | kPtePresent);
    EXPECT_FALSE(Walk(table.data(), kHugeVa)) << node;
  }
}

TEST(MmuWalk, TableThatPointsToItselfEnds) {
  TableBuilder table;
  table.Entry(kHugeVa, 3).store(kRootNode * kPageSize | kPtePresent | kPteRead);
  // Level 0 reads the root's entry too, if the indexes of the address are all alike.
  uint64_t va = 0;
  for (int level = 0; level < kTableLevels; ++level) {
    va |= uint64_t{TableIndex(kHugeVa, 3)} << (12 + 9 * level);
  }
  const auto found = Walk(table.data(), va);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->pa, kRootNode * kPageSize);
}

// A checker build sees any read outside of the table.
TEST(MmuWalk, GarbageEntriesNeverLeadOutside) {
  TableBuilder table;
  std::mt19937_64 random(20240611);
  auto* words = reinterpret_cast<uint64_t*>(const_cast<std::byte*>(table.data()));
  constexpr size_t kNodes = 64;
  for (size_t i = 512; i < kNodes * 512; ++i) {
    uint64_t word = random();
    if (random() % 2 == 0) {
      word = (word & ~kPteAddressMask) | (random() % (2 * kNodes)) * kPageSize;
    }
    words[i] = word | (random() % 4 != 0 ? kPtePresent : 0);
  }
  size_t found = 0;
  for (int i = 0; i < 200'000; ++i) {
    const uint64_t va = random() >> (16 + random() % 8);
    const auto page = Walk(table.data(), va);
    if (page) {
      ++found;
      EXPECT_LE(page->va, va);
      EXPECT_GT(page->va + page->size, va);
    }
  }
  EXPECT_GT(found, 100u);
}

}  // namespace
}  // namespace vnpu::vdev::test
