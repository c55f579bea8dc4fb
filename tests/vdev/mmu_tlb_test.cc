// Checks of ranges, and what the TLB may and may not remember.
#include <gtest/gtest.h>

#include "tests/support/table_builder.h"
#include "vdev/mmu.h"

namespace vnpu::vdev::test {
namespace {

constexpr uint64_t kTlbVa = 0x7e80'0000'0000;

class MmuTlb : public testing::Test {
 protected:
  bool Check(uint64_t va, uint64_t size, uint64_t rights) {
    fault_ = ~va;
    return mmu_.Check(va, size, rights, &fault_);
  }

  TableBuilder table_;
  Mmu mmu_{table_.data()};
  uint64_t fault_ = 0;
};

TEST_F(MmuTlb, RangeOverSmallAndHugePages) {
  table_.MapPage(kTlbVa + kHugePageSize - kPageSize, 0x1000, kReadWrite);
  table_.MapHuge(kTlbVa + kHugePageSize, 0, kReadWrite);
  table_.MapPage(kTlbVa + 2 * kHugePageSize, 0x2000, kReadWrite);
  const uint64_t start = kTlbVa + kHugePageSize - kPageSize;
  const uint64_t size = kHugePageSize + 2 * kPageSize;
  EXPECT_TRUE(Check(start, size, kReadWrite));
  EXPECT_TRUE(Check(start + 1, size - 1, kPteRead));
  EXPECT_FALSE(Check(start, size + 1, kPteRead));
  EXPECT_EQ(fault_, start + size);
  EXPECT_FALSE(Check(start - 1, 2, kPteRead));
  EXPECT_EQ(fault_, start - 1);
}

TEST_F(MmuTlb, FaultIsTheFirstAddressWithoutTheRight) {
  table_.MapPage(kTlbVa, 0, kReadWrite);
  table_.MapPage(kTlbVa + kPageSize, 0, kPteRead);
  EXPECT_TRUE(Check(kTlbVa, 2 * kPageSize, kPteRead));
  EXPECT_FALSE(Check(kTlbVa + 100, 2 * kPageSize - 100, kReadWrite));
  EXPECT_EQ(fault_, kTlbVa + kPageSize);
  EXPECT_FALSE(Check(kTlbVa + kPageSize + 7, 1, kPteWrite));
  EXPECT_EQ(fault_, kTlbVa + kPageSize + 7);
}

TEST_F(MmuTlb, EmptyRangeIsAlwaysFine) {
  EXPECT_TRUE(Check(kTlbVa, 0, kReadWrite));
  EXPECT_TRUE(Check(UINT64_MAX, 0, kReadWrite));
}

TEST_F(MmuTlb, RangeThatWrapsAroundFaults) {
  table_.MapPage(kTlbVa, 0, kReadWrite);
  EXPECT_FALSE(Check(kTlbVa, UINT64_MAX, kPteRead));
  EXPECT_EQ(fault_, kTlbVa);
  EXPECT_FALSE(Check(UINT64_MAX, 2, kPteRead));
}

TEST_F(MmuTlb, NoRightsAtAllMeansNoAccess) {
  table_.MapPage(kTlbVa, 0, 0);
  EXPECT_FALSE(Check(kTlbVa, 1, kPteRead));
  EXPECT_FALSE(Check(kTlbVa, 1, kPteWrite));
  EXPECT_TRUE(Check(kTlbVa, 1, 0));
}

TEST_F(MmuTlb, UnmappedPageIsForgottenWithTheGeneration) {
  table_.MapPage(kTlbVa, 0, kReadWrite);
  EXPECT_TRUE(Check(kTlbVa, 1, kReadWrite));
  table_.Entry(kTlbVa, 0).store(0);
  // Proves that the answer before came to stay in the TLB.
  EXPECT_TRUE(Check(kTlbVa, 1, kReadWrite));
  table_.NewGeneration();
  EXPECT_FALSE(Check(kTlbVa, 1, kReadWrite));
}

TEST_F(MmuTlb, ReducedRightsCountWithTheGeneration) {
  table_.MapHuge(kTlbVa, 0, kReadWrite);
  EXPECT_TRUE(Check(kTlbVa, kHugePageSize, kReadWrite));
  table_.MapHuge(kTlbVa, 0, kPteRead);
  table_.NewGeneration();
  EXPECT_FALSE(Check(kTlbVa, kHugePageSize, kPteWrite));
  EXPECT_TRUE(Check(kTlbVa, kHugePageSize, kPteRead));
}

// Granting needs no new generation (page_table.h), so a refusal may not come from the TLB.
TEST_F(MmuTlb, GrantedRightsCountAtOnce) {
  table_.MapPage(kTlbVa, 0, kPteRead);
  EXPECT_FALSE(Check(kTlbVa, 1, kPteWrite));
  EXPECT_TRUE(Check(kTlbVa, 1, kPteRead));
  table_.MapPage(kTlbVa, 0, kReadWrite);
  EXPECT_TRUE(Check(kTlbVa, 1, kPteWrite));

  table_.MapHuge(kTlbVa + kHugePageSize, 0, kPteRead);
  EXPECT_TRUE(Check(kTlbVa + kHugePageSize, kHugePageSize, kPteRead));
  table_.MapHuge(kTlbVa + kHugePageSize, 0, kReadWrite);
  EXPECT_TRUE(Check(kTlbVa + kHugePageSize, kHugePageSize, kReadWrite));
}

TEST_F(MmuTlb, NewMappingCountsAtOnce) {
  EXPECT_FALSE(Check(kTlbVa, 1, kPteRead));
  table_.MapPage(kTlbVa, 0, kPteRead);
  EXPECT_TRUE(Check(kTlbVa, 1, kPteRead));
}

TEST_F(MmuTlb, SmallPagesInPlaceOfAHugeOne) {
  table_.MapHuge(kTlbVa, 0, kReadWrite);
  EXPECT_TRUE(Check(kTlbVa, kHugePageSize, kReadWrite));
  table_.Entry(kTlbVa, 1).store(0);
  table_.MapPage(kTlbVa + kPageSize, 0, kReadWrite);
  table_.NewGeneration();
  EXPECT_FALSE(Check(kTlbVa, 1, kPteRead));
  EXPECT_TRUE(Check(kTlbVa + kPageSize, kPageSize, kPteRead));
  EXPECT_FALSE(Check(kTlbVa + 2 * kPageSize, 1, kPteRead));
}

// Far more pages than the TLB holds, all of which fall into few of its slots.
TEST_F(MmuTlb, PagesThatShareASlot) {
  constexpr uint64_t kStride = 64 * kPageSize;
  constexpr int kPages = 300;
  for (int i = 0; i < kPages; ++i) {
    table_.MapPage(kTlbVa + i * kStride, 0, i % 2 == 0 ? kPteRead : kReadWrite);
  }
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < kPages; ++i) {
      EXPECT_TRUE(Check(kTlbVa + i * kStride, kPageSize, kPteRead));
      EXPECT_EQ(Check(kTlbVa + i * kStride, kPageSize, kPteWrite), i % 2 != 0);
    }
  }
}

}  // namespace
}  // namespace vnpu::vdev::test
