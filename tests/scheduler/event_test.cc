// Record, wait, reset.
#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

using EventOrder = SchedulerTest;

TEST_F(EventOrder, RecordWritesTheRegister) {
  QueueClient& queue = Create(0);
  Publish(queue, {Kernel(kernel_), Record(7, 3)});
  const Work work = Pick();
  EXPECT_EQ(event(7).seq, 0u);
  Retire(work);
  ExpectNoWork();
  EXPECT_EQ(event(7).seq, 3u);
  EXPECT_EQ(event(7).timestamp, now_);
  EXPECT_EQ(queue.time(1).end, now_);
  EXPECT_EQ(event(6).seq, 0u);
  EXPECT_EQ(event(8).seq, 0u);
}

TEST_F(EventOrder, WaitAfterTheRecord) {
  QueueClient& recorder = Create(0);
  Publish(recorder, Record(7, 2));
  ExpectNoWork();
  QueueClient& waiter = Create(1);
  Publish(waiter, {Wait(7, 1), Wait(7, 2), Kernel(kernel_)});
  EXPECT_EQ(RunAll().size(), 1u);
  EXPECT_TRUE(waiter.Done());
}

TEST_F(EventOrder, WaitBeforeTheRecord) {
  QueueClient& waiter = Create(0);
  Publish(waiter, {Wait(7, 1), Kernel(kernel_)});
  ExpectNoWork();
  EXPECT_EQ(waiter.head(), 0u);
  EXPECT_TRUE(scheduler_->EventHasWaiters(7));
  EXPECT_FALSE(scheduler_->EventHasWaiters(6));
  EXPECT_TRUE(scheduler_->Idle()) << "nothing goes on without a doorbell";
  QueueClient& recorder = Create(1);
  Publish(recorder, {Kernel(kernel_), Record(7, 1)});
  Retire(Pick());
  EXPECT_EQ(waiter.head(), 0u);
  EXPECT_EQ(RunAll(), std::vector<uint32_t>{0});
  EXPECT_TRUE(waiter.Done());
  EXPECT_FALSE(scheduler_->EventHasWaiters(7));
}

TEST_F(EventOrder, WaitForALaterRecordStays) {
  QueueClient& waiter = Create(0);
  Publish(waiter, Wait(7, 3));
  QueueClient& recorder = Create(1);
  Publish(recorder, {Record(7, 1), Record(7, 2)});
  ExpectNoWork();
  EXPECT_FALSE(waiter.Done());
  Publish(recorder, Record(7, 3));
  ExpectNoWork();
  EXPECT_TRUE(waiter.Done());
}

TEST_F(EventOrder, LaterRecordEndsEarlierWaits) {
  QueueClient& waiter = Create(0);
  Publish(waiter, {Wait(7, 2), Wait(7, 4)});
  ExpectNoWork();
  QueueClient& recorder = Create(1);
  Publish(recorder, Record(7, 9));
  ExpectNoWork();
  EXPECT_TRUE(waiter.Done());
}

TEST_F(EventOrder, SeveralWaitersEachForItsOwn) {
  constexpr uint32_t kWaiters = 10;
  for (uint32_t id = 0; id < kWaiters; ++id) {
    Publish(Create(id), Wait(7, 1 + id / 2));
  }
  ExpectNoWork();
  QueueClient& recorder = Create(100);
  for (uint64_t seq = 1; seq <= 5; ++seq) {
    Publish(recorder, Record(7, seq));
    ExpectNoWork();
    for (uint32_t id = 0; id < kWaiters; ++id) {
      EXPECT_EQ(clients_[id].Done(), 1 + id / 2 <= seq) << id;
    }
  }
}

TEST_F(EventOrder, RecordAndWaitInOneQueue) {
  QueueClient& queue = Create(0);
  Publish(queue, {Record(7, 1), Wait(7, 1), Record(7, 2), Wait(7, 2)});
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
}

// Queues may get to their records of one event in either order.
TEST_F(EventOrder, RegisterNeverGoesBack) {
  QueueClient& late = Create(0);
  QueueClient& early = Create(1);
  Publish(early, Record(7, 2));
  ExpectNoWork();
  const uint64_t stamp = event(7).timestamp;
  now_ += 500;
  Publish(late, Record(7, 1));
  ExpectNoWork();
  EXPECT_TRUE(late.Done());
  EXPECT_EQ(event(7).seq, 2u);
  EXPECT_EQ(event(7).timestamp, stamp) << "it belongs to the record of this number";
}

TEST_F(EventOrder, ResetMakesWaitsWaitAgain) {
  QueueClient& queue = Create(0);
  Publish(queue, {Record(7, 5), Reset(7)});
  ExpectNoWork();
  EXPECT_EQ(event(7).seq, 0u);
  QueueClient& waiter = Create(1);
  Publish(waiter, Wait(7, 5));
  ExpectNoWork();
  EXPECT_FALSE(waiter.Done());
  Publish(queue, Record(7, 6));
  ExpectNoWork();
  EXPECT_TRUE(waiter.Done());
  EXPECT_EQ(event(7).seq, 6u);
}

TEST_F(EventOrder, ResetOfWaitedEventLeavesTheWaiters) {
  QueueClient& waiter = Create(0);
  Publish(waiter, Wait(7, 2));
  QueueClient& queue = Create(1);
  Publish(queue, {Record(7, 1), Reset(7)});
  ExpectNoWork();
  EXPECT_FALSE(waiter.Done());
  EXPECT_TRUE(scheduler_->EventHasWaiters(7));
}

// Reset stores what it says, and a wait is over when the register is high enough.
TEST_F(EventOrder, ResetToAHighNumberEndsWaits) {
  QueueClient& waiter = Create(0);
  Publish(waiter, Wait(7, 2));
  ExpectNoWork();
  Publish(Create(1), Reset(7, 2));
  ExpectNoWork();
  EXPECT_TRUE(waiter.Done());
  EXPECT_EQ(event(7).seq, 2u);
}

TEST_F(EventOrder, ChainAcrossManyQueues) {
  constexpr uint32_t kQueues = 40;
  for (uint32_t id = 0; id < kQueues; ++id) {
    QueueClient& queue = Create(id);
    Publish(queue, {Wait(id, 1), Kernel(kernel_), Record(id + 1, 1)});
  }
  ExpectNoWork();
  Publish(Create(500), Record(0, 1));
  const std::vector<uint32_t> order = RunAll();
  ASSERT_EQ(order.size(), kQueues);
  for (uint32_t id = 0; id < kQueues; ++id) {
    EXPECT_EQ(order[id], id);
  }
}

TEST_F(EventOrder, HighestEventNumber) {
  Publish(Create(0), Record(VNPU_MAX_EVENTS - 1, 1));
  ExpectNoWork();
  EXPECT_EQ(event(VNPU_MAX_EVENTS - 1).seq, 1u);
  EXPECT_FALSE(scheduler_->EventHasWaiters(VNPU_MAX_EVENTS));
  EXPECT_FALSE(scheduler_->EventHasWaiters(UINT32_MAX));
}

TEST_F(EventOrder, SequenceNumbersOf64Bits) {
  QueueClient& waiter = Create(0);
  Publish(waiter, Wait(7, UINT64_MAX));
  QueueClient& recorder = Create(1);
  Publish(recorder, Record(7, UINT64_MAX - 1));
  ExpectNoWork();
  EXPECT_FALSE(waiter.Done());
  Publish(recorder, Record(7, UINT64_MAX));
  ExpectNoWork();
  EXPECT_TRUE(waiter.Done());
}

}  // namespace
}  // namespace vnpu::firmware::test
