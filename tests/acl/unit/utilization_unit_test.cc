#include <gtest/gtest.h>

#include "libruntime/src/device/utilization.h"

namespace vnpu::runtime {
namespace {

TEST(PercentBusy, IsTheShareOfUnitsInUse) {
  EXPECT_EQ(PercentBusy(0, 10, 4, 0), 0);
  EXPECT_EQ(PercentBusy(10, 10, 4, 1000), 25);
  EXPECT_EQ(PercentBusy(40, 10, 4, 1000), 100);
}

TEST(PercentBusy, WorkBetweenLooksIsNotNothing) {
  EXPECT_EQ(PercentBusy(0, 10, 4, 1), 1);
  EXPECT_EQ(PercentBusy(1, 25, 24, 0), 1);
}

TEST(PercentBusy, UnitsThatAreNotThere) { EXPECT_EQ(PercentBusy(0, 10, 0, 0), -1); }

}  // namespace
}  // namespace vnpu::runtime
