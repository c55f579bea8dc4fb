// Runs that end before their time: failing entries, aborts, time limits, streams that wait for each
// other, queues that go away.
#include "tests/scheduler/model_fixture.h"

namespace vnpu::firmware::test {
namespace {

class ModelFailure : public ModelTest {
 protected:
  // A stream each in every state in which a run can be stopped; the first one runs a kernel.
  ModelImage EveryState() {
    ModelImage image(2);
    image.AddStream({Kernel(kernel_), Kernel(kernel_)});
    image.AddStream({AwaitRegister(0)});
    image.AddStream({Wait(1, 5)});
    image.AddStream({AwaitSignal(4)});
    image.AddStream({ValueWait(kWord, VNPU_VALUE_EQ, 1)});
    image.AddStream({Condition(VNPU_MODEL_IF, kWord + 8, 1)});
    image.AddStream({Kernel(kernel_, 8)});
    image.AddStream({WithTimeout(Wait(1, 5), 1000)});
    image.AddGraph(1);
    image.AddStream({AwaitRegister(0)});
    image.AddStream({Kernel(kernel_)});
    return image;
  }
  void StartEveryState() {
    SetUnits(2, 1, 1, 1);
    platform_.words = {{kWord, 0}, {kWord + 8, 1}};
    Load(EveryState());
    Publish(*queue_, WithCqe(Execute(kModel)));
    ExpectNoMoreThan(2);
    ASSERT_EQ(out_.size(), 2u);
  }
  void RetireAll(uint32_t status) {
    for (const Work& work : out_) {
      EXPECT_FALSE(queue_->Done()) << "before everything has come back";
      Retire(work, status);
    }
    out_.clear();
    ExpectNoWork();
  }
  // Nothing of a run that was stopped is left, and the next one works.
  void ExpectClean() {
    EXPECT_FALSE(scheduler_->EventHasWaiters(1));
    EXPECT_FALSE(scheduler_->Watching());
    EXPECT_EQ(scheduler_->FreeNotify(4), 0);
    EXPECT_TRUE(scheduler_->Idle());
    EXPECT_EQ(scheduler_->NextDeadline(), 0u);
    ModelImage image(2);
    image.AddStream({AwaitRegister(0), Kernel(kernel_)});
    image.AddStream({SetRegister(0), Kernel(kernel_)});
    Load(image);
    EXPECT_EQ(Run(), VNPU_OK);
    EXPECT_EQ(order_.size(), 2u);
  }
};

TEST_F(ModelFailure, AFailingEntryEndsTheRunWithItsStatus) {
  ModelImage image;
  image.AddStream({Kernel(kernel_), Kernel(kernel_), Kernel(kernel_)});
  Load(image);
  Publish(*queue_, {Execute(kModel), Kernel(kernel_)});
  Retire(PickOf(0));
  Retire(PickOf(0), VNPU_E_TRAP);
  const Work behind = Pick();
  EXPECT_EQ(behind.queue->model, nullptr) << "the queue goes on";
  EXPECT_EQ(StatusOf(*queue_), VNPU_E_TRAP);
  EXPECT_EQ(Completed(), 1u);
}

TEST_F(ModelFailure, TheRecordNamesCallerAndEntry) {
  ModelImage image;
  image.AddStream();
  image.AddStream({Nop(), Nop(), Kernel(kernel_, 4)});
  constexpr uint64_t kOffset = 4096;
  Load(image, kModel, kOffset);
  Publish(*queue_, {Nop(), Execute(kModel, kOffset)});
  Work work = PickOf(1);
  work.result = {.status = VNPU_E_ADDRESS, .is_write = true, .address = 0xbad, .pc = 0x10040};
  Retire(work);
  ExpectNoWork();
  const auto cqe = queue_->Consume();
  ASSERT_TRUE(cqe);
  EXPECT_EQ(cqe->task, 1u);
  EXPECT_EQ(cqe->status, VNPU_E_ADDRESS);
  EXPECT_EQ(session()->exception_count, 1u) << "one record, not one for the caller too";
  EXPECT_EQ(cqe->exception, 1u);
  const vnpu_exception& record = LastException();
  EXPECT_EQ(record.queue_id, kQueue);
  EXPECT_EQ(record.task, 1u);
  EXPECT_EQ(record.model_id, kModel);
  EXPECT_EQ(record.image, kOffset);
  EXPECT_EQ(record.stream, 1u);
  EXPECT_EQ(record.position, 2u);
  EXPECT_EQ(record.status, VNPU_E_ADDRESS);
  EXPECT_EQ(record.address, 0xbadu);
  EXPECT_EQ(record.pc, 0x40u);
  EXPECT_EQ(record.opcode, VNPU_OP_KERNEL);
  EXPECT_EQ(record.func_id, kernel_);
}

TEST_F(ModelFailure, RecordsOfOtherTasksNameNoModel) {
  Publish(*queue_, MakeSqe(VNPU_OP_COUNT));
  ExpectNoWork();
  EXPECT_EQ(LastException().model_id, 0u);
}

TEST_F(ModelFailure, AFailureStopsWhatElseRunsOrWaits) {
  StartEveryState();
  Retire(out_[0], VNPU_E_DIVIDE);
  out_.erase(out_.begin());
  ExpectNoWork();
  ASSERT_EQ(platform_.stops.size(), 1u);
  EXPECT_EQ(platform_.stops[0].status, VNPU_E_ABORTED);
  EXPECT_FALSE(queue_->Done());
  RetireAll(VNPU_E_ABORTED);
  EXPECT_EQ(StatusOf(*queue_), VNPU_E_DIVIDE);
  ExpectClean();
}

TEST_F(ModelFailure, AWaitThatFailsTakesTheOtherWaitsOfItsRunWithIt) {
  platform_.words = {{kWord, 0}, {kOther, 0}};
  ModelImage image;
  image.AddStream({ValueWait(kWord, VNPU_VALUE_EQ, 1)});
  image.AddStream({ValueWait(kOther, VNPU_VALUE_EQ, 1)});
  image.AddStream({ValueWait(kWord, VNPU_VALUE_EQ, 2)});
  Load(image);
  for (const uint64_t gone : {kWord, kOther}) {
    platform_.words = {{kWord, 0}, {kOther, 0}};
    Publish(*queue_, Execute(kModel));
    ExpectNoWork();
    EXPECT_FALSE(queue_->Done());
    platform_.words.erase(gone);
    ExpectNoWork();
    EXPECT_TRUE(queue_->Done());
    EXPECT_EQ(StatusOf(*queue_), VNPU_E_DMA_ADDRESS);
    EXPECT_FALSE(scheduler_->Watching());
  }
}

TEST_F(ModelFailure, WhatFailsWhileTheRunIsStoppedIsNotTheReason) {
  StartEveryState();
  Retire(out_[0], VNPU_E_DIVIDE);
  out_.erase(out_.begin());
  RetireAll(VNPU_E_TRAP);
  EXPECT_EQ(StatusOf(*queue_), VNPU_E_DIVIDE);
  EXPECT_EQ(session()->exception_count, 1u);
}

TEST_F(ModelFailure, AStoppedBlockIsAskedAgain) {
  StartEveryState();
  Retire(out_[0], VNPU_E_DIVIDE);
  now_ += 1'500'000;
  scheduler_->CheckDeadlines();
  EXPECT_EQ(platform_.stops.size(), 2u);
}

TEST_F(ModelFailure, StopOnFailureGoesForTheCaller) {
  ModelImage image;
  image.AddStream({MakeSqe(VNPU_OP_COUNT)});
  Load(image);
  QueueClient& queue = Create(6, 3, VNPU_QUEUE_STOP_ON_FAILURE);
  Publish(queue, {Execute(kModel), Kernel(kernel_), Execute(kModel)});
  ExpectNoWork();
  EXPECT_EQ(StatusOf(queue), VNPU_E_INVALID_SQE);
  EXPECT_EQ(StatusOf(queue), VNPU_E_ABORTED);
  EXPECT_EQ(StatusOf(queue), VNPU_E_ABORTED);
  EXPECT_EQ(Completed(), 2u) << "one that is dropped counts";
}

// Aborts --------------------------------------------------------------------------------------

TEST_F(ModelFailure, AbortingTheModelEndsTheRunAndThoseThatWait) {
  StartEveryState();
  QueueClient& other = Create(6);
  Publish(other, Execute(kModel));
  ExpectNoWork();
  EXPECT_EQ(scheduler_->AbortModel(kModel), 0);
  EXPECT_EQ(platform_.stops.size(), 2u);
  EXPECT_TRUE(other.Done());
  EXPECT_EQ(StatusOf(other), VNPU_E_ABORTED);
  RetireAll(VNPU_E_ABORTED);
  EXPECT_EQ(StatusOf(*queue_), VNPU_E_ABORTED);
  EXPECT_EQ(session()->exception_count, 0u);
  EXPECT_EQ(Completed(), 2u);
  ExpectClean();
}

TEST_F(ModelFailure, AbortingAModelThatDoesNotRunDoesNothing) {
  EXPECT_EQ(scheduler_->AbortModel(kModel), 0);
  ExpectClean();
}

TEST_F(ModelFailure, AbortingTheCallerEndsItsRun) {
  for (const bool only_one : {true, false}) {
    StartEveryState();
    Publish(*queue_, WithCqe(Nop()));
    Scheduler::Dropped dropped;
    EXPECT_EQ(scheduler_->AbortQueue(kQueue, only_one, &dropped), 0);
    RetireAll(VNPU_E_ABORTED);
    EXPECT_TRUE(queue_->Done());
    EXPECT_EQ(StatusOf(*queue_), VNPU_E_ABORTED);
    EXPECT_EQ(StatusOf(*queue_), only_one ? VNPU_OK : VNPU_E_ABORTED);
    ExpectClean();
  }
}

TEST_F(ModelFailure, AbortingAQueueThatWaitsForItsTurnTakesItOut) {
  ModelImage image;
  image.AddStream({Kernel(kernel_)});
  Load(image);
  Publish(*queue_, Execute(kModel));
  const Work first = Pick();
  for (const uint32_t id : {6u, 7u, 8u}) {
    Publish(Create(id), Execute(kModel));
    ExpectNoWork();
  }
  Scheduler::Dropped dropped;
  for (const uint32_t id : {8u, 6u}) {
    EXPECT_EQ(scheduler_->AbortQueue(id, false, &dropped), 0);
    EXPECT_TRUE(clients_[id].Done());
    EXPECT_EQ(StatusOf(clients_[id]), VNPU_E_ABORTED);
  }
  Publish(clients_[6], Execute(kModel));
  ExpectNoWork();
  Retire(first);
  const Work second = Pick();
  EXPECT_EQ(second.queue->id, 7u);
  Retire(second);
  const Work third = Pick();
  EXPECT_EQ(third.queue->id, 6u);
  Retire(third);
  ExpectNoWork();
  EXPECT_TRUE(clients_[6].Done());
  EXPECT_EQ(Completed(), 5u);
}

TEST_F(ModelFailure, DestroyingTheCallerWaitsForTheBlocksOfItsRun) {
  StartEveryState();
  EXPECT_EQ(scheduler_->KillQueue(kQueue, false), -EBUSY);
  EXPECT_EQ(scheduler_->KillQueue(kQueue, true), 0);
  EXPECT_TRUE(scheduler_->QueueBusy(kQueue));
  EXPECT_EQ(scheduler_->DestroyQueue(kQueue), -EBUSY);
  EXPECT_EQ(scheduler_->KillQueue(kQueue, true), 0);
  for (const Work& work : out_) {
    Retire(work, VNPU_E_ABORTED);
  }
  EXPECT_FALSE(scheduler_->QueueBusy(kQueue));
  EXPECT_EQ(scheduler_->DestroyQueue(kQueue), 0);
  EXPECT_EQ(Completed(), 1u);
  queue_ = &Create(kQueue);
  ExpectClean();
}

TEST_F(ModelFailure, DestroyingAQueueThatWaitsForItsTurnTakesItOut) {
  ModelImage image;
  image.AddStream({Kernel(kernel_)});
  Load(image);
  Publish(*queue_, Execute(kModel));
  const Work first = Pick();
  Publish(Create(6), Execute(kModel));
  Publish(Create(7), Execute(kModel));
  ExpectNoWork();
  EXPECT_EQ(scheduler_->KillQueue(6, true), 0);
  EXPECT_EQ(scheduler_->DestroyQueue(6), 0);
  Retire(first);
  Retire(Pick());
  ExpectNoWork();
  EXPECT_TRUE(clients_[7].Done());
  EXPECT_EQ(Completed(), 3u);
}

TEST_F(ModelFailure, TheNextRunStartsWhenTheCallerOfThisOneIsDestroyed) {
  ModelImage image;
  image.AddStream({Wait(1, 1), Kernel(kernel_)});
  Load(image);
  Publish(*queue_, Execute(kModel));
  Publish(Create(6), Execute(kModel));
  ExpectNoWork();
  EXPECT_EQ(scheduler_->KillQueue(kQueue, true), 0);
  EXPECT_EQ(scheduler_->DestroyQueue(kQueue), 0);
  Publish(Create(7), Record(1, 1));
  EXPECT_EQ(Pick().queue->id, 6u);
}

TEST_F(ModelFailure, AModelIsNotDestroyedWhileARunIsUnderWayOrWaits) {
  ModelImage image;
  image.AddStream({Kernel(kernel_)});
  Load(image);
  Publish(*queue_, Execute(kModel));
  const Work work = Pick();
  EXPECT_EQ(scheduler_->DestroyModel(kModel), -EBUSY);
  EXPECT_EQ(scheduler_->AbortModel(kModel), 0);
  EXPECT_EQ(scheduler_->DestroyModel(kModel), -EBUSY) << "a block still runs";
  Retire(work, VNPU_E_ABORTED);
  EXPECT_EQ(StatusOf(*queue_), VNPU_E_ABORTED);
  EXPECT_EQ(scheduler_->DestroyModel(kModel), 0);
  EXPECT_EQ(scheduler_->DestroyModel(kModel), -ENOENT);
  EXPECT_EQ(Run(), VNPU_E_INVALID_SQE);
}

// Time limits ---------------------------------------------------------------------------------

TEST_F(ModelFailure, AnExecutionHasATimeLimit) {
  StartEveryState();
  RetireAll(VNPU_E_TRAP);
  EXPECT_EQ(StatusOf(*queue_), VNPU_E_TRAP);
  ModelImage image;
  image.AddStream({Kernel(kernel_)});
  Load(image);
  Publish(*queue_, WithTimeout(Execute(kModel), 100));
  const Work work = Pick();
  now_ += 99'000;
  scheduler_->CheckDeadlines();
  EXPECT_TRUE(platform_.stops.empty() || platform_.stops.size() == 1);
  const size_t stops = platform_.stops.size();
  now_ += 2'000;
  scheduler_->CheckDeadlines();
  EXPECT_EQ(platform_.stops.size(), stops + 1);
  EXPECT_FALSE(queue_->Done());
  EXPECT_GT(scheduler_->NextDeadline(), now_) << "not due again at once";
  Retire(work, VNPU_E_ABORTED);
  ExpectNoWork();
  EXPECT_EQ(StatusOf(*queue_), VNPU_E_TIMEOUT);
  EXPECT_EQ(LastException().queue_id, kQueue);
  EXPECT_EQ(LastException().opcode, VNPU_OP_MODEL_EXECUTE);
}

TEST_F(ModelFailure, WaitingForItsTurnCountsToo) {
  ModelImage image;
  image.AddStream({Kernel(kernel_)});
  Load(image);
  Publish(*queue_, Execute(kModel));
  const Work work = Pick();
  QueueClient& other = Create(6);
  Publish(other, WithTimeout(Execute(kModel), 100));
  ExpectNoWork();
  now_ += 101'000;
  scheduler_->CheckDeadlines();
  EXPECT_EQ(StatusOf(other), VNPU_E_WAIT_TIMEOUT);
  Retire(work);
  ExpectNoWork();
  EXPECT_TRUE(queue_->Done());
  EXPECT_EQ(Completed(), 2u);
  EXPECT_EQ(scheduler_->NextDeadline(), 0u);
}

TEST_F(ModelFailure, EntriesHaveTimeLimits) {
  ModelImage image(1);
  image.AddStream({WithTimeout(Wait(1, 1), 100)});
  Load(image);
  Publish(*queue_, Execute(kModel));
  ExpectNoWork();
  now_ += 101'000;
  scheduler_->CheckDeadlines();
  EXPECT_EQ(StatusOf(*queue_), VNPU_E_WAIT_TIMEOUT);
  ModelImage kernel(1);
  kernel.AddStream({WithTimeout(AwaitRegister(0), 50)});
  kernel.AddStream({WithTimeout(Kernel(kernel_), 2'000'000), SetRegister(0)});
  Load(kernel);
  Publish(*queue_, Execute(kModel));
  const Work work = Pick();
  now_ += 49'000;
  scheduler_->CheckDeadlines();
  now_ += 2'000;
  scheduler_->CheckDeadlines();
  EXPECT_EQ(platform_.stops.size(), 1u) << "the register came too late";
  Retire(work, VNPU_E_ABORTED);
  EXPECT_EQ(StatusOf(*queue_), VNPU_E_WAIT_TIMEOUT);
}

TEST_F(ModelFailure, LongTimeLimitsOfKernelsHold) {
  ModelImage image;
  image.AddStream({WithTimeout(Kernel(kernel_), 2'000'000)});
  Load(image);
  Publish(*queue_, Execute(kModel));
  const Work work = Pick();
  for (int i = 0; i < 30 && platform_.stops.empty(); ++i) {
    now_ += 100'000'000;
    scheduler_->CheckDeadlines();
  }
  ASSERT_EQ(platform_.stops.size(), 1u);
  EXPECT_EQ(platform_.stops[0].status, VNPU_E_TIMEOUT);
  Retire(work, VNPU_E_TIMEOUT);
  EXPECT_EQ(StatusOf(*queue_), VNPU_E_TIMEOUT);
}

// Streams that wait for each other -------------------------------------------------------------

TEST_F(ModelFailure, ARunInWhichNothingCanGoOnIsEnded) {
  ModelImage image(2);
  image.AddStream({AwaitRegister(0), SetRegister(1)});
  image.AddStream({Kernel(kernel_), AwaitRegister(1), SetRegister(0)});
  Load(image);
  EXPECT_EQ(Run(), VNPU_E_STUCK);
  EXPECT_EQ(order_.size(), 1u);
  EXPECT_EQ(LastException().status, VNPU_E_STUCK);
  EXPECT_EQ(LastException().stream, 0u);
  EXPECT_EQ(LastException().position, 0u);
  ExpectClean();
}

TEST_F(ModelFailure, SoIsOneWhoseLastMovingStreamEnds) {
  ModelImage image(1);
  image.AddStream({AwaitRegister(0)});
  image.AddStream({Kernel(kernel_)});
  Load(image);
  EXPECT_EQ(Run(), VNPU_E_STUCK);
  ExpectClean();
}

TEST_F(ModelFailure, SoIsOneThatIsStuckInABody) {
  platform_.words = {{kWord, 1}};
  ModelImage image(1);
  image.AddStream({Condition(VNPU_MODEL_WHILE, kWord, 1), SetRegister(0)});
  image.AddStream({AwaitRegister(0)});
  image.AddGraph(1);
  image.AddStream({Kernel(kernel_), AwaitRegister(0)});
  Load(image);
  EXPECT_EQ(Run(), VNPU_E_STUCK);
  EXPECT_EQ(LastException().status, VNPU_E_STUCK);
  ExpectClean();
}

TEST_F(ModelFailure, OneThatWaitsForSomethingOutsideIsNotStuck) {
  ModelImage image(1);
  image.AddStream({AwaitRegister(0)});
  image.AddStream({Wait(1, 1), SetRegister(0)});
  Load(image);
  Publish(*queue_, Execute(kModel));
  ExpectNoWork();
  EXPECT_FALSE(queue_->Done());
  Publish(Create(6), Record(1, 1));
  ExpectNoWork();
  EXPECT_TRUE(queue_->Done());
  EXPECT_FALSE(queue_->Consume());
}

TEST_F(ModelFailure, AnEndlessLoopCanBeAborted) {
  platform_.words = {{kWord, 1}};
  ModelImage image;
  image.AddStream({Condition(VNPU_MODEL_WHILE, kWord, 1)});
  image.AddGraph();
  image.AddStream();
  Load(image);
  Publish(*queue_, Execute(kModel));
  Work work;
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(TryPick(&work));
    EXPECT_TRUE(scheduler_->HasMore());
  }
  EXPECT_EQ(scheduler_->AbortModel(kModel), 0);
  ExpectNoWork();
  EXPECT_EQ(StatusOf(*queue_), VNPU_E_ABORTED);
}

}  // namespace
}  // namespace vnpu::firmware::test
