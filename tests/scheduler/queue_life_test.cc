// Creation and destruction of queues, in every state that a queue can be in.
#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

using QueueLife = SchedulerTest;

TEST_F(QueueLife, CreateChecksItsArguments) {
  Create(0);
  const Memory memory(vnpu_queue_bytes(16, 0));
  const QueueMemory at = QueueMemory::At(memory.data(), 16, 0);
  EXPECT_EQ(scheduler_->CreateQueue(0, at, 0, 0), -EEXIST);
  EXPECT_EQ(scheduler_->CreateQueue(VNPU_MAX_QUEUES, at, 0, 0), -EINVAL);
  EXPECT_EQ(scheduler_->CreateQueue(1, at, VNPU_PRIORITIES, 0), -EINVAL);
  EXPECT_EQ(scheduler_->CreateQueue(VNPU_MAX_QUEUES - 1, at, VNPU_PRIORITIES - 1, 0), 0);
}

TEST_F(QueueLife, UnknownQueues) {
  for (const uint32_t id : {1u, VNPU_MAX_QUEUES, UINT32_MAX}) {
    EXPECT_EQ(scheduler_->KillQueue(id, true), -ENOENT);
    EXPECT_EQ(scheduler_->DestroyQueue(id), -ENOENT);
    EXPECT_FALSE(scheduler_->QueueBusy(id));
  }
}

TEST_F(QueueLife, LivingQueueIsNotDestroyed) {
  Publish(Create(0), Nop());
  ExpectNoWork();
  EXPECT_EQ(scheduler_->DestroyQueue(0), -EBUSY);
  EXPECT_EQ(scheduler_->KillQueue(0, false), 0);
  EXPECT_EQ(scheduler_->DestroyQueue(0), 0);
}

TEST_F(QueueLife, WithoutForceOnlyWhenAllIsDone) {
  QueueClient& queue = Create(0);
  Publish(queue, Kernel(kernel_));
  EXPECT_EQ(scheduler_->KillQueue(0, false), -EBUSY) << "published, not seen yet";
  const Work work = Pick();
  EXPECT_EQ(scheduler_->KillQueue(0, false), -EBUSY);
  Retire(work);
  EXPECT_EQ(scheduler_->KillQueue(0, false), 0);
  EXPECT_EQ(scheduler_->DestroyQueue(0), 0);
}

// Takes a queue into a state, kills it there, and sees that nothing of it is left.
class KillQueue : public SchedulerTest {
 protected:
  void KillAndDestroy(uint32_t id) {
    EXPECT_EQ(scheduler_->KillQueue(id, true), 0);
    EXPECT_FALSE(scheduler_->QueueBusy(id));
    EXPECT_EQ(scheduler_->DestroyQueue(id), 0);
    // Its memory is gone: whoever still looks there shows up in a checker build.
    std::fill_n(clients_[id].base(), VNPU_PAGE_SIZE, std::byte{0xff});
    queue_memory_.clear();
    clients_.erase(id);
    QueueClient& next = Create(id);
    Publish(next, {Kernel(kernel_), Nop()});
    EXPECT_EQ(RunAll(), std::vector<uint32_t>{id});
    EXPECT_TRUE(next.Done());
    EXPECT_EQ(scheduler_->NextDeadline(), 0u);
  }
};

TEST_F(KillQueue, Quiet) {
  Create(0);
  KillAndDestroy(0);
}

TEST_F(KillQueue, Polled) {
  Publish(Create(0), Nop());
  ExpectNoWork();
  KillAndDestroy(0);
}

TEST_F(KillQueue, WithEntriesNotLookedAtYet) {
  QueueClient& queue = Create(0, 3, 0, 1024);
  for (int i = 0; i < 1000; ++i) {
    Publish(queue, Nop());
  }
  Work work;
  EXPECT_FALSE(TryPick(&work));
  ASSERT_TRUE(scheduler_->HasMore());
  KillAndDestroy(0);
  EXPECT_FALSE(scheduler_->HasMore());
}

TEST_F(KillQueue, ReadyForAUnit) {
  SetUnits(1, 1, 1, 1);
  Publish(Create(1), Kernel(kernel_));
  const Work work = Pick();
  Publish(Create(0), Kernel(kernel_));
  ExpectNoWork();
  EXPECT_TRUE(scheduler_->HasRunnable());
  Retire(work);
  EXPECT_EQ(scheduler_->KillQueue(1, true), 0);
  EXPECT_EQ(scheduler_->DestroyQueue(1), 0);
  KillAndDestroy(0);
}

TEST_F(KillQueue, WaitingForAnEvent) {
  Publish(Create(0), WithTimeout(Wait(7, 1), 100));
  ExpectNoWork();
  EXPECT_NE(scheduler_->NextDeadline(), 0u);
  KillAndDestroy(0);
  EXPECT_FALSE(scheduler_->EventHasWaiters(7));
}

TEST_F(KillQueue, WaitingAmongOthers) {
  for (const uint32_t id : {0u, 1u, 2u}) {
    Publish(Create(id), Wait(7, 1));
  }
  ExpectNoWork();
  EXPECT_EQ(scheduler_->KillQueue(1, true), 0);
  EXPECT_EQ(scheduler_->DestroyQueue(1), 0);
  Publish(Create(3), Record(7, 1));
  ExpectNoWork();
  EXPECT_TRUE(clients_[0].Done());
  EXPECT_TRUE(clients_[2].Done());
  EXPECT_FALSE(clients_[1].Done());
}

TEST_F(KillQueue, Running) {
  QueueClient& queue = Create(0);
  Publish(queue, {WithTimeout(Kernel(kernel_, 5), 100), Nop()});
  const Work first = Pick();
  const Work second = Pick();
  EXPECT_EQ(scheduler_->KillQueue(0, true), 0);
  ASSERT_EQ(platform_.stops.size(), 1u);
  EXPECT_EQ(platform_.stops[0].queue_id, 0u);
  EXPECT_EQ(platform_.stops[0].status, VNPU_E_ABORTED);
  EXPECT_TRUE(scheduler_->QueueBusy(0));
  EXPECT_EQ(scheduler_->DestroyQueue(0), -EBUSY);
  ExpectNoWork();
  Retire(first, VNPU_E_ABORTED);
  EXPECT_TRUE(scheduler_->QueueBusy(0));
  EXPECT_EQ(scheduler_->KillQueue(0, true), 0) << "asks again";
  EXPECT_EQ(platform_.stops.size(), 2u);
  Retire(second, VNPU_OK);
  EXPECT_FALSE(scheduler_->QueueBusy(0));
  EXPECT_EQ(queue.head(), 0u) << "a dead queue makes no progress";
  EXPECT_FALSE(queue.Consume());
  EXPECT_EQ(own().in_use[VNPU_UNIT_AI_CORE].load(), 0u);
  KillAndDestroy(0);
}

TEST_F(KillQueue, RunningBeyondItsLimit) {
  Publish(Create(0), WithTimeout(Kernel(kernel_), 100));
  const Work work = Pick();
  now_ += 200'000;
  scheduler_->CheckDeadlines();
  EXPECT_EQ(scheduler_->KillQueue(0, true), 0);
  EXPECT_EQ(scheduler_->NextDeadline(), 0u);
  Retire(work, VNPU_E_TIMEOUT);
  KillAndDestroy(0);
}

TEST_F(KillQueue, Dead) {
  QueueClient& queue = Create(0);
  queue.StoreTail(1000);
  ASSERT_FALSE(queue.Ring());
  ExpectNoWork();
  KillAndDestroy(0);
}

TEST_F(KillQueue, DoorbellOfADeadQueue) {
  QueueClient& queue = Create(0);
  Publish(queue, Nop());
  EXPECT_EQ(scheduler_->KillQueue(0, true), 0);
  ExpectNoWork();
  EXPECT_EQ(queue.head(), 0u);
  EXPECT_EQ(scheduler_->DestroyQueue(0), 0);
  session()->doorbell[0] = 1;
  session()->doorbell_summary = 1;
  ExpectNoWork();
}

}  // namespace
}  // namespace vnpu::firmware::test
