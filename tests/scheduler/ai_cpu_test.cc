// Work for AI CPUs: by priority, within the limits, beside the work of other cores.
#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

class AiCpu : public SchedulerTest {
 protected:
  AiCpu() : cpu_(AddKernel(VNPU_UNIT_AI_CPU)) { SetUnits(2, 2, 2, 1); }

  uint32_t cpu_;
};

TEST_F(AiCpu, NoMoreRunThanThereAreAiCpus) {
  Publish(Create(0), Kernel(cpu_));
  Publish(Create(1), Kernel(cpu_));
  Publish(Create(2), Kernel(cpu_));
  const Work first = Pick();
  const Work second = Pick();
  ExpectNoWork();
  EXPECT_NE(first.core, second.core);
  Retire(first);
  EXPECT_EQ(Pick().core, first.core);
}

TEST_F(AiCpu, TheMostUrgentComesFirst) {
  SetUnits(2, 2, 1, 1);
  Publish(Create(0, 7), Kernel(cpu_));
  Publish(Create(1, 1), Kernel(cpu_));
  Publish(Create(2, 4), Kernel(cpu_));
  EXPECT_EQ(RunAll(), (std::vector<uint32_t>{1, 2, 0}));
}

TEST_F(AiCpu, OthersDoNotWaitForThem) {
  SetUnits(1, 1, 1, 1);
  Publish(Create(0, 0), Kernel(cpu_));
  Publish(Create(1, 0), Kernel(cpu_));
  Publish(Create(2, 7), Kernel(kernel_));
  EXPECT_EQ(Pick().queue->id, 0u);
  EXPECT_EQ(Pick().queue->id, 2u);
  ExpectNoWork();
}

TEST_F(AiCpu, TimeLimitsHoldForThem) {
  QueueClient& queue = Create(0);
  Publish(queue, WithTimeout(Kernel(cpu_), 50));
  const Work work = Pick();
  now_ += 50'000;
  scheduler_->CheckDeadlines();
  ASSERT_EQ(platform_.stops.size(), 1u);
  EXPECT_EQ(platform_.stops[0].status, VNPU_E_TIMEOUT);
  Retire(work, VNPU_E_TIMEOUT);
  const auto cqe = queue.Consume();
  ASSERT_TRUE(cqe);
  EXPECT_EQ(cqe->status, VNPU_E_TIMEOUT);
  EXPECT_EQ(session()->exceptions[0].unit, VNPU_UNIT_AI_CPU);
}

TEST_F(AiCpu, BlocksThatHaveNotStartedGiveWay) {
  Publish(Create(0, 5), Kernel(cpu_, 6));
  const Work first = Pick();
  const Work second = Pick();
  Publish(Create(1, 2), Kernel(cpu_, 2));
  ExpectNoWork();
  Retire(first, VNPU_OK, 1'000'000);
  EXPECT_EQ(Pick().queue->id, 1u);
  Retire(second, VNPU_OK, 1'000'000);
  EXPECT_EQ(Pick().queue->id, 1u);
  ExpectNoWork();
}

TEST_F(AiCpu, OtherCoresRunWhileAllAreOccupied) {
  SetUnits(1, 1, 2, 1);
  Publish(Create(0, 0), Kernel(cpu_, 2));
  const Work first = Pick();
  const Work second = Pick();
  EXPECT_NE(first.core, second.core);
  const uint32_t vector = AddKernel(VNPU_UNIT_VECTOR_CORE);
  QueueClient& others = Create(1, 7);
  Publish(others, {Kernel(kernel_), Kernel(vector), Copy(64, 128, 8)});
  EXPECT_EQ(RunAll().size(), 3u);
  EXPECT_TRUE(others.Done());
}

TEST_F(AiCpu, BlocksThatStartTogetherWaitForAllOfTheirs) {
  Publish(Create(0), Kernel(cpu_));
  const Work first = Pick();
  vnpu_sqe batch = Kernel(cpu_, 2);
  batch.flags |= VNPU_SQE_BATCH;
  Publish(Create(1), batch);
  ExpectNoWork();
  Retire(first);
  EXPECT_EQ(Pick().queue->id, 1u);
  EXPECT_EQ(Pick().queue->id, 1u);
}

TEST_F(AiCpu, OnlyTheTaskThatIsOverItsLimitIsStopped) {
  QueueClient& slow = Create(0);
  QueueClient& other = Create(1);
  Publish(slow, WithTimeout(Kernel(cpu_), 50));
  Publish(other, WithTimeout(Kernel(cpu_), 500));
  const Work first = Pick();
  const Work second = Pick();
  now_ += 60'000;
  scheduler_->CheckDeadlines();
  ASSERT_EQ(platform_.stops.size(), 1u);
  EXPECT_EQ(platform_.stops[0].queue_id, 0u);
  Retire(first, VNPU_E_TIMEOUT);
  Retire(second);
  EXPECT_EQ(slow.Consume()->status, VNPU_E_TIMEOUT);
  EXPECT_TRUE(other.Done());
  EXPECT_FALSE(other.Consume());
  EXPECT_EQ(own().in_use[VNPU_UNIT_AI_CPU].load(), 0u) << "its AI CPU is free again";
}

TEST_F(AiCpu, LongLimitsHoldForThem) {
  QueueClient& queue = Create(0);
  Publish(queue, WithTimeout(Kernel(cpu_), 28'000'000));
  const Work work = Pick();
  now_ += 200'000'000;
  scheduler_->CheckDeadlines();  // sees it running
  now_ += 27'999'000'000;
  scheduler_->CheckDeadlines();
  EXPECT_TRUE(platform_.stops.empty());
  now_ += 1'000'000;
  scheduler_->CheckDeadlines();
  ASSERT_EQ(platform_.stops.size(), 1u);
  Retire(work, VNPU_E_TIMEOUT);
  EXPECT_EQ(queue.Consume()->status, VNPU_E_TIMEOUT);
}

TEST_F(AiCpu, AQueueGoesOnOrStopsBehindALimitAsItsFailureModeSays) {
  for (const bool stop : {false, true}) {
    const uint32_t id = stop ? 1 : 0;
    QueueClient& queue = Create(id);
    ASSERT_EQ(scheduler_->SetStopOnFailure(id, stop), 0);
    Publish(queue, {WithTimeout(Kernel(cpu_), 50), Kernel(cpu_), Record(7 + id, 1)});
    const Work work = Pick();
    now_ += 50'000;
    scheduler_->CheckDeadlines();
    Retire(work, VNPU_E_TIMEOUT);
    EXPECT_EQ(RunAll().size(), stop ? 0u : 1u);
    EXPECT_TRUE(queue.Done());
    EXPECT_EQ(event(7 + id).seq, 1u) << "who waits for the queue does not hang";
  }
}

class AiCpuSessions : public AiCpu {
 protected:
  static constexpr uint32_t kOtherSlot = 9;

  AiCpuSessions() {
    header().live_sessions.store(2);
    header().live_slots[0].fetch_or(1u << kOtherSlot);
  }
  BoardSlot& other() { return slot(kOtherSlot); }
  static uint32_t Wanted(uint32_t priority) { return (1 + priority) << (4 * VNPU_UNIT_AI_CPU); }
};

TEST_F(AiCpuSessions, TheDevicesAiCpusAreThoseOfAll) {
  other().in_use[VNPU_UNIT_AI_CPU].store(1);
  Publish(Create(0), Kernel(cpu_, 2));
  Retire(Pick(), VNPU_OK, 1'000'000);
  Pick();
  ExpectNoWork();
  other().in_use[VNPU_UNIT_AI_CPU].store(2);
  Publish(Create(1), Kernel(cpu_));
  ExpectNoWork();
  EXPECT_EQ(own().wanted.load(), Wanted(3)) << "others learn of it";
}

TEST_F(AiCpuSessions, TheMoreUrgentSessionGoesFirst) {
  Publish(Create(0, 3), Kernel(cpu_));
  other().wanted.store(Wanted(1));
  ExpectNoWork();
  Publish(Create(1, 1), Kernel(cpu_));
  EXPECT_EQ(Pick().queue->id, 1u) << "as urgent as the other one";
  other().wanted.store(0);
  EXPECT_EQ(Pick().queue->id, 0u);
}

TEST_F(AiCpuSessions, EqualSessionsShareThem) {
  SetUnits(2, 2, 6, 1);
  Publish(Create(0), Kernel(cpu_, 100));
  std::vector<Work> out(6);
  for (Work& work : out) {
    work = Pick();
  }
  other().wanted.store(Wanted(3));
  // The other session takes what becomes free, until both have three.
  for (uint32_t theirs = 1; theirs <= 3; ++theirs) {
    Retire(out.back(), VNPU_OK, 1'000'000);
    out.pop_back();
    ExpectNoWork();
    other().in_use[VNPU_UNIT_AI_CPU].store(theirs);
  }
  Retire(out.back(), VNPU_OK, 1'000'000);
  Pick();
  ExpectNoWork();
  EXPECT_EQ(own().in_use[VNPU_UNIT_AI_CPU].load(), 3u);
}

}  // namespace
}  // namespace vnpu::firmware::test
