// What follows a failed task: CQE, exception record, and the failure mode of the queue.
#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

using Failure = SchedulerTest;

TEST_F(Failure, QueueGoesOn) {
  QueueClient& queue = Create(0);
  Publish(queue, {Kernel(kernel_), Kernel(kernel_), Nop()});
  Retire(Pick(), VNPU_E_ADDRESS);
  Retire(Pick());
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
  const auto cqe = queue.Consume();
  ASSERT_TRUE(cqe);
  EXPECT_EQ(cqe->task, 0u);
  EXPECT_EQ(cqe->status, VNPU_E_ADDRESS);
  EXPECT_FALSE(queue.Consume());
}

TEST_F(Failure, StopOnFailureDropsTheRest) {
  QueueClient& queue = Create(0, 3, VNPU_QUEUE_STOP_ON_FAILURE);
  Publish(queue, {Nop(), Kernel(kernel_), Kernel(kernel_), Nop(), Copy(1, 2, 3), Wait(9, 1)});
  Retire(Pick(), VNPU_E_TRAP);
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
  EXPECT_EQ(queue.Consume()->status, VNPU_E_TRAP);
  for (uint64_t task = 2; task < 6; ++task) {
    const auto cqe = queue.Consume();
    ASSERT_TRUE(cqe);
    EXPECT_EQ(cqe->task, task);
    EXPECT_EQ(cqe->status, VNPU_E_ABORTED);
    EXPECT_EQ(cqe->exception, 0u) << "dropped tasks are no exceptions";
  }
  EXPECT_EQ(session()->exception_count, 1u);
  Publish(queue, Kernel(kernel_));
  ExpectNoWork();
  EXPECT_EQ(queue.Consume()->status, VNPU_E_ABORTED) << "also what is published later";
}

// Other queues wait for the events of a stopped one: they must not hang.
TEST_F(Failure, StoppedQueueStillRecordsAndResets) {
  QueueClient& queue = Create(0, 3, VNPU_QUEUE_STOP_ON_FAILURE);
  QueueClient& waiter = Create(1);
  Publish(waiter, Wait(7, 1));
  event(8).seq = 5;
  Publish(queue, {Kernel(kernel_), Kernel(kernel_), Record(7, 1), Reset(8)});
  Retire(Pick(), VNPU_E_TRAP);
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
  EXPECT_TRUE(waiter.Done());
  EXPECT_EQ(event(7).seq, 1u);
  EXPECT_EQ(event(8).seq, 0u);
  EXPECT_EQ(queue.Consume()->status, VNPU_E_TRAP);
  EXPECT_EQ(queue.Consume()->status, VNPU_E_ABORTED);
  EXPECT_FALSE(queue.Consume());
}

TEST_F(Failure, EveryKindOfFailureStops) {
  event(1).seq = 0;
  const std::vector<vnpu_sqe> failures = {MakeSqe(VNPU_OP_COUNT), WithTimeout(Wait(1, 1), 10)};
  for (uint32_t id = 0; id < failures.size(); ++id) {
    QueueClient& queue = Create(id, 3, VNPU_QUEUE_STOP_ON_FAILURE);
    Publish(queue, {failures[id], Nop()});
    ExpectNoWork();
    now_ += 10'000;
    scheduler_->CheckDeadlines();
    ExpectNoWork();
    EXPECT_TRUE(queue.Done());
    EXPECT_NE(queue.Consume()->status, VNPU_E_ABORTED);
    EXPECT_EQ(queue.Consume()->status, VNPU_E_ABORTED);
  }
}

TEST_F(Failure, ModeChangesWhileTheQueueRuns) {
  QueueClient& queue = Create(0);
  EXPECT_EQ(scheduler_->SetStopOnFailure(0, true), 0);
  Publish(queue, {Kernel(kernel_), Nop()});
  Retire(Pick(), VNPU_E_TRAP);
  ExpectNoWork();
  EXPECT_EQ(queue.Consume()->status, VNPU_E_TRAP);
  EXPECT_EQ(queue.Consume()->status, VNPU_E_ABORTED);
  // Back to going on: so it does at once.
  EXPECT_EQ(scheduler_->SetStopOnFailure(0, false), 0);
  Publish(queue, Kernel(kernel_));
  EXPECT_EQ(RunAll().size(), 1u);
  EXPECT_FALSE(queue.Consume());
  // A failure before the mode was set does not count.
  EXPECT_EQ(scheduler_->SetStopOnFailure(0, true), 0);
  Publish(queue, Kernel(kernel_));
  EXPECT_EQ(RunAll().size(), 1u);
  EXPECT_EQ(scheduler_->SetStopOnFailure(1, true), -ENOENT);
}

TEST_F(Failure, ExceptionTellsWhereAndWhat) {
  SetUnits(4, 1, 1, 1);
  const uint32_t other = AddKernel(VNPU_UNIT_AI_CORE, 0, 2);
  QueueClient& queue = Create(33);
  Publish(queue, {Nop(), Kernel(other, 3)});
  Work work = Pick();
  Pick();
  work = Pick();
  work.result = {.status = VNPU_E_ADDRESS, .is_write = true, .address = 0x1234, .pc = 0x10100};
  Retire(work, VNPU_E_ADDRESS);
  const vnpu_exception& record = session()->exceptions[0];
  EXPECT_EQ(session()->exception_count, 0u) << "two blocks still run";
  Work rest = work;
  for (const uint32_t first : {0u, 1u}) {
    rest.first = first;
    rest.core = first;
    rest.result = {};
    Retire(rest, first == 0 ? VNPU_E_TRAP : VNPU_OK);
  }
  ASSERT_EQ(session()->exception_count, 1u);
  EXPECT_EQ(record.seq, 1u);
  EXPECT_EQ(record.task, 1u);
  EXPECT_EQ(record.address, 0x1234u);
  EXPECT_EQ(record.pc, 0x100u) << "relative to the module";
  EXPECT_EQ(record.timestamp, now_);
  EXPECT_EQ(record.queue_id, 33u);
  EXPECT_EQ(record.status, VNPU_E_ADDRESS) << "the first failure counts";
  EXPECT_EQ(record.opcode, VNPU_OP_KERNEL);
  EXPECT_EQ(record.func_id, other);
  EXPECT_EQ(record.block, 2u);
  EXPECT_EQ(record.core, 2u);
  EXPECT_EQ(record.unit, VNPU_UNIT_AI_CORE);
  EXPECT_EQ(record.is_write, 1u);
  EXPECT_EQ(queue.Consume()->exception, 1u);
}

TEST_F(Failure, BlockWithinABatch) {
  QueueClient& queue = Create(0);
  Publish(queue, Kernel(kernel_, 100));
  Retire(Pick(), VNPU_OK, 9);
  Work work = Pick();
  ASSERT_GT(work.count, 7u);
  work.done = 6;
  work.end = ++now_;
  work.result = {.status = VNPU_E_DIVIDE};
  scheduler_->Retire(work);
  EXPECT_TRUE(queue.Done());
  EXPECT_EQ(session()->exceptions[0].block, 1u + 6);
}

// Nothing of an earlier exception may show in a later one.
TEST_F(Failure, ExceptionsAreIndependent) {
  QueueClient& queue = Create(0);
  Publish(queue, {Kernel(kernel_, 2), MakeSqe(VNPU_OP_COUNT), Copy(64, 128, 8)});
  Work work = Pick();
  Retire(Pick());
  work.first = 1;
  work.core = 1;
  work.result = {.status = VNPU_E_ADDRESS, .is_write = true, .address = 0x1234, .pc = 0x10100};
  Retire(work);
  work = Pick();
  work.result = {.status = VNPU_E_DMA_HOST, .address = 128};
  Retire(work);
  ASSERT_EQ(session()->exception_count, 3u);
  const vnpu_exception& invalid = session()->exceptions[1];
  EXPECT_EQ(invalid.status, VNPU_E_INVALID_SQE);
  EXPECT_EQ(invalid.address | invalid.pc | invalid.is_write | invalid.block | invalid.core, 0u);
  EXPECT_EQ(invalid.func_id, 0u);
  const vnpu_exception& copy = session()->exceptions[2];
  EXPECT_EQ(copy.status, VNPU_E_DMA_HOST);
  EXPECT_EQ(copy.address, 128u);
  EXPECT_EQ(copy.unit, VNPU_UNIT_DMA);
  EXPECT_EQ(copy.pc, 0u);
  EXPECT_EQ(copy.block | copy.is_write, 0u);
}

TEST_F(Failure, ExceptionRingKeepsTheLast) {
  QueueClient& queue = Create(0);
  for (uint64_t i = 0; i < 3 * VNPU_EXCEPTIONS + 5; ++i) {
    Publish(queue, MakeSqe(VNPU_OP_COUNT));
    ExpectNoWork();
    const auto cqe = queue.Consume();
    ASSERT_TRUE(cqe);
    EXPECT_EQ(cqe->exception, i + 1);
    const vnpu_exception& record = session()->exceptions[i % VNPU_EXCEPTIONS];
    EXPECT_EQ(record.seq, i + 1);
    EXPECT_EQ(record.task, i);
  }
  EXPECT_EQ(session()->exception_count, 3 * VNPU_EXCEPTIONS + 5);
}

}  // namespace
}  // namespace vnpu::firmware::test
