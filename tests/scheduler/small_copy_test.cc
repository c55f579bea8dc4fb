// Copies that are over before the clock would be read twice.
#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

constexpr uint64_t kTicks = 20;

class SmallCopies : public SchedulerTest {
 protected:
  SmallCopies() : queue_(Create(0, 3, 0, 64)) {
    queue_.hdr().record_times = 0;
    RunOne(Copy(0x1000, 0x2000, 8));  // how long they take is known
  }

  // Whether it was timed.
  bool RunOne(const vnpu_sqe& sqe, uint64_t ticks = kTicks) {
    Publish(queue_, sqe);
    const Work work = Pick();
    Retire(work, VNPU_OK, ticks);
    return work.timed;
  }
  // Until one is due that need not be timed.
  void SkipTimed() {
    while (RunOne(Copy(0x1000, 0x2000, 8))) {
    }
  }

  QueueClient& queue_;
};

TEST_F(SmallCopies, OneIn27IsTimed) {
  constexpr int kCopies = 81;
  const uint64_t before = own().busy_ns[VNPU_UNIT_DMA].load();
  int timed = 0;
  for (int i = 0; i < kCopies; ++i) {
    timed += RunOne(i % 2 == 0 ? Copy(0x1000, 0x2000, 8) : Memset(0x1000, 8, 0)) ? 1 : 0;
  }
  EXPECT_EQ(timed, kCopies / 27);
  // The others count as long as the one that was timed last.
  EXPECT_NEAR(static_cast<double>(own().busy_ns[VNPU_UNIT_DMA].load() - before), kTicks * kCopies,
              kTicks);
  EXPECT_EQ(queue_.time(5).end, 0u) << "nobody wanted it";
}

TEST_F(SmallCopies, OthersAreAllTimed) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(RunOne(Copy(0x1000, 0x2000, 513)));
    EXPECT_TRUE(RunOne(Copy(0x1000, 0x2000, 8, VNPU_COPY_SRC_PAGEABLE)));
    EXPECT_TRUE(RunOne(Copy(0x1000, 0x2000, 8, VNPU_COPY_SRC_INDIRECT)));
    EXPECT_TRUE(RunOne(Memset(0x1000, 513, 0)));
    EXPECT_TRUE(RunOne(Reduce(0x1000, 0x2000, 8, VNPU_REDUCE_SUM, VNPU_TYPE_INT32)));
  }
}

TEST_F(SmallCopies, UpTo512Bytes) {
  SkipTimed();
  EXPECT_FALSE(RunOne(Copy(0x1000, 0x2000, 0)));
  EXPECT_FALSE(RunOne(Copy(0x1000, 0x2000, 512)));
  EXPECT_FALSE(RunOne(Memset(0x1000, 512, 0)));
}

TEST_F(SmallCopies, AllAreTimedWhereTheTimesAreWanted) {
  queue_.hdr().record_times = 1;
  for (uint64_t i = 1; i < 20; ++i) {
    const uint64_t begin = now_;
    ASSERT_TRUE(RunOne(Copy(0x1000, 0x2000, 8)));
    ASSERT_EQ(queue_.time(i).start, begin);
    ASSERT_EQ(queue_.time(i).end, now_);
  }
}

TEST_F(SmallCopies, AskedForWhileOneRuns) {
  SkipTimed();
  Publish(queue_, Copy(0x1000, 0x2000, 8));
  const Work work = Pick();
  ASSERT_FALSE(work.timed);
  queue_.hdr().record_times = 1;
  const uint64_t task = queue_.head();
  Retire(work, VNPU_OK, kTicks);
  EXPECT_EQ(queue_.time(task).end, now_) << "a guess is not for clients";
}

TEST_F(SmallCopies, SlowOnesAreTimedUntilOneIsFastAgain) {
  while (!RunOne(Copy(0x1000, 0x2000, 8), 5000)) {
  }
  EXPECT_TRUE(RunOne(Copy(0x1000, 0x2000, 8), 5000));
  EXPECT_TRUE(RunOne(Copy(0x1000, 0x2000, 8)));
  EXPECT_FALSE(RunOne(Copy(0x1000, 0x2000, 8)));
}

TEST_F(SmallCopies, CompletionsHaveATime) {
  SkipTimed();
  ASSERT_TRUE(RunOne(WithCqe(Copy(0x1000, 0x2000, 8))));
  const auto cqe = queue_.Consume();
  ASSERT_TRUE(cqe);
  EXPECT_EQ(cqe->status, uint32_t{VNPU_OK});
  EXPECT_EQ(cqe->timestamp, now_);
}

TEST_F(SmallCopies, FailuresHaveATime) {
  SkipTimed();
  Publish(queue_, Copy(0x1000, 0x2000, 8));
  const Work work = Pick();
  ASSERT_FALSE(work.timed);
  Retire(work, VNPU_E_DMA_ADDRESS, kTicks);
  const auto cqe = queue_.Consume();
  ASSERT_TRUE(cqe);
  EXPECT_EQ(cqe->status, uint32_t{VNPU_E_DMA_ADDRESS});
  EXPECT_EQ(cqe->timestamp, now_);
}

TEST_F(SmallCopies, KernelsFollowAsUsual) {
  scheduler_->SetClientFences(true);
  RunOne(Kernel(kernel_));
  SkipTimed();
  Publish(queue_, {Copy(0x1000, 0x2000, 8), Kernel(kernel_), Kernel(kernel_)});
  Work work = Pick();
  ASSERT_FALSE(work.timed);
  ASSERT_EQ(scheduler_->Follow(&work), Scheduler::Followed::kNo);
  Retire(work);
  work = Pick();
  now_ += kTicks;
  NoteEnd(&work);
  EXPECT_EQ(scheduler_->Follow(&work), Scheduler::Followed::kNext);
}

}  // namespace
}  // namespace vnpu::firmware::test
