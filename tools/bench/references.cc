// What the machine itself can do: two cores that share a cache line, a bare ring between two
// processes. More of the latter is measured beside launches (launch.cc).
#include <atomic>
#include <new>
#include <vector>

#include "tools/bench/bench.h"
#include "tools/bench/processes.h"
#include "tools/bench/ring_reference.h"
#include "tools/bench/subjects.h"

namespace vnpu::bench {
namespace {

struct TwoLines {
  alignas(64) std::atomic<uint64_t> ping;
  alignas(64) std::atomic<uint64_t> pong;
};

[[noreturn]] void Echo(TwoLines& lines) {
  uint64_t last = 0;
  for (;;) {
    const uint64_t ping = lines.ping.load(std::memory_order_acquire);
    if (ping == last) continue;
    last = ping;
    lines.pong.store(ping, std::memory_order_release);
  }
}

// Both directions of one exchange use a line of their own: two transfers are one round trip.
void MeasureCacheLine(Bench& bench) {
  const std::vector<int> cores = TwoCores();
  const SharedPages pages(sizeof(TwoLines));
  auto* lines = new (pages.get()) TwoLines{};
  const ForkedProcess other([&] {
    const PinnedThread pinned(cores[1]);
    Echo(*lines);
  });
  const PinnedThread pinned(cores[0]);
  constexpr uint64_t kTrips = 20'000;
  std::vector<double> rounds;
  uint64_t trip = 0;
  for (int round = 0; round < bench.Pick(40, 15); ++round) {
    const uint64_t start = Ticks();
    for (const uint64_t end = trip + kTrips; trip < end;) {
      lines->ping.store(++trip, std::memory_order_release);
      while (lines->pong.load(std::memory_order_acquire) != trip) {
      }
    }
    rounds.push_back(bench.clock().Ns(Ticks() - start) / kTrips);
  }
  bench.Set("ref_cacheline_rt_ns", Median(rounds));
}

void MeasureRingGap(Bench& bench) {
  RingBetweenCores between(ConsumeAndStampRing);
  std::vector<double> gap_ns;
  between.GapNs(bench.clock());  // touches everything once
  for (int round = 0; round < bench.Pick(40, 15); ++round) {
    gap_ns.push_back(between.GapNs(bench.clock()));
  }
  bench.Set("ref_ring_gap_ns", Median(gap_ns));
}

}  // namespace

Measurements ReferenceMeasurements() {
  return {
      {{{"ref_cacheline_rt_ns", "ns", "cache line to another core and back"}}, MeasureCacheLine},
      {{{"ref_ring_gap_ns", "ns", "bare ring: one entry to the next"}}, MeasureRingGap},
  };
}

}  // namespace vnpu::bench
