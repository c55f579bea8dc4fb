#include "vdev/reduce.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "vdev/half.h"

namespace vnpu::vdev::test {
namespace {

template <class T>
std::vector<T> Reduce(uint32_t kind, uint32_t type, std::vector<T> dst, const std::vector<T>& src) {
  vnpu_sqe_reduce reduce{};
  reduce.dst = reinterpret_cast<uint64_t>(dst.data());
  reduce.src = reinterpret_cast<uint64_t>(src.data());
  reduce.size = src.size() * sizeof(T);
  reduce.kind = kind;
  reduce.type = type;
  ReduceElements(reduce);
  return dst;
}

TEST(Reduce, IntegersWrap) {
  EXPECT_EQ(Reduce<int8_t>(VNPU_REDUCE_SUM, VNPU_TYPE_INT8, {127, -128, 5}, {1, -1, -6}),
            (std::vector<int8_t>{-128, 127, -1}));
  EXPECT_EQ(Reduce<int32_t>(VNPU_REDUCE_SUM, VNPU_TYPE_INT32, {INT32_MAX}, {1}),
            (std::vector<int32_t>{INT32_MIN}));
}

TEST(Reduce, SignMattersForMaxAndMin) {
  EXPECT_EQ(Reduce<int16_t>(VNPU_REDUCE_MAX, VNPU_TYPE_INT16, {-1, 3}, {1, -3}),
            (std::vector<int16_t>{1, 3}));
  EXPECT_EQ(Reduce<uint32_t>(VNPU_REDUCE_MIN, VNPU_TYPE_UINT32, {UINT32_MAX, 3}, {1, 2}),
            (std::vector<uint32_t>{1, 2}));
}

TEST(Reduce, NarrowFloats) {
  const auto fp16 = [](float value) { return Fp16FromFloat(value); };
  EXPECT_EQ(Reduce<uint16_t>(VNPU_REDUCE_SUM, VNPU_TYPE_FP16, {fp16(1.5f), fp16(60000)},
                             {fp16(-0.25f), fp16(60000)}),
            (std::vector<uint16_t>{fp16(1.25f), 0x7c00}));
  const auto bf16 = [](float value) { return Bf16FromFloat(value); };
  EXPECT_EQ(
      Reduce<uint16_t>(VNPU_REDUCE_MAX, VNPU_TYPE_BF16, {bf16(-2), bf16(3)}, {bf16(-1), bf16(1)}),
      (std::vector<uint16_t>{bf16(-1), bf16(3)}));
}

TEST(Reduce, NanStays) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const uint32_t kind :
       {uint32_t{VNPU_REDUCE_SUM}, uint32_t{VNPU_REDUCE_MAX}, uint32_t{VNPU_REDUCE_MIN}}) {
    const auto result = Reduce<float>(kind, VNPU_TYPE_FP32, {nan, 1}, {1, nan});
    EXPECT_TRUE(std::isnan(result[0])) << kind;
    EXPECT_TRUE(std::isnan(result[1])) << kind;
  }
}

}  // namespace
}  // namespace vnpu::vdev::test
