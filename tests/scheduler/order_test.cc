// Tasks of one queue: in order, one at a time.
#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

using Order = SchedulerTest;

TEST_F(Order, EmptyQueueHasNothingToRun) {
  Create(0);
  ExpectNoWork();
  EXPECT_TRUE(scheduler_->Idle());
}

TEST_F(Order, NextTaskStartsWhenTheOneBeforeIsDone) {
  QueueClient& queue = Create(0);
  Publish(queue, {Kernel(kernel_), Kernel(kernel_), Kernel(kernel_)});
  for (uint64_t task = 0; task < 3; ++task) {
    const Work work = Pick();
    EXPECT_EQ(work.queue->head, task);
    EXPECT_EQ(queue.head(), task);
    ExpectNoWork();
    EXPECT_FALSE(scheduler_->Idle());
    Retire(work);
    EXPECT_EQ(queue.head(), task + 1);
  }
  ExpectNoWork();
  EXPECT_TRUE(scheduler_->Idle());
}

TEST_F(Order, AnyMixOfUnits) {
  const uint32_t vector = AddKernel(VNPU_UNIT_VECTOR_CORE);
  const uint32_t cpu = AddKernel(VNPU_UNIT_AI_CPU);
  const uint32_t mix = AddKernel(VNPU_UNIT_MIX);
  QueueClient& queue = Create(0);
  Publish(queue, {Kernel(vector), Copy(64, 128, 8), Nop(), Kernel(cpu), Record(3, 1), Wait(3, 1),
                  Memset(64, 8, 1), Kernel(mix), Reset(3), Kernel(kernel_)});
  const std::vector<uint64_t> tasks = {0, 1, 3, 6, 7, 9};
  const std::vector<uint32_t> units = {VNPU_UNIT_VECTOR_CORE, VNPU_UNIT_DMA, VNPU_UNIT_AI_CPU,
                                       VNPU_UNIT_DMA,         VNPU_UNIT_MIX, VNPU_UNIT_AI_CORE};
  for (size_t i = 0; i < tasks.size(); ++i) {
    const Work work = Pick();
    EXPECT_EQ(work.queue->head, tasks[i]);
    EXPECT_EQ(work.queue->task.unit, units[i]);
    EXPECT_EQ(queue.head(), tasks[i]);
    ExpectNoWork();
    Retire(work);
  }
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
}

TEST_F(Order, RingGoesRoundManyTimes) {
  QueueClient& queue = Create(0, 3, 0, 4);
  for (uint64_t task = 0; task < 1000; ++task) {
    Publish(queue, task % 3 == 0 ? Kernel(kernel_) : Nop());
    if (queue.Full()) {
      RunAll();
    }
  }
  RunAll();
  EXPECT_EQ(queue.head(), 1000u);
}

TEST_F(Order, TaskTimesFollowEachOther) {
  QueueClient& queue = Create(0);
  Publish(queue, {Kernel(kernel_, 3), Nop(), Copy(64, 128, 8), Record(1, 1)});
  std::vector<Work> blocks = {Pick(), Pick()};
  now_ += 100;
  Retire(blocks[1], VNPU_OK, 50);
  blocks.push_back(Pick());
  Retire(blocks[2], VNPU_OK, 70);
  Retire(blocks[0], VNPU_OK, 90);
  RunAll();
  EXPECT_EQ(queue.time(0).start, blocks[0].start);
  EXPECT_EQ(queue.time(0).end, blocks[0].start + 100 + 50 + 70 + 90);
  for (uint64_t task = 1; task < 4; ++task) {
    EXPECT_GE(queue.time(task).start, queue.time(task - 1).end);
    EXPECT_GE(queue.time(task).end, queue.time(task).start);
  }
  EXPECT_EQ(queue.time(2).end - queue.time(2).start, 1000u);
}

// A queue of entries that need no unit may not keep others from starting.
TEST_F(Order, LongRunsOfSmallEntriesAreBounded) {
  constexpr uint32_t kEntries = 4096;
  QueueClient& small = Create(0, 3, 0, kEntries);
  QueueClient& other = Create(1);
  for (uint32_t i = 0; i < kEntries; ++i) {
    Publish(small, Nop());
  }
  Publish(other, Kernel(kernel_));
  const Work work = Pick();
  EXPECT_EQ(work.queue->id, 1u);
  EXPECT_TRUE(scheduler_->HasMore());
  EXPECT_FALSE(scheduler_->Idle());
  EXPECT_FALSE(small.Done());
  ExpectNoWork();
  EXPECT_TRUE(small.Done());
  Retire(work);
}

// The device runs its own copy of an entry.
TEST_F(Order, EntryThatChangesWhileItRuns) {
  QueueClient& queue = Create(0);
  Publish(queue, Copy(64, 128, 8));
  const Work work = Pick();
  queue.sq()[0] = Copy(0, 0, UINT64_MAX);
  EXPECT_EQ(work.queue->task.sqe.copy.dst, 64u);
  EXPECT_EQ(work.queue->task.sqe.copy.size, 8u);
  Retire(work);
  EXPECT_TRUE(queue.Done());
}

}  // namespace
}  // namespace vnpu::firmware::test
