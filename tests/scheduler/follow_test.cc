// Short kernels that follow one another on a worker, without the whole scheduler between them.
#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

using Followed = Scheduler::Followed;

class Follow : public SchedulerTest {
 protected:
  Follow() {
    scheduler_->SetClientFences(true);
    scheduler_->SetIrqLimit(4);
    // How long the kernels take is known.
    QueueClient& queue = Create(9);
    Publish(queue, {Kernel(kernel_), Kernel(kernel_)});
    RunAll();
  }

  Followed End(Work* work, uint64_t ticks = 100) {
    now_ += ticks;
    NoteEnd(work);
    work->done = work->count;
    const Followed followed = scheduler_->Follow(work);
    NoteStart(work);
    return followed;
  }
};

TEST_F(Follow, NextKernelOfTheQueue) {
  QueueClient& queue = Create(0);
  Publish(queue, {Kernel(kernel_), Kernel(kernel_), Kernel(kernel_)});
  Work work = Pick();
  const uint64_t begin = now_;
  ASSERT_EQ(End(&work), Followed::kNext);
  EXPECT_EQ(queue.head(), 1u);
  EXPECT_EQ(queue.time(0).start, begin);
  EXPECT_EQ(queue.time(0).end, now_);
  EXPECT_EQ(work.queue->id, 0u);
  EXPECT_EQ(work.queue->head, 1u);
  EXPECT_TRUE(scheduler_->QueueBusy(0));
  EXPECT_EQ(own().in_use[VNPU_UNIT_AI_CORE].load(), 1u);
  ASSERT_EQ(End(&work), Followed::kNext);
  // There is none after the last one: the usual way.
  ASSERT_EQ(End(&work), Followed::kNo);
  Retire(work);
  EXPECT_TRUE(queue.Done());
  EXPECT_EQ(own().tasks.load(), 5u);
  EXPECT_EQ(own().in_use[VNPU_UNIT_AI_CORE].load(), 0u);
  ExpectNoWork();
  EXPECT_TRUE(scheduler_->Idle());
}

TEST_F(Follow, UnitsCountTheTimeOfEach) {
  QueueClient& queue = Create(0);
  const uint64_t before = own().busy_ns[VNPU_UNIT_AI_CORE].load();
  Publish(queue, {Kernel(kernel_), Kernel(kernel_)});
  Work work = Pick();
  ASSERT_EQ(End(&work, 300), Followed::kNext);
  EXPECT_NEAR(static_cast<double>(own().busy_ns[VNPU_UNIT_AI_CORE].load() - before), 300, 1);
}

// A queue whose kernels are known to be tiny, and that does not want their times.
class TinyKernels : public Follow {
 protected:
  static constexpr uint64_t kTicks = 20;

  TinyKernels() : queue_(Create(0, 3, 0, 64)) {
    Run(16);
    queue_.hdr().record_times = 0;
  }

  void Run(int kernels, uint64_t ticks = kTicks) {
    Work work = Start(kernels);
    for (int i = 1; i < kernels; ++i) {
      ASSERT_EQ(End(&work, ticks), Followed::kNext) << i;
    }
    ASSERT_EQ(End(&work, ticks), Followed::kNo);
    Retire(work);
  }

  Work Start(int kernels) {
    Publish(queue_, std::vector<vnpu_sqe>(kernels, Kernel(kernel_)));
    return Pick();
  }

  // How many of 40 kernels follow the first one while another queue has something to do.
  int FollowedBesideAnother(uint64_t ticks) {
    Publish(Create(1), Kernel(kernel_));
    Work work = Start(40);
    int followed = 0;
    while (End(&work, ticks) == Followed::kNext && followed < 40) {
      ++followed;
    }
    return followed;
  }

  uint64_t busy() { return own().busy_ns[VNPU_UNIT_AI_CORE].load(); }

  QueueClient& queue_;
};

TEST_F(TinyKernels, OneIn27IsTimed) {
  constexpr int kKernels = 60;
  const uint64_t before = busy();
  const uint64_t tasks = own().tasks.load();
  Work work = Start(kKernels);
  EXPECT_TRUE(work.timed);
  int timed = 0;
  for (int i = 1; i < kKernels; ++i) {
    ASSERT_EQ(End(&work, kTicks), Followed::kNext) << i;
    timed += work.timed ? 1 : 0;
  }
  EXPECT_EQ(timed, (kKernels - 1) / 27);
  ASSERT_EQ(End(&work, kTicks), Followed::kNo);
  Retire(work, VNPU_OK, 0);
  // The others count as long as the one before.
  EXPECT_NEAR(static_cast<double>(busy() - before), kTicks * kKernels, 2 * kTicks);
  EXPECT_EQ(own().tasks.load(), tasks + kKernels);
  EXPECT_EQ(queue_.time(20).end, 0u) << "nobody wanted it";
}

// Turns are 250 ticks long.
TEST_F(TinyKernels, OthersGetTheirTurnsAllTheSame) {
  EXPECT_NEAR(FollowedBesideAnother(kTicks), 12, 1);
}

TEST_F(TinyKernels, AlsoBesideOnesThatTakeNearlyAsLongAsTheClock) {
  constexpr uint64_t kLong = 90;
  for (int i = 0; i < 4; ++i) {
    Run(16, kLong);
  }
  EXPECT_NEAR(FollowedBesideAnother(kLong), 2, 1);
}

// How many of them end until it is heard.
class ADoorbell : public TinyKernels {
 protected:
  int HeardAfter(uint64_t ticks) {
    QueueClient& other = Create(1);
    scheduler_->PrepareSleep();
    scheduler_->Awake();
    Work work = Start(60);
    EXPECT_EQ(End(&work, ticks), Followed::kNext);
    Publish(other, Kernel(kernel_));
    int ended = 1;
    while (End(&work, ticks) == Followed::kNext && ended < 60) {
      ++ended;
    }
    Retire(work);
    RunAll();
    EXPECT_TRUE(other.Done());
    EXPECT_TRUE(queue_.Done());
    return ended;
  }
};

TEST_F(ADoorbell, IsHeardWithin27) { EXPECT_LE(HeardAfter(kTicks), 27); }

TEST_F(ADoorbell, SoonerBesideOnesThatTakeLonger) {
  constexpr uint64_t kLong = 90;
  for (int i = 0; i < 4; ++i) {
    Run(16, kLong);
  }
  EXPECT_LE(HeardAfter(kLong), 16);
}

TEST_F(TinyKernels, AbortedBetweenTwoThatAreTimed) {
  Work work = Start(40);
  ASSERT_EQ(End(&work, kTicks), Followed::kNext);
  ASSERT_EQ(End(&work, kTicks), Followed::kNext);
  ASSERT_FALSE(work.timed);
  Scheduler::Dropped dropped;
  ASSERT_EQ(scheduler_->AbortQueue(0, /*only_one=*/false, &dropped), 0);
  EXPECT_EQ(End(&work, kTicks), Followed::kNo);
}

TEST_F(TinyKernels, OneThatGotItsDeadlineWhileItRanGivesItBack) {
  Publish(queue_, std::vector<vnpu_sqe>(3, WithTimeout(Kernel(kernel_), 1'000'000)));
  Work work = Pick();
  ASSERT_EQ(End(&work, kTicks), Followed::kNext);
  ASSERT_FALSE(work.timed);
  now_ += 500'000'000;
  scheduler_->CheckDeadlines();
  ASSERT_NE(work.queue->task.deadline, 0u);
  EXPECT_EQ(End(&work, kTicks), Followed::kNo);
  Retire(work);
  RunAll();
  EXPECT_TRUE(queue_.Done());
  EXPECT_EQ(scheduler_->NextDeadline(), 0u);
}

TEST_F(TinyKernels, OnesThatWereNotTimedAreNoMeasureOfTheKernel) {
  Work work = Start(3);
  ASSERT_EQ(End(&work, kTicks), Followed::kNext);
  ASSERT_EQ(End(&work, kTicks), Followed::kNext);
  ASSERT_FALSE(work.timed);
  const uint64_t average = scheduler_->function(kernel_)->block_ticks;
  now_ += 5000;
  work.end = work.start + 1;  // as nobody measured it
  work.done = 1;
  scheduler_->Retire(work);
  EXPECT_EQ(scheduler_->function(kernel_)->block_ticks, average);
}

TEST_F(TinyKernels, WhatFailsIsTimedAtItsEnd) {
  Work work = Start(3);
  ASSERT_EQ(End(&work, kTicks), Followed::kNext);
  ASSERT_FALSE(work.timed);
  now_ += 70;
  work.result.status = VNPU_E_TRAP;
  ASSERT_EQ(scheduler_->Follow(&work), Followed::kNo);
  scheduler_->Retire(work);
  const auto cqe = queue_.Consume();
  ASSERT_TRUE(cqe);
  EXPECT_EQ(cqe->timestamp, now_);
}

TEST_F(Follow, AllAreTimedWhereTheTimesAreWanted) {
  QueueClient& queue = Create(0, 3, 0, 64);
  Publish(queue, std::vector<vnpu_sqe>(20, Kernel(kernel_)));
  Work work = Pick();
  for (uint64_t i = 0; i < 19; ++i) {
    const uint64_t begin = now_;
    ASSERT_EQ(End(&work, 20), Followed::kNext) << i;
    ASSERT_TRUE(work.timed) << i;
    ASSERT_EQ(queue.time(i).start, begin) << i;
    ASSERT_EQ(queue.time(i).end, now_) << i;
  }
}

TEST_F(Follow, KernelsThatTakeLongerThanTheClockAreTimed) {
  QueueClient& queue = Create(0);
  queue.hdr().record_times = 0;
  Publish(queue, std::vector<vnpu_sqe>(12, Kernel(kernel_)));
  Work work = Pick();
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(End(&work, 150), Followed::kNext) << i;
    EXPECT_TRUE(work.timed) << i;
  }
}

TEST_F(Follow, KernelsThatNeedMore) {
  const uint32_t vector = AddKernel(VNPU_UNIT_VECTOR_CORE);
  const uint32_t unknown = AddKernel(VNPU_UNIT_AI_CORE);
  QueueClient& queue = Create(0);
  uint64_t done = 0;
  for (const vnpu_sqe& next :
       {Kernel(kernel_, 2), Kernel(vector), Kernel(unknown), WithCqe(Kernel(kernel_)),
        WithTimeout(Kernel(kernel_), 10), WithCoreLimit(Kernel(kernel_), 1)}) {
    Publish(queue, {Kernel(kernel_), next});
    Work work = Pick();
    ASSERT_EQ(End(&work), Followed::kRetired);
    EXPECT_EQ(queue.head(), ++done);
    EXPECT_EQ(own().in_use[VNPU_UNIT_AI_CORE].load(), 0u);
    EXPECT_EQ(own().in_use[VNPU_UNIT_VECTOR_CORE].load(), 0u);
    RunAll();
    EXPECT_EQ(queue.head(), ++done);
  }
}

TEST_F(Follow, InvalidEntryFailsAsElsewhere) {
  QueueClient& queue = Create(0);
  Publish(queue, {Kernel(kernel_), Kernel(kernel_ + 1000), Kernel(kernel_)});
  Work work = Pick();
  ASSERT_EQ(End(&work), Followed::kRetired);
  RunAll();
  const auto cqe = queue.Consume();
  ASSERT_TRUE(cqe);
  EXPECT_EQ(cqe->task, 1u);
  EXPECT_EQ(cqe->status, uint32_t{VNPU_E_INVALID_SQE});
  EXPECT_TRUE(queue.Done());
}

TEST_F(Follow, NotByOtherTasks) {
  QueueClient& queue = Create(0);
  Publish(queue, {Kernel(kernel_), Nop()});
  Work work = Pick();
  EXPECT_EQ(End(&work), Followed::kNo);
  Retire(work);
  RunAll();
  EXPECT_TRUE(queue.Done());
}

TEST_F(Follow, NotAfterAFailure) {
  QueueClient& queue = Create(0);
  Publish(queue, {Kernel(kernel_), Kernel(kernel_)});
  Work work = Pick();
  work.result.status = VNPU_E_TRAP;
  EXPECT_EQ(End(&work), Followed::kNo);
}

TEST_F(Follow, NotWhenTheTaskOwesAnEntry) {
  QueueClient& queue = Create(0);
  Publish(queue, {WithCqe(Kernel(kernel_)), Kernel(kernel_)});
  Work work = Pick();
  EXPECT_EQ(End(&work), Followed::kNo);
}

TEST_F(Follow, NotInAQueueThatIsAborted) {
  QueueClient& queue = Create(0);
  Publish(queue, {Kernel(kernel_), Kernel(kernel_)});
  Work work = Pick();
  Scheduler::Dropped dropped;
  ASSERT_EQ(scheduler_->AbortQueue(0, /*only_one=*/false, &dropped), 0);
  EXPECT_EQ(End(&work), Followed::kNo);
  Retire(work, VNPU_E_ABORTED);
  RunAll();
  EXPECT_TRUE(queue.Done());
}

TEST_F(Follow, NotInAQueueThatIsKilled) {
  QueueClient& queue = Create(0);
  Publish(queue, {Kernel(kernel_), Kernel(kernel_)});
  Work work = Pick();
  ASSERT_EQ(scheduler_->KillQueue(0, /*force=*/true), 0);
  EXPECT_EQ(End(&work), Followed::kNo);
}

TEST_F(Follow, NotWhileADoorbellHasRung) {
  QueueClient& queue = Create(0);
  QueueClient& other = Create(1);
  Publish(queue, {Kernel(kernel_), Kernel(kernel_)});
  Work work = Pick();
  Publish(other, Kernel(kernel_));
  EXPECT_EQ(End(&work), Followed::kNo);
}

TEST_F(Follow, NotBesideAnotherPriority) {
  QueueClient& queue = Create(0);
  Create(1, /*priority=*/0);
  Publish(queue, {Kernel(kernel_), Kernel(kernel_)});
  Work work = Pick();
  EXPECT_EQ(End(&work), Followed::kNo);
}

TEST_F(Follow, NotBesideAnotherSession) {
  header().live_sessions.store(2);
  QueueClient& queue = Create(0);
  Publish(queue, {Kernel(kernel_), Kernel(kernel_)});
  Work work = Pick();
  EXPECT_EQ(End(&work), Followed::kNo);
}

TEST_F(Follow, OthersAreLookedAtAfterTwoMicroseconds) {
  QueueClient& queue = Create(0);
  for (int i = 0; i < 10; ++i) {
    Publish(queue, Kernel(kernel_));
  }
  Work work = Pick();
  EXPECT_EQ(End(&work, 900), Followed::kNext);
  EXPECT_EQ(End(&work, 900), Followed::kNext);
  EXPECT_EQ(End(&work, 900), Followed::kNo);
  Retire(work);
  work = Pick();
  EXPECT_EQ(End(&work, 900), Followed::kNext);
}

TEST_F(Follow, AloneItIsAllowedEightTimesAsMuch) {
  ASSERT_TRUE(scheduler_->PrepareSleep());  // no tail is looked at from here on
  scheduler_->Awake();
  QueueClient& queue = Create(0, /*priority=*/3, /*flags=*/0, /*entries=*/64);
  for (int i = 0; i < 30; ++i) {
    Publish(queue, Kernel(kernel_));
  }
  Work work = Pick();
  for (int i = 0; i < 17; ++i) {
    ASSERT_EQ(End(&work, 900), Followed::kNext) << i;
  }
  EXPECT_EQ(End(&work, 900), Followed::kNo);
}

TEST_F(Follow, OthersThatWaitGetTheirTurnSooner) {
  SetUnits(1, 1, 1, 1);
  QueueClient& queue = Create(0);
  QueueClient& other = Create(1);
  for (int i = 0; i < 4; ++i) {
    Publish(queue, Kernel(kernel_));
    Publish(other, Kernel(kernel_));
  }
  Work work = Pick();
  const uint32_t first = work.queue->id;
  EXPECT_EQ(End(&work, 100), Followed::kNext);
  EXPECT_EQ(End(&work, 100), Followed::kNext);
  EXPECT_EQ(End(&work, 100), Followed::kNo);
  Retire(work);
  EXPECT_NE(Pick().queue->id, first);
}

TEST_F(Follow, TurnsAreLongerAmongMany) {
  SetUnits(1, 1, 1, 1);
  constexpr uint32_t kQueues = 40;
  for (uint32_t id = 0; id < kQueues; ++id) {
    Publish(Create(100 + id), std::vector<vnpu_sqe>(14, Kernel(kernel_)));
  }
  Work work = Pick();
  const uint32_t first = work.queue->id;
  for (int i = 1; i < 10; ++i) {
    EXPECT_EQ(End(&work, 100), Followed::kNext) << i;
  }
  EXPECT_EQ(End(&work, 100), Followed::kNo);
  Retire(work);
  EXPECT_NE(Pick().queue->id, first);
}

TEST_F(Follow, WhoWaitsIsTold) {
  QueueClient& queue = Create(0);
  vnpu_waiter& waiter = session()->waiters[2];
  waiter.queue_id = queue.id();
  waiter.target = 1;
  waiter.armed = 1;
  ++queue.hdr().waiting;
  Publish(queue, {Kernel(kernel_), Kernel(kernel_)});
  Work work = Pick();
  ASSERT_EQ(End(&work), Followed::kNext);
  EXPECT_EQ(platform_.irqs, std::vector<uint32_t>{2});
}

TEST_F(Follow, TimeLimitSeenLaterHolds) {
  QueueClient& queue = Create(0);
  const vnpu_sqe slow = WithTimeout(Kernel(kernel_), 2'000'000);
  Publish(queue, {Kernel(kernel_), slow, Kernel(kernel_)});
  Work work = Pick();
  ASSERT_EQ(End(&work), Followed::kNext);
  now_ += 1'000'000'000;
  scheduler_->CheckDeadlines();
  now_ += 2'500'000'000;
  scheduler_->CheckDeadlines();
  ASSERT_EQ(platform_.stops.size(), 1u);
  EXPECT_EQ(platform_.stops[0].queue_id, 0u);
  EXPECT_EQ(End(&work), Followed::kNo);
}

}  // namespace
}  // namespace vnpu::firmware::test
