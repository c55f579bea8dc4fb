// Which queue goes first.
#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

using Priority = SchedulerTest;
using Ids = std::vector<uint32_t>;

TEST_F(Priority, HighestFirstWhateverCameFirst) {
  SetUnits(1, 1, 1, 1);
  for (const uint32_t priority : {5u, 0u, 7u, 2u}) {
    QueueClient& queue = Create(priority, priority);
    Publish(queue, {Kernel(kernel_), Kernel(kernel_)});
  }
  EXPECT_EQ(RunAll(), (Ids{0, 0, 2, 2, 5, 5, 7, 7}));
}

TEST_F(Priority, ChangesForTasksThatWait) {
  SetUnits(1, 1, 1, 1);
  for (const uint32_t id : {1u, 2u}) {
    Publish(Create(id, /*priority=*/id), {Kernel(kernel_), Kernel(kernel_)});
  }
  const Work first = Pick();
  EXPECT_EQ(first.queue->id, 1u);
  EXPECT_EQ(scheduler_->SetPriority(1, 7), 0);  // it runs
  EXPECT_EQ(scheduler_->SetPriority(2, 0), 0);  // it is ready
  Retire(first);
  EXPECT_EQ(RunAll(), (Ids{2, 2, 1}));
  EXPECT_EQ(scheduler_->SetPriority(1, VNPU_PRIORITIES), -EINVAL);
  EXPECT_EQ(scheduler_->SetPriority(3, 0), -ENOENT);
}

TEST_F(Priority, RoundRobinAmongEquals) {
  SetUnits(1, 1, 1, 1);
  for (const uint32_t id : {4u, 9u, 6u}) {
    QueueClient& queue = Create(id);
    Publish(queue, {Kernel(kernel_), Kernel(kernel_), Kernel(kernel_)});
  }
  const Ids order = RunAll();
  ASSERT_EQ(order.size(), 9u);
  for (size_t i = 3; i < order.size(); ++i) {
    EXPECT_EQ(order[i], order[i - 3]);
  }
  EXPECT_EQ(Ids({order[0], order[1], order[2]}), (Ids{4, 6, 9}));
}

TEST_F(Priority, BlocksOfEqualsTakeTurns) {
  SetUnits(1, 1, 1, 1);
  Publish(Create(0), Kernel(kernel_, 3));
  Publish(Create(1), Kernel(kernel_, 3));
  // One by one as long as nobody knows how long a block takes; here: too long for batches.
  Ids order;
  for (int i = 0; i < 6; ++i) {
    const Work work = Pick();
    EXPECT_EQ(work.count, 1u);
    order.push_back(work.queue->id);
    Retire(work, VNPU_OK, 1'000'000);
  }
  EXPECT_EQ(order, (Ids{0, 1, 0, 1, 0, 1}));
}

TEST_F(Priority, RunningTaskIsNotPreemptedButItsOtherBlocksWait) {
  SetUnits(1, 1, 1, 1);
  Publish(Create(0, 4), Kernel(kernel_, 3));
  const Work first = Pick();
  Publish(Create(1, 3), Kernel(kernel_));
  ExpectNoWork();
  Retire(first, VNPU_OK, 1'000'000);
  EXPECT_EQ(RunAll(), (Ids{1, 0, 0}));
}

// No unit for the higher one does not mean none for the lower.
TEST_F(Priority, LowerOneUsesUnitsThatTheHigherDoesNotNeed) {
  SetUnits(1, 1, 1, 1);
  const uint32_t vector = AddKernel(VNPU_UNIT_VECTOR_CORE);
  Publish(Create(0, 0), Kernel(kernel_, 2));
  Publish(Create(1, 7), Kernel(vector));
  Publish(Create(2, 7), Kernel(kernel_));
  const Work high = Pick();
  EXPECT_EQ(high.queue->id, 0u);
  const Work low = Pick();
  EXPECT_EQ(low.queue->id, 1u);
  ExpectNoWork();
  Retire(high, VNPU_OK, 1'000'000);
  EXPECT_EQ(Pick().queue->id, 0u);
}

TEST_F(Priority, WaitingQueueLetsLowerOnesRun) {
  QueueClient& high = Create(0, 0);
  Publish(high, {Wait(5, 1), Kernel(kernel_)});
  QueueClient& low = Create(1, 7);
  Publish(low, {Kernel(kernel_), Record(5, 1), Kernel(kernel_)});
  EXPECT_EQ(RunAll(), (Ids{1, 0, 1}));
}

}  // namespace
}  // namespace vnpu::firmware::test
