#include "vdev/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace vnpu::vdev::test {
namespace {

TEST(Half, EveryFp16IsItselfAgain) {
  for (uint32_t bits = 0; bits <= UINT16_MAX; ++bits) {
    const float value = FloatFromFp16(static_cast<uint16_t>(bits));
    const uint16_t again = Fp16FromFloat(value);
    if (std::isnan(value)) {
      EXPECT_EQ(again & 0x7c00, 0x7c00);
      EXPECT_NE(again & 0x3ff, 0);
    } else {
      ASSERT_EQ(again, bits);
    }
  }
}

TEST(Half, EveryBf16IsItselfAgain) {
  for (uint32_t bits = 0; bits <= UINT16_MAX; ++bits) {
    const float value = FloatFromBf16(static_cast<uint16_t>(bits));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(FloatFromBf16(Bf16FromFloat(value))));
    } else {
      ASSERT_EQ(Bf16FromFloat(value), bits);
    }
  }
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(Fp16FromFloat(1.0f), 0x3c00);
  EXPECT_EQ(Fp16FromFloat(1.0f + 0x1p-11f), 0x3c00) << "a tie, and the lower one is even";
  EXPECT_EQ(Fp16FromFloat(1.0f + 0x1p-11f + 0x1p-20f), 0x3c01);
  EXPECT_EQ(Fp16FromFloat(1.0f + 3 * 0x1p-11f), 0x3c02) << "a tie, and the upper one is even";
  EXPECT_EQ(Fp16FromFloat(0x1p-25f), 0) << "half of the smallest subnormal";
  EXPECT_EQ(Fp16FromFloat(-0x1.8p-25f), 0x8001);
  EXPECT_EQ(Bf16FromFloat(1.0f + 0x1p-8f), 0x3f80);
  EXPECT_EQ(Bf16FromFloat(1.0f + 3 * 0x1p-8f), 0x3f82);
}

TEST(Half, TooLargeBecomesInfinite) {
  EXPECT_EQ(Fp16FromFloat(65504.0f), 0x7bff);
  EXPECT_EQ(Fp16FromFloat(65519.0f), 0x7bff);
  EXPECT_EQ(Fp16FromFloat(65520.0f), 0x7c00);
  EXPECT_EQ(Fp16FromFloat(-std::numeric_limits<float>::infinity()), 0xfc00);
  EXPECT_EQ(Bf16FromFloat(std::numeric_limits<float>::max()), 0x7f80);
}

}  // namespace
}  // namespace vnpu::vdev::test
