#include "tools/bench/ring_reference.h"

#include <new>

namespace vnpu::bench {

RingBetweenCores::RingBetweenCores(void (*consume)(BareRing&))
    : cores_(TwoCores()),
      pages_(sizeof(BareRing)),
      ring_(new (pages_.get()) BareRing{}),
      consumer_([this, consume] {
        const PinnedThread pinned(cores_[1]);
        consume(*ring_);
      }),
      pinned_(cores_[0]) {}

double RingBetweenCores::EntryNs(const Clock& clock) {
  constexpr int kEntries = 100'000;
  const uint64_t start = Ticks();
  for (int i = 0; i < kEntries; ++i) Publish(*ring_, tail_, head_);
  const double ns = clock.Ns(Ticks() - start) / kEntries;
  WaitUntilDone(*ring_, tail_);
  return ns;
}

void RingBetweenCores::AddRoundTrips(int count, Distribution* trips) {
  for (int i = 0; i < count; ++i) {
    const uint64_t start = Ticks();
    Publish(*ring_, tail_, head_);
    WaitUntilDone(*ring_, tail_);
    trips->Add(Ticks() - start);
  }
}

double RingBetweenCores::GapNs(const Clock& clock) {
  for (size_t i = 0; i < kBareRingEntries; ++i) Fill(*ring_, tail_++);
  ring_->tail.store(tail_, std::memory_order_release);
  WaitUntilDone(*ring_, tail_);
  return clock.Ns(ring_->stamps[1].load() - ring_->stamps[0].load()) / (kBareRingEntries - 1);
}

}  // namespace vnpu::bench
