// Notifies: records, waits, clearing, and counters shared with other sessions.
#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

using NotifyOrder = SchedulerTest;

TEST_F(NotifyOrder, RecordBeforeTheWait) {
  QueueClient& queue = Create(0);
  Publish(queue, {Signal(5), AwaitSignal(5), Kernel(kernel_)});
  EXPECT_EQ(RunAll().size(), 1u);
  EXPECT_TRUE(queue.Done());
}

TEST_F(NotifyOrder, WaitBeforeTheRecord) {
  QueueClient& waiter = Create(0);
  Publish(waiter, {AwaitSignal(5), Kernel(kernel_)});
  ExpectNoWork();
  EXPECT_EQ(waiter.head(), 0u);
  EXPECT_EQ(scheduler_->FreeNotify(5), -EBUSY);
  EXPECT_EQ(scheduler_->FreeNotify(4), 0);
  EXPECT_TRUE(scheduler_->Idle());
  EXPECT_EQ(scheduler_->NextDeadline(), 0u) << "nothing to look at";
  Publish(Create(1), Signal(5));
  EXPECT_EQ(RunAll().size(), 1u);
  EXPECT_TRUE(waiter.Done());
  EXPECT_EQ(scheduler_->FreeNotify(5), 0);
}

TEST_F(NotifyOrder, OneRecordEndsOneWaitTheOldest) {
  QueueClient& first = Create(0);
  QueueClient& second = Create(1);
  Publish(first, AwaitSignal(5));
  ExpectNoWork();
  Publish(second, AwaitSignal(5));
  ExpectNoWork();
  QueueClient& recorder = Create(2);
  Publish(recorder, Signal(5));
  ExpectNoWork();
  EXPECT_TRUE(first.Done());
  EXPECT_FALSE(second.Done());
  Publish(recorder, Signal(5));
  ExpectNoWork();
  EXPECT_TRUE(second.Done());
}

TEST_F(NotifyOrder, RecordsDoNotAddUp) {
  QueueClient& queue = Create(0);
  Publish(queue, {Signal(5), Signal(5), AwaitSignal(5), AwaitSignal(5)});
  ExpectNoWork();
  EXPECT_EQ(queue.head(), 3u);
}

TEST_F(NotifyOrder, CountsChangeAsTheModeSays) {
  QueueClient& queue = Create(0, 3, 0, 64);
  const auto counts = [&](uint32_t mode, uint64_t value, uint64_t wanted) {
    Publish(queue, {NotifyRecord(9, mode, value), NotifyWait(9, VNPU_NOTIFY_EQUAL, wanted)});
    ExpectNoWork();
    return queue.Done();
  };
  EXPECT_TRUE(counts(VNPU_NOTIFY_SET, 12, 12));
  EXPECT_TRUE(counts(VNPU_NOTIFY_ADD, 3, 15));
  EXPECT_TRUE(counts(VNPU_NOTIFY_AND, 10, 10));
  EXPECT_TRUE(counts(VNPU_NOTIFY_OR, 5, 15));
  EXPECT_TRUE(counts(VNPU_NOTIFY_MAX, 7, 15));
  EXPECT_TRUE(counts(VNPU_NOTIFY_MAX, uint64_t{1} << 40, uint64_t{1} << 40));
  EXPECT_TRUE(counts(VNPU_NOTIFY_SET, UINT32_MAX, UINT32_MAX));
  EXPECT_TRUE(counts(VNPU_NOTIFY_ADD, 2, 1)) << "counts have 32 bits";
}

TEST_F(NotifyOrder, WaitsCompareAsTheModeSays) {
  struct Case {
    uint32_t mode;
    uint64_t value;
    uint64_t too_early;
    uint64_t over;
  };
  const Case cases[] = {
      {VNPU_NOTIFY_LESS, 5, 5, 4},     {VNPU_NOTIFY_EQUAL, 5, 6, 5},
      {VNPU_NOTIFY_GREATER, 5, 5, 6},  {VNPU_NOTIFY_NOT_LESS, 5, 4, 5},
      {VNPU_NOTIFY_HAS_BITS, 6, 5, 7},
  };
  QueueClient& recorder = Create(0, 3, 0, 64);
  uint32_t id = 1;
  for (const Case& c : cases) {
    Publish(recorder, NotifyRecord(id, VNPU_NOTIFY_SET, c.too_early));
    ExpectNoWork();
    QueueClient& waiter = Create(id);
    Publish(waiter, NotifyWait(id, c.mode, c.value));
    ExpectNoWork();
    EXPECT_FALSE(waiter.Done()) << c.mode;
    Publish(recorder, NotifyRecord(id, VNPU_NOTIFY_SET, c.over));
    ExpectNoWork();
    EXPECT_TRUE(waiter.Done()) << c.mode;
    ++id;
  }
}

TEST_F(NotifyOrder, ClearingIsARecordToOtherWaits) {
  Publish(Create(9), NotifyRecord(5, VNPU_NOTIFY_SET, 3));
  ExpectNoWork();
  QueueClient& for_zero = Create(0);
  QueueClient& for_nine = Create(1);
  Publish(for_zero, NotifyWait(5, VNPU_NOTIFY_EQUAL, 0));
  ExpectNoWork();
  Publish(for_nine, NotifyWait(5, VNPU_NOTIFY_EQUAL, 9, VNPU_NOTIFY_CLEAR));
  ExpectNoWork();
  EXPECT_FALSE(for_zero.Done());
  Publish(clients_[9], NotifyRecord(5, VNPU_NOTIFY_SET, 9));
  ExpectNoWork();
  EXPECT_TRUE(for_nine.Done());
  EXPECT_TRUE(for_zero.Done());
}

TEST_F(NotifyOrder, ResetIsImmediate) {
  QueueClient& queue = Create(0);
  Publish(queue, Signal(5));
  ExpectNoWork();
  EXPECT_EQ(scheduler_->ResetNotify(5), 0);
  EXPECT_EQ(scheduler_->ResetNotify(VNPU_MAX_NOTIFIES), -EINVAL);
  Publish(queue, AwaitSignal(5));
  ExpectNoWork();
  EXPECT_EQ(queue.head(), 1u);
}

TEST_F(NotifyOrder, TimeLimitEndsTheWait) {
  QueueClient& queue = Create(0);
  Publish(queue, {WithTimeout(AwaitSignal(5), 100), Kernel(kernel_)});
  ExpectNoWork();
  now_ += 99'000;
  scheduler_->CheckDeadlines();
  EXPECT_EQ(queue.head(), 0u);
  now_ += 2'000;
  scheduler_->CheckDeadlines();
  EXPECT_EQ(queue.head(), 1u);
  EXPECT_EQ(queue.Consume()->status, uint32_t{VNPU_E_WAIT_TIMEOUT});
  EXPECT_EQ(scheduler_->FreeNotify(5), 0);
  EXPECT_EQ(RunAll().size(), 1u);
}

TEST_F(NotifyOrder, KilledQueueWaitsNoMore) {
  Create(0);
  Publish(clients_[0], AwaitSignal(5));
  ExpectNoWork();
  EXPECT_EQ(scheduler_->KillQueue(0, true), 0);
  EXPECT_EQ(scheduler_->DestroyQueue(0), 0);
  QueueClient& queue = Create(1);
  Publish(queue, {Signal(5), AwaitSignal(5)});
  ExpectNoWork();
  EXPECT_TRUE(queue.Done()) << "nobody has taken the signal";
}

TEST_F(NotifyOrder, StoppedQueueStillRecords) {
  QueueClient& queue = Create(0, 3, VNPU_QUEUE_STOP_ON_FAILURE);
  Publish(queue, {MakeSqe(VNPU_OP_COUNT), Signal(5), AwaitSignal(5)});
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
  EXPECT_EQ(scheduler_->FreeNotify(5), 0);
  EXPECT_EQ(queue.Consume()->status, uint32_t{VNPU_E_INVALID_SQE});
  EXPECT_EQ(queue.Consume()->status, uint32_t{VNPU_E_ABORTED}) << "the wait, not the record";
}

TEST_F(NotifyOrder, FieldsOutOfRange) {
  QueueClient& queue = Create(0, 3, 0, 64);
  std::vector<vnpu_sqe> bad = {
      Signal(VNPU_MAX_NOTIFIES),
      NotifyRecord(1, VNPU_NOTIFY_RECORD_COUNT, 1),
      NotifyWait(1, VNPU_NOTIFY_WAIT_COUNT, 1),
      NotifyWait(1, VNPU_NOTIFY_EQUAL, 0, 2),
  };
  bad.push_back(Signal(1));
  bad.back().notify.flags = VNPU_NOTIFY_CLEAR;
  bad.push_back(Signal(1));
  bad.back().notify.reserved0 = 1;
  bad.push_back(AwaitSignal(1));
  bad.back().notify.reserved1[2] = 1;
  for (const vnpu_sqe& sqe : bad) {
    Publish(queue, sqe);
    ExpectNoWork();
    const auto cqe = queue.Consume();
    ASSERT_TRUE(cqe);
    EXPECT_EQ(cqe->status, uint32_t{VNPU_E_INVALID_SQE});
  }
}

class SharedNotifies : public SchedulerTest {
 protected:
  NotifyPage page_{};
};

TEST_F(SharedNotifies, AnotherSessionEndsTheWait) {
  ASSERT_EQ(scheduler_->BindNotify(5, &page_, false), 0);
  QueueClient& waiter = Create(0);
  Publish(waiter, {AwaitSignal(5), Kernel(kernel_)});
  ExpectNoWork();
  EXPECT_TRUE(scheduler_->Watching());
  EXPECT_EQ(scheduler_->FreeNotify(5), -EBUSY);
  page_.count = 1;
  EXPECT_EQ(RunAll().size(), 1u);
  EXPECT_TRUE(waiter.Done());
  EXPECT_EQ(page_.count, 0u);
  EXPECT_FALSE(scheduler_->Watching());
  EXPECT_EQ(scheduler_->FreeNotify(5), 0);
}

TEST_F(SharedNotifies, RecordsGoToThePageAndWakeSleepers) {
  ASSERT_EQ(scheduler_->BindNotify(5, &page_, false), 0);
  QueueClient& queue = Create(0);
  Publish(queue, NotifyRecord(5, VNPU_NOTIFY_ADD, 4));
  ExpectNoWork();
  EXPECT_EQ(page_.count, 4u);
  EXPECT_EQ(platform_.driver_signals, 0) << "nobody sleeps";
  page_.sleepers = 1;
  Publish(queue, NotifyRecord(5, VNPU_NOTIFY_ADD, 4));
  ExpectNoWork();
  EXPECT_EQ(page_.count, 8u);
  EXPECT_EQ(platform_.driver_signals, 1);
  EXPECT_EQ(scheduler_->ResetNotify(5), 0);
  EXPECT_EQ(page_.count, 0u);
}

TEST_F(SharedNotifies, SharingTakesCountAndWaitersAlong) {
  QueueClient& waiter = Create(0);
  Publish(waiter, {NotifyRecord(5, VNPU_NOTIFY_SET, 7), NotifyWait(5, VNPU_NOTIFY_EQUAL, 8)});
  ExpectNoWork();
  ASSERT_EQ(scheduler_->BindNotify(5, &page_, true), 0);
  EXPECT_EQ(scheduler_->BindNotify(5, &page_, true), -EINVAL) << "it is shared already";
  EXPECT_EQ(page_.count, 7u);
  page_.count = 8;
  ExpectNoWork();
  EXPECT_TRUE(waiter.Done());
}

TEST_F(SharedNotifies, RecordOfTheOwnSessionEndsTheWaitAtOnce) {
  ASSERT_EQ(scheduler_->BindNotify(5, &page_, false), 0);
  QueueClient& waiter = Create(0);
  Publish(waiter, AwaitSignal(5));
  ExpectNoWork();
  Publish(Create(1), Signal(5));
  Work work;
  EXPECT_FALSE(TryPick(&work));
  EXPECT_TRUE(waiter.Done());
}

TEST_F(SharedNotifies, SleepRaisesTheFlagAndLooksOnceMore) {
  ASSERT_EQ(scheduler_->BindNotify(5, &page_, false), 0);
  QueueClient& waiter = Create(0);
  Publish(waiter, AwaitSignal(5));
  ExpectNoWork();
  EXPECT_TRUE(scheduler_->PrepareSleep());
  EXPECT_EQ(page_.sleepers, 1u);
  EXPECT_GT(scheduler_->NextDeadline(), now_) << "sleeps, but not for ever";
  scheduler_->Awake();
  page_.count = 1;
  EXPECT_FALSE(scheduler_->PrepareSleep());
  EXPECT_TRUE(waiter.Done());
}

TEST_F(SharedNotifies, WaitersOfOneSessionTakeTurns) {
  ASSERT_EQ(scheduler_->BindNotify(5, &page_, false), 0);
  for (uint32_t id = 0; id < 4; ++id) {
    Publish(Create(id), AwaitSignal(5));
    ExpectNoWork();
  }
  for (uint32_t done = 0; done < 4; ++done) {
    page_.count = 1;
    ExpectNoWork();
    for (uint32_t id = 0; id < 4; ++id) {
      EXPECT_EQ(clients_[id].Done(), id <= done) << id;
    }
  }
}

}  // namespace
}  // namespace vnpu::firmware::test
