// Tails that make no sense kill their queue and nothing else.
#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

using Tail = SchedulerTest;

TEST_F(Tail, TooFarAhead) {
  for (const uint64_t tail : {uint64_t{17}, uint64_t{1} << 32, UINT64_MAX}) {
    const auto id = static_cast<uint32_t>(10 + clients_.size());
    QueueClient& queue = Create(id);
    queue.StoreTail(tail);
    ASSERT_FALSE(queue.Ring());
    ExpectNoWork();
    const auto cqe = queue.Consume();
    ASSERT_TRUE(cqe);
    EXPECT_EQ(cqe->status, VNPU_E_INVALID_SQE);
    EXPECT_EQ(cqe->task, 0u);
    EXPECT_EQ(queue.head(), 0u);
    EXPECT_FALSE(queue.Consume());
  }
  EXPECT_TRUE(scheduler_->Idle());
}

TEST_F(Tail, ExactlyFullIsFine) {
  QueueClient& queue = Create(0);
  for (int i = 0; i < 16; ++i) {
    Publish(queue, Nop());
  }
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
}

TEST_F(Tail, GoesBackWhilePolled) {
  QueueClient& queue = Create(0);
  Publish(queue, {Nop(), Nop()});
  ExpectNoWork();
  EXPECT_EQ(queue.hdr().need_doorbell, 0u);
  queue.StoreTail(1);
  ExpectNoWork();
  EXPECT_EQ(queue.Consume()->status, VNPU_E_INVALID_SQE);
  EXPECT_EQ(queue.head(), 2u);
}

TEST_F(Tail, DeadQueueStaysDead) {
  QueueClient& queue = Create(0);
  queue.StoreTail(1000);
  ASSERT_FALSE(queue.Ring());
  ExpectNoWork();
  queue.StoreTail(0);
  queue.hdr().need_doorbell = 1;
  Publish(queue, Nop());
  ExpectNoWork();
  EXPECT_EQ(queue.head(), 0u);
  EXPECT_EQ(scheduler_->KillQueue(0, false), 0) << "there is nothing to wait for";
  EXPECT_EQ(scheduler_->DestroyQueue(0), 0);
}

TEST_F(Tail, OtherQueuesGoOn) {
  QueueClient& bad = Create(0);
  QueueClient& good = Create(1);
  Publish(good, {Kernel(kernel_), Kernel(kernel_)});
  const Work work = Pick();
  bad.StoreTail(UINT64_MAX / 2);
  ASSERT_FALSE(bad.Ring());
  ExpectNoWork();
  Retire(work);
  EXPECT_EQ(RunAll().size(), 1u);
  EXPECT_TRUE(good.Done());
}

// Its exception has nothing of the last task that ran.
TEST_F(Tail, ExceptionOfADeadQueue) {
  QueueClient& queue = Create(0);
  Publish(queue, Kernel(kernel_));
  Work work = Pick();
  work.result = {.status = VNPU_E_ADDRESS, .is_write = true, .address = 0x1234, .pc = 0x10100};
  Retire(work);
  queue.StoreTail(500);
  now_ += 5;
  queue.hdr().driver_wait = 1;
  ExpectNoWork();
  ASSERT_EQ(session()->exception_count, 2u);
  const vnpu_exception& record = session()->exceptions[1];
  EXPECT_EQ(record.status, VNPU_E_INVALID_SQE);
  EXPECT_EQ(record.task, 1u);
  EXPECT_EQ(record.timestamp, now_);
  EXPECT_EQ(record.address | record.pc | record.is_write | record.func_id, 0u);
  EXPECT_EQ(platform_.driver_signals, 1) << "whoever waits for a completion entry learns of it";
}

}  // namespace
}  // namespace vnpu::firmware::test
