#include <algorithm>
#include <bit>
#include <cmath>

#include "tests/acl/random_value.h"
#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

aclrtRandomParaInfo RandomAt(const void* address) {
  aclrtRandomParaInfo info = RandomValue(reinterpret_cast<uint64_t>(address));
  info.isAddr = 1;
  return info;
}

class RandomTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    ASSERT_OK(aclrtMalloc(&counter_, 16, ACL_MEM_MALLOC_HUGE_FIRST));
    ASSERT_OK(aclrtMemset(counter_, 16, 0, 16));
  }

  aclrtRandomNumTaskInfo Task(aclDataType type, aclrtRandomNumFuncType function, void* result,
                              uint64_t count) {
    aclrtRandomNumTaskInfo task{};
    task.dataType = type;
    task.randomNumFuncParaInfo.funcType = function;
    task.randomResultAddr = result;
    task.randomCounterAddr = counter_;
    task.randomSeed = RandomValue(uint64_t{1234});
    task.randomNum = RandomValue(count);
    return task;
  }
  template <class T>
  aclrtRandomNumTaskInfo Uniform(aclDataType type, T min, T max, void* result, uint64_t count) {
    auto task = Task(type, ACL_RT_RANDOM_NUM_FUNC_TYPE_UNIFORM_DIS, result, count);
    task.randomNumFuncParaInfo.paramInfo.uniformDisInfo = {.min = RandomValue(min),
                                                           .max = RandomValue(max)};
    return task;
  }
  void Run(const aclrtRandomNumTaskInfo& task) {
    ASSERT_OK(aclrtRandomNumAsync(&task, stream_, nullptr));
    ASSERT_OK(aclrtSynchronizeStream(stream_));
  }
  template <class T>
  void ExpectUniform(aclDataType type, T min, T max) {
    constexpr size_t kCount = 4000;
    const DeviceArray<T> numbers(kCount);
    Run(Uniform(type, min, max, numbers.get(), kCount));
    const std::vector<T> seen = numbers.Read();
    double sum = 0;
    for (const T number : seen) {
      ASSERT_GE(number, min);
      ASSERT_LT(number, max);
      sum += static_cast<double>(number);
    }
    const double width = static_cast<double>(max) - static_cast<double>(min);
    EXPECT_NEAR(sum / kCount, static_cast<double>(min) + width / 2, width * 0.03);
  }

  void* counter_ = nullptr;
};

TEST_F(RandomTest, UniformNumbersOfEveryType) {
  ExpectUniform<float>(ACL_FLOAT, -1.0f, 3.0f);
  ExpectUniform<int32_t>(ACL_INT32, -1000, 100);
  ExpectUniform<uint32_t>(ACL_UINT32, 5, 4'000'000'000u);
  ExpectUniform<int64_t>(ACL_INT64, -(int64_t{1} << 50), int64_t{1} << 50);
  ExpectUniform<uint64_t>(ACL_UINT64, 0, uint64_t{1} << 60);
}

TEST_F(RandomTest, HalfPrecisionStaysInTheRange) {
  constexpr size_t kCount = 1000;
  const DeviceArray<uint16_t> numbers(kCount);
  Run(Uniform<uint16_t>(ACL_FLOAT16, 0x3c00, 0x4000, numbers.get(), kCount));  // 1 to 2
  for (const uint16_t number : numbers.Read()) {
    ASSERT_GE(number, 0x3c00);
    ASSERT_LT(number, 0x4000);
  }
  Run(Uniform<uint16_t>(ACL_BF16, 0x3f80, 0x4000, numbers.get(), kCount));
  for (const uint16_t number : numbers.Read()) {
    ASSERT_GE(number, 0x3f80);
    ASSERT_LT(number, 0x4000);
  }
}

TEST_F(RandomTest, NormalNumbersHaveMeanAndDeviation) {
  constexpr size_t kCount = 20000;
  const DeviceArray<float> numbers(kCount);
  auto task = Task(ACL_FLOAT, ACL_RT_RANDOM_NUM_FUNC_TYPE_NORMAL_DIS, numbers.get(), kCount);
  task.randomNumFuncParaInfo.paramInfo.normalDisInfo = {.mean = RandomValue(3.0f),
                                                        .stddev = RandomValue(2.0f)};
  Run(task);
  double sum = 0;
  double squares = 0;
  size_t outside = 0;
  for (const float number : numbers.Read()) {
    sum += number;
    squares += (number - 3.0) * (number - 3.0);
    outside += std::abs(number - 3.0) > 4 ? 1 : 0;
  }
  EXPECT_NEAR(sum / kCount, 3, 0.06);
  EXPECT_NEAR(std::sqrt(squares / kCount), 2, 0.05);
  EXPECT_NEAR(static_cast<double>(outside) / kCount, 0.0455, 0.01);

  task.randomNumFuncParaInfo.funcType = ACL_RT_RANDOM_NUM_FUNC_TYPE_TRUNCATED_NORMAL_DIS;
  Run(task);
  for (const float number : numbers.Read()) {
    ASSERT_LE(std::abs(number - 3.0), 4.0001);
  }
}

TEST_F(RandomTest, DropoutClearsTheRatio) {
  constexpr size_t kBits = 32768;
  const DeviceArray<uint8_t> mask(kBits / 8);
  auto task = Task(ACL_FLOAT, ACL_RT_RANDOM_NUM_FUNC_TYPE_DROPOUT_BITMASK, mask.get(), kBits);
  task.randomNumFuncParaInfo.paramInfo.dropoutBitmaskInfo.dropoutRation = RandomValue(0.4f);
  Run(task);
  size_t ones = 0;
  for (const uint8_t byte : mask.Read()) {
    ones += static_cast<size_t>(std::popcount(byte));
  }
  EXPECT_NEAR(static_cast<double>(ones) / kBits, 0.6, 0.02);
}

TEST_F(RandomTest, SeedAndCounterDecide) {
  constexpr size_t kCount = 64;
  const DeviceArray<uint32_t> numbers(kCount);
  auto task = Uniform<uint32_t>(ACL_UINT32, 0, UINT32_MAX, numbers.get(), kCount);
  Run(task);
  const auto first = numbers.Read();
  Run(task);
  EXPECT_EQ(numbers.Read(), first) << "the counter stays as it is";
  task.randomSeed = RandomValue(uint64_t{1235});
  Run(task);
  EXPECT_NE(numbers.Read(), first);

  task.randomSeed = RandomValue(uint64_t{1234});
  const uint64_t counter[2] = {1, 0};
  ASSERT_OK(aclrtMemcpy(counter_, 16, counter, 16, ACL_MEMCPY_HOST_TO_DEVICE));
  Run(task);
  const auto later = numbers.Read();
  EXPECT_TRUE(std::equal(first.begin() + 4, first.end(), later.begin()))
      << "one step of the counter is four numbers";
}

TEST_F(RandomTest, ParametersInMemoryAreReadWhenTheTaskRuns) {
  const DeviceArray<int32_t> numbers(8, 0);
  DeviceArray<int32_t> range(2, 0);
  DeviceArray<uint64_t> count(1, 0);
  auto task = Uniform<int32_t>(ACL_INT32, 0, 0, numbers.get(), 1);
  task.randomNumFuncParaInfo.paramInfo.uniformDisInfo = {.min = RandomAt(range.get()),
                                                         .max = RandomAt(range.get() + 1)};
  task.randomNum = RandomAt(count.get());
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtRandomNumAsync(&task, stream_, nullptr));
  range.Write({50, 51});
  count.Write({3});
  gate.Open();
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(numbers.Read(), (std::vector<int32_t>{50, 50, 50, 0, 0, 0, 0, 0}));
}

TEST_F(RandomTest, ResultThatDoesNotFitFailsTheTask) {
  const DeviceArray<float> numbers(4);
  const auto task = Uniform<float>(ACL_FLOAT, 0, 1, numbers.get(), uint64_t{1} << 40);
  ASSERT_OK(aclrtRandomNumAsync(&task, stream_, nullptr));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_SYS_DMA);
}

TEST_F(RandomTest, BadArgumentsAreRefused) {
  const DeviceArray<float> numbers(4);
  const auto good = Uniform<float>(ACL_FLOAT, 0, 1, numbers.get(), 4);
  const auto refused = [&](const auto& change) {
    auto task = good;
    change(task);
    return aclrtRandomNumAsync(&task, stream_, nullptr);
  };
  int here = 0;
  EXPECT_EQ(aclrtRandomNumAsync(nullptr, stream_, nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtRandomNumAsync(&good, stream_, &here), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(refused([](auto& t) { t.randomResultAddr = nullptr; }), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(refused([](auto& t) { t.randomCounterAddr = nullptr; }), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(refused([&](auto& t) { t.randomResultAddr = &here; }), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(refused([&](auto& t) { t.randomSeed = RandomAt(&here); }), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(refused([](auto& t) { t.randomNum = RandomValue(uint64_t{0}); }),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(refused([](auto& t) { t.dataType = ACL_INT8; }), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(refused([](auto& t) {
              t.dataType = ACL_INT32;
              t.randomNumFuncParaInfo.funcType = ACL_RT_RANDOM_NUM_FUNC_TYPE_NORMAL_DIS;
            }),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(refused([](auto& t) {
              t.randomNumFuncParaInfo.funcType = static_cast<aclrtRandomNumFuncType>(4);
            }),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(refused([](auto& t) { t.randomNumFuncParaInfo.paramInfo.uniformDisInfo.min.size = 2; }),
            ACL_ERROR_RT_PARAM_INVALID);
}

}  // namespace
}  // namespace vnpu::test
