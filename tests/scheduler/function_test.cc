// The function table.
#include <set>

#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

using FunctionTable = SchedulerTest;

TEST_F(FunctionTable, FindsWhatWasAdded) {
  const uint32_t id = AddKernel(VNPU_UNIT_AI_CPU, 40, 9);
  const Function* function = scheduler_->function(id);
  ASSERT_NE(function, nullptr);
  EXPECT_EQ(function->unit, VNPU_UNIT_AI_CPU);
  EXPECT_EQ(function->arg_size, 40u);
  EXPECT_EQ(function->module_id, 9u);
  EXPECT_EQ(scheduler_->function(id + 1), nullptr);
  EXPECT_EQ(scheduler_->function(UINT32_MAX), nullptr);
}

TEST_F(FunctionTable, RemovesAModuleAndUsesItsPlacesAgain) {
  std::set<uint32_t> removed;
  const uint32_t kept = AddKernel(VNPU_UNIT_AI_CORE, 0, 8);
  for (int i = 0; i < 10; ++i) {
    removed.insert(AddKernel(VNPU_UNIT_AI_CORE, 0, 9));
  }
  QueueClient& queue = Create(0);
  Publish(queue, Kernel(*removed.begin()));
  RunAll();
  scheduler_->RemoveFunctions(9);
  for (const uint32_t id : removed) {
    EXPECT_EQ(scheduler_->function(id), nullptr);
  }
  EXPECT_NE(scheduler_->function(kept), nullptr);
  Publish(queue, {Kernel(*removed.begin()), Kernel(kept)});
  EXPECT_EQ(RunAll().size(), 1u);
  EXPECT_EQ(queue.Consume()->status, VNPU_E_INVALID_SQE);
  for (int i = 0; i < 10; ++i) {
    const uint32_t id = AddKernel(VNPU_UNIT_AI_CORE, 0, 10);
    EXPECT_EQ(removed.erase(id), 1u);
    EXPECT_EQ(scheduler_->function(id)->block_ticks, 0u) << "its time is not known";
  }
  scheduler_->RemoveFunctions(77);
  EXPECT_NE(scheduler_->function(kept), nullptr);
}

TEST_F(FunctionTable, Full) {
  uint32_t last = kernel_;
  while (true) {
    const uint32_t id = AddKernel(VNPU_UNIT_AI_CORE);
    if (id == UINT32_MAX) {
      break;
    }
    ASSERT_EQ(id, ++last);
  }
  EXPECT_EQ(last, Scheduler::kMaxFunctions - 1);
  Publish(Create(0), Kernel(last));
  EXPECT_EQ(RunAll().size(), 1u);
}

// A module may go while a task that uses it is still at the head of a queue: the client broke its
// word, and gets a failed task at worst.
TEST_F(FunctionTable, RemovedWhileItRuns) {
  SetUnits(1, 1, 1, 1);
  QueueClient& queue = Create(0);
  Publish(queue, Kernel(kernel_, 2));
  const Work work = Pick();
  scheduler_->RemoveFunctions(1);
  Retire(work);
  Retire(Pick(), VNPU_E_ADDRESS);
  EXPECT_TRUE(queue.Done());
  EXPECT_EQ(queue.Consume()->status, VNPU_E_ADDRESS);
}

}  // namespace
}  // namespace vnpu::firmware::test
