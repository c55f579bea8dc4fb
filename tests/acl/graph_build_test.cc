// Models that are built of persistent streams: jumps, labels, aborts.
#include "tests/acl/graph_support.h"

namespace vnpu::test {
namespace {

class GraphBuildTest : public GraphTest {
 protected:
  void SetUp() override {
    GraphTest::SetUp();
    head_ = MakePersistent();
    ASSERT_OK(aclmdlRIBuildBegin(&model_, 0));
    ASSERT_OK(aclmdlRIBindStream(model_, head_, kHeadStream));
  }
  aclrtStream AddStream(uint32_t flag) {
    const aclrtStream stream = MakePersistent();
    EXPECT_OK(aclmdlRIBindStream(model_, stream, flag));
    return stream;
  }
  void EndBuild(aclrtStream last) {
    ASSERT_OK(aclmdlRIEndTask(model_, last));
    ASSERT_OK(aclmdlRIBuildEnd(model_, nullptr));
  }

  aclmdlRI model_ = nullptr;
  aclrtStream head_ = nullptr;
};

TEST_F(GraphBuildTest, TasksOfAPersistentStreamRunWithTheModel) {
  ASSERT_OK(Affine(value_->get(), 10, 1, head_));
  ASSERT_OK(Affine(value_->get(), 10, 2, head_));
  EXPECT_OK(aclrtSynchronizeStream(head_));  // nothing to wait for
  aclrtStreamStatus status{};
  EXPECT_OK(aclrtStreamQuery(head_, &status));
  EXPECT_EQ(value_->Read()[0], 0);
  EXPECT_EQ(aclmdlRIExecute(model_, -1), ACL_ERROR_RT_PARAM_INVALID);
  EndBuild(head_);
  ASSERT_OK(aclmdlRIExecute(model_, -1));
  ASSERT_OK(Run(model_));
  EXPECT_EQ(value_->Read()[0], 1212);
  EXPECT_EQ(Affine(value_->get(), 1, 1, head_), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(Streams(model_), std::vector<aclrtStream>{head_});
  EXPECT_EQ(Tasks(head_).size(), 3U);
  ASSERT_OK(aclmdlRIUnbindStream(model_, head_));
  EXPECT_EQ(aclmdlRIExecute(model_, -1), ACL_ERROR_RT_STREAM_MODEL);
  EXPECT_OK(aclmdlRIDestroy(model_));
  EXPECT_OK(aclrtDestroyStream(head_));
}

TEST_F(GraphBuildTest, APersistentStreamKeepsItsTasksForTheNextModel) {
  ASSERT_OK(Affine(value_->get(), 10, 1, head_));
  EndBuild(head_);
  ASSERT_OK(aclmdlRIExecute(model_, -1));
  EXPECT_EQ(aclrtPersistentTaskClean(head_), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclmdlRIUnbindStream(model_, head_));
  ASSERT_OK(aclmdlRIDestroy(model_));
  ASSERT_OK(aclrtPersistentTaskClean(head_));
  EXPECT_EQ(aclrtPersistentTaskClean(stream_), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(Affine(value_->get(), 10, 2, head_));
  ASSERT_OK(aclmdlRIBuildBegin(&model_, 0));
  ASSERT_OK(aclmdlRIBindStream(model_, head_, kHeadStream));
  ASSERT_OK(Affine(value_->get(), 10, 3, head_));
  EndBuild(head_);
  ASSERT_OK(aclmdlRIExecute(model_, -1));
  EXPECT_EQ(value_->Read()[0], 123);
}

TEST_F(GraphBuildTest, EventsOrderBoundStreams) {
  const aclrtStream second = AddStream(kHeadStream);
  const aclrtEvent there = MakeEvent();
  aclrtEvent back = nullptr;
  ASSERT_OK(aclrtCreateEventWithFlag(&back, ACL_EVENT_SYNC));
  ASSERT_OK(Affine(value_->get(), 0, 1, head_));
  ASSERT_OK(aclrtRecordEvent(there, head_));
  ASSERT_OK(aclrtStreamWaitEvent(head_, back));  // before its record
  ASSERT_OK(aclrtResetEvent(back, head_));
  ASSERT_OK(Affine(value_->get(), 10, 3, head_));
  ASSERT_OK(aclrtStreamWaitEvent(second, there));
  ASSERT_OK(Affine(value_->get(), 10, 2, second));
  ASSERT_OK(aclrtRecordEvent(back, second));
  EndBuild(head_);
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(aclmdlRIExecute(model_, -1));
    EXPECT_EQ(value_->Read()[0], 123);
  }
}

TEST_F(GraphBuildTest, AWaitWithoutARecordIsReported) {
  aclrtEvent event = nullptr;
  ASSERT_OK(aclrtCreateEventWithFlag(&event, ACL_EVENT_SYNC));
  EXPECT_EQ(aclrtStreamWaitEvent(head_, MakeEvent()), ACL_ERROR_RT_CAPTURE_DEPENDENCY);
  ASSERT_OK(aclrtStreamWaitEvent(head_, event));
  ASSERT_OK(aclmdlRIEndTask(model_, head_));
  EXPECT_EQ(aclmdlRIBuildEnd(model_, nullptr), ACL_ERROR_RT_CAPTURE_DEPENDENCY);
}

TEST_F(GraphBuildTest, AnIndexInMemoryChoosesTheLabel) {
  DeviceArray<uint32_t> index(1);
  aclrtLabel labels[3] = {};
  for (aclrtLabel& label : labels) {
    ASSERT_OK(aclrtCreateLabel(&label));
  }
  aclrtLabelList list = nullptr;
  ASSERT_OK(aclrtCreateLabelList(labels, 3, &list));
  ASSERT_OK(Affine(value_->get(), 0, 1, head_));
  ASSERT_OK(aclrtSwitchLabelByIndex(index.get(), 3, list, head_));
  ASSERT_OK(Affine(value_->get(), 0, 1000, head_));  // is jumped over
  const aclrtStream second = AddStream(kOtherStream);
  ASSERT_OK(aclrtSetLabel(labels[0], head_));
  ASSERT_OK(Affine(value_->get(), 10, 2, head_));
  ASSERT_OK(aclrtSetLabel(labels[1], head_));
  ASSERT_OK(Affine(value_->get(), 10, 3, head_));
  EXPECT_EQ(aclrtSetLabel(labels[1], head_), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(Affine(value_->get(), 0, 7, second));  // in front of the label
  ASSERT_OK(aclrtSetLabel(labels[2], second));
  ASSERT_OK(Affine(value_->get(), 10, 4, second));
  EndBuild(head_);
  const std::vector<std::pair<uint32_t, int64_t>> cases{
      {0, 123}, {1, 13}, {2, 14}, {3, 14}, {4000000000U, 14}};
  for (const auto& [number, expected] : cases) {
    index.Write({number});
    ASSERT_OK(Run(model_));
    EXPECT_EQ(value_->Read()[0], expected);
  }
  EXPECT_OK(aclrtDestroyLabelList(list));
  EXPECT_EQ(aclrtDestroyLabelList(list), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_OK(aclrtDestroyLabel(labels[0]));
  EXPECT_EQ(aclrtSetLabel(labels[0], head_), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(GraphBuildTest, AJumpBackIsALoop) {
  DeviceArray<uint32_t> index(1);
  DeviceArray<int> runs(1);
  aclrtLabel labels[2] = {};
  ASSERT_OK(aclrtCreateLabel(&labels[0]));
  ASSERT_OK(aclrtCreateLabel(&labels[1]));
  aclrtLabelList list = nullptr;
  ASSERT_OK(aclrtCreateLabelList(labels, 2, &list));
  DeviceArray<uint64_t> word(1);
  ASSERT_OK(aclrtSetLabel(labels[1], head_));
  struct {
    uint64_t* word;
    int* runs;
  } args{word.get(), runs.get()};
  ASSERT_OK(Launch("count_down", 1, args, head_));
  // The low half of the word is the index: 0 ends the loop, all else goes back.
  ASSERT_OK(aclrtSwitchLabelByIndex(word.get(), 2, list, head_));
  ASSERT_OK(aclrtSetLabel(labels[0], head_));
  EndBuild(head_);
  word.Write({100});
  ASSERT_OK(Run(model_));
  EXPECT_EQ(runs.Read()[0], 100);
}

TEST_F(GraphBuildTest, AStreamTakesItsJumpsAlong) {
  DeviceArray<uint32_t> index(1);
  aclrtLabel label = nullptr;
  ASSERT_OK(aclrtCreateLabel(&label));
  aclrtLabelList list = nullptr;
  ASSERT_OK(aclrtCreateLabelList(&label, 1, &list));
  const aclrtStream second = AddStream(kOtherStream);
  ASSERT_OK(aclrtSwitchLabelByIndex(index.get(), 1, list, head_));
  ASSERT_OK(aclrtActiveStream(second, head_));
  ASSERT_OK(aclrtSetLabel(label, head_));
  ASSERT_OK(Affine(value_->get(), 0, 3, head_));
  EndBuild(head_);
  ASSERT_OK(Run(model_));
  EXPECT_EQ(value_->Read()[0], 3);
  ASSERT_OK(aclmdlRIUnbindStream(model_, head_));
  ASSERT_OK(aclmdlRIDestroy(model_));
  // Without the other stream the next model is not complete.
  ASSERT_OK(aclmdlRIBuildBegin(&model_, 0));
  ASSERT_OK(aclmdlRIBindStream(model_, head_, kHeadStream));
  ASSERT_OK(aclmdlRIEndTask(model_, head_));
  EXPECT_EQ(aclmdlRIBuildEnd(model_, nullptr), ACL_ERROR_RT_STREAM_MODEL);
  ASSERT_OK(aclmdlRIBindStream(model_, second, kOtherStream));
  ASSERT_OK(aclmdlRIBuildEnd(model_, nullptr));
  ASSERT_OK(Affine(value_->get(), 0, 0, stream_));
  ASSERT_OK(Run(model_));
  EXPECT_EQ(value_->Read()[0], 3);
}

TEST_F(GraphBuildTest, LabelsAreForBoundStreams) {
  DeviceArray<uint32_t> index(1);
  aclrtLabel label = nullptr;
  ASSERT_OK(aclrtCreateLabel(&label));
  aclrtLabelList list = nullptr;
  EXPECT_EQ(aclrtCreateLabelList(&label, 0, &list), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtCreateLabelList(&label, 1, &list));
  EXPECT_EQ(aclrtSetLabel(label, stream_), ACL_ERROR_RT_STREAM_MODEL);
  EXPECT_EQ(aclrtSetLabel(label, MakePersistent()), ACL_ERROR_RT_STREAM_MODEL);
  EXPECT_EQ(aclrtSwitchLabelByIndex(index.get(), 1, list, stream_), ACL_ERROR_RT_STREAM_MODEL);
  EXPECT_EQ(aclrtSwitchLabelByIndex(index.get(), 2, list, head_), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtSwitchLabelByIndex(nullptr, 1, list, head_), ACL_ERROR_INVALID_PARAM);
  ASSERT_OK(aclrtSwitchLabelByIndex(index.get(), 1, list, head_));
  ASSERT_OK(aclmdlRIEndTask(model_, head_));
  EXPECT_EQ(aclmdlRIBuildEnd(model_, nullptr), ACL_ERROR_RT_PARAM_INVALID);  // nowhere to go
}

TEST_F(GraphBuildTest, StreamsAreActivatedAndSwitchedTo) {
  DeviceArray<int32_t> number(1);
  DeviceArray<int32_t> one(1);
  DeviceArray<int32_t> two(1);
  one.Write({1});
  two.Write({2});
  const aclrtStream second = AddStream(kOtherStream);
  const aclrtStream third = AddStream(kOtherStream);
  const aclrtStream last = AddStream(kOtherStream);
  ASSERT_OK(Affine(value_->get(), 0, 1, head_));
  ASSERT_OK(aclrtSwitchStream(number.get(), ACL_RT_EQUAL, one.get(), ACL_RT_SWITCH_INT32, second,
                              nullptr, head_));
  ASSERT_OK(aclrtSwitchStream(number.get(), ACL_RT_GREATER_OR_EQUAL, two.get(), ACL_RT_SWITCH_INT32,
                              third, nullptr, head_));
  ASSERT_OK(Affine(value_->get(), 10, 9, head_));
  ASSERT_OK(Affine(value_->get(), 10, 2, second));
  ASSERT_OK(aclrtActiveStream(last, second));
  ASSERT_OK(Affine(value_->get(), 10, 3, third));
  ASSERT_OK(aclrtActiveStream(last, third));
  ASSERT_OK(Affine(value_->get(), 10, 4, last));
  EndBuild(last);
  const std::vector<std::pair<int32_t, int64_t>> cases{
      {1, 124}, {2, 134}, {3, 134}, {0, 19}, {-1, 19}};
  for (const auto& [choice, expected] : cases) {
    number.Write({choice});
    ASSERT_OK(Run(model_));
    EXPECT_EQ(value_->Read()[0], expected) << choice;
  }
}

TEST_F(GraphBuildTest, EveryComparisonOfBothWidths) {
  DeviceArray<int64_t> left(1);
  DeviceArray<int64_t> right(1);
  DeviceArray<int64_t> taken(1);
  const std::vector<aclrtCondition> conditions{ACL_RT_EQUAL,   ACL_RT_NOT_EQUAL,
                                               ACL_RT_GREATER, ACL_RT_GREATER_OR_EQUAL,
                                               ACL_RT_LESS,    ACL_RT_LESS_OR_EQUAL};
  ASSERT_OK(aclmdlRIDestroy(model_));
  for (const aclrtCompareDataType type : {ACL_RT_SWITCH_INT32, ACL_RT_SWITCH_INT64}) {
    for (const aclrtCondition condition : conditions) {
      ASSERT_OK(aclrtPersistentTaskClean(head_));
      ASSERT_OK(aclmdlRIBuildBegin(&model_, 0));
      ASSERT_OK(aclmdlRIBindStream(model_, head_, kHeadStream));
      const aclrtStream target = AddStream(kOtherStream);
      ASSERT_OK(Affine(taken.get(), 0, 0, head_));
      ASSERT_OK(
          aclrtSwitchStream(left.get(), condition, right.get(), type, target, nullptr, head_));
      ASSERT_OK(Affine(taken.get(), 0, 1, target));
      EndBuild(head_);
      for (const int64_t a : {-1, 0, 1}) {
        for (const int64_t b : {-1, 0, 1}) {
          left.Write({a});
          right.Write({b});
          ASSERT_OK(Run(model_));
          const bool holds[] = {a == b, a != b, a > b, a >= b, a < b, a <= b};
          EXPECT_EQ(taken.Read()[0] != 0, holds[condition]) << a << " " << condition << " " << b;
        }
      }
      ASSERT_OK(aclmdlRIDestroy(model_));
      ASSERT_OK(aclrtDestroyStream(target));
    }
  }
}

TEST_F(GraphBuildTest, AbortEndsARun) {
  ASSERT_OK(Launch("spin_forever", 1, head_));
  ASSERT_OK(Affine(value_->get(), 1, 1, head_));
  EndBuild(head_);
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK(aclmdlRIExecuteAsync(model_, stream_));
    EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(stream_, 20), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
    ASSERT_OK(aclmdlRIAbort(model_));
    EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_MODEL_ABORT_NORMAL);
  }
  EXPECT_OK(aclmdlRIAbort(model_));  // nothing runs
  EXPECT_EQ(value_->Read()[0], 0);
  EXPECT_OK(aclmdlRIDestroy(model_));
}

TEST_F(GraphBuildTest, StepsComeInTheirOrder) {
  EXPECT_EQ(aclmdlRIBuildBegin(&model_, 1), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclmdlRIBindStream(model_, head_, kHeadStream), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclmdlRIBindStream(model_, stream_, kHeadStream), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclmdlRIBindStream(model_, nullptr, kHeadStream), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclmdlRIBindStream(model_, MakePersistent(), 1), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclmdlRIEndTask(model_, MakePersistent()), ACL_ERROR_RT_STREAM_MODEL);
  EXPECT_EQ(aclmdlRIBuildEnd(model_, nullptr), ACL_ERROR_RT_PARAM_INVALID);  // no end
  EXPECT_EQ(aclmdlRIBuildEnd(model_, this), ACL_ERROR_RT_PARAM_INVALID);
  aclmdlRI second = nullptr;
  ASSERT_OK(aclmdlRIBuildBegin(&second, 0));
  EXPECT_EQ(aclmdlRIBindStream(second, head_, kHeadStream), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclmdlRIUnbindStream(second, head_), ACL_ERROR_RT_STREAM_MODEL);
  EXPECT_OK(aclmdlRIDestroy(second));
  EndBuild(head_);
  EXPECT_EQ(aclmdlRIEndTask(model_, head_), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclmdlRIBuildEnd(model_, nullptr), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtActiveStream(head_, stream_), ACL_ERROR_RT_STREAM_MODEL);
  EXPECT_EQ(aclmdlRICaptureBegin(head_, kGlobal), ACL_ERROR_RT_STREAM_CAPTURED);
  EXPECT_OK(aclrtDestroyStream(head_));  // leaves the model
  EXPECT_EQ(aclmdlRIExecute(model_, -1), ACL_ERROR_RT_STREAM_MODEL);
}

TEST_F(GraphBuildTest, PageableCopiesAreTakenAsTheyAre) {
  std::vector<int64_t> host{41};
  ASSERT_OK(aclrtMemcpyAsync(value_->get(), 8, host.data(), 8, ACL_MEMCPY_HOST_TO_DEVICE, head_));
  ASSERT_OK(Affine(value_->get(), 1, 1, head_));
  EndBuild(head_);
  ASSERT_OK(Run(model_));
  EXPECT_EQ(value_->Read()[0], 42);
  host[0] = 1;
  ASSERT_OK(Run(model_));
  EXPECT_EQ(value_->Read()[0], 2);
}

}  // namespace
}  // namespace vnpu::test
