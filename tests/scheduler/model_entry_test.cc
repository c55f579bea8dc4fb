// The entries that only images have: registers, conditions, labels, activation, stored words.
#include "tests/scheduler/model_fixture.h"

namespace vnpu::firmware::test {
namespace {

class ModelEntry : public ModelTest {
 protected:
  ModelEntry() { platform_.words = {{kWord, 0}, {kOther, 0}}; }
  uint64_t& word() { return platform_.words[kWord]; }
};

// Registers -----------------------------------------------------------------------------------

TEST_F(ModelEntry, AStreamWaitsForARegister) {
  ModelImage image(1);
  image.AddStream({AwaitRegister(0), Kernel(kernel_)});
  image.AddStream({Kernel(kernel_), SetRegister(0), Kernel(kernel_)});
  Load(image);
  Publish(*queue_, Execute(kModel));
  Retire(PickOf(1));
  ExpectNoMoreThan(2);
  EXPECT_EQ(out_.size(), 2u) << "behind the signal both run";
}

TEST_F(ModelEntry, ARegisterThatIsSetHoldsNobodyUp) {
  ModelImage image(1);
  image.AddStream({SetRegister(0), AwaitRegister(0), AwaitRegister(0), SetRegister(0)});
  Load(image);
  EXPECT_EQ(Run(), VNPU_OK);
}

TEST_F(ModelEntry, ARegisterReleasesAllThatWait) {
  ModelImage image(2);
  for (int i = 0; i < 5; ++i) {
    image.AddStream({AwaitRegister(1), Kernel(kernel_)});
  }
  image.AddStream({Kernel(kernel_), SetRegister(1)});
  Load(image);
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(order_.size(), 6u);
  EXPECT_EQ(order_.front().first, 5u);
}

TEST_F(ModelEntry, RegistersAreClearAgainInTheNextRun) {
  ModelImage image(1);
  image.AddStream({AwaitRegister(0), Kernel(kernel_)});
  image.AddStream({Kernel(kernel_), SetRegister(0)});
  Load(image);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Run(), VNPU_OK);
    EXPECT_EQ(order_, (Order{{1, 0}, {0, 1}}));
  }
}

TEST_F(ModelEntry, EachGraphHasItsOwnRegisters) {
  ModelImage image(1);
  image.AddStream({SetRegister(0), Condition(VNPU_MODEL_IF, kWord, 1)});
  image.AddGraph(1);
  image.AddStream({AwaitRegister(0), Kernel(kernel_)});
  image.AddStream({Kernel(kernel_), SetRegister(0)});
  Load(image);
  word() = 1;
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(order_, (Order{{2, 0}, {1, 1}}));
}

// Conditions ----------------------------------------------------------------------------------

TEST_F(ModelEntry, IfRunsItsGraphOrTheOtherOneOrNone) {
  for (const uint32_t graphs : {1u, 2u}) {
    ModelImage image;
    image.AddStream({Condition(VNPU_MODEL_IF, kWord, 1, graphs), Copy(64, 128, 8)});
    image.AddGraph();
    image.AddStream({Kernel(kernel_)});
    image.AddGraph();
    image.AddStream({Kernel(kernel_)});
    Load(image);
    word() = uint64_t{1} << 63;
    EXPECT_EQ(Run(), VNPU_OK);
    EXPECT_EQ(order_, (Order{{1, 0}, {0, 1}}));
    word() = 0;
    EXPECT_EQ(Run(), VNPU_OK);
    EXPECT_EQ(order_, graphs == 2 ? (Order{{2, 0}, {0, 1}}) : (Order{{0, 1}}));
  }
}

TEST_F(ModelEntry, WhileRepeatsAndReadsItsWordEachTime) {
  ModelImage image;
  image.AddStream({Condition(VNPU_MODEL_WHILE, kWord, 1), Copy(64, 128, 8)});
  image.AddGraph();
  image.AddStream({Kernel(kernel_)});
  Load(image);
  on_work = [this](const Work& work) { word() -= work.queue->entry_id == 1 ? 1 : 0; };
  for (const uint64_t times : {0u, 1u, 5u}) {
    word() = times;
    EXPECT_EQ(Run(), VNPU_OK);
    EXPECT_EQ(order_.size(), times + 1);
    EXPECT_EQ(order_.back(), (std::pair<uint32_t, uint64_t>{0, 1}));
  }
}

TEST_F(ModelEntry, RegistersAreClearAgainInEachRound) {
  ModelImage image;
  image.AddStream({Condition(VNPU_MODEL_WHILE, kWord, 1)});
  image.AddGraph(1);
  image.AddStream({AwaitRegister(0), Kernel(kernel_)});
  image.AddStream({Kernel(kernel_), SetRegister(0)});
  Load(image);
  word() = 2;
  on_work = [this](const Work& work) { word() -= work.queue->entry_id == 1 ? 1 : 0; };
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(order_, (Order{{2, 0}, {1, 1}, {2, 0}, {1, 1}}));
}

TEST_F(ModelEntry, CaseChoosesByNumber) {
  ModelImage image;
  image.AddStream({Condition(VNPU_MODEL_CASE, kWord, 1, 3)});
  for (int i = 0; i < 3; ++i) {
    image.AddGraph();
    image.AddStream({Kernel(kernel_)});
  }
  Load(image);
  for (const uint64_t choice : {0u, 1u, 2u}) {
    word() = choice;
    EXPECT_EQ(Run(), VNPU_OK);
    EXPECT_EQ(order_, (Order{{1 + static_cast<uint32_t>(choice), 0}}));
  }
  for (const uint64_t choice : {uint64_t{3}, uint64_t{1} << 32, UINT64_MAX}) {
    word() = choice;
    EXPECT_EQ(Run(), VNPU_OK);
    EXPECT_TRUE(order_.empty());
  }
}

TEST_F(ModelEntry, BodiesMayHaveConditions) {
  platform_.words = {{kWord, 2}, {kOther, 3}};
  ModelImage image;
  image.AddStream({Condition(VNPU_MODEL_WHILE, kWord, 1)});
  image.AddGraph();
  image.AddStream({StoreWord(kOther, 3), Condition(VNPU_MODEL_WHILE, kOther, 2), Copy(64, 128, 8)});
  image.AddGraph();
  image.AddStream({Kernel(kernel_)});
  Load(image);
  on_work = [this](const Work& work) {
    --platform_.words[work.queue->entry_id == 2 ? kOther : kWord];
  };
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(order_, (Order{{2, 0}, {2, 0}, {2, 0}, {1, 2}, {2, 0}, {2, 0}, {2, 0}, {1, 2}}));
}

TEST_F(ModelEntry, TheSameBodyMayRunTwiceInARow) {
  ModelImage image;
  image.AddStream({Condition(VNPU_MODEL_IF, kWord, 1), Condition(VNPU_MODEL_IF, kWord, 1)});
  image.AddGraph();
  image.AddStream({Kernel(kernel_)});
  Load(image);
  word() = 1;
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(order_.size(), 2u);
}

TEST_F(ModelEntry, ABodyThatRunsAlreadyIsRefused) {
  ModelImage image;
  image.AddStream({Condition(VNPU_MODEL_IF, kWord, 1)});
  image.AddStream({Condition(VNPU_MODEL_IF, kWord, 1)});
  image.AddGraph();
  image.AddStream({Kernel(kernel_)});
  Load(image);
  word() = 1;
  EXPECT_EQ(Run(), VNPU_E_INVALID_SQE);
  ModelImage itself;
  itself.AddStream({Condition(VNPU_MODEL_IF, kWord, 1)});
  itself.AddGraph();
  itself.AddStream({Condition(VNPU_MODEL_IF, kWord, 1)});
  Load(itself);
  EXPECT_EQ(Run(), VNPU_E_INVALID_SQE);
}

TEST_F(ModelEntry, OtherStreamsRunBesideABody) {
  ModelImage image(1);
  image.AddStream({Condition(VNPU_MODEL_IF, kWord, 1), SetRegister(0)});
  image.AddStream({Kernel(kernel_), AwaitRegister(0), Kernel(kernel_)});
  image.AddGraph();
  image.AddStream({Kernel(kernel_)});
  Load(image);
  word() = 1;
  Publish(*queue_, Execute(kModel));
  ExpectNoMoreThan(2);
  EXPECT_EQ(out_.size(), 2u);
}

TEST_F(ModelEntry, AnEmptyLoopLeavesTheDeviceToOthers) {
  ModelImage image;
  image.AddStream({Condition(VNPU_MODEL_WHILE, kWord, 1), Kernel(kernel_)});
  image.AddGraph();
  image.AddStream();
  Load(image);
  word() = 1;
  Publish(*queue_, Execute(kModel));
  Work work;
  EXPECT_FALSE(TryPick(&work));
  EXPECT_TRUE(scheduler_->HasMore()) << "it looks again";
  Publish(Create(6), Kernel(kernel_));
  while (!TryPick(&work)) {
    ASSERT_TRUE(scheduler_->HasMore());
  }
  EXPECT_EQ(work.queue->id, 6u);
  Retire(work);
  word() = 0;
  while (!TryPick(&work)) {
    ASSERT_TRUE(scheduler_->HasMore());
  }
  EXPECT_EQ(work.queue->id, kQueue);
}

TEST_F(ModelEntry, AConditionNeedsAWordThatCanBeRead) {
  ModelImage image;
  image.AddStream({Condition(VNPU_MODEL_IF, 0x9000, 1)});
  image.AddGraph();
  image.AddStream();
  Load(image);
  EXPECT_EQ(Run(), VNPU_E_DMA_ADDRESS);
  EXPECT_EQ(LastException().address, 0x9000u);
  EXPECT_EQ(LastException().opcode, VNPU_OP_MODEL_COND);
}

// Streams that start others --------------------------------------------------------------------

TEST_F(ModelEntry, ActivateStartsAStreamBesideItsOwn) {
  ModelImage image;
  image.AddStream({Activate(1), Kernel(kernel_)});
  image.AddStream({Kernel(kernel_)}, 0);
  Load(image);
  Publish(*queue_, Execute(kModel));
  ExpectNoMoreThan(2);
  EXPECT_EQ(out_.size(), 2u);
}

TEST_F(ModelEntry, AStreamThatIsOverMayBeActivatedAgain) {
  ModelImage image(2);
  image.AddStream({Activate(1), AwaitRegister(0), Nop(), Activate(1)});
  image.AddStream({Kernel(kernel_), SetRegister(0)}, 0);
  Load(image);
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(order_, (Order{{1, 0}, {1, 0}}));
}

TEST_F(ModelEntry, AStreamThatRunsStartsAgainWhenItIsOver) {
  ModelImage image;
  image.AddStream({Activate(1)});
  image.AddStream({Kernel(kernel_), Kernel(kernel_)});
  Load(image);
  Publish(*queue_, Execute(kModel));
  EXPECT_EQ(RunAll().size(), 4u);
  EXPECT_TRUE(queue_->Done());
}

TEST_F(ModelEntry, ASecondStartThatIsDueIsRefused) {
  ModelImage image;
  image.AddStream({Activate(1), Activate(1)});
  image.AddStream({Kernel(kernel_)});
  Load(image);
  EXPECT_EQ(Run(), VNPU_E_INVALID_SQE);
}

TEST_F(ModelEntry, AStreamMayActivateItself) {
  ModelImage image;
  image.AddStream({Kernel(kernel_), Switch(kWord, VNPU_MODEL_EQUAL, kOther, 1), Activate(0)});
  image.AddStream({Copy(64, 128, 8)}, 0);
  Load(image);
  word() = 3;
  on_work = [this](const Work&) { --word(); };
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(order_, (Order{{0, 0}, {0, 0}, {0, 0}, {1, 0}}));
}

TEST_F(ModelEntry, OnlyStreamsOfTheSameGraphCanBeActivated) {
  ModelImage image;
  image.AddStream({Activate(1)});
  image.AddGraph();
  image.AddStream({Kernel(kernel_)}, 0);
  Load(image);
  EXPECT_EQ(Run(), VNPU_E_INVALID_SQE);
}

TEST_F(ModelEntry, SwitchComparesSignedNumbersAndLeavesItsStream) {
  struct Case {
    uint32_t compare;
    bool less, equal, greater;
  };
  const std::vector<Case> cases = {
      {VNPU_MODEL_EQUAL, false, true, false},   {VNPU_MODEL_NOT_EQUAL, true, false, true},
      {VNPU_MODEL_GREATER, false, false, true}, {VNPU_MODEL_GREATER_OR_EQUAL, false, true, true},
      {VNPU_MODEL_LESS, true, false, false},    {VNPU_MODEL_LESS_OR_EQUAL, true, true, false}};
  for (const uint32_t width : {4u, 8u}) {
    for (const Case& c : cases) {
      ModelImage image;
      image.AddStream({Switch(kWord, c.compare, kOther, 1, width), Kernel(kernel_)});
      image.AddStream({Kernel(kernel_)}, 0);
      Load(image);
      for (const int64_t left : {-1, 0, 1}) {
        word() = static_cast<uint64_t>(left);
        const bool taken = left < 0 ? c.less : left == 0 ? c.equal : c.greater;
        ASSERT_EQ(Run(), VNPU_OK);
        ASSERT_EQ(order_, taken ? (Order{{1, 0}}) : (Order{{0, 1}})) << c.compare << " " << left;
      }
    }
  }
}

TEST_F(ModelEntry, SwitchReadsTheHalfOfAWordThatIsNamed) {
  ModelImage image;
  image.AddStream({Switch(kWord + 4, VNPU_MODEL_EQUAL, kWord, 1, 4), Kernel(kernel_)});
  image.AddStream({Kernel(kernel_)}, 0);
  Load(image);
  word() = 0x0000'0007'0000'0007;
  ASSERT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(order_, (Order{{1, 0}}));
  word() = 0x0000'0008'0000'0007;
  ASSERT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(order_, (Order{{0, 1}}));
}

TEST_F(ModelEntry, GotoGoesOnAtTheLabelOfTheIndex) {
  ModelImage image;
  image.AddStream({Goto(kWord + 4, 1, 3), Kernel(kernel_), Kernel(kernel_)});
  image.AddStream({Kernel(kernel_), Kernel(kernel_)}, 0);
  image.AddLabel(0, 1);
  image.AddLabel(0, 2);
  image.AddLabel(1, 1);
  image.AddLabel(1, 2);
  Load(image);
  const std::vector<Order> orders = {{{0, 2}}, {{1, 1}}, {}, {}, {}};
  const std::vector<uint32_t> indexes = {0, 1, 2, 3, UINT32_MAX};
  for (size_t i = 0; i < indexes.size(); ++i) {
    word() = uint64_t{indexes[i]} << 32;
    ASSERT_EQ(Run(), VNPU_OK);
    EXPECT_EQ(order_, orders[i]) << "index " << indexes[i];
  }
}

TEST_F(ModelEntry, GotoMakesLoops) {
  ModelImage image;
  image.AddStream({Kernel(kernel_), Goto(kWord, 0, 2)});
  image.AddLabel(0, 2);
  image.AddLabel(0, 0);
  Load(image);
  word() = 3;
  on_work = [this](const Work&) { --word(); };
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(order_.size(), 3u);
}

TEST_F(ModelEntry, LabelsThatLeadNowhereAreRefused) {
  for (const auto& [stream, position] :
       {std::pair{2u, 0u}, std::pair{0u, 3u}, std::pair{UINT32_MAX, 0u}, std::pair{3u, 0u}}) {
    ModelImage image;
    image.AddStream({Goto(kWord, 0, 1), Nop()});
    image.AddStream({Nop()});
    image.AddGraph();
    image.AddStream({Nop()}, 0);
    image.AddLabel(stream, position);
    Load(image);
    EXPECT_EQ(Run(), VNPU_E_INVALID_SQE) << stream << ":" << position;
  }
}

// Words ---------------------------------------------------------------------------------------

TEST_F(ModelEntry, StoreWritesAWord) {
  ModelImage image;
  image.AddStream({StoreWord(kWord, 0x1234567890abcdef)});
  Load(image);
  EXPECT_EQ(Run(), VNPU_OK);
  EXPECT_EQ(word(), 0x1234567890abcdefu);
}

TEST_F(ModelEntry, StoreNeedsAWordThatCanBeWritten) {
  ModelImage image;
  image.AddStream({StoreWord(0x9000, 1)});
  Load(image);
  EXPECT_EQ(Run(), VNPU_E_DMA_ADDRESS);
  EXPECT_EQ(LastException().address, 0x9000u);
  EXPECT_EQ(LastException().is_write, 1u);
}

// Nonsense ------------------------------------------------------------------------------------

struct BadEntry {
  const char* name;
  vnpu_sqe sqe;
};

vnpu_sqe WithBits(vnpu_sqe sqe, size_t word, uint64_t bits) {
  sqe.payload[word] |= bits;
  return sqe;
}

class ModelBadEntry : public ModelEntry, public testing::WithParamInterface<BadEntry> {};

TEST_P(ModelBadEntry, IsRefused) {
  ModelImage image(2);
  image.AddStream({Kernel(kernel_), GetParam().sqe, Kernel(kernel_)});
  image.AddStream({}, 0);
  image.AddGraph();
  image.AddStream({});
  image.AddGraph();
  image.AddStream({});
  image.AddLabel(0, 3);
  image.SetArgs({1, 2});
  Load(image);
  word() = 1;
  EXPECT_EQ(Run(), VNPU_E_INVALID_SQE);
  EXPECT_EQ(order_.size(), 1u);
  EXPECT_EQ(LastException().position, 1u);
}

vnpu_sqe InArgs(vnpu_sqe sqe) {
  sqe.flags |= VNPU_SQE_SEQ_IN_ARGS;
  return sqe;
}

INSTANTIATE_TEST_SUITE_P(
    Entries, ModelBadEntry,
    testing::Values(
        BadEntry{"Opcode", MakeSqe(VNPU_OP_COUNT)}, BadEntry{"Execute", Execute(1)},
        BadEntry{"Update", Update(1, 0, 8)}, BadEntry{"SignalRegister", SetRegister(2)},
        BadEntry{"SignalReserved", WithBits(SetRegister(0), 0, 1ull << 32)},
        BadEntry{"AwaitRegister", AwaitRegister(2)},
        BadEntry{"AwaitReserved", WithBits(AwaitRegister(0), 5, 1)},
        BadEntry{"CondAligned", Condition(VNPU_MODEL_IF, kWord + 4, 1)},
        BadEntry{"CondKind", Condition(VNPU_MODEL_COND_COUNT, kWord, 1)},
        BadEntry{"CondGraphZero", Condition(VNPU_MODEL_IF, kWord, 0)},
        BadEntry{"CondGraphBeyond", Condition(VNPU_MODEL_IF, kWord, 3)},
        BadEntry{"CondGraphsBeyond", Condition(VNPU_MODEL_CASE, kWord, 2, 2)},
        BadEntry{"CondGraphsOverflow", Condition(VNPU_MODEL_CASE, kWord, 1, UINT32_MAX)},
        BadEntry{"IfNone", Condition(VNPU_MODEL_IF, kWord, 1, 0)},
        BadEntry{"IfThree", Condition(VNPU_MODEL_IF, kWord, 1, 3)},
        BadEntry{"WhileTwo", Condition(VNPU_MODEL_WHILE, kWord, 1, 2)},
        BadEntry{"CaseNone", Condition(VNPU_MODEL_CASE, kWord, 1, 0)},
        BadEntry{"CondReserved", WithBits(Condition(VNPU_MODEL_IF, kWord, 1), 2, 1ull << 32)},
        BadEntry{"GotoAligned", Goto(kWord + 2, 0, 1)}, BadEntry{"GotoNone", Goto(kWord, 0, 0)},
        BadEntry{"GotoFirst", Goto(kWord, 1, 1)}, BadEntry{"GotoBeyond", Goto(kWord, 0, 2)},
        BadEntry{"GotoReserved", WithBits(Goto(kWord, 0, 1), 2, 1)},
        BadEntry{"ActivateBeyond", Activate(4)}, BadEntry{"ActivateGraph", Activate(2)},
        BadEntry{"ActivateReserved", WithBits(Activate(1), 1, 1)},
        BadEntry{"SwitchLeft", Switch(kWord + 4, VNPU_MODEL_EQUAL, kOther, 1)},
        BadEntry{"SwitchRight", Switch(kWord, VNPU_MODEL_EQUAL, kOther + 2, 1, 4)},
        BadEntry{"SwitchWidth", Switch(kWord, VNPU_MODEL_EQUAL, kOther, 1, 2)},
        BadEntry{"SwitchWidthZero", Switch(kWord, VNPU_MODEL_EQUAL, kOther, 1, 0)},
        BadEntry{"SwitchCompare", Switch(kWord, VNPU_MODEL_COMPARE_COUNT, kOther, 1)},
        BadEntry{"SwitchStream", Switch(kWord, VNPU_MODEL_NOT_EQUAL, kOther, 4)},
        BadEntry{"SwitchReserved", WithBits(Switch(kWord, VNPU_MODEL_EQUAL, kOther, 1), 4, 1)},
        BadEntry{"StoreAligned", StoreWord(kWord + 4, 1)},
        BadEntry{"StoreReserved", WithBits(StoreWord(kWord, 1), 2, 1)},
        BadEntry{"SeqOffset", InArgs(Record(1, 16))}, BadEntry{"SeqAligned", InArgs(Wait(1, 4))},
        BadEntry{"SeqOfReset", InArgs(Reset(1, 8))}, BadEntry{"SeqOfKernel", InArgs(Nop())}),
    [](const auto& tested) { return tested.param.name; });

TEST_F(ModelEntry, QueuesRefuseThem) {
  for (const vnpu_sqe& sqe :
       {SetRegister(0), AwaitRegister(0), Condition(VNPU_MODEL_IF, kWord, 1), Goto(kWord, 0, 1),
        Activate(0), Switch(kWord, VNPU_MODEL_EQUAL, kOther, 0), StoreWord(kWord, 1),
        InArgs(Record(1, 8))}) {
    Publish(*queue_, sqe);
    ExpectNoWork();
    EXPECT_EQ(StatusOf(*queue_), VNPU_E_INVALID_SQE);
  }
}

}  // namespace
}  // namespace vnpu::firmware::test
