// The time-stamp counter as the clock of all measurements.
#ifndef VNPU_TOOLS_BENCH_CLOCK_H_
#define VNPU_TOOLS_BENCH_CLOCK_H_

#include <x86intrin.h>

#include <cstdint>

namespace vnpu::bench {

// Reads the counter when everything before has executed and before anything behind it starts.
inline uint64_t Ticks() {
  unsigned int processor = 0;
  const uint64_t ticks = __rdtscp(&processor);
  _mm_lfence();
  return ticks;
}

// What the counter is worth on this machine. Immutable once calibrated.
struct Clock {
  bool invariant;    // runs at one rate whatever the cores do
  double hz;         // ticks a second
  double step;       // ticks that it advances by at a time
  double own_cost;   // ticks between two calls of Ticks() with nothing in between, median
  double bare_cost;  // the same of readings without fences, as the device takes them

  // Nanoseconds of an interval between two calls of Ticks(), less the cost of the call itself.
  double Ns(double ticks) const { return ticks <= own_cost ? 0 : (ticks - own_cost) * 1e9 / hz; }
  double Ns(uint64_t ticks) const { return Ns(static_cast<double>(ticks)); }
};

// Calibrates against CLOCK_MONOTONIC_RAW; takes about 50 ms.
Clock CalibrateClock();

}  // namespace vnpu::bench

#endif  // VNPU_TOOLS_BENCH_CLOCK_H_
