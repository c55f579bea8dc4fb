// The least that a queue between two processes can cost: a ring of 64-byte entries in shared
// memory, whose consumer runs an empty function for each. No doorbell, no sleep, no checks.
#ifndef VNPU_TOOLS_BENCH_BARE_RING_H_
#define VNPU_TOOLS_BENCH_BARE_RING_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace vnpu::bench {

constexpr size_t kBareRingEntries = 1024;

struct BareEntry {
  uint64_t words[8];
};
static_assert(sizeof(BareEntry) == 64);

// Each line has one writer.
struct BareRing {
  alignas(64) std::atomic<uint64_t> tail;       // producer: entries published
  alignas(64) std::atomic<uint64_t> head;       // consumer: entries done
  alignas(64) std::atomic<uint64_t> stamps[2];  // consumer: when the last batch started and ended
  alignas(64) std::array<BareEntry, kBareRingEntries> entries;
};

// Fills the entry with the index `tail`.
inline void Fill(BareRing& ring, uint64_t tail) {
  BareEntry& entry = ring.entries[tail % kBareRingEntries];
  for (uint64_t& word : entry.words) word = tail;
}

// Appends an entry; waits for room. `head`: the producer's last known head.
inline void Publish(BareRing& ring, uint64_t& tail, uint64_t& head) {
  while (tail - head >= kBareRingEntries) head = ring.head.load(std::memory_order_acquire);
  Fill(ring, tail);
  ring.tail.store(++tail, std::memory_order_release);
}

inline void WaitUntilDone(const BareRing& ring, uint64_t tail) {
  while (ring.head.load(std::memory_order_acquire) != tail) {
  }
}

// Runs entries for ever; nothing but that.
[[noreturn]] void ConsumeRing(BareRing& ring);
// The same, and takes down when each batch started and ended.
[[noreturn]] void ConsumeAndStampRing(BareRing& ring);

}  // namespace vnpu::bench

#endif  // VNPU_TOOLS_BENCH_BARE_RING_H_
