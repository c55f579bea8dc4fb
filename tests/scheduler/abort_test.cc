// Ending the tasks of a queue from outside; the queue goes on with what comes later.
#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

class Abort : public SchedulerTest {
 protected:
  // Returns the tasks that are dropped, first and beyond the last.
  std::pair<uint64_t, uint64_t> AbortAll(const QueueClient& queue, bool only_one = false) {
    Scheduler::Dropped dropped;
    EXPECT_EQ(scheduler_->AbortQueue(queue.id(), only_one, &dropped), 0);
    return {dropped.from, dropped.until};
  }
  void AbortOne(const QueueClient& queue) {
    const auto [from, until] = AbortAll(queue, /*only_one=*/true);
    EXPECT_EQ(from, until);
  }
  static std::vector<uint32_t> Statuses(QueueClient& queue) {
    std::vector<uint32_t> statuses;
    while (const auto cqe = queue.Consume()) {
      statuses.push_back(cqe->status);
    }
    return statuses;
  }
  void ExpectWorks(QueueClient& queue) {
    Statuses(queue);
    Publish(queue, WithCqe(Kernel(kernel_)));
    EXPECT_EQ(RunAll(), std::vector<uint32_t>{queue.id()});
    EXPECT_EQ(Statuses(queue), std::vector<uint32_t>{VNPU_OK});
  }
};

TEST_F(Abort, UnknownQueue) {
  Scheduler::Dropped dropped;
  EXPECT_EQ(scheduler_->AbortQueue(7, false, &dropped), -ENOENT);
}

TEST_F(Abort, TellsWhichTasksAreDropped) {
  QueueClient& queue = Create(0, 3, VNPU_QUEUE_STOP_ON_FAILURE);
  EXPECT_EQ(AbortAll(queue), std::pair(uint64_t{0}, uint64_t{0}));
  Publish(queue, {Nop(), Wait(1, 1), Nop()});
  ExpectNoWork();
  EXPECT_EQ(AbortAll(queue), std::pair(uint64_t{1}, uint64_t{3}));
  Publish(queue, {Kernel(kernel_), Kernel(kernel_), Nop()});
  Retire(Pick(), VNPU_E_TRAP);
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
  Publish(queue, Nop());
  EXPECT_EQ(AbortAll(queue), std::pair(uint64_t{4}, uint64_t{7})) << "since the failure";
}

TEST_F(Abort, EmptyQueueIsNotHarmed) {
  QueueClient& queue = Create(0);
  AbortAll(queue);
  AbortOne(queue);
  ExpectWorks(queue);
}

TEST_F(Abort, RunningTaskIsStoppedAndTheRestDropped) {
  QueueClient& queue = Create(3);
  Publish(queue, {Kernel(kernel_), Kernel(kernel_), Memset(64, 8, 1)});
  Work work = Pick();
  AbortAll(queue);
  ASSERT_EQ(platform_.stops.size(), 1u);
  EXPECT_EQ(platform_.stops[0].queue_id, 3u);
  EXPECT_EQ(platform_.stops[0].status, VNPU_E_ABORTED);
  ExpectNoWork();
  EXPECT_EQ(queue.head(), 0u) << "its block has not come back";
  Retire(work, VNPU_E_ABORTED);
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
  EXPECT_EQ(Statuses(queue), (std::vector<uint32_t>(3, VNPU_E_ABORTED)));
  EXPECT_EQ(session()->exception_count, 0u);
  EXPECT_EQ(scheduler_->NextDeadline(), 0u);
  ExpectWorks(queue);
}

TEST_F(Abort, AsksAgainUntilTheBlockComesBack) {
  QueueClient& queue = Create(0);
  Publish(queue, Kernel(kernel_));
  const Work work = Pick();
  AbortAll(queue);
  now_ += 1'000'000;
  scheduler_->CheckDeadlines();
  EXPECT_EQ(platform_.stops.size(), 2u);
  Retire(work, VNPU_E_ABORTED);
  EXPECT_EQ(Statuses(queue), std::vector<uint32_t>{VNPU_E_ABORTED});
}

TEST_F(Abort, BlocksThatHaveNotStartedNeverDo) {
  QueueClient& queue = Create(0);
  Publish(queue, Kernel(kernel_, 5));
  const Work work = Pick();
  AbortAll(queue);
  ExpectNoWork();
  Retire(work, VNPU_E_ABORTED);
  EXPECT_TRUE(queue.Done());
  ExpectWorks(queue);
}

TEST_F(Abort, TaskThatWaitsForAUnitEndsAtOnce) {
  SetUnits(1, 1, 1, 1);
  QueueClient& busy = Create(0);
  Publish(busy, Kernel(kernel_));
  const Work work = Pick();
  QueueClient& queue = Create(1);
  Publish(queue, Kernel(kernel_));
  ExpectNoWork();
  AbortAll(queue);
  EXPECT_TRUE(queue.Done());
  EXPECT_TRUE(platform_.stops.empty());
  Retire(work);
  ExpectWorks(queue);
}

TEST_F(Abort, EventWaitEnds) {
  QueueClient& queue = Create(0);
  Publish(queue, {Wait(7, 1), Kernel(kernel_)});
  ExpectNoWork();
  AbortAll(queue);
  EXPECT_FALSE(scheduler_->EventHasWaiters(7));
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
  ExpectWorks(queue);
}

TEST_F(Abort, RecordsAreCarriedOut) {
  QueueClient& queue = Create(0);
  Publish(queue, {Wait(1, 1), Record(7, 4), Reset(8, 9)});
  QueueClient& other = Create(1);
  Publish(other, Wait(7, 4));
  ExpectNoWork();
  AbortAll(queue);
  ExpectNoWork();
  EXPECT_TRUE(other.Done());
  EXPECT_EQ(event(8).seq, 9u);
}

TEST_F(Abort, InterruptsAreNot) {
  QueueClient& queue = Create(0);
  Publish(queue, {Wait(1, 1), Interrupt(7, 4, 2)});
  ExpectNoWork();
  AbortAll(queue);
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
  EXPECT_EQ(event(7).seq, 0u);
  EXPECT_TRUE(platform_.irqs.empty());
}

TEST_F(Abort, WhatComesLaterRuns) {
  QueueClient& queue = Create(0);
  Publish(queue, {Kernel(kernel_), Kernel(kernel_)});
  const Work work = Pick();
  AbortAll(queue);
  Publish(queue, Kernel(kernel_));
  Retire(work, VNPU_E_ABORTED);
  EXPECT_EQ(RunAll(), std::vector<uint32_t>{0});
  EXPECT_TRUE(queue.Done());
  EXPECT_EQ(Statuses(queue).size(), 2u);
}

TEST_F(Abort, OneTaskLeavesTheOthers) {
  QueueClient& queue = Create(0);
  Publish(queue, {Kernel(kernel_), Kernel(kernel_)});
  const Work work = Pick();
  AbortOne(queue);
  Retire(work, VNPU_E_ABORTED);
  EXPECT_EQ(RunAll(), std::vector<uint32_t>{0});
  EXPECT_EQ(Statuses(queue), std::vector<uint32_t>{VNPU_E_ABORTED});
}

TEST_F(Abort, OneTaskIsNoFailureThatStopsTheQueue) {
  QueueClient& queue = Create(0, 3, VNPU_QUEUE_STOP_ON_FAILURE);
  Publish(queue, {Wait(1, 1), Kernel(kernel_)});
  ExpectNoWork();
  AbortOne(queue);
  EXPECT_EQ(RunAll(), std::vector<uint32_t>{0});
}

TEST_F(Abort, EndsTheDroppingAfterAFailure) {
  QueueClient& queue = Create(0, 3, VNPU_QUEUE_STOP_ON_FAILURE);
  Publish(queue, {Kernel(kernel_), Kernel(kernel_)});
  Retire(Pick(), VNPU_E_TRAP);
  ExpectNoWork();
  EXPECT_EQ(Statuses(queue), (std::vector<uint32_t>{VNPU_E_TRAP, VNPU_E_ABORTED}));
  AbortAll(queue);
  ExpectWorks(queue);
}

TEST_F(Abort, FailureModeSetMeanwhileDropsTheRestAllTheSame) {
  QueueClient& queue = Create(0);
  Publish(queue, {Kernel(kernel_), Kernel(kernel_)});
  const Work work = Pick();
  AbortAll(queue);
  EXPECT_EQ(scheduler_->SetStopOnFailure(0, false), 0);
  Retire(work, VNPU_E_ABORTED);
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
}

TEST_F(Abort, WaitersAreTold) {
  QueueClient& queue = Create(0);
  scheduler_->SetIrqLimit(1);
  Publish(queue, Wait(1, 1));
  ExpectNoWork();
  session()->waiters[0] = {.target = 1, .queue_id = 0, .armed = 1, .reserved = {}};
  queue.hdr().waiting = 1;
  AbortAll(queue);
  EXPECT_EQ(platform_.irqs, std::vector<uint32_t>{0});
}

TEST_F(Abort, TailWithoutSenseIsNotFollowed) {
  QueueClient& queue = Create(0);
  Publish(queue, Wait(1, 1));
  ExpectNoWork();
  queue.StoreTail(1'000'000);
  AbortAll(queue);
  ExpectNoWork();
  AbortAll(queue);  // it is dead by now
}

using InterruptTask = SchedulerTest;

TEST_F(InterruptTask, RecordsAndPosts) {
  QueueClient& queue = Create(0);
  QueueClient& waiter = Create(1);
  Publish(waiter, Wait(7, 2));
  Publish(queue, {Kernel(kernel_), Interrupt(7, 2, 255)});
  const Work work = Pick();
  ExpectNoWork();
  EXPECT_TRUE(platform_.irqs.empty());
  Retire(work);
  ExpectNoWork();
  EXPECT_EQ(platform_.irqs, std::vector<uint32_t>{255});
  EXPECT_EQ(event(7).seq, 2u);
  EXPECT_EQ(event(7).timestamp, now_);
  EXPECT_TRUE(queue.Done());
  EXPECT_TRUE(waiter.Done());
}

TEST_F(InterruptTask, WaitBehindItHoldsTheQueue) {
  QueueClient& queue = Create(0);
  Publish(queue, {Interrupt(7, 1, 3), Wait(8, 1), Kernel(kernel_)});
  ExpectNoWork();
  EXPECT_EQ(queue.head(), 1u);
  EXPECT_EQ(event(7).seq, 1u);
  QueueClient& host = Create(1);
  Publish(host, Record(8, 1));
  EXPECT_EQ(RunAll(), std::vector<uint32_t>{0});
}

TEST_F(InterruptTask, DroppedWhenTheQueueHasFailed) {
  QueueClient& queue = Create(0, 3, VNPU_QUEUE_STOP_ON_FAILURE);
  Publish(queue, {Kernel(kernel_), Interrupt(7, 1, 3)});
  Retire(Pick(), VNPU_E_TRAP);
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
  EXPECT_EQ(event(7).seq, 0u);
  EXPECT_TRUE(platform_.irqs.empty());
}

}  // namespace
}  // namespace vnpu::firmware::test
