// The device clock: the invariant time-stamp counter, or a fake one for tests.
#ifndef VNPU_VDEV_CLOCK_H_
#define VNPU_VDEV_CLOCK_H_

#include <x86intrin.h>

#include <cstdint>

namespace vnpu::vdev {

// Ticks a second of the time-stamp counter, calibrated against CLOCK_MONOTONIC_RAW on the first
// call (about 5 ms); thread-safe.
uint64_t ClockHz();

// Reads the time-stamp counter, or the counter that a test moves on by hand.
class Clock {
 public:
  // `fake`: nullptr, or a counter that outlives the clock.
  explicit Clock(uint64_t hz, const uint64_t* fake = nullptr)
      : hz_(hz),
        ns_per_tick_(
            static_cast<uint64_t>((static_cast<unsigned __int128>(1'000'000'000) << 32) / hz)),
        fake_(fake) {}

  uint64_t Now() const {
    if (fake_ != nullptr) [[unlikely]] {
      return *fake_;
    }
    return __rdtsc();
  }
  uint64_t hz() const { return hz_; }
  uint64_t TicksFromUs(uint64_t us) const {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(us) * hz_ / 1'000'000);
  }
  uint64_t NsFromTicks(uint64_t ticks) const {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(ticks) * ns_per_tick_) >> 32);
  }

 private:
  uint64_t hz_;
  uint64_t ns_per_tick_;  // 32 bits before the point, 32 behind
  const uint64_t* fake_;
};

}  // namespace vnpu::vdev

#endif  // VNPU_VDEV_CLOCK_H_
