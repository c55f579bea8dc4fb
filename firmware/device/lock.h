// The scheduler's lock: short critical sections, taken by a worker for each piece of work, held by
// the polling worker while nobody else wants it.
#ifndef VNPU_FIRMWARE_DEVICE_LOCK_H_
#define VNPU_FIRMWARE_DEVICE_LOCK_H_

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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

// A thread that has taken it often, with nobody in between, owns it: from then on it goes in and
// out by plain stores, since an atomic exchange would wait until the stores of the section before,
// into lines that the client reads, are through. Whoever comes next takes the ownership away. The
// fence between the owner's store and its load is run by the other one in its stead, membarrier(2);
// where that is missing nobody owns the lock. Satisfies BasicLockable.
class SchedulerLock {
 public:
  // What a thread needs to own the lock. Outlives all use of the lock.
  struct Owner {
    std::atomic<uint32_t> inside{0};  // or looks whether it may go in
  };
  // The calling thread may own the lock; it uses no other lock of this kind.
  static void MayOwn(Owner* owner) { me = owner; }

  void lock() {
    Owner* const mine = me;
    if (owner_.load(std::memory_order_relaxed) == mine && mine != nullptr) [[likely]] {
      mine->inside.store(kHeld, std::memory_order_relaxed);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      if (owner_.load(std::memory_order_relaxed) == mine) [[likely]] {
        return;
      }
      Leave(&mine->inside);
    }
    uint32_t expected = kFree;
    if (!word_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire)) [[unlikely]] {
      LockSlow();
    }
    CountTurn(mine);
  }
  // The fence between store and load is paid by who is about to sleep, where the system can.
  void unlock() { Leave(owned_ != nullptr ? &owned_->inside : &word_); }
  // True when somebody waits; the holder that merely polls then lets go by Yield().
  bool Contended() const { return waiting_.load(std::memory_order_relaxed) != 0; }
  // Lets a waiter in, then takes the lock back. On a loaded machine a waiter takes long to wake:
  // the lock is not taken back before it had its turn, or a waiter could come too late each time.
  void Yield();

 private:
  static constexpr uint32_t kFree = 0;
  static constexpr uint32_t kHeld = 1;
  static constexpr uint32_t kOwned = 2;  // word_ alone: see owner_->inside
  static constexpr uint32_t kTurnsToOwn = 1000;

  // Of the holder that came by word_: owns the lock from here on if it is time.
  void CountTurn(Owner* mine) {
    turns_in_a_row_ = mine == last_ ? turns_in_a_row_ + 1 : 0;
    last_ = mine;
    if (turns_in_a_row_ >= kTurnsToOwn && mine != nullptr && has_barrier_) [[unlikely]] {
      Own(mine);
    }
  }
  void Own(Owner* mine);
  static bool RegisterBarrier();
  void Leave(std::atomic<uint32_t>* word) {
    word->store(kFree, std::memory_order_release);
    if (has_barrier_) [[likely]] {
      std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
      std::atomic_thread_fence(std::memory_order_seq_cst);
    }
    if (sleepers_.load(std::memory_order_relaxed) != 0) [[unlikely]] {
      FutexWake(word, 1);
    }
  }
  void LockSlow();
  bool TryToTake();
  void AwaitOwner();
  void Sleep();

  // By what the calling thread may own a lock; null: it may not.
  static thread_local constinit Owner* me;

  std::atomic<Owner*> owner_{nullptr};
  std::atomic<uint32_t> word_{kFree};
  std::atomic<uint32_t> sleepers_{0};  // threads that may sleep for word_ or an owner
  const bool has_barrier_ = RegisterBarrier();
  Owner* owned_ = nullptr;  // under the lock: whoever is inside is there as the owner
  // Under the lock, of those that came by word_:
  Owner* last_ = nullptr;
  uint32_t turns_in_a_row_ = 0;
  std::atomic<uint32_t> waiting_{0};
  std::atomic<uint32_t> turns_{0};     // that waiters have had
  std::atomic<uint32_t> yielders_{0};  // that sleep until one has had its turn
};

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_DEVICE_LOCK_H_
