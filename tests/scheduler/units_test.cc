// Units: how many there are, and what other sessions use of them.
#include <set>

#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

class UnitLimits : public SchedulerTest {
 protected:
  static constexpr uint32_t kOtherSlot = 700;

  void AddSession() {
    header().live_sessions.store(2);
    header().live_slots[kOtherSlot / 64].fetch_or(1ull << (kOtherSlot % 64));
  }
  BoardSlot& other() { return slot(kOtherSlot); }
};

TEST_F(UnitLimits, NoMoreThanThereAre) {
  SetUnits(3, 1, 2, 1);
  const uint32_t vector = AddKernel(VNPU_UNIT_VECTOR_CORE);
  const uint32_t cpu = AddKernel(VNPU_UNIT_AI_CPU);
  Publish(Create(0), Kernel(kernel_, 10));
  Publish(Create(1), Kernel(vector, 10));
  Publish(Create(2), Kernel(cpu, 10));
  Publish(Create(3), Copy(64, 128, 8));
  Publish(Create(4), Copy(64, 128, 8));
  std::map<uint32_t, int> picked;
  Work work;
  while (TryPick(&work)) {
    ++picked[work.queue->task.unit];
  }
  EXPECT_EQ(picked, (std::map<uint32_t, int>{{VNPU_UNIT_AI_CORE, 3},
                                             {VNPU_UNIT_VECTOR_CORE, 1},
                                             {VNPU_UNIT_AI_CPU, 2},
                                             {VNPU_UNIT_DMA, 1}}));
  EXPECT_EQ(own().in_use[VNPU_UNIT_AI_CORE].load(), 3u);
  EXPECT_EQ(own().in_use[VNPU_UNIT_DMA].load(), 1u);
}

TEST_F(UnitLimits, MixedKernelsRunOnAiCores) {
  SetUnits(2, 2, 1, 1);
  const uint32_t mix = AddKernel(VNPU_UNIT_MIX);
  Publish(Create(0), Kernel(mix, 4));
  Publish(Create(1), Kernel(kernel_, 4));
  const Work first = Pick();
  const Work second = Pick();
  ExpectNoWork();
  EXPECT_EQ(own().in_use[VNPU_UNIT_AI_CORE].load(), 2u);
  EXPECT_EQ(own().in_use[VNPU_UNIT_MIX].load(), 0u);
  Retire(first);
  Retire(second);
  EXPECT_EQ(own().in_use[VNPU_UNIT_AI_CORE].load(), 0u);
}

TEST_F(UnitLimits, CoreNumbersAreDistinctAndUsedAgain) {
  SetUnits(20, 1, 1, 1);
  QueueClient& queue = Create(0);
  Publish(queue, Kernel(kernel_, 200));
  std::map<uint32_t, Work> out;
  for (int i = 0; i < 20; ++i) {
    const Work work = Pick();
    EXPECT_LT(work.core, 20u);
    EXPECT_TRUE(out.emplace(work.core, work).second) << work.core;
  }
  for (const uint32_t core : {7u, 0u, 19u}) {
    Retire(out[core], VNPU_OK, 1'000'000);
    EXPECT_EQ(Pick().core, core);
  }
}

TEST_F(UnitLimits, MoreCoresThanHaveNumbers) {
  SetUnits(300, 1, 1, 1);
  QueueClient& queue = Create(0);
  Publish(queue, Kernel(kernel_, 300));
  std::vector<Work> out(300);
  for (Work& work : out) {
    work = Pick();
  }
  for (const Work& work : out) {
    Retire(work);
  }
  EXPECT_TRUE(queue.Done());
  EXPECT_EQ(own().in_use[VNPU_UNIT_AI_CORE].load(), 0u);
}

TEST_F(UnitLimits, UnitsOfOtherSessionsCount) {
  SetUnits(4, 1, 1, 1);
  AddSession();
  other().in_use[VNPU_UNIT_AI_CORE].store(3);
  Publish(Create(0), Kernel(kernel_, 4));
  Pick();
  ExpectNoWork();
  EXPECT_TRUE(scheduler_->HasRunnable());
  EXPECT_EQ(own().in_use[VNPU_UNIT_AI_CORE].load(), 1u) << "a step back leaves nothing taken";
  other().in_use[VNPU_UNIT_AI_CORE].store(2);
  Pick();
  ExpectNoWork();
}

// Short work that no unit is free for keeps nobody from entries that need none.
TEST_F(UnitLimits, WorkWithoutAUnitDoesNotHoldBackOtherQueues) {
  SetUnits(1, 1, 1, 1);
  AddSession();
  QueueClient& first = Create(0, /*priority=*/0);
  Publish(first, Kernel(kernel_));
  RunAll();  // its time is known from here on
  other().in_use[VNPU_UNIT_AI_CORE].store(1);
  QueueClient& second = Create(1, /*priority=*/0);
  Publish(first, Kernel(kernel_));
  Publish(second, {Record(3, 1), Kernel(kernel_), Record(3, 2)});
  ExpectNoWork();
  EXPECT_EQ(event(3).seq, 1u);
  other().in_use[VNPU_UNIT_AI_CORE].store(0);
  RunAll();
  EXPECT_TRUE(first.Done());
  EXPECT_EQ(event(3).seq, 2u);
}

TEST_F(UnitLimits, SessionThatIsOverCountsNoMore) {
  SetUnits(2, 1, 1, 1);
  AddSession();
  other().in_use[VNPU_UNIT_AI_CORE].store(2);
  Publish(Create(0), Kernel(kernel_, 2));
  ExpectNoWork();
  header().live_slots[kOtherSlot / 64].store(0);
  Pick();
  Pick();
}

TEST_F(UnitLimits, FiguresThatCannotBeAreNotBelieved) {
  SetUnits(2, 1, 1, 1);
  AddSession();
  other().in_use[VNPU_UNIT_AI_CORE].store(UINT32_MAX);
  Publish(Create(0), Kernel(kernel_, 2));
  ExpectNoWork();
  other().in_use[VNPU_UNIT_AI_CORE].store(0);
  Pick();
}

class UnitPriority : public UnitLimits {
 protected:
  static uint32_t Wanted(uint32_t unit, uint32_t priority) { return (1 + priority) << (4 * unit); }
};

TEST_F(UnitPriority, OtherSessionsWithAHigherPriorityGoFirst) {
  SetUnits(2, 2, 1, 1);
  AddSession();
  Publish(Create(0, 3), Kernel(kernel_));
  other().wanted.store(Wanted(VNPU_UNIT_AI_CORE, 2));
  ExpectNoWork();
  EXPECT_TRUE(scheduler_->HasRunnable());
  other().wanted.store(Wanted(VNPU_UNIT_AI_CORE, 3));
  Retire(Pick());
  other().wanted.store(Wanted(VNPU_UNIT_VECTOR_CORE, 0) | Wanted(VNPU_UNIT_AI_CORE, 7));
  Publish(clients_[0], Kernel(kernel_));
  Retire(Pick());
  // A session that is over wants nothing.
  other().wanted.store(Wanted(VNPU_UNIT_AI_CORE, 0));
  header().live_slots[kOtherSlot / 64].store(0);
  Publish(clients_[0], Kernel(kernel_));
  Retire(Pick());
}

// Or the one that is there already would keep all of them: it is the first to see one become free.
TEST_F(UnitPriority, AmongEqualSessionsTheOneWithFewerUnitsGoesFirst) {
  SetUnits(4, 2, 1, 1);
  AddSession();
  Publish(Create(0, 3), Kernel(kernel_, 100));
  std::vector<Work> out(4);
  for (Work& work : out) {
    work = Pick();
  }
  other().wanted.store(Wanted(VNPU_UNIT_AI_CORE, 3));
  Retire(out[0], VNPU_OK, 1'000'000);
  ExpectNoWork();
  other().in_use[VNPU_UNIT_AI_CORE].store(1);
  Retire(out[1], VNPU_OK, 1'000'000);
  ExpectNoWork();
  other().in_use[VNPU_UNIT_AI_CORE].store(2);
  ExpectNoWork();  // none is free
  Retire(out[2], VNPU_OK, 1'000'000);
  out[2] = Pick();  // each has two
  ExpectNoWork();
  // One that lacks no more, or lacks it for less, is no reason to leave it free.
  other().in_use[VNPU_UNIT_AI_CORE].store(0);
  other().wanted.store(Wanted(VNPU_UNIT_AI_CORE, 4));
  Pick();
  other().wanted.store(0);
  Pick();
  ExpectNoWork();
}

TEST_F(UnitPriority, ASessionThatTakesNothingLeavesOneUnitToItsEquals) {
  SetUnits(4, 2, 1, 1);
  AddSession();
  other().wanted.store(Wanted(VNPU_UNIT_AI_CORE, 3));
  Publish(Create(0, 3), Kernel(kernel_, 100));
  const Work work = Pick();
  ExpectNoWork();
  Retire(work, VNPU_OK, 1'000'000);
  Pick();
}

TEST_F(UnitPriority, TellsWhatItLacks) {
  SetUnits(1, 1, 1, 1);
  AddSession();
  other().in_use[VNPU_UNIT_AI_CORE].store(1);
  const uint32_t mix = AddKernel(VNPU_UNIT_MIX);
  Publish(Create(0, 6), Kernel(kernel_));
  Publish(Create(1, 4), Kernel(mix));
  ExpectNoWork();
  EXPECT_EQ(own().wanted.load(), Wanted(VNPU_UNIT_AI_CORE, 4)) << "the highest one";
  Publish(Create(2, 7), Copy(64, 128, 8));
  Retire(Pick());
  other().in_use[VNPU_UNIT_AI_CORE].store(0);
  EXPECT_EQ(Pick().queue->id, 1u);
  ExpectNoWork();
  EXPECT_EQ(own().wanted.load(), Wanted(VNPU_UNIT_AI_CORE, 6));
  EXPECT_EQ(scheduler_->KillQueue(0, true), 0);
  ExpectNoWork();
  EXPECT_EQ(own().wanted.load(), 0u) << "nobody waits for what a dead queue wanted";
}

TEST_F(UnitLimits, KernelForAUnitThatTheDeviceLacks) {
  SetUnits(2, 0, 1, 1);
  const uint32_t vector = AddKernel(VNPU_UNIT_VECTOR_CORE);
  QueueClient& queue = Create(0);
  Publish(queue, {Kernel(vector), Kernel(kernel_)});
  EXPECT_EQ(RunAll().size(), 1u);
  EXPECT_TRUE(queue.Done());
  EXPECT_EQ(queue.Consume()->status, VNPU_E_INVALID_SQE);
}

TEST_F(UnitLimits, BoardTellsTimeAndTasks) {
  QueueClient& queue = Create(0);
  Publish(queue, {Kernel(kernel_, 2), Nop(), Copy(64, 128, 8)});
  Retire(Pick(), VNPU_OK, 5'000);
  Retire(Pick(), VNPU_OK, 7'000);
  Retire(Pick(), VNPU_OK, 300);
  // A tick is a nanosecond up to the precision of the conversion.
  EXPECT_NEAR(static_cast<double>(own().busy_ns[VNPU_UNIT_AI_CORE].load()), 12'000, 2);
  EXPECT_NEAR(static_cast<double>(own().busy_ns[VNPU_UNIT_DMA].load()), 300, 1);
  EXPECT_EQ(own().tasks.load(), 3u);
}

vnpu_sqe Batch(vnpu_sqe sqe) {
  sqe.flags |= VNPU_SQE_BATCH;
  return sqe;
}

TEST_F(UnitLimits, BatchesWaitUntilAllTheirUnitsAreFree) {
  SetUnits(4, 1, 1, 1);
  Publish(Create(0), Kernel(kernel_, 1));
  const Work first = Pick();
  QueueClient& batch = Create(1);
  Publish(batch, Batch(Kernel(kernel_, 4)));
  ExpectNoWork();
  Publish(Create(2, 5), Kernel(kernel_, 1));
  const Work other = Pick();
  EXPECT_EQ(other.queue->id, 2u) << "others need not wait";
  Retire(first);
  ExpectNoWork();
  Retire(other);
  std::set<uint32_t> cores;
  std::vector<Work> works(4);
  for (Work& work : works) {
    work = Pick();
    EXPECT_EQ(work.queue->id, 1u);
    EXPECT_EQ(work.count, 1u);
    cores.insert(work.core);
  }
  EXPECT_EQ(cores.size(), 4u);
  for (const Work& work : works) {
    Retire(work);
  }
  EXPECT_TRUE(batch.Done());
}

TEST_F(UnitLimits, BatchesCountTheUnitsOfOtherSessions) {
  SetUnits(4, 1, 1, 1);
  AddSession();
  other().in_use[VNPU_UNIT_AI_CORE].store(1);
  Publish(Create(0), Batch(Kernel(kernel_, 4)));
  ExpectNoWork();
  EXPECT_NE(own().wanted.load() & 0xf, 0u) << "others learn of it";
  other().in_use[VNPU_UNIT_AI_CORE].store(0);
  EXPECT_EQ(Pick().count, 1u);
}

TEST_F(UnitLimits, BlocksOfABatchAreNeverPutTogether) {
  SetUnits(4, 1, 1, 1);
  QueueClient& queue = Create(0);
  Publish(queue, Kernel(kernel_, 1));
  Retire(Pick(), VNPU_OK, 10);  // known to be short
  Publish(queue, Batch(Kernel(kernel_, 4)));
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(Pick().count, 1u);
  }
}

TEST_F(UnitLimits, BatchesLargerThanTheDeviceAreRefused) {
  SetUnits(4, 1, 1, 1);
  QueueClient& queue = Create(0);
  Publish(queue, Batch(Kernel(kernel_, 5)));
  ExpectNoWork();
  EXPECT_EQ(queue.Consume()->status, VNPU_E_INVALID_SQE);
}

}  // namespace
}  // namespace vnpu::firmware::test
