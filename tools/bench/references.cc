// What the machine itself can do: two cores that share a cache line, a bare ring between two
// processes, waking a process that sleeps.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <new>
#include <stdexcept>
#include <vector>

#include "tools/bench/bare_ring.h"
#include "tools/bench/bench.h"
#include "tools/bench/idle_pause.h"
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

// The consumer's time for a full ring that was filled before it started.
double RingGapNs(const Clock& clock, BareRing& ring, uint64_t& tail, uint64_t& head) {
  ring.hold.store(1);
  for (size_t i = 0; i < kBareRingEntries; ++i) Publish(ring, tail, head);
  ring.hold.store(0);
  WaitUntilDone(ring, tail);
  return clock.Ns(ring.stamps[1].load() - ring.stamps[0].load()) / kBareRingEntries;
}

void MeasureRing(Bench& bench) {
  const std::vector<int> cores = RequireTwoCores();
  const SharedPages pages(sizeof(BareRing));
  auto* ring = new (pages.get()) BareRing{};
  const ForkedProcess consumer([&] {
    const PinnedThread pinned(cores[1]);
    ConsumeRing(*ring);
  });
  const PinnedThread pinned(cores[0]);
  uint64_t tail = 0;
  uint64_t head = 0;
  std::vector<double> entry_ns;
  std::vector<double> gap_ns;
  RingEntryNs(bench.clock(), *ring, tail, head);  // touches everything once
  for (int round = 0; round < bench.Pick(40, 15); ++round) {
    entry_ns.push_back(RingEntryNs(bench.clock(), *ring, tail, head));
    gap_ns.push_back(RingGapNs(bench.clock(), *ring, tail, head));
  }
  bench.Set("ref_ring_rt_ns",
            RingRoundTripNs(bench.clock(), *ring, tail, head, bench.Pick(1'000'000, 300'000)));
  bench.Set("ref_ring_entry_ns", Median(entry_ns));
  bench.Set("ref_ring_gap_ns", Median(gap_ns));
}

struct Bed {
  alignas(64) std::atomic<uint32_t> call;
  alignas(64) std::atomic<uint32_t> answer;
};

void Futex(std::atomic<uint32_t>& word, int operation, uint32_t value) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), operation, value, nullptr, nullptr, 0);
}

[[noreturn]] void Sleeper(Bed& bed) {
  for (uint32_t last = 0;;) {
    Futex(bed.call, FUTEX_WAIT, last);
    const uint32_t call = bed.call.load(std::memory_order_acquire);
    if (call == last) continue;
    last = call;
    bed.answer.store(call, std::memory_order_release);
  }
}

void MeasureWake(Bench& bench) {
  const SharedPages pages(sizeof(Bed));
  auto* bed = new (pages.get()) Bed{};
  const ForkedProcess sleeper([&] { Sleeper(*bed); });
  const int count = bench.Pick(500, 80);
  Distribution wakes(static_cast<size_t>(count));
  IdlePause pause;
  for (uint32_t call = 1; call <= static_cast<uint32_t>(count); ++call) {
    pause.Sleep();
    const uint64_t start = Ticks();
    bed->call.store(call, std::memory_order_release);
    Futex(bed->call, FUTEX_WAKE, INT_MAX);
    while (bed->answer.load(std::memory_order_acquire) != call) {
    }
    wakes.Add(Ticks() - start);
  }
  bench.SetPercentile("ref_wake_ns", wakes, 50);
}

}  // namespace

Measurements ReferenceMeasurements() {
  return {
      {{{"ref_cacheline_rt_ns", "ns", "cache line to another core and back"}}, MeasureCacheLine},
      {{{"ref_ring_rt_ns", "ns", "bare ring: publish, run, see it done"},
        {"ref_ring_entry_ns", "ns", "bare ring: publishing one of many"},
        {"ref_ring_gap_ns", "ns", "bare ring: one entry to the next"}},
       MeasureRing},
      {{{"ref_wake_ns", "ns", "futex wake of a process, until it answers"}}, MeasureWake},
  };
}

}  // namespace vnpu::bench
