// A lock that costs its usual thread two plain stores: the first thread that takes it owns it. Once
// another one comes it is a spinlock for all.
#ifndef VNPU_LIBRUNTIME_SRC_BASE_BIASED_LOCK_H_
#define VNPU_LIBRUNTIME_SRC_BASE_BIASED_LOCK_H_

#include <atomic>
#include <cstdint>

#include "libruntime/src/base/spinlock.h"

namespace vnpu::runtime {

// For sections as short as a Spinlock's. An atomic exchange would wait until the stores of the
// section before, into lines that the device has, are through. The owner's store of busy_ and its
// load of revoked_ are kept in order by a barrier that whoever revokes runs in its stead,
// membarrier(2); where that is missing the lock has no owner. Satisfies BasicLockable.
class BiasedLock {
 public:
  void lock() {
    const void* const me = &tag;
    if (owner_.load(std::memory_order_relaxed) == me) [[likely]] {
      busy_.store(true, std::memory_order_relaxed);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      if (!revoked_.load(std::memory_order_acquire)) [[likely]] {
        return;
      }
      busy_.store(false, std::memory_order_release);
    }
    LockShared(me);
  }

  void unlock() {
    if (!shared_) [[likely]] {
      busy_.store(false, std::memory_order_release);
      return;
    }
    shared_ = false;
    spinlock_.unlock();
  }

  // The owner gives the lock away: the next thread that comes owns it. Nothing when another thread
  // calls, since the owner could be on its way in. Not by a thread that holds it.
  void Disown();

 private:
  // Its address tells threads apart.
  static thread_local constinit char tag;

  void LockShared(const void* me);

  std::atomic<const void*> owner_{nullptr};
  std::atomic<bool> busy_{false};  // the owner is inside, or looks whether it may
  std::atomic<bool> revoked_{false};
  bool shared_ = false;  // who is inside holds spinlock_
  Spinlock spinlock_;    // guards changes of owner_ and revoked_
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_BASE_BIASED_LOCK_H_
