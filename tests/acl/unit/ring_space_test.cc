#include "libruntime/src/queue/ring_space.h"

#include <gtest/gtest.h>

namespace vnpu::runtime {
namespace {

TEST(RingSpace, GivesUntilFull) {
  RingSpace ring(64);
  for (uint64_t i = 0; i < 4; ++i) {
    const uint64_t position = ring.Find(16);
    ASSERT_EQ(position, i * 16);
    ring.Take(position, 16);
  }
  EXPECT_EQ(ring.Find(1), RingSpace::kNone);
  ring.ReleaseTo(16);
  EXPECT_EQ(ring.Find(16), 64u);
  EXPECT_EQ(ring.Find(17), RingSpace::kNone);
}

TEST(RingSpace, PiecesDoNotWrap) {
  RingSpace ring(64);
  ring.Take(ring.Find(48), 48);
  ring.ReleaseTo(48);
  const uint64_t position = ring.Find(32);
  EXPECT_EQ(position, 64u);  // the 16 bytes before the end are skipped
  ring.Take(position, 32);
  EXPECT_EQ(ring.Find(16), 96u);
}

TEST(RingSpace, SizesAreRoundedToEight) {
  RingSpace ring(64);
  ring.Take(ring.Find(1), 1);
  EXPECT_EQ(ring.Find(1), 8u);
}

TEST(RingSpace, WhatIsLargerNeverFits) {
  const RingSpace ring(64);
  EXPECT_EQ(ring.Find(65), RingSpace::kNone);
}

}  // namespace
}  // namespace vnpu::runtime
