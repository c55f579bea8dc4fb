// The scheduler's lock: with an owner, without, and while the owner changes.
#include "firmware/device/lock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace vnpu::firmware {
namespace {

constexpr int kEnoughToOwn = 2000;

struct Guarded {
  SchedulerLock lock;
  long count = 0;  // would miss additions, and be a race, if two threads were inside
  bool inside = false;
  bool broken = false;

  void Add(int times = 1) {
    for (int i = 0; i < times; ++i) {
      const std::lock_guard hold(lock);
      AddInside();
    }
  }
  void AddInside() {
    broken = broken || inside;
    inside = true;
    ++count;
    inside = false;
  }
};

// A thread that may own the lock.
template <typename Body>
std::jthread Candidate(SchedulerLock::Owner* owner, Body body) {
  return std::jthread([=] {
    SchedulerLock::MayOwn(owner);
    body();
  });
}

// A thread that owns the lock and stays inside for `body`.
template <typename Body>
std::jthread OwnerInside(Guarded* guarded, SchedulerLock::Owner* owner, Body body) {
  return Candidate(owner, [=] {
    guarded->Add(kEnoughToOwn);
    const std::lock_guard hold(guarded->lock);
    body();
  });
}

TEST(SchedulerLock, OneThread) {
  Guarded guarded;
  SchedulerLock::Owner owner;
  Candidate(&owner, [&] { guarded.Add(10 * kEnoughToOwn); }).join();
  EXPECT_EQ(guarded.count, 10 * kEnoughToOwn);
  guarded.Add();
  EXPECT_EQ(guarded.count, 10 * kEnoughToOwn + 1);
}

TEST(SchedulerLock, OthersComeWhileTheOwnerGoesInAndOut) {
  constexpr int kRounds = 500'000;
  constexpr int kVisits = 2000;
  Guarded guarded;
  SchedulerLock::Owner owner;
  {
    const std::jthread first = Candidate(&owner, [&] { guarded.Add(kRounds); });
    const auto visit = [&] {
      for (int i = 0; i < kVisits; ++i) {
        guarded.Add();
        std::this_thread::yield();
      }
    };
    const std::jthread second(visit);
    const std::jthread third(visit);
  }
  EXPECT_EQ(guarded.count, kRounds + 2 * kVisits);
  EXPECT_FALSE(guarded.broken);
}

TEST(SchedulerLock, OwnersTakeTurns) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 20;
  Guarded guarded;
  std::deque<SchedulerLock::Owner> owners(kThreads);
  {
    std::vector<std::jthread> threads;
    for (SchedulerLock::Owner& owner : owners) {
      threads.push_back(Candidate(&owner, [&] {
        for (int i = 0; i < kRounds; ++i) {
          guarded.Add(kEnoughToOwn);
          std::this_thread::yield();
        }
      }));
    }
  }
  EXPECT_EQ(guarded.count, kThreads * kRounds * kEnoughToOwn);
  EXPECT_FALSE(guarded.broken);
}

// A section that lasts: whoever comes sleeps until the owner leaves.
TEST(SchedulerLock, WaitForAnOwnerThatStaysInside) {
  Guarded guarded;
  SchedulerLock::Owner owner;
  std::atomic<bool> inside{false};
  {
    const std::jthread first = OwnerInside(&guarded, &owner, [&] {
      inside = true;
      inside.notify_all();
      while (!guarded.lock.Contended()) {
        std::this_thread::yield();
      }
      for (int i = 0; i < 1000; ++i) {
        std::this_thread::yield();
        guarded.AddInside();
      }
    });
    inside.wait(false);
    guarded.Add();
  }
  EXPECT_EQ(guarded.count, kEnoughToOwn + 1000 + 1);
  EXPECT_FALSE(guarded.broken);
}

TEST(SchedulerLock, YieldLetsAWaiterIn) {
  constexpr int kVisits = 1000;
  Guarded guarded;
  SchedulerLock::Owner owner;
  std::atomic<bool> done{false};
  {
    const std::jthread poller = OwnerInside(&guarded, &owner, [&] {
      while (!done) {
        if (guarded.lock.Contended()) {
          guarded.lock.Yield();
        }
      }
    });
    for (int i = 0; i < kVisits; ++i) {
      guarded.Add();
    }
    done = true;
  }
  EXPECT_EQ(guarded.count, kEnoughToOwn + kVisits);
}

}  // namespace
}  // namespace vnpu::firmware
