// How the scheduler learns of new tasks, and how it goes to sleep.
#include <algorithm>

#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

class Doorbell : public SchedulerTest {
 protected:
  // One look, without the reaction of Publish() to need_doorbell.
  void PublishSilently(QueueClient& queue, const vnpu_sqe& sqe) {
    queue.Write(sqe);
    queue.StoreTail(queue.tail() + 1);
  }
  // One task in each of `count` queues, `apart` ticks after one another: more queues than are
  // polled.
  void UseQueues(uint32_t count, uint64_t apart) {
    for (uint32_t id = 0; id < count; ++id) {
      Publish(Create(id), Nop());
      ExpectNoWork();
      now_ += apart;
    }
  }
  uint32_t need_wakeup() const { return session()->need_wakeup; }
};

TEST_F(Doorbell, NewQueueAsksForIt) {
  QueueClient& queue = Create(0);
  EXPECT_EQ(queue.hdr().need_doorbell, 1u);
  PublishSilently(queue, Nop());
  ExpectNoWork();
  EXPECT_FALSE(queue.Done()) << "nobody looks at a quiet queue";
  ASSERT_FALSE(queue.Ring());
  EXPECT_NE(session()->doorbell_summary, 0u);
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
  EXPECT_EQ(session()->doorbell_summary, 0u);
  EXPECT_EQ(session()->doorbell[0], 0u);
}

TEST_F(Doorbell, BusyQueueNeedsNone) {
  QueueClient& queue = Create(0);
  Publish(queue, Nop());
  ExpectNoWork();
  EXPECT_EQ(queue.hdr().need_doorbell, 0u);
  for (int i = 0; i < 100; ++i) {
    PublishSilently(queue, Nop());
    ExpectNoWork();
    EXPECT_TRUE(queue.Done());
  }
}

// A client without a fence of its own: its tail shows only when the device's barrier is over, and
// it has not seen that it should ring.
TEST_F(Doorbell, TailThatShowsAtTheBarrierIsFound) {
  QueueClient& queue = Create(0);
  Publish(queue, Nop());
  ExpectNoWork();
  ASSERT_EQ(queue.hdr().need_doorbell, 0u);
  platform_.on_barrier = [&] {
    EXPECT_EQ(queue.hdr().need_doorbell, 1u);
    PublishSilently(queue, Nop());
    platform_.on_barrier = nullptr;
  };
  EXPECT_FALSE(scheduler_->PrepareSleep());
  EXPECT_EQ(queue.hdr().need_doorbell, 0u);
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
  EXPECT_TRUE(scheduler_->PrepareSleep());
}

// Queues that make room for others are looked at once more, if nobody goes to sleep.
TEST_F(Doorbell, QueuesThatPartAreFoundWithoutSleep) {
  UseQueues(300, 0);
  const auto found = std::find_if(clients_.begin(), clients_.end(), [](auto& client) {
    return client.second.hdr().need_doorbell == 1;
  });
  ASSERT_NE(found, clients_.end());
  QueueClient& parting = found->second;
  PublishSilently(parting, Nop());
  ExpectNoWork();
  EXPECT_FALSE(parting.Done());
  now_ += 1'000'000;
  scheduler_->CheckDeadlines();
  ExpectNoWork();
  EXPECT_TRUE(parting.Done());
}

TEST_F(Doorbell, PartedQueuesCanBeDestroyed) {
  constexpr uint32_t kQueues = 300;
  UseQueues(kQueues, 0);
  for (uint32_t id = 0; id < kQueues; ++id) {
    ASSERT_EQ(scheduler_->KillQueue(id, true), 0);
    ASSERT_EQ(scheduler_->DestroyQueue(id), 0);
  }
  now_ += 1'000'000;
  scheduler_->CheckDeadlines();
  EXPECT_TRUE(scheduler_->PrepareSleep());
}

TEST_F(Doorbell, EveryQueueNumberHasItsBit) {
  for (const uint32_t id : {0u, 63u, 64u, 1000u, VNPU_MAX_QUEUES - 1}) {
    Publish(Create(id), Nop());
  }
  ExpectNoWork();
  for (auto& [id, queue] : clients_) {
    EXPECT_TRUE(queue.Done()) << id;
  }
}

TEST_F(Doorbell, ForQueuesThatAreNotThere) {
  session()->doorbell_summary = UINT64_MAX;
  for (uint64_t& word : session()->doorbell) {
    word = UINT64_MAX;
  }
  QueueClient& queue = Create(77);
  PublishSilently(queue, Nop());
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
  EXPECT_EQ(session()->doorbell_summary, 0u);
}

TEST_F(Doorbell, IdleQueueFallsQuietAfterAWhile) {
  QueueClient& idle = Create(0);
  QueueClient& busy = Create(1);
  Publish(idle, Nop());
  Publish(busy, Nop());
  ExpectNoWork();
  for (int i = 0; i < 1000; ++i) {
    now_ += 1000;
    PublishSilently(busy, Nop());
    ExpectNoWork();
    ASSERT_TRUE(busy.Done());
    ExpectNoWork();
  }
  EXPECT_EQ(idle.hdr().need_doorbell, 1u);
  EXPECT_EQ(busy.hdr().need_doorbell, 0u);
  Publish(idle, Nop());
  ExpectNoWork();
  EXPECT_TRUE(idle.Done());
}

// Only so many are polled; others make room.
TEST_F(Doorbell, MoreQueuesThanArePolled) {
  constexpr uint32_t kQueues = 300;
  UseQueues(kQueues, 10);
  uint32_t polled = 0;
  for (auto& [id, queue] : clients_) {
    polled += queue.hdr().need_doorbell == 0 ? 1 : 0;
  }
  EXPECT_EQ(polled, 256u);
  EXPECT_EQ(clients_.at(kQueues - 1).hdr().need_doorbell, 0u) << "used last";
  for (int round = 0; round < 10; ++round) {
    for (auto& [id, queue] : clients_) {
      Publish(queue, {Kernel(kernel_), Nop()});
    }
    size_t ran = 0;
    for (int passes = 0; passes < 100; ++passes) {  // which look at some tails each
      ran += RunAll().size();
      now_ += 1'000'000;
      scheduler_->CheckDeadlines();
    }
    EXPECT_EQ(ran, kQueues);
    for (auto& [id, queue] : clients_) {
      EXPECT_TRUE(queue.Done());
    }
  }
}

// While there is work, the tails of others are left alone for some passes.
TEST_F(Doorbell, TailsAreLookedAtNowAndThenWhileThereIsWork) {
  UseQueues(2, 0);
  QueueClient& busy = clients_.at(0);
  QueueClient& other = clients_.at(1);
  for (int i = 0; i < 15; ++i) {
    Publish(busy, Kernel(kernel_));
  }
  Work work = Pick();
  PublishSilently(other, Nop());
  int passes = 0;
  for (; !other.Done(); ++passes) {
    ASSERT_LT(passes, 20);
    Retire(work, VNPU_OK, 100);
    Publish(busy, Kernel(kernel_));
    work = Pick();
    ASSERT_EQ(work.queue->id, 0u);
  }
  EXPECT_GT(passes, 1);
}

// Some tails a pass while work is short, each of them in turn.
TEST_F(Doorbell, ManyPolledQueuesAreLookedAtInTurn) {
  constexpr uint32_t kQueues = 100;
  UseQueues(kQueues, 0);
  for (auto& [id, queue] : clients_) {
    PublishSilently(queue, Nop());
  }
  int passes = 0;
  while (!std::all_of(clients_.begin(), clients_.end(), [](auto& c) { return c.second.Done(); })) {
    ExpectNoWork();
    ASSERT_LT(++passes, 10);
  }
  EXPECT_GT(passes, 5);
}

// A pass that comes long after the last one, or may meet a higher priority, looks at all.
TEST_F(Doorbell, AllPolledQueuesAreLookedAtAfterLongWork) {
  constexpr uint32_t kQueues = 100;
  UseQueues(kQueues, 0);
  Publish(clients_.at(0), Kernel(kernel_));
  while (!clients_.at(0).Done()) {
    Work work;
    if (TryPick(&work)) {
      NoteStart(&work);
      for (auto& [id, queue] : clients_) {
        PublishSilently(queue, Nop());
      }
      Retire(work, VNPU_OK, 10'000);
    }
  }
  ExpectNoWork();
  for (auto& [id, queue] : clients_) {
    EXPECT_TRUE(queue.Done()) << id;
  }
}

TEST_F(Doorbell, AllPolledQueuesAreLookedAtWithSeveralPriorities) {
  constexpr uint32_t kQueues = 100;
  UseQueues(kQueues, 0);
  Create(kQueues, 1);
  for (auto& [id, queue] : clients_) {
    Publish(queue, Nop());
  }
  ExpectNoWork();
  for (auto& [id, queue] : clients_) {
    EXPECT_TRUE(queue.Done()) << id;
  }
}

TEST_F(Doorbell, SleepMakesEveryQueueQuietAndAsksForKicks) {
  QueueClient& first = Create(0);
  QueueClient& second = Create(1);
  Publish(first, Nop());
  Publish(second, Nop());
  ExpectNoWork();
  EXPECT_EQ(need_wakeup(), 0u);
  ASSERT_TRUE(scheduler_->PrepareSleep());
  EXPECT_EQ(need_wakeup(), 1u);
  EXPECT_EQ(first.hdr().need_doorbell, 1u);
  EXPECT_EQ(second.hdr().need_doorbell, 1u);
  Publish(first, Nop());
  EXPECT_EQ(kicks_, 1);
  Publish(second, Nop());
  EXPECT_EQ(kicks_, 1) << "one kick wakes for all";
  ExpectNoWork();
  EXPECT_TRUE(first.Done());
  EXPECT_TRUE(second.Done());
}

TEST_F(Doorbell, AwakeDeviceNeedsNoKick) {
  QueueClient& queue = Create(0);
  ASSERT_TRUE(scheduler_->PrepareSleep());
  scheduler_->Awake();
  EXPECT_EQ(need_wakeup(), 0u);
  Publish(queue, Nop());
  EXPECT_EQ(kicks_, 0);
}

// What was published just before the device wanted to sleep keeps it awake.
TEST_F(Doorbell, NoSleepWithSomethingPublished) {
  QueueClient& queue = Create(0);
  Publish(queue, Nop());
  EXPECT_FALSE(scheduler_->PrepareSleep()) << "a doorbell rang";
  EXPECT_EQ(need_wakeup(), 0u);
  ExpectNoWork();
  PublishSilently(queue, Nop());
  EXPECT_FALSE(scheduler_->PrepareSleep()) << "a polled queue has a new tail";
  EXPECT_EQ(need_wakeup(), 0u);
  EXPECT_EQ(queue.hdr().need_doorbell, 0u);
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
  EXPECT_TRUE(scheduler_->PrepareSleep());
}

TEST_F(Doorbell, SleepWhileBlocksRun) {
  QueueClient& queue = Create(0);
  Publish(queue, {Kernel(kernel_), Nop()});
  const Work work = Pick();
  EXPECT_TRUE(scheduler_->PrepareSleep());
  EXPECT_FALSE(scheduler_->Idle());
  Retire(work);
  EXPECT_FALSE(scheduler_->PrepareSleep()) << "the next task waits to be looked at";
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
}

}  // namespace
}  // namespace vnpu::firmware::test
