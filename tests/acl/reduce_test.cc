#include <cmath>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class ReduceTest : public KernelTest {
 protected:
  template <class T>
  std::vector<T> Reduce(aclrtReduceKind kind, aclDataType type, const std::vector<T>& dst,
                        const std::vector<T>& src) {
    DeviceArray<T> to(dst.size());
    DeviceArray<T> from(src.size());
    to.Write(dst);
    from.Write(src);
    EXPECT_OK(aclrtReduceAsync(to.get(), from.get(), from.bytes(), kind, type, stream_, nullptr));
    EXPECT_OK(aclrtSynchronizeStream(stream_));
    return to.Read();
  }
};

constexpr auto kReduceSum = ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM;
constexpr auto kReduceMax = ACL_RT_MEMCPY_SDMA_AUTOMATIC_MAX;
constexpr auto kReduceMin = ACL_RT_MEMCPY_SDMA_AUTOMATIC_MIN;

TEST_F(ReduceTest, FloatsOfEveryKind) {
  const std::vector<float> a{1, -2, 3.5f, 4};
  const std::vector<float> b{10, 20, -30, 0.25f};
  EXPECT_EQ(Reduce<float>(kReduceSum, ACL_FLOAT, a, b),
            (std::vector<float>{11, 18, -26.5f, 4.25f}));
  EXPECT_EQ(Reduce<float>(kReduceMax, ACL_FLOAT, a, b), (std::vector<float>{10, 20, 3.5f, 4}));
  EXPECT_EQ(Reduce<float>(kReduceMin, ACL_FLOAT, a, b), (std::vector<float>{1, -2, -30, 0.25f}));
}

TEST_F(ReduceTest, IntegersOfEveryWidth) {
  EXPECT_EQ(Reduce<int8_t>(kReduceSum, ACL_INT8, {1, -2, 3}, {4, 5, -6}),
            (std::vector<int8_t>{5, 3, -3}));
  EXPECT_EQ(Reduce<int16_t>(kReduceMax, ACL_INT16, {1000, -2000}, {-3000, -1}),
            (std::vector<int16_t>{1000, -1}));
  EXPECT_EQ(Reduce<int32_t>(kReduceMin, ACL_INT32, {100000, -200000}, {-300000, -1}),
            (std::vector<int32_t>{-300000, -200000}));
}

TEST_F(ReduceTest, HalfPrecision) {
  const aclFloat16 half = aclFloatToFloat16(0.5f);
  const aclFloat16 two = aclFloatToFloat16(2.0f);
  EXPECT_EQ(Reduce<aclFloat16>(kReduceSum, ACL_FLOAT16, {half, two}, {two, two}),
            (std::vector<aclFloat16>{aclFloatToFloat16(2.5f), aclFloatToFloat16(4.0f)}));
  constexpr uint16_t kOne = 0x3f80;  // bfloat16
  constexpr uint16_t kMinusTwo = 0xc000;
  EXPECT_EQ(Reduce<uint16_t>(kReduceSum, ACL_BF16, {kOne}, {kMinusTwo}),
            std::vector<uint16_t>{0xbf80});
}

TEST_F(ReduceTest, SumsAddUpInTheOrderOfTheStream) {
  constexpr int kTasks = 50;
  DeviceArray<int> sum(1000, 0);
  DeviceArray<int> one(1000);
  one.Write(std::vector<int>(1000, 1));
  for (int i = 0; i < kTasks; ++i) {
    ASSERT_OK(aclrtReduceAsync(sum.get(), one.get(), sum.bytes(), kReduceSum, ACL_INT32, stream_,
                               nullptr));
  }
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(sum.Read(), std::vector<int>(1000, kTasks));
}

TEST_F(ReduceTest, OntoItselfAndFromPinnedMemory) {
  DeviceArray<int> values(3);
  values.Write({1, 2, 3});
  ASSERT_OK(aclrtReduceAsync(values.get(), values.get(), values.bytes(), kReduceSum, ACL_INT32,
                             stream_, nullptr));
  const PinnedArray<int> pinned(3);
  pinned[0] = pinned[1] = pinned[2] = 100;
  ASSERT_OK(aclrtReduceAsync(values.get(), pinned.get(), values.bytes(), kReduceSum, ACL_INT32,
                             stream_, nullptr));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(values.Read(), (std::vector<int>{102, 104, 106}));
}

TEST_F(ReduceTest, FreedMemoryFailsTheTask) {
  const DeviceArray<int> values(4);
  void* gone = nullptr;
  ASSERT_OK(aclrtMalloc(&gone, 64 << 20, ACL_MEM_MALLOC_HUGE_FIRST));
  ASSERT_OK(aclrtFree(gone));
  ASSERT_OK(aclrtReduceAsync(values.get(), gone, 16, kReduceSum, ACL_INT32, stream_, nullptr));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_SYS_DMA);
}

TEST_F(ReduceTest, BadArgumentsAreRefused) {
  const DeviceArray<int> values(4);
  int here = 0;
  const auto reduce = [&](void* dst, const void* src, uint64_t count, aclrtReduceKind kind,
                          aclDataType type) {
    return aclrtReduceAsync(dst, src, count, kind, type, stream_, nullptr);
  };
  EXPECT_EQ(reduce(nullptr, values.get(), 4, kReduceSum, ACL_INT32), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(reduce(values.get(), nullptr, 4, kReduceSum, ACL_INT32), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(reduce(values.get(), values.get(), 0, kReduceSum, ACL_INT32),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(reduce(values.get(), values.get(), 6, kReduceSum, ACL_INT32),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(reduce(&here, values.get(), 4, kReduceSum, ACL_INT32), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(reduce(values.get(), &here, 4, kReduceSum, ACL_INT32), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(reduce(values.get(), values.get(), 4, static_cast<aclrtReduceKind>(9), ACL_INT32),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(reduce(values.get(), values.get(), 4, ACL_RT_MEMCPY_SDMA_AUTOMATIC_EQUAL, ACL_INT32),
            ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  EXPECT_EQ(reduce(values.get(), values.get(), 8, kReduceSum, ACL_DOUBLE),
            ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  EXPECT_EQ(aclrtReduceAsync(values.get(), values.get(), 4, kReduceSum, ACL_INT32, stream_, &here),
            ACL_ERROR_RT_PARAM_INVALID);
}

}  // namespace
}  // namespace vnpu::test
