// Models that run others.
#include "tests/scheduler/model_fixture.h"

namespace vnpu::firmware::test {
namespace {

class ModelNested : public ModelTest {
 protected:
  static constexpr uint32_t kInner = 2;

  ModelNested() {
    CreateModel(kInner);
    ModelImage inner;
    inner.AddStream({Kernel(kernel_), Kernel(kernel_)});
    Load(inner, kInner);
    ModelImage outer;
    outer.AddStream({Kernel(kernel_), Execute(kInner), Kernel(kernel_)});
    Load(outer);
  }
  // Picks the next piece of work, which is of the model.
  Work PickOfModel(uint32_t model) {
    const Work work = Pick();
    EXPECT_NE(work.queue->model, nullptr);
    EXPECT_EQ(work.queue->model->id, model);
    return work;
  }
  // Starts the outer model and leaves a kernel of the inner one running.
  Work StartInner() {
    Publish(*queue_, WithCqe(Execute(kModel)));
    Retire(PickOfModel(kModel));
    return PickOfModel(kInner);
  }
};

TEST_F(ModelNested, TheEntryWaitsForTheInnerRun) {
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(order_.size(), 4u);
  EXPECT_EQ(Completed(kInner), 1u);
  EXPECT_EQ(Completed(), 1u);
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(Completed(kInner), 2u);
}

TEST_F(ModelNested, OneRunOfTheInnerModelAtATime) {
  QueueClient& other = Create(6);
  Publish(other, WithCqe(Execute(kInner)));
  const Work held = PickOfModel(kInner);
  Publish(*queue_, WithCqe(Execute(kModel)));
  Retire(PickOfModel(kModel));
  ExpectNoWork();
  Retire(held);
  Retire(PickOfModel(kInner));
  Retire(PickOfModel(kInner));
  EXPECT_EQ(Completed(kInner), 1u) << "the second run has begun";
  Retire(PickOfModel(kInner));
  Retire(PickOfModel(kModel));
  ExpectNoWork();
  EXPECT_EQ(StatusOf(*queue_), VNPU_OK);
  EXPECT_EQ(StatusOf(other), VNPU_OK);
}

TEST_F(ModelNested, AFailureInsideIsThatOfTheWhole) {
  Work work = StartInner();
  work.result = {.status = VNPU_E_ADDRESS, .is_write = true, .address = 0xbad, .pc = 0x10040};
  Retire(work);
  ExpectNoWork();
  EXPECT_EQ(StatusOf(*queue_), VNPU_E_ADDRESS);
  EXPECT_EQ(session()->exception_count, 1u);
  EXPECT_EQ(LastException().model_id, kInner);
  EXPECT_EQ(LastException().queue_id, kQueue);
  EXPECT_EQ(LastException().task, 0u);
  EXPECT_EQ(Completed(kInner), 1u);
  EXPECT_EQ(Run(), VNPU_OK) << "the next run works";
  EXPECT_EQ(order_.size(), 4u);
}

TEST_F(ModelNested, AbortingTheOuterEndsTheInner) {
  const Work work = StartInner();
  EXPECT_EQ(scheduler_->AbortModel(kModel), 0);
  ExpectNoWork();
  EXPECT_FALSE(queue_->Done()) << "a block still runs";
  Retire(work, VNPU_E_ABORTED);
  ExpectNoWork();
  EXPECT_EQ(StatusOf(*queue_), VNPU_E_ABORTED);
  EXPECT_EQ(scheduler_->DestroyModel(kInner), 0) << "nothing of it runs";
}

TEST_F(ModelNested, AbortingTheInnerEndsTheOuter) {
  const Work work = StartInner();
  EXPECT_EQ(scheduler_->AbortModel(kInner), 0);
  Retire(work, VNPU_E_ABORTED);
  ExpectNoWork();
  EXPECT_EQ(StatusOf(*queue_), VNPU_E_ABORTED);
  EXPECT_EQ(Run(), VNPU_OK);
}

TEST_F(ModelNested, AnOuterRunThatWaitsForItsTurnInsideIsTakenOut) {
  Publish(Create(6), Execute(kInner));
  const Work held = PickOfModel(kInner);
  Publish(*queue_, WithCqe(Execute(kModel)));
  Retire(PickOfModel(kModel));
  ExpectNoWork();
  Scheduler::Dropped dropped;
  EXPECT_EQ(scheduler_->AbortQueue(kQueue, false, &dropped), 0);
  ExpectNoWork();
  EXPECT_EQ(StatusOf(*queue_), VNPU_E_ABORTED);
  Retire(held);
  Retire(PickOfModel(kInner));
  ExpectNoWork();
  EXPECT_TRUE(scheduler_->Idle());
  EXPECT_EQ(Completed(kInner), 2u) << "the one that was taken out counts";
}

TEST_F(ModelNested, DestroyingTheCallerEndsBoth) {
  const Work work = StartInner();
  EXPECT_EQ(scheduler_->KillQueue(kQueue, true), 0);
  EXPECT_TRUE(scheduler_->QueueBusy(kQueue));
  Retire(work, VNPU_E_ABORTED);
  ExpectNoWork();
  EXPECT_EQ(scheduler_->DestroyQueue(kQueue), 0);
  EXPECT_EQ(scheduler_->DestroyModel(kModel), 0);
  EXPECT_EQ(scheduler_->DestroyModel(kInner), 0);
}

TEST_F(ModelNested, TheEntryHasATimeLimit) {
  ModelImage outer;
  outer.AddStream({WithTimeout(Execute(kInner), 1000)});
  Load(outer);
  Publish(*queue_, WithCqe(Execute(kModel)));
  const Work work = PickOfModel(kInner);
  now_ += 2'000'000;
  scheduler_->CheckDeadlines();
  Retire(work, VNPU_E_ABORTED);
  ExpectNoWork();
  EXPECT_EQ(StatusOf(*queue_), VNPU_E_TIMEOUT);
}

TEST_F(ModelNested, InTheBodyOfALoop) {
  ModelImage outer;
  outer.AddStream({Condition(VNPU_MODEL_WHILE, kWord, 1)});
  outer.AddGraph();
  outer.AddStream({Execute(kInner)});
  Load(outer);
  platform_.words[kWord] = 1;
  int kernels = 0;
  on_work = [&](const Work&) { platform_.words[kWord] = ++kernels < 6 ? 1 : 0; };
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(kernels, 6);
  EXPECT_EQ(Completed(kInner), 3u);
}

TEST_F(ModelNested, SomethingOfItMayWaitForALongTime) {
  ModelImage inner;
  inner.AddStream({Wait(1, 5)});
  Load(inner, kInner);
  ModelImage outer(1);
  outer.AddStream({Execute(kInner), SetRegister(0)});
  outer.AddStream({AwaitRegister(0)});
  Load(outer);
  Publish(*queue_, WithCqe(Execute(kModel)));
  ExpectNoWork();
  EXPECT_FALSE(queue_->Done()) << "it is not stuck";
  Publish(Create(6), Record(1, 5));
  ExpectNoWork();
  EXPECT_EQ(StatusOf(*queue_), VNPU_OK);
}

TEST_F(ModelNested, NotInsideOfItself) {
  ModelImage inner;
  inner.AddStream({Execute(kModel)});
  Load(inner, kInner);
  ModelImage outer;
  outer.AddStream({Execute(kInner)});
  Load(outer);
  EXPECT_EQ(Run(), VNPU_E_INVALID_SQE);
  EXPECT_EQ(LastException().model_id, kInner);
}

TEST_F(ModelNested, NotTooDeep) {
  constexpr uint32_t kFirst = 10;
  constexpr ModelLimits kSmall = {.streams = 1, .graphs = 1, .registers = 0};
  for (uint32_t i = 0; i < VNPU_MAX_MODEL_DEPTH; ++i) {
    CreateModel(kFirst + i, VNPU_PAGE_SIZE, kSmall);
    ModelImage image;
    image.AddStream({i == 0 ? Kernel(kernel_) : Execute(kFirst + i - 1)});
    Load(image, kFirst + i);
  }
  EXPECT_EQ(Run(kFirst + VNPU_MAX_MODEL_DEPTH - 1), VNPU_OK);
  ModelImage outer;
  outer.AddStream({Execute(kFirst + VNPU_MAX_MODEL_DEPTH - 1)});
  Load(outer);
  EXPECT_EQ(Run(), VNPU_E_INVALID_SQE);
}

TEST_F(ModelNested, BytesCanBeBroughtAlong) {
  constexpr uint64_t kOffset = 8192;
  vnpu_sqe execute = Execute(kInner);
  execute.execute.update_bytes = 8;
  execute.execute.update_offset = kOffset;
  execute.execute.arg_offset = 8;
  ModelImage outer;
  outer.AddStream({execute});
  outer.SetArgs({1, 77});
  Load(outer);
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(*reinterpret_cast<const uint64_t*>(memory(kInner) + kOffset), 77u);
}

}  // namespace
}  // namespace vnpu::firmware::test
