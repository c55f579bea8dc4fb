#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "acl/acl_base.h"

namespace {

TEST(Float16, KnownValues) {
  EXPECT_EQ(aclFloatToFloat16(1.0F), 0x3c00);
  EXPECT_EQ(aclFloatToFloat16(-2.0F), 0xc000);
  EXPECT_EQ(aclFloatToFloat16(65504.0F), 0x7bff);
  EXPECT_EQ(aclFloatToFloat16(65519.0F), 0x7bff);
  EXPECT_EQ(aclFloatToFloat16(std::ldexp(1.0F, -24)), 0x0001);
  EXPECT_EQ(aclFloatToFloat16(std::ldexp(1.0F, -26)), 0x0000);
  EXPECT_EQ(aclFloatToFloat16(-0.0F), 0x8000);
}

TEST(Float16, TooLargeSaturates) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(aclFloatToFloat16(65520.0F), 0x7bff);
  EXPECT_EQ(aclFloatToFloat16(-1e30F), 0xfbff);
  EXPECT_EQ(aclFloatToFloat16(kInfinity), 0x7bff);
  EXPECT_EQ(aclFloatToFloat16(-kInfinity), 0xfbff);
  EXPECT_EQ(aclFloatToFloat16(std::nanf("")), 0x7bff);
  EXPECT_EQ(aclFloatToFloat16(-std::nanf("")), 0x7bff);
}

TEST(Float16, SpecialValuesBecomeFinite) {
  EXPECT_EQ(aclFloat16ToFloat(0x7c00), 65536.0F);
  EXPECT_EQ(aclFloat16ToFloat(0xfc00), -65536.0F);
  EXPECT_EQ(aclFloat16ToFloat(0x7e00), 98304.0F);
}

TEST(Float16, TiesGoToEven) {
  EXPECT_EQ(aclFloatToFloat16(1.0F + std::ldexp(1.0F, -11)), 0x3c00);
  EXPECT_EQ(aclFloatToFloat16(1.0F + 3 * std::ldexp(1.0F, -11)), 0x3c02);
}

TEST(Float16, EveryFiniteValueSurvives) {
  constexpr uint32_t kExponent = 0x7c00;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    if ((bits & kExponent) != kExponent) {
      const auto half = static_cast<aclFloat16>(bits);
      ASSERT_EQ(aclFloatToFloat16(aclFloat16ToFloat(half)), half) << bits;
    }
  }
}

TEST(DataType, Sizes) {
  EXPECT_EQ(aclDataTypeSize(ACL_FLOAT16), 2u);
  EXPECT_EQ(aclDataTypeSize(ACL_COMPLEX128), 16u);
  EXPECT_EQ(aclDataTypeSize(ACL_DT_UNDEFINED), 0u);
}

TEST(DataBuffer, DescribesMemory) {
  int data[4] = {};
  aclDataBuffer* buffer = aclCreateDataBuffer(data, sizeof(data));
  ASSERT_NE(buffer, nullptr);
  EXPECT_EQ(aclGetDataBufferAddr(buffer), data);
  EXPECT_EQ(aclGetDataBufferSizeV2(buffer), sizeof(data));
  EXPECT_EQ(aclUpdateDataBuffer(buffer, nullptr, 3), ACL_SUCCESS);
  EXPECT_EQ(aclGetDataBufferAddr(buffer), nullptr);
  EXPECT_EQ(aclDestroyDataBuffer(buffer), ACL_SUCCESS);
  EXPECT_EQ(aclDestroyDataBuffer(nullptr), ACL_ERROR_INVALID_PARAM);
}

}  // namespace
