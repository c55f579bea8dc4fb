#include "vdev/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "vdev/half.h"

namespace vnpu::vdev::test {
namespace {

using Words = std::array<uint32_t, 4>;

// Known answers of the published generator.
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(Philox(0, {0, 0}, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox(UINT64_MAX, {UINT64_MAX, UINT64_MAX}, 0),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox(0x299f31d0a4093822, {0x85a308d3243f6a88, 0x0370734413198a2e}, 0),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, StepsCarryIntoTheUpperHalf) {
  EXPECT_EQ(Philox(5, {UINT64_MAX, 6}, 2), Philox(5, {1, 7}, 0));
}

template <class T>
std::vector<T> Generate(RandomJob job, size_t count) {
  std::vector<T> numbers(count);
  job.count = count;
  job.result = reinterpret_cast<std::byte*>(numbers.data());
  EXPECT_TRUE(RandomIsSound(job));
  EXPECT_EQ(RandomResultBytes(job), count * sizeof(T));
  GenerateRandom(job);
  return numbers;
}

template <class T>
RandomJob UniformJob(uint32_t type, T first, T second) {
  RandomJob job{.distribution = VNPU_RANDOM_UNIFORM, .type = type, .seed = 42};
  job.first = static_cast<uint64_t>(first);
  job.second = static_cast<uint64_t>(second);
  return job;
}

TEST(Random, CounterMovesTheSequence) {
  RandomJob job = UniformJob<uint32_t>(VNPU_TYPE_UINT32, 0, UINT32_MAX);
  const auto from_start = Generate<uint32_t>(job, 16);
  job.counter[0] = 2;
  const auto later = Generate<uint32_t>(job, 8);
  EXPECT_TRUE(std::equal(later.begin(), later.end(), from_start.begin() + 8));
}

TEST(Random, IntegersStayInTheRangeAndReachItsEnds) {
  const auto small = Generate<int32_t>(UniformJob<int32_t>(VNPU_TYPE_INT32, -3, 4), 2000);
  EXPECT_EQ(*std::ranges::min_element(small), -3);
  EXPECT_EQ(*std::ranges::max_element(small), 3);
  const auto wide =
      Generate<int64_t>(UniformJob<int64_t>(VNPU_TYPE_INT64, INT64_MIN, INT64_MAX), 2000);
  EXPECT_LT(*std::ranges::min_element(wide), INT64_MIN / 2);
  EXPECT_GT(*std::ranges::max_element(wide), INT64_MAX / 2);
  const auto none = Generate<uint32_t>(UniformJob<uint32_t>(VNPU_TYPE_UINT32, 9, 9), 10);
  EXPECT_EQ(none, std::vector<uint32_t>(10, 9));
}

TEST(Random, NarrowFloatsNeverReachTheUpperEnd) {
  for (const uint32_t type : {uint32_t{VNPU_TYPE_FP16}, uint32_t{VNPU_TYPE_BF16}}) {
    const bool bf16 = type == VNPU_TYPE_BF16;
    const auto bits = [&](float value) {
      return bf16 ? Bf16FromFloat(value) : Fp16FromFloat(value);
    };
    for (const auto& [first, second] : {std::pair{0.0f, 1.0f}, {1.0f, 2.0f}, {-3.0f, 10.0f}}) {
      double sum = 0;
      const auto numbers =
          Generate<uint16_t>(UniformJob<uint16_t>(type, bits(first), bits(second)), 20000);
      for (const uint16_t number : numbers) {
        const float value = bf16 ? FloatFromBf16(number) : FloatFromFp16(number);
        ASSERT_GE(value, first);
        ASSERT_LT(value, second);
        sum += value;
      }
      EXPECT_NEAR(sum / 20000, (first + second) / 2, (second - first) * 0.02);
    }
  }
}

TEST(Random, TruncatedNumbersStayWithinTwoDeviations) {
  RandomJob job{.distribution = VNPU_RANDOM_TRUNCATED, .type = VNPU_TYPE_FP32, .seed = 7};
  job.first = std::bit_cast<uint32_t>(1.0f);
  job.second = std::bit_cast<uint32_t>(2.0f);
  double sum = 0;
  double squares = 0;
  for (const float number : Generate<float>(job, 50000)) {
    ASSERT_LE(std::abs(number - 1), 4);
    sum += number;
    squares += (number - 1) * (number - 1);
  }
  EXPECT_NEAR(sum / 50000, 1, 0.05);
  EXPECT_NEAR(std::sqrt(squares / 50000), 2 * 0.8796, 0.05);  // of the truncated distribution
}

TEST(Random, DropoutWritesWholeBytes) {
  RandomJob job{.distribution = VNPU_RANDOM_DROPOUT, .type = VNPU_TYPE_FP32, .count = 11};
  job.first = std::bit_cast<uint32_t>(0.0f);
  std::vector<uint8_t> bytes(3, 0xee);
  job.result = reinterpret_cast<std::byte*>(bytes.data());
  EXPECT_EQ(RandomResultBytes(job), 2u);
  GenerateRandom(job);
  EXPECT_EQ(bytes, (std::vector<uint8_t>{0xff, 0x07, 0xee}));
}

}  // namespace
}  // namespace vnpu::vdev::test
