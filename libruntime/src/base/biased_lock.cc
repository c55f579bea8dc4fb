#include "libruntime/src/base/biased_lock.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace vnpu::runtime {
namespace {

bool HaveBarrier() {
  static const bool registered =
      syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  return registered;
}

// Returns when every thread of this process has passed a full fence since the call.
void Barrier() { syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0); }

}  // namespace

thread_local constinit char BiasedLock::tag = 0;

void BiasedLock::LockShared(const void* me) {
  spinlock_.lock();
  if (owner_.load(std::memory_order_relaxed) == nullptr && HaveBarrier()) {
    busy_.store(true, std::memory_order_relaxed);
    owner_.store(me, std::memory_order_relaxed);
    spinlock_.unlock();
    return;
  }
  if (!revoked_.load(std::memory_order_relaxed)) {
    revoked_.store(true, std::memory_order_relaxed);
    if (owner_.load(std::memory_order_relaxed) != nullptr) {
      // The owner's store of busy_ is seen afterwards, or the owner sees revoked_.
      Barrier();
      while (busy_.load(std::memory_order_acquire)) {
        sched_yield();
      }
    }
  }
  shared_ = true;
}

void BiasedLock::Disown() {
  spinlock_.lock();
  if (owner_.load(std::memory_order_relaxed) == &tag) {
    owner_.store(nullptr, std::memory_order_relaxed);
    revoked_.store(false, std::memory_order_relaxed);
  }
  spinlock_.unlock();
}

}  // namespace vnpu::runtime
