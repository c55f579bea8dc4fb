#ifndef VNPU_LIBRUNTIME_SRC_BASE_SPINLOCK_H_
#define VNPU_LIBRUNTIME_SRC_BASE_SPINLOCK_H_

#include <sched.h>

#include <atomic>

namespace vnpu::runtime {

inline void CpuPause() { __builtin_ia32_pause(); }

// Lock for sections of a few dozen instructions that make no blocking call. Satisfies Lockable.
class Spinlock {
 public:
  void lock() {
    while (locked_.exchange(true, std::memory_order_acquire)) {
      LockSlow();
    }
  }
  bool try_lock() { return !locked_.exchange(true, std::memory_order_acquire); }
  void unlock() { locked_.store(false, std::memory_order_release); }

 private:
  void LockSlow() {
    // The owner may have been preempted: give the CPU away after a short look.
    constexpr int kPauses = 64;
    for (int i = 0; i < kPauses; ++i) {
      if (!locked_.load(std::memory_order_relaxed)) {
        return;
      }
      CpuPause();
    }
    sched_yield();
  }

  std::atomic<bool> locked_{false};
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_BASE_SPINLOCK_H_
