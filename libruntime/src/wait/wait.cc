#include "libruntime/src/wait/wait.h"

#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vnpu/session.h>

#include <algorithm>
#include <atomic>

#include "libruntime/src/base/log.h"
#include "libruntime/src/base/spinlock.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/queue/submit_queue.h"
#include "libruntime/src/wait/thread_irq.h"

namespace vnpu::runtime {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// Twice what it costs to be woken: a wait that ends within it is better spun through.
constexpr nanoseconds kSpin = microseconds(60);
// While waits have been long, only a short look.
constexpr nanoseconds kShortSpin = microseconds(4);
constexpr nanoseconds kLongSpin = milliseconds(2);
// Between turns for others while spinning: Linux likes to wake the device's worker on the CPU of
// the thread that kicked it.
constexpr nanoseconds kYieldInterval = microseconds(10);
constexpr nanoseconds kFirstYield = microseconds(1);
// A wait up to this long counts as short the next time.
constexpr nanoseconds kShortWait = microseconds(200);
// Between looks at whether device and driver are still there.
constexpr nanoseconds kCheckInterval = milliseconds(500);
// Where no interrupt is left for this thread, it looks at the queue this often.
constexpr nanoseconds kPollInterval = microseconds(200);

struct ThreadSpin {
  int8_t may_spin = -1;  // -1: not known yet
  bool last_was_long = false;
};
thread_local constinit ThreadSpin thread_spin;

// Each look at the head takes its line from the device, whose stores then wait until it has come
// back. What is far away is looked at the less often: no task takes less than this, so that nothing
// is lost by it.
constexpr uint64_t kNear = 16;  // tasks
constexpr nanoseconds kLeastTask(20);
constexpr nanoseconds kMaxBetweenLooks = microseconds(4);

bool SpinForHead(const SubmitQueue& queue, uint64_t target, nanoseconds budget) {
  constexpr int kLooksBetweenClocks = 16;
  Clock::time_point now = Clock::now();
  const Clock::time_point end = now + budget;
  Clock::time_point next_yield = now + kFirstYield;
  do {
    uint64_t left = 0;
    for (int i = 0; i < kLooksBetweenClocks && left <= kNear; ++i) {
      const uint64_t head = queue.head();
      if (head >= target) {
        return true;
      }
      left = target - head;
      for (uint64_t pauses = std::min(left, kNear); pauses > 0; --pauses) {
        CpuPause();
      }
    }
    now = Clock::now();
    if (left > kNear) {
      const Clock::time_point next_look =
          now + std::min<nanoseconds>((left - kNear) * kLeastTask, kMaxBetweenLooks);
      while (now < next_look && now < next_yield) {
        CpuPause();
        now = Clock::now();
      }
    }
    if (now >= next_yield) {
      sched_yield();
      next_yield = now + kYieldInterval;
    }
  } while (now < end);
  return false;
}

// The calling thread's waiter slot, armed for one queue; undone on destruction.
class ArmedWaiter {
 public:
  ArmedWaiter(Session& session, SubmitQueue& queue, uint32_t irq_id, uint64_t target)
      : slot_(session.mem().waiters[irq_id]), queue_(queue), barrier_(session.device_fences()) {
    StoreShared(slot_.queue_id, queue.id(), std::memory_order_relaxed);
    StoreShared(slot_.target, target, std::memory_order_relaxed);
    std::atomic_ref(queue.hdr().waiting).fetch_add(1);
    Arm();
  }
  ArmedWaiter(const ArmedWaiter&) = delete;
  ArmedWaiter& operator=(const ArmedWaiter&) = delete;
  ~ArmedWaiter() {
    ExchangeShared(slot_.armed, 0);
    if (!queue_.gone()) {
      std::atomic_ref(queue_.hdr().waiting).fetch_sub(1);
    }
  }

  // Before the last look at the head.
  void Arm() {
    StoreShared(slot_.armed, 1, std::memory_order_seq_cst);
    if (barrier_) {
      syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
    }
  }

 private:
  vnpu_waiter& slot_;
  SubmitQueue& queue_;
  const bool barrier_;
};

// Sleeps in slices until `done`, the deadline, or the end of the device.
template <class Sleep>
WaitResult SleepForHead(Session& session, SubmitQueue& queue, uint64_t target, Deadline deadline,
                        nanoseconds slice, Sleep sleep) {
  Clock::time_point next_check = Clock::now() + kCheckInterval;
  while (queue.head() < target) {
    const Clock::time_point now = Clock::now();
    if (deadline.has_value() && now >= *deadline) {
      return WaitResult::kTimedOut;
    }
    if (!session.usable() || (now >= next_check && !session.CheckAlive())) {
      // It may have finished just before it went.
      return queue.head() >= target ? WaitResult::kDone : WaitResult::kLost;
    }
    if (now >= next_check) {
      next_check = now + kCheckInterval;
    }
    nanoseconds limit = slice;
    if (deadline.has_value()) {
      limit = std::min<nanoseconds>(limit, *deadline - now);
    }
    sleep(limit);
  }
  return WaitResult::kDone;
}

WaitResult Block(Session& session, SubmitQueue& queue, uint64_t target, Deadline deadline,
                 bool kick) {
  ThreadIrq irq;
  if (const int result = GetThreadIrq(session, &irq); result < 0) {
    // More threads wait than a session has interrupts.
    if (kick) {
      session.Kick();
    }
    return SleepForHead(session, queue, target, deadline, kPollInterval, [](nanoseconds limit) {
      const timespec time{.tv_sec = 0, .tv_nsec = limit.count()};
      nanosleep(&time, nullptr);
    });
  }
  ArmedWaiter waiter(session, queue, irq.irq_id, target);
  const WaitResult result =
      SleepForHead(session, queue, target, deadline, kCheckInterval, [&](nanoseconds limit) {
        irq.interrupt->Wait(limit, kick ? session.KickBySleeping() : -1);
        kick = false;
        waiter.Arm();  // an interrupt that came late has disarmed it
      });
  if (kick) {
    session.Kick();
  }
  return result;
}

}  // namespace

bool MaySpin() {
  if (thread_spin.may_spin < 0) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    const bool known = sched_getaffinity(0, sizeof(cpus), &cpus) == 0;
    thread_spin.may_spin = known && CPU_COUNT(&cpus) < 2 ? 0 : 1;
  }
  return thread_spin.may_spin == 1;
}

Deadline DeadlineIn(int32_t timeout_ms) {
  if (timeout_ms < 0) {
    return std::nullopt;
  }
  return Clock::now() + milliseconds(timeout_ms);
}

[[gnu::hot]] WaitResult WaitForHead(Session& session, SubmitQueue& queue, uint64_t target,
                                    Deadline deadline, Spin spin, bool kick) {
  if (queue.head() >= target) {
    if (kick) {  // the device went to sleep after the task; it has no other way to know of the next
      session.Kick();
    }
    return WaitResult::kDone;
  }
  const Clock::time_point start = Clock::now();
  if (MaySpin()) {
    if (kick) {
      session.Kick();
      kick = false;
    }
    const bool expect_long = spin == Spin::kAdaptive && thread_spin.last_was_long;
    const nanoseconds budget = spin == Spin::kLong ? kLongSpin : expect_long ? kShortSpin : kSpin;
    if (SpinForHead(queue, target, budget)) {
      thread_spin.last_was_long = false;
      return WaitResult::kDone;
    }
  }
  const WaitResult result = Block(session, queue, target, deadline, kick);
  thread_spin.last_was_long = Clock::now() - start > kShortWait;
  return result;
}

}  // namespace vnpu::runtime
