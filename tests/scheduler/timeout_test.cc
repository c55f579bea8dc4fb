// Time limits of kernels, copies and event waits.
#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

class Timeout : public SchedulerTest {
 protected:
  void PassUs(uint64_t us) {
    now_ += us * 1000;
    scheduler_->CheckDeadlines();
  }
};

TEST_F(Timeout, KernelWithinItsLimit) {
  QueueClient& queue = Create(0);
  Publish(queue, WithTimeout(Kernel(kernel_), 100));
  const Work work = Pick();
  EXPECT_EQ(scheduler_->NextDeadline(), now_ + 100'000);
  PassUs(99);
  Retire(work, VNPU_OK, 0);
  EXPECT_EQ(scheduler_->NextDeadline(), 0u);
  PassUs(1000);
  EXPECT_TRUE(queue.Done());
  EXPECT_TRUE(platform_.stops.empty());
  EXPECT_FALSE(queue.Consume());
}

TEST_F(Timeout, KernelBeyondItsLimitIsStopped) {
  QueueClient& queue = Create(4);
  Publish(queue, {WithTimeout(Kernel(kernel_), 100), Nop()});
  Work work = Pick();
  PassUs(100);
  ASSERT_EQ(platform_.stops.size(), 1u);
  EXPECT_EQ(platform_.stops[0].queue_id, 4u);
  EXPECT_EQ(platform_.stops[0].status, VNPU_E_TIMEOUT);
  EXPECT_FALSE(queue.Done()) << "its block has not come back";
  work.result = {.status = VNPU_E_TIMEOUT, .pc = 0x10040};
  Retire(work, VNPU_E_TIMEOUT);
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
  const auto cqe = queue.Consume();
  ASSERT_TRUE(cqe);
  EXPECT_EQ(cqe->status, VNPU_E_TIMEOUT);
  ASSERT_EQ(cqe->exception, 1u);
  const vnpu_exception& record = session()->exceptions[0];
  EXPECT_EQ(record.status, VNPU_E_TIMEOUT);
  EXPECT_EQ(record.pc, 0x40u) << "where it was when it was stopped";
  EXPECT_FALSE(queue.Consume());
}

TEST_F(Timeout, AsksAgainUntilTheBlockComesBack) {
  QueueClient& queue = Create(0);
  Publish(queue, WithTimeout(Kernel(kernel_), 100));
  const Work work = Pick();
  PassUs(100);
  PassUs(500);
  EXPECT_EQ(platform_.stops.size(), 1u);
  EXPECT_EQ(scheduler_->NextDeadline(), now_ + 500'000);
  PassUs(500);
  PassUs(1000);
  EXPECT_EQ(platform_.stops.size(), 3u);
  // It ended by itself after all: too late is too late.
  Retire(work);
  EXPECT_EQ(queue.Consume()->status, VNPU_E_TIMEOUT);
}

TEST_F(Timeout, BlocksThatHaveNotStartedNeverDo) {
  SetUnits(2, 1, 1, 1);
  QueueClient& queue = Create(0);
  Publish(queue, WithTimeout(Kernel(kernel_, 10), 100));
  const Work first = Pick();
  const Work second = Pick();
  PassUs(100);
  ExpectNoWork();
  EXPECT_FALSE(scheduler_->HasRunnable());
  Retire(first, VNPU_E_TIMEOUT);
  EXPECT_FALSE(queue.Done());
  Retire(second, VNPU_OK);
  EXPECT_TRUE(queue.Done());
  EXPECT_EQ(queue.Consume()->status, VNPU_E_TIMEOUT);
}

// All blocks out came back in time, but the others waited for a unit for too long.
TEST_F(Timeout, NoBlockOutAtTheEndOfTheLimit) {
  SetUnits(1, 1, 1, 1);
  QueueClient& slow = Create(0);
  Publish(slow, WithTimeout(Kernel(kernel_, 2), 100));
  Work work = Pick();
  Retire(work, VNPU_OK, 10'000);
  QueueClient& urgent = Create(1, 0);
  Publish(urgent, Kernel(kernel_));
  work = Pick();
  EXPECT_EQ(work.queue->id, 1u);
  PassUs(200);
  EXPECT_TRUE(slow.Done());
  EXPECT_EQ(slow.Consume()->status, VNPU_E_TIMEOUT);
  EXPECT_TRUE(platform_.stops.empty());
  Retire(work);
  ExpectNoWork();
}

TEST_F(Timeout, LimitBeginsWithTheFirstBlock) {
  SetUnits(1, 1, 1, 1);
  Publish(Create(0), Kernel(kernel_));
  const Work work = Pick();
  QueueClient& queue = Create(1);
  Publish(queue, WithTimeout(Kernel(kernel_), 100));
  ExpectNoWork();
  PassUs(10'000);
  Retire(work);
  const Work second = Pick();
  EXPECT_EQ(second.queue->id, 1u);
  Retire(second, VNPU_OK, 99'000);
  scheduler_->CheckDeadlines();
  EXPECT_FALSE(queue.Consume());
}

TEST_F(Timeout, CopiesHaveLimitsToo) {
  QueueClient& queue = Create(0);
  Publish(queue, WithTimeout(Copy(64, 128, 8), 100));
  const Work work = Pick();
  PassUs(101);
  EXPECT_EQ(platform_.stops.size(), 1u);
  Retire(work, VNPU_E_TIMEOUT);
  EXPECT_EQ(queue.Consume()->status, VNPU_E_TIMEOUT);
}

TEST_F(Timeout, EventWait) {
  QueueClient& queue = Create(0);
  Publish(queue, {WithTimeout(Wait(7, 1), 100), Kernel(kernel_)});
  ExpectNoWork();
  EXPECT_EQ(scheduler_->NextDeadline(), now_ + 100'000);
  PassUs(99);
  EXPECT_EQ(queue.head(), 0u);
  PassUs(1);
  EXPECT_EQ(queue.head(), 1u);
  EXPECT_FALSE(scheduler_->EventHasWaiters(7));
  const auto cqe = queue.Consume();
  ASSERT_TRUE(cqe);
  EXPECT_EQ(cqe->status, VNPU_E_WAIT_TIMEOUT);
  EXPECT_EQ(session()->exceptions[cqe->exception - 1].opcode, VNPU_OP_EVENT_WAIT);
  EXPECT_EQ(RunAll().size(), 1u) << "the queue goes on";
  // A record that comes late finds nobody.
  Publish(Create(1), Record(7, 1));
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
}

TEST_F(Timeout, EventWaitThatIsOverInTime) {
  QueueClient& queue = Create(0);
  Publish(queue, WithTimeout(Wait(7, 1), 100));
  ExpectNoWork();
  Publish(Create(1), Record(7, 1));
  ExpectNoWork();
  EXPECT_EQ(scheduler_->NextDeadline(), 0u);
  PassUs(1000);
  EXPECT_TRUE(queue.Done());
  EXPECT_FALSE(queue.Consume());
}

TEST_F(Timeout, ManyAtOnce) {
  constexpr uint32_t kQueues = 50;
  for (uint32_t id = 0; id < kQueues; ++id) {
    Publish(Create(id), WithTimeout(Wait(id % 3, 1), 100 + (id * 7) % 20));
  }
  ExpectNoWork();
  EXPECT_EQ(scheduler_->NextDeadline(), now_ + 100'000);
  PassUs(110);
  for (uint32_t id = 0; id < kQueues; ++id) {
    EXPECT_EQ(clients_[id].Done(), 100 + (id * 7) % 20 <= 110) << id;
  }
  PassUs(10);
  for (auto& [id, queue] : clients_) {
    EXPECT_TRUE(queue.Done());
    EXPECT_EQ(queue.Consume()->status, VNPU_E_WAIT_TIMEOUT);
  }
  EXPECT_EQ(scheduler_->NextDeadline(), 0u);
}

TEST_F(Timeout, NoLimitMeansNone) {
  Publish(Create(0), Wait(7, 1));
  Publish(Create(1), Kernel(kernel_));
  const Work work = Pick();
  EXPECT_EQ(scheduler_->NextDeadline(), 0u);
  PassUs(1ull << 40);
  EXPECT_TRUE(platform_.stops.empty());
  EXPECT_FALSE(clients_[0].Done());
  Retire(work);
}

TEST_F(Timeout, LongLimitsCostShortKernelsNothing) {
  QueueClient& queue = Create(0);
  Publish(queue, WithTimeout(Kernel(kernel_), 2'000'000));
  const Work work = Pick();
  EXPECT_EQ(scheduler_->NextDeadline(), 0u);
  Retire(work, VNPU_OK, 0);
  PassUs(500'000);
  EXPECT_EQ(scheduler_->NextDeadline(), 0u);
  EXPECT_TRUE(queue.Done());
}

TEST_F(Timeout, LongLimitsHoldForKernelsThatAreSeenRunning) {
  QueueClient& queue = Create(0);
  Publish(queue, WithTimeout(Kernel(kernel_), 2'000'000));
  const Work work = Pick();
  PassUs(200'000);
  EXPECT_EQ(scheduler_->NextDeadline(), now_ + 2'000'000'000);
  PassUs(1'999'999);
  EXPECT_TRUE(platform_.stops.empty());
  PassUs(1);
  ASSERT_EQ(platform_.stops.size(), 1u);
  Retire(work, VNPU_E_TIMEOUT);
  EXPECT_EQ(queue.Consume()->status, VNPU_E_TIMEOUT);
}

}  // namespace
}  // namespace vnpu::firmware::test
