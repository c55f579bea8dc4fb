// Numbers, shares, counters and the board: what the driver keeps its books with.
#include <gtest/gtest.h>

#include <cerrno>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "driver/base/budget.h"
#include "driver/base/id_table.h"
#include "driver/core/board.h"
#include "driver/core/fault_points.h"
#include "driver/core/tally.h"

namespace vnpu::driver {
namespace {

TEST(IdTable, IsBoundedAndReusesLate) {
  IdTable<int> table(1, 3);
  EXPECT_EQ(table.Insert(10), 1u);
  EXPECT_EQ(table.Insert(11), 2u);
  table.Erase(1);
  EXPECT_EQ(table.Find(1), nullptr);
  EXPECT_EQ(table.Insert(12), 3u);
  EXPECT_EQ(table.Insert(13), 1u);
  EXPECT_FALSE(table.Insert(14));
  table.Erase(99);
  EXPECT_FALSE(table.Insert(14));
  EXPECT_EQ(*table.Find(1), 13);
}

TEST(Budget, AGreedyHolderLeavesTheOthersTheirShare) {
  Budget budget(100, 4);
  uint64_t greedy = 0;
  while (budget.Take(greedy)) {
    ++greedy;
  }
  EXPECT_EQ(greedy, 50u);
  for (int holder = 0; holder < 12; ++holder) {
    for (uint64_t held = 0; held < 4; ++held) {
      EXPECT_TRUE(budget.Take(held));
    }
  }
  budget.Give();
  EXPECT_EQ(budget.used(), 97u);
}

TEST(Charge, CountsIntoTheParentAndBack) {
  Tally device;
  Tally session(&device);
  {
    Charge pages(session, Counted::kHbmPages, 10);
    Charge moved = std::move(pages);
    EXPECT_EQ(device.Get(Counted::kHbmPages), 10u);
    moved.Set(25);
    EXPECT_EQ(session.Get(Counted::kHbmPages), 25u);
    EXPECT_EQ(device.Get(Counted::kHbmPages), 25u);
    moved = Charge(session, Counted::kQueues);
    EXPECT_EQ(device.Get(Counted::kHbmPages), 0u);
    EXPECT_EQ(device.Get(Counted::kQueues), 1u);
  }
  EXPECT_EQ(device.Get(Counted::kQueues), 0u);
}

TEST(FaultPoint, HitsAsOftenAsArmed) {
  FaultPoint point;
  EXPECT_FALSE(point.Hit());
  point.Arm(2);
  EXPECT_TRUE(point.Hit());
  EXPECT_TRUE(point.Hit());
  EXPECT_FALSE(point.Hit());
}

class BoardTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(board_.Create({4, 8, 4, 2, 1}), 0);
    ASSERT_EQ(map_.Map(board_.fd(), firmware::kBoardBytes, PROT_READ | PROT_WRITE), 0);
  }
  firmware::BoardSlot& Slot(int slot) {
    return *map_.at<firmware::BoardSlot>(4096 * (1 + static_cast<size_t>(slot)));
  }
  Board board_;
  Mapping map_;
};

TEST_F(BoardTest, SlotsRunOutAndComeBack) {
  std::vector<int> slots;
  for (uint32_t i = 0; i < firmware::kBoardSlots; ++i) {
    slots.push_back(board_.AcquireSlot());
    ASSERT_GE(slots.back(), 0);
  }
  EXPECT_EQ(board_.AcquireSlot(), -ENOSPC);
  board_.ReleaseSlot(slots[500]);
  EXPECT_EQ(board_.AcquireSlot(), slots[500]);
}

TEST_F(BoardTest, FiguresAreNotBelievedBeyondReason) {
  const int slot = board_.AcquireSlot();
  Slot(slot).in_use[VNPU_UNIT_AI_CORE] = 1'000'000;
  Slot(slot).busy_ns[VNPU_UNIT_AI_CORE] = std::numeric_limits<uint64_t>::max();
  EXPECT_EQ(board_.UnitsInUse()[VNPU_UNIT_AI_CORE], 4u);
  EXPECT_LT(board_.BusyNs()[VNPU_UNIT_AI_CORE], uint64_t{1} << 40);
}

TEST_F(BoardTest, BusyTimeOfAnEndedSessionIsKept) {
  const int slot = board_.AcquireSlot();
  Slot(slot).busy_ns[VNPU_UNIT_DMA] = 1;
  Slot(slot).in_use[VNPU_UNIT_DMA] = 1;
  board_.ReleaseSlot(slot);
  EXPECT_EQ(board_.BusyNs()[VNPU_UNIT_DMA], 1u);
  EXPECT_EQ(board_.UnitsInUse()[VNPU_UNIT_DMA], 0u);
  EXPECT_EQ(Slot(slot).busy_ns[VNPU_UNIT_DMA].load(), 0u);
}

}  // namespace
}  // namespace vnpu::driver
