// Kernels that may run on so many cores at once only.
#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

class CoreLimit : public SchedulerTest {
 protected:
  CoreLimit() { SetUnits(8, 8, 4, 2); }

  // Picks all that can run now.
  std::vector<Work> PickAll() {
    std::vector<Work> out;
    Work work;
    while (TryPick(&work)) {
      NoteStart(&work);
      out.push_back(work);
    }
    return out;
  }
};

TEST_F(CoreLimit, NoMoreBlocksAtOnceThanItSays) {
  QueueClient& queue = Create(0);
  Publish(queue, WithCoreLimit(Kernel(kernel_, 10), 3));
  std::vector<Work> out = PickAll();
  EXPECT_EQ(out.size(), 3u);
  EXPECT_FALSE(scheduler_->HasRunnable()) << "nothing that another worker could take";
  EXPECT_EQ(scheduler_->PendingTicks(), 0u);
  uint32_t blocks = 0;
  while (!out.empty()) {
    blocks += out.back().count;
    Retire(out.back(), VNPU_OK, 1'000'000);
    out.pop_back();
    for (const Work& more : PickAll()) {
      out.push_back(more);
    }
    EXPECT_LE(out.size(), 3u);
  }
  EXPECT_EQ(blocks, 10u);
  EXPECT_TRUE(queue.Done());
}

TEST_F(CoreLimit, OneCoreRunsBlocksInTheirOrder) {
  QueueClient& queue = Create(0);
  Publish(queue, WithCoreLimit(Kernel(kernel_, 5), 1));
  for (uint32_t block = 0; block < 5; ++block) {
    const Work work = Pick();
    EXPECT_EQ(work.first, block);
    ExpectNoWork();
    Retire(work, VNPU_OK, 1'000'000);
  }
  EXPECT_TRUE(queue.Done());
}

TEST_F(CoreLimit, LimitAboveTheBlocksChangesNothing) {
  QueueClient& queue = Create(0);
  Publish(queue, WithCoreLimit(Kernel(kernel_, 2), 100));
  std::vector<Work> out = PickAll();
  ASSERT_EQ(out.size(), 2u);
  Retire(out[0]);
  ExpectNoWork();
  Retire(out[1]);
  EXPECT_TRUE(queue.Done());
}

TEST_F(CoreLimit, UnitsBelowTheLimitAreWaitedFor) {
  SetUnits(2, 1, 1, 1);
  QueueClient& queue = Create(0);
  Publish(queue, WithCoreLimit(Kernel(kernel_, 4), 3));
  std::vector<Work> out = PickAll();
  ASSERT_EQ(out.size(), 2u);
  EXPECT_TRUE(scheduler_->HasRunnable());
  Retire(out[0], VNPU_OK, 1'000'000);
  Retire(out[1], VNPU_OK, 1'000'000);
  EXPECT_EQ(RunAll().size(), 2u);
  EXPECT_TRUE(queue.Done());
}

TEST_F(CoreLimit, LeavesCoresToOtherQueues) {
  Publish(Create(0, 0), WithCoreLimit(Kernel(kernel_, 100), 2));
  Publish(Create(1, 5), Kernel(kernel_, 100));
  std::map<uint32_t, int> of_queue;
  for (const Work& work : PickAll()) {
    ++of_queue[work.queue->id];
  }
  EXPECT_EQ(of_queue, (std::map<uint32_t, int>{{0, 2}, {1, 6}}));
}

TEST_F(CoreLimit, OtherSessionsAreNotAskedForUnits) {
  header().live_sessions.store(2);
  header().live_slots[1].fetch_or(1);
  Publish(Create(0), WithCoreLimit(Kernel(kernel_, 10), 1));
  Pick();
  ExpectNoWork();
  EXPECT_EQ(own().wanted.load(), 0u);
}

TEST_F(CoreLimit, HoldsForEachKernelByItself) {
  QueueClient& queue = Create(0);
  Publish(queue, {WithCoreLimit(Kernel(kernel_, 8), 2), Kernel(kernel_, 8),
                  WithCoreLimit(Kernel(AddKernel(VNPU_UNIT_VECTOR_CORE), 8), 5)});
  std::vector<size_t> at_once;
  for (int kernel = 0; kernel < 3; ++kernel) {
    std::vector<Work> out = PickAll();
    at_once.push_back(out.size());
    while (!out.empty()) {
      const Work work = out.back();
      out.pop_back();
      const uint64_t task = work.queue->head;
      Retire(work, VNPU_OK, 1'000'000);
      if (queue.Done() || work.queue->head != task) {
        break;
      }
      for (const Work& more : PickAll()) {
        out.push_back(more);
      }
    }
  }
  EXPECT_EQ(at_once, (std::vector<size_t>{2, 8, 5}));
  EXPECT_TRUE(queue.Done());
}

TEST_F(CoreLimit, FailureEndsItEarly) {
  QueueClient& queue = Create(0);
  Publish(queue, {WithCoreLimit(Kernel(kernel_, 10), 2), Nop()});
  const Work first = Pick();
  const Work second = Pick();
  Retire(first, VNPU_E_TRAP);
  ExpectNoWork();
  EXPECT_FALSE(queue.Done());
  Retire(second);
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
  EXPECT_EQ(queue.Consume()->status, VNPU_E_TRAP);
}

TEST_F(CoreLimit, TimeLimitHoldsForTheWholeKernel) {
  QueueClient& queue = Create(0);
  Publish(queue, WithTimeout(WithCoreLimit(Kernel(kernel_, 10), 2), 100));
  const Work first = Pick();
  const Work second = Pick();
  now_ += 200'000;
  scheduler_->CheckDeadlines();
  EXPECT_FALSE(platform_.stops.empty());
  Retire(first, VNPU_E_TIMEOUT);
  ExpectNoWork();
  Retire(second, VNPU_E_TIMEOUT);
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
  EXPECT_EQ(queue.Consume()->status, VNPU_E_TIMEOUT);
}

TEST_F(CoreLimit, QueueCanBeKilledWhileItWaitsForItsOwnCores) {
  Publish(Create(0), WithCoreLimit(Kernel(kernel_, 10), 1));
  const Work work = Pick();
  ExpectNoWork();
  EXPECT_EQ(scheduler_->KillQueue(0, true), 0);
  Retire(work, VNPU_E_ABORTED);
  ExpectNoWork();
  EXPECT_EQ(scheduler_->DestroyQueue(0), 0);
  EXPECT_TRUE(scheduler_->Idle());
}

}  // namespace
}  // namespace vnpu::firmware::test
