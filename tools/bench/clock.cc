#include "tools/bench/clock.h"

#include <cpuid.h>

#include <algorithm>
#include <ctime>

#include "tools/bench/distribution.h"

namespace vnpu::bench {
namespace {

bool CounterIsInvariant() {
  unsigned int eax = 0;
  unsigned int ebx = 0;
  unsigned int ecx = 0;
  unsigned int edx = 0;
  constexpr unsigned int kPowerManagement = 0x80000007;
  constexpr unsigned int kInvariantTsc = 1u << 8;
  return __get_cpuid(kPowerManagement, &eax, &ebx, &ecx, &edx) != 0 && (edx & kInvariantTsc) != 0;
}

double MonotonicNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

struct Sample {
  uint64_t ticks;
  double ns;
};

// The pair that was read with the least delay in between is the best one.
Sample TakeSample() {
  Sample best{};
  uint64_t best_width = UINT64_MAX;
  for (int i = 0; i < 64; ++i) {
    const uint64_t before = Ticks();
    const double ns = MonotonicNs();
    const uint64_t after = Ticks();
    if (after - before < best_width) {
      best_width = after - before;
      best = {before + (after - before) / 2, ns};
    }
  }
  return best;
}

double CounterHz() {
  constexpr double kSpanNs = 50e6;
  const Sample start = TakeSample();
  while (MonotonicNs() - start.ns < kSpanNs) {
  }
  const Sample end = TakeSample();
  return static_cast<double>(end.ticks - start.ticks) * 1e9 / (end.ns - start.ns);
}

template <class Read>
Distribution EmptyIntervals(const Read& read) {
  constexpr size_t kCount = 20'000;
  Distribution intervals(kCount);
  for (size_t i = 0; i < kCount; ++i) {
    const uint64_t start = read();
    intervals.Add(read() - start);
  }
  return intervals;
}

// Some counters advance by many ticks at a time: the least distance between frequent intervals.
double CounterStep(const Distribution& intervals) {
  const size_t frequent = intervals.size() / 200;
  uint64_t last = 0;
  uint64_t step = UINT64_MAX;
  for (const auto& [ticks, count] : intervals.Counts()) {
    if (count < frequent) continue;
    step = std::min(step, ticks - last);
    last = ticks;
  }
  return static_cast<double>(step);
}

}  // namespace

Clock CalibrateClock() {
  Distribution empty = EmptyIntervals(&Ticks);
  Distribution bare = EmptyIntervals([] { return __rdtsc(); });
  const double step = CounterStep(empty);
  return {CounterIsInvariant(), CounterHz(), step, empty.Percentile(50, step),
          bare.Percentile(50, step)};
}

}  // namespace vnpu::bench
