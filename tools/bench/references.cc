// What the machine itself can do: two cores that share a cache line, a bare ring between two
// processes.
#include <atomic>
#include <new>
#include <stdexcept>
#include <vector>

#include "tools/bench/bare_ring.h"
#include "tools/bench/bench.h"
#include "tools/bench/processes.h"
#include "tools/bench/subjects.h"

namespace vnpu::bench {
namespace {

std::vector<int> RequireTwoCores() {
  std::vector<int> cores = TwoCores();
  if (cores.empty()) throw std::runtime_error("needs two cores, and this process may use only one");
  return cores;
}

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
  const std::vector<int> cores = RequireTwoCores();
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

double RingRoundTripNs(const Clock& clock, BareRing& ring, uint64_t& tail, uint64_t& head,
                       int count) {
  Distribution trips(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    const uint64_t start = Ticks();
    Publish(ring, tail, head);
    WaitUntilDone(ring, tail);
    trips.Add(Ticks() - start);
  }
  return clock.Ns(trips.Percentile(50, clock.step));
}

double RingEntryNs(const Clock& clock, BareRing& ring, uint64_t& tail, uint64_t& head) {
  constexpr int kEntries = 100'000;
  const uint64_t start = Ticks();
  for (int i = 0; i < kEntries; ++i) Publish(ring, tail, head);
  const double ns = clock.Ns(Ticks() - start) / kEntries;
  WaitUntilDone(ring, tail);
  return ns;
}

// The consumer's time for all but the last entry of a full ring that is published at once.
double RingGapNs(const Clock& clock, BareRing& ring, uint64_t& tail) {
  for (size_t i = 0; i < kBareRingEntries; ++i) Fill(ring, tail++);
  ring.tail.store(tail, std::memory_order_release);
  WaitUntilDone(ring, tail);
  return clock.Ns(ring.stamps[1].load() - ring.stamps[0].load()) / (kBareRingEntries - 1);
}

// A ring whose other end is a process on the second core.
class RingBetweenCores {
 public:
  explicit RingBetweenCores(void (*consume)(BareRing&))
      : cores_(RequireTwoCores()),
        pages_(sizeof(BareRing)),
        ring_(new (pages_.get()) BareRing{}),
        consumer_([this, consume] {
          const PinnedThread pinned(cores_[1]);
          consume(*ring_);
        }),
        pinned_(cores_[0]) {}
  BareRing& ring() { return *ring_; }

 private:
  std::vector<int> cores_;
  SharedPages pages_;
  BareRing* ring_;
  ForkedProcess consumer_;
  PinnedThread pinned_;
};

void MeasureRing(Bench& bench) {
  RingBetweenCores between(ConsumeRing);
  uint64_t tail = 0;
  uint64_t head = 0;
  std::vector<double> entry_ns;
  RingEntryNs(bench.clock(), between.ring(), tail, head);  // touches everything once
  for (int round = 0; round < bench.Pick(40, 15); ++round) {
    entry_ns.push_back(RingEntryNs(bench.clock(), between.ring(), tail, head));
  }
  bench.Set("ref_ring_entry_ns", Median(entry_ns));
  bench.Set("ref_ring_rt_ns", RingRoundTripNs(bench.clock(), between.ring(), tail, head,
                                              bench.Pick(1'000'000, 300'000)));
}

void MeasureRingGap(Bench& bench) {
  RingBetweenCores between(ConsumeAndStampRing);
  uint64_t tail = 0;
  std::vector<double> gap_ns;
  RingGapNs(bench.clock(), between.ring(), tail);  // touches everything once
  for (int round = 0; round < bench.Pick(40, 15); ++round) {
    gap_ns.push_back(RingGapNs(bench.clock(), between.ring(), tail));
  }
  bench.Set("ref_ring_gap_ns", Median(gap_ns));
}

}  // namespace

Measurements ReferenceMeasurements() {
  return {
      {{{"ref_cacheline_rt_ns", "ns", "cache line to another core and back"}}, MeasureCacheLine},
      {{{"ref_ring_rt_ns", "ns", "bare ring: publish, run, see it done"},
        {"ref_ring_entry_ns", "ns", "bare ring: publishing one of many"}},
       MeasureRing},
      {{{"ref_ring_gap_ns", "ns", "bare ring: one entry to the next"}}, MeasureRingGap},
  };
}

}  // namespace vnpu::bench
