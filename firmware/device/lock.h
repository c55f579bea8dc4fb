// The scheduler's lock: short critical sections, taken by a worker for each piece of work, held by
// the polling worker while nobody else wants it.
#ifndef VNPU_FIRMWARE_DEVICE_LOCK_H_
#define VNPU_FIRMWARE_DEVICE_LOCK_H_

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include <atomic>
#include <cstdint>

namespace vnpu::firmware {

// `timeout`: relative; nullptr: none.
inline void FutexWait(std::atomic<uint32_t>* word, uint32_t value, const timespec* timeout) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, timeout, nullptr, 0);
}
inline void FutexWake(std::atomic<uint32_t>* word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

class SchedulerLock {
 public:
  void lock() {
    uint32_t expected = kFree;
    if (!word_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire)) [[unlikely]] {
      LockSlow();
    }
  }
  // The fence between store and load is paid by who is about to sleep, where the system can.
  void unlock() {
    word_.store(kFree, std::memory_order_release);
    if (sleepers_fence_) [[likely]] {
      std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
      std::atomic_thread_fence(std::memory_order_seq_cst);
    }
    if (sleepers_.load(std::memory_order_relaxed) != 0) [[unlikely]] {
      FutexWake(&word_, 1);
    }
  }
  // True when somebody waits; the holder that merely polls then lets go by Yield().
  bool Contended() const { return waiting_.load(std::memory_order_relaxed) != 0; }
  // Lets a waiter in, then takes the lock back. On a loaded machine a waiter takes long to wake:
  // the lock is not taken back before it had its turn, or a waiter could come too late each time.
  void Yield() {
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

 private:
  static constexpr uint32_t kFree = 0;
  static constexpr uint32_t kHeld = 1;
  static constexpr int kSpins = 200;
  static constexpr int kYieldSpins = 2000;
  static constexpr long kTurnNs = 10'000'000;

  void LockSlow() {
    waiting_.fetch_add(1, std::memory_order_relaxed);
    bool locked = false;
    for (int i = 0; i < kSpins && !locked; ++i) {
      _mm_pause();
      uint32_t expected = kFree;
      locked = word_.load(std::memory_order_relaxed) == kFree &&
               word_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire);
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

  // The holder's unlock sees sleepers_, or what it stored is seen here.
  void Sleep() {
    sleepers_.fetch_add(1);
    if (sleepers_fence_) {
      syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    }
    uint32_t expected = kFree;
    while (!word_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire)) {
      FutexWait(&word_, kHeld, nullptr);
      expected = kFree;
    }
    sleepers_.fetch_sub(1);
  }

  std::atomic<uint32_t> word_{kFree};
  std::atomic<uint32_t> sleepers_{0};  // threads that may sleep for word_
  const bool sleepers_fence_ =
      syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  std::atomic<uint32_t> waiting_{0};
  std::atomic<uint32_t> turns_{0};     // that waiters have had
  std::atomic<uint32_t> yielders_{0};  // that sleep until one has had its turn
};

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_DEVICE_LOCK_H_
