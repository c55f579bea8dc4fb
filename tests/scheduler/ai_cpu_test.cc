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

}  // namespace
}  // namespace vnpu::firmware::test
