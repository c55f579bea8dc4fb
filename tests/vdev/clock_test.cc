#include "vdev/clock.h"

#include <gtest/gtest.h>

#include <chrono>

namespace vnpu::vdev::test {
namespace {

TEST(Clock, ReadsTheFakeCounter) {
  uint64_t ticks = 42;
  const Clock clock(1'000'000'000, &ticks);
  EXPECT_EQ(clock.Now(), 42u);
  ticks = UINT64_MAX;
  EXPECT_EQ(clock.Now(), UINT64_MAX);
}

TEST(Clock, RealCounterMovesOn) {
  const Clock clock(ClockHz());
  const uint64_t first = clock.Now();
  EXPECT_GT(clock.Now(), first);
}

TEST(Clock, ConvertsAtRoundFrequencies) {
  const Clock clock(2'500'000'000);
  EXPECT_EQ(clock.TicksFromUs(0), 0u);
  EXPECT_EQ(clock.TicksFromUs(1), 2'500u);
  EXPECT_EQ(clock.TicksFromUs(UINT32_MAX), uint64_t{UINT32_MAX} * 2'500);
  EXPECT_EQ(clock.NsFromTicks(0), 0u);
  EXPECT_EQ(clock.hz(), 2'500'000'000u);
  const uint64_t ns = clock.NsFromTicks(2'500'000'000);
  EXPECT_NEAR(static_cast<double>(ns), 1e9, 2);
}

// A year of ticks overflows neither way, and the error stays below one in a hundred million.
TEST(Clock, LongTimes) {
  for (const uint64_t hz : {1'000'000ull, 1'999'999'999ull, 3'187'200'000ull, 5'000'000'000ull}) {
    const Clock clock(hz);
    constexpr uint64_t kYearUs = 365ull * 24 * 3600 * 1'000'000;
    const uint64_t ticks = clock.TicksFromUs(kYearUs);
    const double ns = static_cast<double>(clock.NsFromTicks(ticks));
    EXPECT_NEAR(ns / (kYearUs * 1e3), 1.0, 1e-8) << hz;
  }
}

TEST(Clock, CalibrationAgreesWithTheSystemClock) {
  const Clock clock(ClockHz());
  using std::chrono::steady_clock;
  const auto start = steady_clock::now();
  const uint64_t start_ticks = clock.Now();
  while (steady_clock::now() - start < std::chrono::milliseconds(20)) {
  }
  const uint64_t ticks = clock.Now() - start_ticks;
  const auto ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(steady_clock::now() - start).count();
  // Generous: the thread may lose its processor between two readings.
  EXPECT_NEAR(static_cast<double>(clock.NsFromTicks(ticks)) / static_cast<double>(ns), 1.0, 0.2);
  EXPECT_EQ(ClockHz(), ClockHz());
}

}  // namespace
}  // namespace vnpu::vdev::test
