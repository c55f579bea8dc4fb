#include "vdev/clock.h"

#include <ctime>

namespace vnpu::vdev {
namespace {

uint64_t MonotonicNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

struct Sample {
  uint64_t ticks;
  uint64_t ns;
};

// The pair that was read with the least delay in between is the best one.
Sample TakeSample() {
  Sample best{};
  uint64_t best_width = UINT64_MAX;
  for (int i = 0; i < 16; ++i) {
    const uint64_t before = __rdtsc();
    const uint64_t ns = MonotonicNs();
    const uint64_t after = __rdtsc();
    if (after - before < best_width) {
      best_width = after - before;
      best = {before + (after - before) / 2, ns};
    }
  }
  return best;
}

uint64_t Calibrate() {
  constexpr uint64_t kSpanNs = 5'000'000;
  const Sample start = TakeSample();
  while (MonotonicNs() - start.ns < kSpanNs) {
  }
  const Sample end = TakeSample();
  return static_cast<uint64_t>(static_cast<unsigned __int128>(end.ticks - start.ticks) *
                               1'000'000'000 / (end.ns - start.ns));
}

}  // namespace

uint64_t ClockHz() {
  static const uint64_t hz = Calibrate();
  return hz;
}

}  // namespace vnpu::vdev
