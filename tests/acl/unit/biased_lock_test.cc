#include "libruntime/src/base/biased_lock.h"

#include <gtest/gtest.h>

#include <mutex>
#include <thread>
#include <vector>

namespace vnpu::runtime {
namespace {

constexpr int kRounds = 200'000;

struct Guarded {
  BiasedLock lock;
  long count = 0;  // would miss additions, and be a race, if two threads were inside
  bool inside = false;
  bool broken = false;

  void Add() {
    const std::lock_guard hold(lock);
    broken = broken || inside;
    inside = true;
    ++count;
    inside = false;
  }
};

TEST(BiasedLock, OwnerAlone) {
  Guarded guarded;
  for (int i = 0; i < kRounds; ++i) {
    guarded.Add();
  }
  EXPECT_EQ(guarded.count, kRounds);
}

TEST(BiasedLock, OthersComeWhileTheOwnerGoesInAndOut) {
  constexpr int kLocks = 200;
  std::vector<Guarded> guarded(kLocks);
  for (Guarded& each : guarded) {
    each.Add();  // this thread owns it
  }
  const auto work = [&] {
    for (Guarded& each : guarded) {
      for (int i = 0; i < kRounds / kLocks; ++i) {
        each.Add();
      }
    }
  };
  {
    std::vector<std::jthread> others;
    others.emplace_back(work);
    others.emplace_back(work);
    work();
  }
  for (const Guarded& each : guarded) {
    EXPECT_EQ(each.count, 1 + 3 * (kRounds / kLocks));
    EXPECT_FALSE(each.broken);
  }
}

TEST(BiasedLock, GivenAwayByItsOwnerWhileOthersWant) {
  Guarded guarded;
  const auto work = [&] {
    for (int i = 0; i < kRounds / 10; ++i) {
      guarded.Add();
      if (i % 16 == 0) {
        guarded.lock.Disown();
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back(work);
    }
  }
  EXPECT_EQ(guarded.count, 3 * (kRounds / 10));
  EXPECT_FALSE(guarded.broken);
}

TEST(BiasedLock, OwnedByAThreadThatIsGone) {
  Guarded guarded;
  std::jthread([&] { guarded.Add(); }).join();
  guarded.Add();
  guarded.lock.Disown();
  guarded.Add();
  EXPECT_EQ(guarded.count, 3);
}

}  // namespace
}  // namespace vnpu::runtime
