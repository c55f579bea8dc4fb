// Clients that write the seq of an entry last: entries are found by themselves, before the tail.
#include <cerrno>

#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

class SeqLast : public SchedulerTest {
 protected:
  SeqLast() {
    scheduler_->SetClientFences(true);
    scheduler_->SetSeqLast(true);
  }

  // A queue that is polled, its first task done.
  QueueClient& Polled(uint32_t id, uint32_t flags = 0) {
    QueueClient& queue = Create(id, 3, flags);
    Publish(queue, Nop());
    ExpectNoWork();
    EXPECT_EQ(queue.hdr().need_doorbell, 0u);
    return queue;
  }
};

TEST_F(SeqLast, EntriesAreTakenBeforeTheTail) {
  QueueClient& queue = Polled(0);
  for (uint64_t index = 1; index < 100; ++index) {
    queue.Write(Nop());
    ExpectNoWork();
    EXPECT_EQ(queue.head(), index + 1);
    ExpectNoWork();  // the tail is one behind, which is no reason to condemn the queue
    queue.StoreTail(index + 1);
  }
  EXPECT_FALSE(queue.Consume());
}

TEST_F(SeqLast, FirstEntryIsTakenByTheTail) {
  QueueClient& queue = Create(0);
  // Zeros look like entry 0.
  std::atomic_ref(session()->doorbell[0]).store(1);
  std::atomic_ref(session()->doorbell_summary).store(1);
  ExpectNoWork();
  EXPECT_EQ(queue.head(), 0u);
  Publish(queue, Nop());
  ExpectNoWork();
  EXPECT_EQ(queue.head(), 1u);
}

TEST_F(SeqLast, EntriesOfTheLastRoundAreNotTaken) {
  QueueClient& queue = Polled(0);
  for (uint32_t i = 1; i < 2 * queue.entries(); ++i) {
    Publish(queue, Nop());
    ExpectNoWork();
  }
  EXPECT_TRUE(queue.Done());
  ExpectNoWork();
  EXPECT_EQ(queue.head(), 2 * queue.entries());
}

TEST_F(SeqLast, KernelsFollowByTheirEntries) {
  QueueClient& queue = Polled(0);
  // How long they take is known.
  Publish(queue, {Kernel(kernel_), Kernel(kernel_)});
  RunAll();
  Publish(queue, Kernel(kernel_));
  Work work = Pick();
  for (uint64_t index = queue.tail(); index < 20; ++index) {
    queue.Write(Kernel(kernel_));
    now_ += 10;
    work.end = now_;
    work.done = work.count;
    ASSERT_EQ(scheduler_->Follow(&work), Scheduler::Followed::kNext) << index;
    EXPECT_EQ(queue.head(), index);
    queue.StoreTail(index + 1);
  }
  work.end = now_;
  EXPECT_EQ(scheduler_->Follow(&work), Scheduler::Followed::kNo);
  Retire(work);
  EXPECT_TRUE(queue.Done());
}

// An entry that says something else than its place is not overlooked for ever.
TEST_F(SeqLast, WrongSeqIsFoundByTheTail) {
  QueueClient& queue = Polled(0);
  vnpu_sqe sqe = Nop();
  sqe.queue_id = 0;
  sqe.seq = 77;
  ASSERT_FALSE(queue.PublishRaw(sqe));
  ExpectNoWork();
  EXPECT_EQ(queue.head(), 1u);
  EXPECT_FALSE(scheduler_->PrepareSleep());
  ExpectNoWork();
  EXPECT_EQ(queue.head(), 2u);
  EXPECT_EQ(queue.Consume()->status, VNPU_E_INVALID_SQE);
}

TEST_F(SeqLast, SenselessTailKillsTheQueue) {
  for (const uint64_t tail : {uint64_t{18}, UINT64_MAX}) {
    QueueClient& queue = Polled(10 + static_cast<uint32_t>(clients_.size()));
    queue.StoreTail(tail);
    ExpectNoWork();
    EXPECT_FALSE(scheduler_->PrepareSleep());
    ExpectNoWork();
    EXPECT_EQ(queue.Consume()->status, VNPU_E_INVALID_SQE);
    EXPECT_EQ(queue.head(), 1u);
  }
}

TEST_F(SeqLast, EntryWithoutTailIsNoReasonToStayAwake) {
  QueueClient& queue = Polled(0);
  queue.Write(Nop());
  ExpectNoWork();
  EXPECT_EQ(queue.head(), 2u);
  EXPECT_TRUE(scheduler_->PrepareSleep());
  // The client's tail and its doorbell come late.
  queue.StoreTail(2);
  EXPECT_TRUE(queue.Ring());
  ExpectNoWork();
  EXPECT_EQ(queue.head(), 2u);
  Publish(queue, Nop());
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
}

TEST_F(SeqLast, QueueCanBeDestroyedBeforeTheTailShows) {
  QueueClient& queue = Polled(0);
  queue.Write(Nop());
  ExpectNoWork();
  EXPECT_EQ(scheduler_->KillQueue(0, false), 0);
  EXPECT_EQ(scheduler_->DestroyQueue(0), 0);
}

TEST_F(SeqLast, AbortDropsNothingThatIsToCome) {
  QueueClient& queue = Polled(0);
  queue.Write(Nop());
  ExpectNoWork();
  Scheduler::Dropped dropped;
  EXPECT_EQ(scheduler_->AbortQueue(0, false, &dropped), 0);
  EXPECT_EQ(dropped.from, 2u);
  EXPECT_EQ(dropped.until, 2u);
  queue.StoreTail(2);
  Publish(queue, Nop());
  ExpectNoWork();
  EXPECT_FALSE(queue.Consume());
}

TEST_F(SeqLast, RunningEntryIsPublishedBeforeItsTail) {
  QueueClient& queue = Polled(0);
  queue.Write(Kernel(kernel_));
  const Work work = Pick();
  EXPECT_EQ(scheduler_->KillQueue(0, false), -EBUSY);
  Scheduler::Dropped dropped;
  EXPECT_EQ(scheduler_->AbortQueue(0, false, &dropped), 0);
  EXPECT_EQ(dropped.from, 1u);
  EXPECT_EQ(dropped.until, 2u);
  Retire(work, VNPU_E_ABORTED);
  EXPECT_EQ(queue.head(), 2u);
}

// Another queue keeps the device busy, so that it never looks for the last time before a sleep.
TEST_F(SeqLast, WrongSeqIsFoundWhileOthersWork) {
  QueueClient& queue = Polled(0);
  QueueClient& other = Create(1, 3, 0, 1024);
  vnpu_sqe sqe = Nop();
  sqe.queue_id = 0;
  sqe.seq = 77;
  ASSERT_FALSE(queue.PublishRaw(sqe));
  Publish(other, Kernel(kernel_));
  for (int i = 0; i < 10000 && queue.head() == 1; ++i) {
    Publish(other, Kernel(kernel_));
    Retire(Pick());
    scheduler_->CheckDeadlines();
  }
  const auto cqe = queue.Consume();
  ASSERT_TRUE(cqe);
  EXPECT_EQ(cqe->status, VNPU_E_INVALID_SQE);
}

TEST_F(SeqLast, NotWhereTheDriverSubmits) {
  QueueClient& queue = Polled(0, VNPU_QUEUE_DRIVER_SUBMIT);
  queue.Write(Nop());
  ExpectNoWork();
  EXPECT_EQ(queue.head(), 1u);
  queue.StoreTail(2);
  ExpectNoWork();
  EXPECT_EQ(queue.head(), 2u);
}

}  // namespace
}  // namespace vnpu::firmware::test
