// Entries by which a model calls its client: numbers that the device gives out.
#include "tests/scheduler/model_fixture.h"

namespace vnpu::firmware::test {
namespace {

constexpr uint32_t kReached = 3;
constexpr uint32_t kDone = 4;
constexpr uint32_t kIrq = 7;

class ModelCall : public ModelTest {
 protected:
  static vnpu_sqe Call(uint32_t reached = kReached, uint32_t done = kDone) {
    vnpu_sqe sqe = Interrupt(reached, done, kIrq);
    sqe.flags = VNPU_SQE_SEQ_NEXT;
    return sqe;
  }
  static vnpu_sqe WaitFor(uint32_t done = kDone, uint32_t reached = kReached) {
    vnpu_sqe sqe = Wait(done, reached);
    sqe.flags = VNPU_SQE_SEQ_OF_EVENT;
    return sqe;
  }
  uint64_t number(uint32_t event) const { return session()->events[event].seq; }
  void set_number(uint32_t event, uint64_t number) const { session()->events[event].seq = number; }
  // The client has done what it was called for.
  void Answer(uint32_t reached = kReached, uint32_t done = kDone) {
    Publish(Client(), Record(done, number(reached)));
    ExpectNoMoreThan(1);
  }
  QueueClient& Client() { return clients_.contains(9) ? clients_[9] : Create(9); }
};

TEST_F(ModelCall, TheNumberIsAboveThoseOfBothEvents) {
  ModelImage image;
  image.AddStream({Call()});
  Load(image);
  set_number(kReached, 5);
  set_number(kDone, 40);
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(number(kReached), 41u);
  EXPECT_EQ(platform_.irqs, std::vector<uint32_t>{kIrq});
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(number(kReached), 42u);
}

TEST_F(ModelCall, NumbersOrderTheCallsOfAllModels) {
  CreateModel(2);
  ModelImage first;
  first.AddStream({Call(10, 11), Call(12, 13)});
  Load(first);
  ModelImage second;
  second.AddStream({Call(14, 15)});
  Load(second, 2);
  set_number(10, 100);
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(Run(2), VNPU_OK);
  EXPECT_LT(number(10), number(12));
  EXPECT_LT(number(12), number(14));
}

TEST_F(ModelCall, TheStreamWaitsForTheAnswer) {
  ModelImage image;
  image.AddStream({Call(), WaitFor(), Kernel(kernel_)});
  Load(image);
  Publish(*queue_, WithCqe(Execute(kModel)));
  ExpectNoWork();
  EXPECT_TRUE(scheduler_->EventHasWaiters(kDone));
  Answer();
  ASSERT_EQ(out_.size(), 1u);
  Retire(out_.front());
  ExpectNoWork();
  EXPECT_EQ(StatusOf(*queue_), VNPU_OK);
}

TEST_F(ModelCall, EachTimeRoundALoopIsACallOfItsOwn) {
  ModelImage image;
  image.AddStream({Condition(VNPU_MODEL_WHILE, kWord, 1)});
  image.AddGraph();
  image.AddStream({WaitFor(), Call(), WaitFor()});
  Load(image);
  platform_.words[kWord] = 1;
  Publish(*queue_, WithCqe(Execute(kModel)));
  for (uint64_t round = 1; round <= 3; ++round) {
    ExpectNoWork();
    EXPECT_EQ(number(kReached), round);
    platform_.words[kWord] = round < 3 ? 1 : 0;
    Answer();
  }
  EXPECT_EQ(StatusOf(*queue_), VNPU_OK);
  EXPECT_EQ(platform_.irqs.size(), 3u);
}

TEST_F(ModelCall, NothingIsWaitedForBeforeTheFirstCall) {
  ModelImage image;
  image.AddStream({WaitFor(), Call()});
  Load(image);
  EXPECT_EQ(Run(), VNPU_OK);
}

TEST_F(ModelCall, ARunThatIsAbortedWaitsNoMore) {
  ModelImage image;
  image.AddStream({WaitFor(), Call(), WaitFor()});
  Load(image);
  Publish(*queue_, WithCqe(Execute(kModel)));
  ExpectNoWork();
  EXPECT_EQ(scheduler_->AbortModel(kModel), 0);
  ExpectNoWork();
  EXPECT_EQ(StatusOf(*queue_), VNPU_E_ABORTED);
  EXPECT_FALSE(scheduler_->EventHasWaiters(kDone));
  // The next one does not call again before the client has answered.
  Publish(*queue_, WithCqe(Execute(kModel)));
  ExpectNoWork();
  EXPECT_EQ(number(kReached), 1u);
  Answer();
  EXPECT_EQ(number(kReached), 2u);
  Answer();
  EXPECT_EQ(StatusOf(*queue_), VNPU_OK);
}

struct BadCall {
  const char* name;
  vnpu_sqe sqe;
  uint8_t flags;
};

class ModelBadCall : public ModelCall, public testing::WithParamInterface<BadCall> {};

TEST_P(ModelBadCall, IsRefused) {
  ModelImage image;
  vnpu_sqe sqe = GetParam().sqe;
  sqe.flags = GetParam().flags;
  image.AddStream({sqe});
  image.SetArgs({1, 2});
  Load(image);
  EXPECT_EQ(Run(), VNPU_E_INVALID_SQE);
  Publish(*queue_, sqe);
  ExpectNoWork();
  EXPECT_EQ(StatusOf(*queue_), VNPU_E_INVALID_SQE) << "in a queue";
}

INSTANTIATE_TEST_SUITE_P(
    Entries, ModelBadCall,
    testing::Values(BadCall{"Event", Interrupt(VNPU_MAX_EVENTS, 1, 0), VNPU_SQE_SEQ_NEXT},
                    BadCall{"OtherEvent", Interrupt(1, VNPU_MAX_EVENTS, 0), VNPU_SQE_SEQ_NEXT},
                    BadCall{"Irq", Interrupt(1, 2, VNPU_MAX_IRQS), VNPU_SQE_SEQ_NEXT},
                    BadCall{"NextOfRecord", Record(1, 2), VNPU_SQE_SEQ_NEXT},
                    BadCall{"NextOfWait", Wait(1, 2), VNPU_SQE_SEQ_NEXT},
                    BadCall{"WaitEvent", Wait(1, VNPU_MAX_EVENTS), VNPU_SQE_SEQ_OF_EVENT},
                    BadCall{"OfEventOfRecord", Record(1, 2), VNPU_SQE_SEQ_OF_EVENT},
                    BadCall{"OfEventOfInterrupt", Interrupt(1, 2, 0), VNPU_SQE_SEQ_OF_EVENT},
                    BadCall{"Both", Wait(1, 8), VNPU_SQE_SEQ_OF_EVENT | VNPU_SQE_SEQ_IN_ARGS},
                    BadCall{"BothNext", Interrupt(1, 8, 0),
                            VNPU_SQE_SEQ_NEXT | VNPU_SQE_SEQ_IN_ARGS}),
    [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace vnpu::firmware::test
