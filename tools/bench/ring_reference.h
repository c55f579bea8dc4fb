// The bare ring between two cores, as a reference for the task path.
#ifndef VNPU_TOOLS_BENCH_RING_REFERENCE_H_
#define VNPU_TOOLS_BENCH_RING_REFERENCE_H_

#include <cstdint>
#include <vector>

#include "tools/bench/bare_ring.h"
#include "tools/bench/clock.h"
#include "tools/bench/distribution.h"
#include "tools/bench/processes.h"

namespace vnpu::bench {

// A ring whose other end is a process on the second core; the calling thread is on the first one
// meanwhile, and the only one that uses it.
class RingBetweenCores {
 public:
  // Throws std::runtime_error where there is one core.
  explicit RingBetweenCores(void (*consume)(BareRing&));

  // Nanoseconds of one of many entries that are published.
  double EntryNs(const Clock& clock);
  // Adds `count` round trips: publish, run, see it done.
  void AddRoundTrips(int count, Distribution* trips);
  // The consumer's nanoseconds from one entry to the next, of a full ring that is published at
  // once. For ConsumeAndStampRing.
  double GapNs(const Clock& clock);

 private:
  std::vector<int> cores_;
  SharedPages pages_;
  BareRing* ring_;
  ForkedProcess consumer_;
  PinnedThread pinned_;
  uint64_t tail_ = 0;
  uint64_t head_ = 0;
};

}  // namespace vnpu::bench

#endif  // VNPU_TOOLS_BENCH_RING_REFERENCE_H_
