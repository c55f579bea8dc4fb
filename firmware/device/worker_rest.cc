// Workers without work: who sleeps where, who is woken, and on which CPU.
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "firmware/device/worker_pool.h"
#include "firmware/scheduler/fetch.h"
#include "firmware/scheduler/shared.h"

namespace vnpu::firmware {
namespace {

constexpr uint32_t kMakeWays = 2;

}  // namespace

// The system likes to wake a worker on the CPU of the thread that kicked it, even with others idle.
// Short work is done there soonest; but two that both spin on one CPU wait for each other's turns.
bool WorkerPool::OnClientsCpu() const {
  return cpus_ > 1 &&
         LoadShared(config_.session->kick_cpu) == static_cast<uint32_t>(sched_getcpu()) + 1;
}

// For a woken worker that has found no more work: true when it is to sleep at once, so that the
// client has its CPU back. In a burst of kicks it moves to another CPU and polls there instead.
bool WorkerPool::MakeWay(Worker* self) {
  if (!OnClientsCpu()) {
    return false;
  }
  if (made_way_ < kMakeWays) {
    ++made_way_;
    // What the client waits for is done: it goes on before this worker goes to sleep.
    lock_.unlock();
    sched_yield();
    lock_.lock();
    return true;
  }
  lock_.unlock();
  MoveAway(self);
  lock_.lock();
  return false;
}

void WorkerPool::MoveAway(Worker* self) {
  cpu_set_t others = cpu_set_;
  CPU_CLR(sched_getcpu(), &others);
  self->moved = CPU_COUNT(&others) != 0 && sched_setaffinity(0, sizeof(others), &others) == 0;
}

void WorkerPool::MoveAnywhere(Worker* self) {
  self->moved = false;
  sched_setaffinity(0, sizeof(cpu_set_), &cpu_set_);
}

void WorkerPool::Rest(Worker* self) {
  --awake_;
  if (!sentinel_) {
    BeSentinel(self);
  } else if (LeaveToSentinel()) {
    BeFollower();
  }
  ++awake_;
}

// The last worker to rest beside the sentinel: from here on a doorbell wakes the sentinel. False
// when something came in meanwhile.
bool WorkerPool::LeaveToSentinel() {
  if (running_ != 0 || polling_) {
    return true;
  }
  if (!scheduler_.PrepareSleep()) {
    return false;
  }
  // It does not know of what came up since it fell asleep.
  if (sentinel_deep_ && (scheduler_.HasRunnable() || scheduler_.NextDeadline() != 0)) {
    CallSentinel();
  }
  return true;
}

// How long the sentinel may sleep at most; 0: until it is kicked.
uint64_t WorkerPool::SentinelNs(bool nobody_works) {
  constexpr uint64_t kTickNs = 1'000'000;
  constexpr uint64_t kUnitNs = 100'000;
  if (!nobody_works && (polling_ || !scheduler_.Watching())) {
    return kTickNs;
  }
  const uint64_t deadline = scheduler_.NextDeadline();
  const uint64_t now = clock_.Now();
  const uint64_t until = deadline > now ? 1 + clock_.NsFromTicks(deadline - now) : 1;
  if (!nobody_works) {
    return std::min(kTickNs, until);
  }
  if (scheduler_.HasRunnable()) {
    // The units are with other sessions, which do not tell when they give them back.
    return deadline == 0 ? kUnitNs : std::min(kUnitNs, until);
  }
  return deadline == 0 ? 0 : until;
}

// True for a kick; 0: waits for one without a limit. Not with the lock: a client that takes its
// kicks back would keep it.
bool WorkerPool::WaitForKick(uint64_t limit_ns) {
  uint64_t count = 0;
  if (limit_ns == 0 && kick_reads_block_) {
    if (read(config_.kick_fd, &count, sizeof(count)) == sizeof(count)) {
      return true;
    }
    if (errno != EAGAIN) {
      return false;
    }
    kick_reads_block_ = false;
  }
  const timespec limit{.tv_sec = static_cast<time_t>(limit_ns / 1'000'000'000),
                       .tv_nsec = static_cast<long>(limit_ns % 1'000'000'000)};
  pollfd kick{.fd = config_.kick_fd, .events = POLLIN, .revents = 0};
  return ppoll(&kick, 1, limit_ns == 0 ? nullptr : &limit, nullptr) == 1 &&
         read(config_.kick_fd, &count, sizeof(count)) == sizeof(count);
}

void WorkerPool::BeSentinel(Worker* self) {
  scheduler_.CheckDeadlines();
  const bool nobody_works = running_ == 0 && !polling_;
  // What runs is long, or nothing does: let doorbells wake this worker at once.
  const bool stuck = running_ != 0 && progress_ == sentinel_progress_;
  if ((nobody_works || stuck) && !scheduler_.PrepareSleep()) {
    return;
  }
  if (scheduler_.HasMore() && !OthersManage()) {
    return;
  }
  sentinel_progress_ = progress_;
  const uint64_t sleep_ns = SentinelNs(nobody_works);
  sentinel_ = true;
  sentinel_deep_ = nobody_works;
  const uint64_t slept_at = __rdtsc();
  lock_.unlock();
  if (self->moved) {
    MoveAnywhere(self);
  }
  const bool kicked = WaitForKick(sleep_ns);
  FetchBetween(&lock_, this + 1);
  lock_.lock();
  self->woken = sentinel_deep_;
  if (__rdtsc() - slept_at > burst_ticks_) {
    made_way_ = 0;
  }
  sentinel_ = sentinel_deep_ = sentinel_called_ = false;
  if (kicked) {
    scheduler_.FetchForWake();
  } else {
    scheduler_.CheckDeadlines();
  }
}

void WorkerPool::BeFollower() {
  const uint32_t seen = follower_word_.load(std::memory_order_relaxed);
  ++followers_;
  lock_.unlock();
  FutexWait(&follower_word_, seen, nullptr);
  lock_.lock();
  --followers_;
  waking_ = false;
}

void WorkerPool::WakeFollower() {
  if (waking_) {
    return;
  }
  waking_ = true;
  follower_word_.fetch_add(1, std::memory_order_relaxed);
  FutexWake(&follower_word_, 1);
}

}  // namespace vnpu::firmware
