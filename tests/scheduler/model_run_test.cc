// Runs of models: what an execution does to its queue, to the model, and to other executions.
#include "tests/scheduler/model_fixture.h"

namespace vnpu::firmware::test {
namespace {

class ModelRun : public ModelTest {};

TEST_F(ModelRun, OneWithoutStreamsIsOverAtOnce) {
  Load(ModelImage());
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(Completed(), 1u);
}

TEST_F(ModelRun, EmptyStreamsAreOverAtOnce) {
  ModelImage image;
  image.AddStream();
  image.AddStream();
  Load(image);
  EXPECT_EQ(Run(), VNPU_OK);
}

TEST_F(ModelRun, EntriesOfAStreamRunInOrder) {
  ModelImage image;
  image.AddStream({Kernel(kernel_), Nop(), Copy(64, 128, 8), Kernel(kernel_), Memset(64, 8, 0)});
  Load(image);
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(order_, (Order{{0, 0}, {0, 2}, {0, 3}, {0, 4}}));
}

TEST_F(ModelRun, TheQueueGoesOnWhenTheRunIsOver) {
  ModelImage image;
  image.AddStream({Kernel(kernel_)});
  Load(image);
  Publish(*queue_, {Execute(kModel), Kernel(kernel_)});
  const Work inside = Pick();
  EXPECT_NE(inside.queue->model, nullptr);
  ExpectNoWork();
  EXPECT_EQ(queue_->head(), 0u);
  Retire(inside);
  EXPECT_EQ(queue_->head(), 0u) << "the stream's end has not been reached";
  const Work behind = Pick();
  EXPECT_EQ(queue_->head(), 1u);
  EXPECT_EQ(behind.queue->model, nullptr);
  Retire(behind);
  EXPECT_TRUE(queue_->Done());
}

TEST_F(ModelRun, ItsTimesAreThoseOfTheWholeRun) {
  ModelImage image;
  image.AddStream({Kernel(kernel_), Kernel(kernel_)});
  Load(image);
  const uint64_t before = now_;
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(queue_->time(0).start, before);
  EXPECT_EQ(queue_->time(0).end, before + 2000);
}

TEST_F(ModelRun, StreamsRunSideBySide) {
  ModelImage image;
  image.AddStream({Kernel(kernel_)});
  image.AddStream({Copy(64, 128, 8)});
  image.AddStream({Kernel(kernel_)});
  Load(image);
  Publish(*queue_, Execute(kModel));
  const std::vector<Work> works = {PickOf(0), PickOf(1), PickOf(2)};
  for (const Work& work : works) {
    EXPECT_FALSE(queue_->Done());
    Retire(work);
    ExpectNoWork();
  }
  EXPECT_TRUE(queue_->Done());
}

TEST_F(ModelRun, StreamsThatDoNotStartStayOut) {
  ModelImage image;
  image.AddStream({Kernel(kernel_)}, 0);
  image.AddStream({Kernel(kernel_)});
  Load(image);
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(order_, (Order{{1, 0}}));
}

TEST_F(ModelRun, OtherGraphsStayOut) {
  ModelImage image;
  image.AddStream({Kernel(kernel_)});
  image.AddGraph();
  image.AddStream({Kernel(kernel_)});
  Load(image);
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(order_, (Order{{0, 0}}));
}

TEST_F(ModelRun, OneModelRunsOnceAtATimeInTheOrderOfItsExecutions) {
  ModelImage image;
  image.AddStream({Kernel(kernel_)});
  Load(image);
  std::vector<QueueClient*> queues = {&Create(10), &Create(11), &Create(12)};
  for (QueueClient* queue : queues) {
    Publish(*queue, Execute(kModel));
    ExpectNoMoreThan(1);
  }
  for (QueueClient* queue : queues) {
    ASSERT_EQ(out_.size(), 1u);
    EXPECT_EQ(out_.front().queue->id, queue->id()) << "reports name the calling queue";
    Retire(out_.front());
    out_.clear();
    ExpectNoMoreThan(1);
    EXPECT_TRUE(queue->Done());
  }
  EXPECT_EQ(Completed(), 3u);
}

TEST_F(ModelRun, DifferentModelsRunSideBySide) {
  ModelImage image;
  image.AddStream({Kernel(kernel_)});
  CreateModel(2);
  Load(image);
  Load(image, 2);
  Publish(*queue_, Execute(kModel));
  Publish(Create(6), Execute(2));
  const Work first = Pick();
  const Work second = Pick();
  EXPECT_NE(first.queue->model, second.queue->model);
  Retire(second);
  ExpectNoWork();
  EXPECT_TRUE(clients_[6].Done());
  EXPECT_FALSE(queue_->Done());
  Retire(first);
  ExpectNoWork();
  EXPECT_TRUE(queue_->Done());
}

TEST_F(ModelRun, ExecutionsThatAreOverAtOnceDoNotPileUp) {
  Load(ModelImage());
  for (uint32_t id = 100; id < 100 + 2000; ++id) {
    Publish(Create(id), Execute(kModel));
  }
  ExpectNoWork();
  EXPECT_EQ(Completed(), 2000u);
}

TEST_F(ModelRun, EachImageCountsItsOwn) {
  ModelImage image;
  image.AddStream({Kernel(kernel_)});
  constexpr uint64_t kSecond = 4096;
  Load(image);
  Load(image, kModel, kSecond);
  EXPECT_EQ(Run(kModel, kSecond), VNPU_OK);
  EXPECT_EQ(Run(kModel, kSecond), VNPU_OK);
  EXPECT_EQ(Run(kModel, 0), VNPU_OK);
  EXPECT_EQ(Completed(kModel, 0), 1u);
  EXPECT_EQ(Completed(kModel, kSecond), 2u);
}

TEST_F(ModelRun, AnImageMayBeReplacedByOneOfAnotherShape) {
  ModelImage large(8);
  for (int i = 0; i < 10; ++i) {
    large.AddStream({Kernel(kernel_), SetRegister(3)});
  }
  Load(large);
  EXPECT_EQ(Run(), VNPU_OK);
  ModelImage small(4);
  small.AddStream({AwaitRegister(3), Kernel(kernel_)});
  small.AddStream({SetRegister(3)});
  Load(small);
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(order_, (Order{{0, 1}}));
}

TEST_F(ModelRun, AStreamOfAHigherPriorityGoesFirst) {
  SetUnits(1, 1, 1, 1);
  ModelImage image;
  image.Add(image.AddStream(VNPU_MODEL_STARTS, 5), Kernel(kernel_));
  image.Add(image.AddStream(VNPU_MODEL_STARTS, 1), Kernel(kernel_));
  Load(image);
  Publish(*queue_, Execute(kModel));
  const Work head = PickOf(1);
  Publish(Create(6, 0), Kernel(kernel_));
  ExpectNoWork();
  Retire(head);
  const Work outside = Pick();
  EXPECT_EQ(outside.queue->model, nullptr) << "and a queue above both before the rest";
  Retire(outside);
  Retire(PickOf(0));
}

TEST_F(ModelRun, EventsReachOtherQueuesAndComeFromThem) {
  ModelImage image;
  image.AddStream({Kernel(kernel_), Record(1, 7), Wait(2, 9), Kernel(kernel_)});
  Load(image);
  QueueClient& other = Create(6);
  Publish(other, {Wait(1, 7), Kernel(kernel_), Record(2, 9)});
  Publish(*queue_, Execute(kModel));
  Retire(PickOf(0));
  const Work middle = Pick();
  EXPECT_EQ(middle.queue->id, 6u);
  ExpectNoWork();
  Retire(middle);
  Retire(PickOf(0));
  ExpectNoWork();
  EXPECT_TRUE(queue_->Done());
}

TEST_F(ModelRun, SequenceNumbersMayStandInTheArgumentArea) {
  ModelImage image;
  vnpu_sqe record = Record(1, 8);
  record.flags = VNPU_SQE_SEQ_IN_ARGS;
  vnpu_sqe interrupt = Interrupt(2, 0, 3);
  interrupt.flags = VNPU_SQE_SEQ_IN_ARGS;
  vnpu_sqe wait = Wait(3, 16);
  wait.flags = VNPU_SQE_SEQ_IN_ARGS;
  image.AddStream({record, interrupt, wait, Kernel(kernel_)});
  image.SetArgs({41, 42, 43});
  Load(image);
  Publish(*queue_, Execute(kModel));
  ExpectNoWork();
  EXPECT_EQ(event(1).seq, 42u);
  EXPECT_EQ(event(2).seq, 41u);
  EXPECT_EQ(platform_.irqs, std::vector<uint32_t>{3});
  Publish(Create(6), Record(3, 42));
  ExpectNoWork();
  Publish(clients_[6], Record(3, 43));
  Retire(PickOf(0));
}

TEST_F(ModelRun, AnUpdateChangesArgumentsAtOnce) {
  struct Args {
    uint64_t value[2];
  };
  const uint32_t kernel = AddKernel(VNPU_UNIT_AI_CORE, sizeof(Args));
  ModelImage image;
  vnpu_sqe launch = Kernel(kernel);
  launch.kernel.arg_size = sizeof(Args);
  image.AddStream({Kernel(kernel_), launch});
  image.SetArgs({1, 2});
  Load(image);
  Publish(*queue_, Execute(kModel));
  const Work first = PickOf(0);
  QueueClient& other = Create(6);
  const uint64_t values[2] = {10, 20};
  std::memcpy(other.args() + 64, values, sizeof(values));
  Publish(other, Update(kModel, image.ArgsOffset(), sizeof(values), 64));
  ExpectNoWork();
  EXPECT_TRUE(other.Done());
  Retire(first);
  const Work second = PickOf(0);
  EXPECT_EQ(std::memcmp(second.queue->task.args, values, sizeof(values)), 0);
  Retire(second);
}

TEST_F(ModelRun, AnExecutionBringsItsUpdateWhenItsTurnHasCome) {
  ModelImage image;
  image.AddStream({Kernel(kernel_)});
  image.SetArgs({1, 2});
  Load(image);
  Publish(*queue_, Execute(kModel));
  const Work first = PickOf(0);
  QueueClient& other = Create(6);
  const uint64_t value = 77;
  std::memcpy(other.args() + 8, &value, sizeof(value));
  vnpu_sqe execute = Execute(kModel);
  execute.execute.update_bytes = 8;
  execute.execute.update_offset = image.ArgsOffset() + 8;
  execute.execute.arg_offset = 8;
  Publish(other, execute);
  ExpectNoWork();
  const auto* args = reinterpret_cast<const uint64_t*>(memory() + image.ArgsOffset());
  EXPECT_EQ(args[1], 2u) << "the run before it still has the old one";
  Retire(first);
  const Work second = PickOf(0);
  EXPECT_EQ(args[0], 1u);
  EXPECT_EQ(args[1], 77u);
  Retire(second);
}

TEST_F(ModelRun, ManyRunsLeaveNothingBehind) {
  ModelImage image(4);
  image.AddStream({Kernel(kernel_), SetRegister(0), AwaitRegister(1), Kernel(kernel_)});
  image.AddStream({AwaitRegister(0), Kernel(kernel_), SetRegister(1)});
  Load(image);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(Run(), VNPU_OK);
    ASSERT_EQ(order_, (Order{{0, 0}, {1, 1}, {0, 3}}));
  }
  EXPECT_TRUE(scheduler_->Idle());
  EXPECT_EQ(scheduler_->NextDeadline(), 0u);
  EXPECT_EQ(scheduler_->DestroyModel(kModel), 0);
}

}  // namespace
}  // namespace vnpu::firmware::test
