#include "tools/bench/bare_ring.h"

#include "tools/bench/clock.h"

namespace vnpu::bench {
namespace {

void Empty(uint64_t, uint64_t, uint64_t) {}

// Volatile, so that each entry makes a real call.
void (*volatile g_function)(uint64_t, uint64_t, uint64_t) = Empty;

void Run(BareRing& ring, uint64_t& head) {
  const BareEntry entry = ring.entries[head % kBareRingEntries];
  g_function(entry.words[0], entry.words[1], entry.words[2]);
  ring.head.store(++head, std::memory_order_release);
}

}  // namespace

void ConsumeRing(BareRing& ring) {
  uint64_t head = 0;
  for (;;) {
    const uint64_t tail = ring.tail.load(std::memory_order_acquire);
    while (head != tail) Run(ring, head);
  }
}

void ConsumeAndStampRing(BareRing& ring) {
  uint64_t head = 0;
  for (;;) {
    const uint64_t tail = ring.tail.load(std::memory_order_acquire);
    if (tail == head) continue;
    ring.stamps[0].store(Ticks(), std::memory_order_relaxed);
    while (head + 1 != tail) Run(ring, head);
    ring.stamps[1].store(Ticks(), std::memory_order_relaxed);
    Run(ring, head);
  }
}

}  // namespace vnpu::bench
