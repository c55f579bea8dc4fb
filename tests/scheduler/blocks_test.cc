// Kernels of several blocks.
#include <algorithm>

#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

using Blocks = SchedulerTest;

TEST_F(Blocks, SpreadOverTheUnits) {
  SetUnits(3, 1, 1, 1);
  QueueClient& queue = Create(0);
  Publish(queue, Kernel(kernel_, 5));
  std::vector<Work> out = {Pick(), Pick(), Pick()};
  ExpectNoWork();
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(out[i].first, i);
    EXPECT_EQ(out[i].count, 1u);
  }
  EXPECT_TRUE(scheduler_->HasRunnable());
  Retire(out[1]);
  out[1] = Pick();
  EXPECT_EQ(out[1].first, 3u);
  for (const Work& work : out) {
    EXPECT_FALSE(queue.Done());
    Retire(work);
  }
  RunAll();
  EXPECT_TRUE(queue.Done());
}

TEST_F(Blocks, TaskIsDoneWithItsLastBlockWhicheverThatIs) {
  SetUnits(4, 1, 1, 1);
  QueueClient& queue = Create(0);
  for (int turn = 0; turn < 4; ++turn) {
    Publish(queue, Kernel(kernel_, 4));
    std::vector<Work> out = {Pick(), Pick(), Pick(), Pick()};
    EXPECT_FALSE(scheduler_->HasRunnable());
    std::rotate(out.begin(), out.begin() + turn, out.end());
    for (const Work& work : out) {
      EXPECT_FALSE(queue.Done());
      Retire(work, VNPU_OK, 1'000'000);
    }
    EXPECT_TRUE(queue.Done());
  }
}

TEST_F(Blocks, SmallOnesGoOutInBatchesOnceTheirTimeIsKnown) {
  SetUnits(1, 1, 1, 1);
  QueueClient& queue = Create(0);
  Publish(queue, Kernel(kernel_, 1000));
  const Work first = Pick();
  EXPECT_EQ(first.count, 1u);
  Retire(first, VNPU_OK, 99);
  uint32_t next = 1;
  uint32_t most = 0;
  while (!queue.Done()) {
    const Work work = Pick();
    EXPECT_EQ(work.first, next);
    next += work.count;
    most = std::max(most, work.count);
    Retire(work, VNPU_OK, 99ull * work.count);
  }
  EXPECT_EQ(next, 1000u);
  EXPECT_GT(most, 10u);
  EXPECT_LT(most, 100u) << "a batch is short beside what is worth another worker";
}

TEST_F(Blocks, LargeOnesGoOutOneByOne) {
  SetUnits(1, 1, 1, 1);
  QueueClient& queue = Create(0);
  Publish(queue, Kernel(kernel_, 20));
  while (!queue.Done()) {
    const Work work = Pick();
    EXPECT_EQ(work.count, 1u);
    Retire(work, VNPU_OK, 50'000);
  }
}

TEST_F(Blocks, AsManyAsThereMayBe) {
  QueueClient& queue = Create(0);
  Publish(queue, Kernel(kernel_, VNPU_MAX_BLOCKS));
  uint32_t next = 0;
  while (!queue.Done()) {
    const Work work = Pick();
    ASSERT_EQ(work.first, next);
    next += work.count;
    Retire(work, VNPU_OK, 10ull * work.count);
  }
  EXPECT_EQ(next, VNPU_MAX_BLOCKS);
}

TEST_F(Blocks, FailureKeepsTheRestFromStarting) {
  QueueClient& queue = Create(0);
  Publish(queue, Kernel(kernel_, 10));
  const Work first = Pick();
  const Work second = Pick();
  Retire(first, VNPU_E_TRAP);
  ExpectNoWork();
  EXPECT_FALSE(queue.Done()) << "one block still runs";
  Retire(second);
  EXPECT_TRUE(queue.Done());
  EXPECT_EQ(queue.Consume()->status, VNPU_E_TRAP);
  Publish(queue, Kernel(kernel_, 2));
  EXPECT_EQ(RunAll().size(), 2u) << "the queue goes on";
}

TEST_F(Blocks, PendingTimeIsKnownFromEarlierRuns) {
  SetUnits(1, 1, 1, 1);
  QueueClient& queue = Create(0);
  Publish(queue, Kernel(kernel_));
  Retire(Pick(), VNPU_OK, 50'000);
  EXPECT_EQ(scheduler_->PendingTicks(), 0u);
  Publish(queue, Kernel(kernel_, 11));
  const Work work = Pick();
  EXPECT_NEAR(static_cast<double>(scheduler_->PendingTicks()), 500'000, 5'000);
  Retire(work);
}

}  // namespace
}  // namespace vnpu::firmware::test
