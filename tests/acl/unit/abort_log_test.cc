// Which waits an abort ends: those for tasks that it dropped.
#include "libruntime/src/queue/abort_log.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace vnpu::runtime {
namespace {

void Abort(AbortLog& log, uint64_t from, uint64_t until) {
  log.Run([&] { return TaskRange{.from = from, .until = until}; });
}

TEST(AbortLog, TellsWhatWasDroppedSince) {
  AbortLog log;
  EXPECT_FALSE(log.Dropped(0, {.from = 0, .until = 100}));
  Abort(log, 10, 12);
  EXPECT_TRUE(log.Dropped(0, {.from = 0, .until = 11}));
  EXPECT_TRUE(log.Dropped(0, {.from = 11, .until = 12}));
  EXPECT_FALSE(log.Dropped(0, {.from = 9, .until = 10})) << "it was over before";
  EXPECT_FALSE(log.Dropped(0, {.from = 12, .until = 20})) << "it came later";
  EXPECT_FALSE(log.Dropped(log.begun(), {.from = 0, .until = 100})) << "the wait began later";
}

TEST(AbortLog, AbortsOfNothing) {
  AbortLog log;
  Abort(log, 5, 5);
  EXPECT_FALSE(log.Dropped(0, {.from = 0, .until = 10}));
  EXPECT_FALSE(log.Dropped(0, {.from = 5, .until = 6}));
}

TEST(AbortLog, SeveralAbortsDuringOneWait) {
  AbortLog log;
  Abort(log, 1, 2);
  const uint64_t before = log.begun();
  Abort(log, 4, 6);
  Abort(log, 9, 10);
  EXPECT_FALSE(log.Dropped(before, {.from = 1, .until = 2}));
  EXPECT_TRUE(log.Dropped(before, {.from = 5, .until = 6}));
  EXPECT_TRUE(log.Dropped(before, {.from = 9, .until = 10}));
  EXPECT_FALSE(log.Dropped(before, {.from = 6, .until = 9}));
}

// Its tasks may be gone before the abort knows which they were.
TEST(AbortLog, WaitsForAnAbortUnderWay) {
  AbortLog log;
  std::atomic<bool> begun{false};
  std::atomic<bool> asked{false};
  std::jthread aborter([&] {
    log.Run([&] {
      begun = true;
      begun.notify_one();
      asked.wait(false);
      return TaskRange{.from = 3, .until = 4};
    });
  });
  begun.wait(false);
  std::jthread waiter([&] { EXPECT_TRUE(log.Dropped(0, {.from = 3, .until = 4})); });
  asked = true;
  asked.notify_one();
}

}  // namespace
}  // namespace vnpu::runtime
