#include "firmware/device/lock.h"

#include <linux/membarrier.h>
#include <x86intrin.h>

namespace vnpu::firmware {
namespace {

constexpr int kSpins = 200;
constexpr int kYieldSpins = 2000;
constexpr long kTurnNs = 10'000'000;

// Returns when every thread of this process has passed a full fence since the call.
void Barrier() { syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0); }

}  // namespace

thread_local constinit SchedulerLock::Owner* SchedulerLock::me = nullptr;

bool SchedulerLock::RegisterBarrier() {
  return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

void SchedulerLock::Own(Owner* mine) {
  turns_in_a_row_ = 0;
  mine->inside.store(kHeld, std::memory_order_relaxed);
  owned_ = mine;
  owner_.store(mine, std::memory_order_relaxed);
  word_.store(kOwned);
  if (sleepers_.load() != 0) {
    FutexWake(&word_, 1);
  }
}

void SchedulerLock::Yield() {
  const uint32_t seen = turns_.load(std::memory_order_relaxed);
  unlock();
  for (int i = 0; i < kYieldSpins && Contended() && turns_.load() == seen; ++i) {
    _mm_pause();
  }
  if (Contended() && turns_.load() == seen) {
    const timespec limit{.tv_sec = 0, .tv_nsec = kTurnNs};
    yielders_.fetch_add(1);
    FutexWait(&turns_, seen, &limit);
    yielders_.fetch_sub(1);
  }
  lock();
}

void SchedulerLock::LockSlow() {
  waiting_.fetch_add(1, std::memory_order_relaxed);
  bool locked = TryToTake();
  for (int i = 1; i < kSpins && !locked; ++i) {
    _mm_pause();
    locked = TryToTake();
  }
  if (!locked) {
    Sleep();
  }
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  turns_.fetch_add(1);
  if (yielders_.load() != 0) {
    FutexWake(&turns_, 1);
  }
}

bool SchedulerLock::TryToTake() {
  uint32_t seen = word_.load(std::memory_order_relaxed);
  if (seen == kHeld || !word_.compare_exchange_strong(seen, kHeld, std::memory_order_acquire)) {
    return false;
  }
  if (seen == kOwned) {
    AwaitOwner();
  }
  return true;
}

// The lock is the calling thread's as soon as the owner has left it, and nobody owns it any more.
void SchedulerLock::AwaitOwner() {
  Owner* const owner = owner_.load(std::memory_order_relaxed);
  owner_.store(nullptr, std::memory_order_relaxed);
  Barrier();  // the owner is seen inside afterwards, or it sees that it owns nothing
  for (int i = 0; i < kSpins && owner->inside.load(std::memory_order_relaxed) != kFree; ++i) {
    _mm_pause();
  }
  if (owner->inside.load(std::memory_order_acquire) != kFree) {
    sleepers_.fetch_add(1);
    Barrier();
    while (owner->inside.load(std::memory_order_acquire) != kFree) {
      FutexWait(&owner->inside, kHeld, nullptr);
    }
    sleepers_.fetch_sub(1);
  }
  owned_ = nullptr;
}

// The holder's unlock sees sleepers_, or what it stored is seen here.
void SchedulerLock::Sleep() {
  sleepers_.fetch_add(1);
  if (has_barrier_) {
    Barrier();
  }
  while (!TryToTake()) {
    FutexWait(&word_, kHeld, nullptr);
  }
  sleepers_.fetch_sub(1);
}

}  // namespace vnpu::firmware
