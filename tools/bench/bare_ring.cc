#include "tools/bench/bare_ring.h"

#include "tools/bench/clock.h"

namespace vnpu::bench {
namespace {

void Empty(uint64_t, uint64_t, uint64_t) {}

// Volatile, so that each entry makes a real call.
void (*volatile g_function)(uint64_t, uint64_t, uint64_t) = Empty;

}  // namespace

void ConsumeRing(BareRing& ring) {
  uint64_t head = 0;
  for (;;) {
    uint64_t tail = ring.tail.load(std::memory_order_acquire);
    if (tail == head || ring.hold.load(std::memory_order_acquire) != 0) continue;
    tail = ring.tail.load(std::memory_order_acquire);
    const uint64_t start = Ticks();
    while (head != tail) {
      const BareEntry entry = ring.entries[head % kBareRingEntries];
      g_function(entry.words[0], entry.words[1], entry.words[2]);
      if (head + 1 == tail) {
        ring.stamps[0].store(start, std::memory_order_relaxed);
        ring.stamps[1].store(Ticks(), std::memory_order_relaxed);
      }
      ring.head.store(++head, std::memory_order_release);
    }
  }
}

}  // namespace vnpu::bench
