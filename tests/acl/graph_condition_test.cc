// Conditional tasks: if, while and switch.
#include "tests/acl/graph_support.h"

namespace vnpu::test {
namespace {

class GraphConditionTest : public GraphTest {
 protected:
  // Begins to capture stream_ and makes a condition.
  void Begin(uint32_t initial, bool assign) {
    model_ = BeginCapture(kThreadLocal);
    ASSERT_NE(model_, nullptr);
    condition_ = MakeCondition(model_, initial, assign, &word_);
  }
  static aclmdlRICondHandle MakeCondition(aclmdlRI model, uint32_t initial, bool assign,
                                          uint64_t** word) {
    aclmdlRICondHandle handle = nullptr;
    EXPECT_OK(aclmdlRICondHandleCreate(
        model, initial,
        assign ? ACL_MODEL_RI_COND_HANDLE_ASSIGN_DEFAULT : static_cast<aclmdlRICondHandleFlag>(0),
        &handle));
    EXPECT_OK(aclmdlRICondHandleGetCondPtr(handle, word));
    return handle;
  }
  static std::vector<aclmdlRI> Add(aclmdlRICondHandle condition, aclmdlRICondTaskType type,
                                   uint32_t bodies, aclrtStream stream) {
    std::vector<aclmdlRI> models(bodies);
    EXPECT_OK(aclmdlRIAddCondTask(
        {.handle = condition, .type = type, .size = bodies, .modelRIArray = models.data()}, stream,
        0));
    return models;
  }
  // Captures into a body by way of other_.
  template <class Fill>
  void Body(aclmdlRI body, Fill&& fill) {
    ASSERT_OK(aclmdlRICaptureToModelRIBegin(other_, body, kThreadLocal));
    fill(other_);
    aclmdlRI same = nullptr;
    ASSERT_OK(aclmdlRICaptureEnd(other_, &same));
    EXPECT_EQ(same, body);
  }
  // A body that counts its runs and takes 1 from the word.
  void CountDown(aclmdlRI body, int* runs) {
    Body(body, [&](aclrtStream stream) {
      struct {
        uint64_t* word;
        int* runs;
      } args{word_, runs};
      ASSERT_OK(Launch("count_down", 1, args, stream));
    });
  }
  void SetWord(uint64_t value) {
    ASSERT_OK(aclrtMemcpy(word_, sizeof(value), &value, sizeof(value), ACL_MEMCPY_HOST_TO_DEVICE));
  }

  aclmdlRI model_ = nullptr;
  aclmdlRICondHandle condition_ = nullptr;
  uint64_t* word_ = nullptr;
};

TEST_F(GraphConditionTest, IfRunsOneOfItsBodies) {
  Begin(0, false);
  ASSERT_OK(Affine(value_->get(), 0, 1, stream_));
  const std::vector<aclmdlRI> bodies = Add(condition_, ACL_MODEL_RI_COND_TYPE_IF, 2, stream_);
  Body(bodies[0], [&](aclrtStream stream) { ASSERT_OK(Affine(value_->get(), 10, 2, stream)); });
  Body(bodies[1], [&](aclrtStream stream) { ASSERT_OK(Affine(value_->get(), 10, 3, stream)); });
  ASSERT_OK(Affine(value_->get(), 10, 4, stream_));
  ASSERT_EQ(EndCapture(stream_), model_);
  for (const uint64_t word : {1, 0, 77, 0}) {
    SetWord(word);
    ASSERT_OK(Run(model_));
    EXPECT_EQ(value_->Read()[0], word != 0 ? 124 : 134);
  }
  EXPECT_OK(aclmdlRIDestroy(model_));
  uint64_t* word = nullptr;
  EXPECT_EQ(aclmdlRICondHandleGetCondPtr(condition_, &word), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(GraphConditionTest, IfMayHaveOneBody) {
  Begin(0, false);
  const std::vector<aclmdlRI> bodies = Add(condition_, ACL_MODEL_RI_COND_TYPE_IF, 1, stream_);
  Body(bodies[0], [&](aclrtStream stream) { ASSERT_OK(Affine(value_->get(), 1, 1, stream)); });
  EndCapture(stream_);
  for (const uint64_t word : {0, 1, 0, 1, 1}) {
    SetWord(word);
    ASSERT_OK(Run(model_));
  }
  EXPECT_EQ(value_->Read()[0], 3);
}

TEST_F(GraphConditionTest, WhileRunsUntilTheDeviceClearsTheWord) {
  DeviceArray<int> runs(1);
  Begin(0, false);
  const std::vector<aclmdlRI> bodies = Add(condition_, ACL_MODEL_RI_COND_TYPE_WHILE, 1, stream_);
  CountDown(bodies[0], runs.get());
  EndCapture(stream_);
  for (const uint64_t word : {0, 1, 1000}) {
    runs.Write({0});
    SetWord(word);
    ASSERT_OK(Run(model_));
    EXPECT_EQ(runs.Read()[0], static_cast<int>(word));
  }
}

TEST_F(GraphConditionTest, SwitchRunsTheBodyOfTheNumber) {
  Begin(0, false);
  const std::vector<aclmdlRI> bodies = Add(condition_, ACL_MODEL_RI_COND_TYPE_SWITCH, 3, stream_);
  for (int64_t i = 0; i < 3; ++i) {
    Body(bodies[i],
         [&](aclrtStream stream) { ASSERT_OK(Affine(value_->get(), 10, i + 1, stream)); });
  }
  EndCapture(stream_);
  for (const uint64_t word : {2, 0, 1, 3, 1000}) {
    SetWord(word);
    ASSERT_OK(Run(model_));
  }
  EXPECT_EQ(value_->Read()[0], 312);  // numbers without a body run none
}

TEST_F(GraphConditionTest, TheWordGetsItsValueWhenTheModelStarts) {
  DeviceArray<int> runs(1);
  Begin(5, true);
  const std::vector<aclmdlRI> bodies = Add(condition_, ACL_MODEL_RI_COND_TYPE_WHILE, 1, stream_);
  CountDown(bodies[0], runs.get());
  EndCapture(stream_);
  SetWord(100);
  ASSERT_OK(Run(model_));
  ASSERT_OK(Run(model_));
  EXPECT_EQ(runs.Read()[0], 10);
}

TEST_F(GraphConditionTest, BodiesMayHaveConditionsAndStreamsOfTheirOwn) {
  DeviceArray<int> runs(1);
  aclrtStream third = nullptr;
  aclrtStream fourth = nullptr;
  ASSERT_OK(aclrtCreateStream(&third));
  ASSERT_OK(aclrtCreateStream(&fourth));
  const aclrtEvent event = MakeEvent();
  Begin(3, true);
  const std::vector<aclmdlRI> outer = Add(condition_, ACL_MODEL_RI_COND_TYPE_WHILE, 1, stream_);
  Body(outer[0], [&](aclrtStream stream) {
    uint64_t* inner_word = nullptr;
    const aclmdlRICondHandle inner_condition = MakeCondition(outer[0], 4, true, &inner_word);
    const std::vector<aclmdlRI> inner =
        Add(inner_condition, ACL_MODEL_RI_COND_TYPE_WHILE, 1, stream);
    ASSERT_OK(aclmdlRICaptureToModelRIBegin(third, inner[0], kThreadLocal));
    ASSERT_OK(aclrtRecordEvent(event, third));
    ASSERT_OK(aclrtStreamWaitEvent(fourth, event));
    struct {
      uint64_t* word;
      int* runs;
    } args{inner_word, runs.get()};
    ASSERT_OK(Launch("count_down", 1, args, fourth));
    ASSERT_OK(aclrtRecordEvent(event, fourth));
    ASSERT_OK(aclrtStreamWaitEvent(third, event));
    aclmdlRI same = nullptr;
    ASSERT_OK(aclmdlRICaptureEnd(third, &same));
    struct {
      uint64_t* word;
      int* runs;
    } outer_args{word_, runs.get()};
    ASSERT_OK(Launch("count_down", 1, outer_args, stream));
  });
  EndCapture(stream_);
  ASSERT_OK(Run(model_));
  EXPECT_EQ(runs.Read()[0], 3 * (4 + 1));
  EXPECT_OK(aclmdlRIDestroy(model_));
}

TEST_F(GraphConditionTest, ABodyThatFailsEndsTheRun) {
  struct {
    int* address;
  } bad{nullptr};
  Begin(1, true);
  const std::vector<aclmdlRI> bodies = Add(condition_, ACL_MODEL_RI_COND_TYPE_WHILE, 1, stream_);
  Body(bodies[0], [&](aclrtStream stream) { ASSERT_OK(Launch("store_to", 1, bad, stream)); });
  ASSERT_OK(Affine(value_->get(), 1, 1, stream_));
  EndCapture(stream_);
  EXPECT_EQ(Run(model_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(value_->Read()[0], 0);
  ASSERT_OK(Affine(value_->get(), 1, 1, stream_));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
}

TEST_F(GraphConditionTest, TasksOfBodiesAreUpdated) {
  Begin(1, true);
  const std::vector<aclmdlRI> bodies = Add(condition_, ACL_MODEL_RI_COND_TYPE_IF, 1, stream_);
  Body(bodies[0], [&](aclrtStream stream) { ASSERT_OK(Affine(value_->get(), 0, 1, stream)); });
  EndCapture(stream_);
  const aclmdlRITask task = Kernels(bodies[0])[0];
  aclmdlRITaskParams params{};
  ASSERT_OK(aclmdlRITaskGetParams(task, &params));
  struct {
    int64_t* value;
    int64_t factor;
    int64_t term;
  } args{value_->get(), 0, 2};
  params.kernelTaskParams.args = &args;
  params.kernelTaskParams.isHostArgs = 1;
  ASSERT_OK(aclmdlRITaskSetParams(task, &params));
  ASSERT_OK(aclmdlRIUpdate(model_));
  ASSERT_OK(Run(model_));
  EXPECT_EQ(value_->Read()[0], 2);
}

TEST_F(GraphConditionTest, WhatDoesNotFitIsRefused) {
  aclmdlRI bodies[2] = {};
  const auto add = [&](aclmdlRICondHandle handle, aclmdlRICondTaskType type, uint32_t size,
                       aclrtStream stream, uint32_t flags) {
    return aclmdlRIAddCondTask(
        {.handle = handle, .type = type, .size = size, .modelRIArray = bodies}, stream, flags);
  };
  Begin(0, false);
  aclmdlRICondHandle handle = nullptr;
  EXPECT_EQ(aclmdlRICondHandleCreate(model_, 0, static_cast<aclmdlRICondHandleFlag>(2), &handle),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(add(condition_, ACL_MODEL_RI_COND_TYPE_IF, 3, stream_, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(add(condition_, ACL_MODEL_RI_COND_TYPE_WHILE, 2, stream_, 0),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(add(condition_, ACL_MODEL_RI_COND_TYPE_SWITCH, 0, stream_, 0),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(add(condition_, ACL_MODEL_RI_COND_TYPE_IF, 1, stream_, 1), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(add(condition_, ACL_MODEL_RI_COND_TYPE_IF, 1, other_, 0),
            ACL_ERROR_RT_STREAM_NOT_CAPTURED);
  EXPECT_EQ(add(model_, ACL_MODEL_RI_COND_TYPE_IF, 1, stream_, 0), ACL_ERROR_RT_INVALID_HANDLE);
  ASSERT_OK(add(condition_, ACL_MODEL_RI_COND_TYPE_IF, 1, stream_, 0));
  // A body is captured once, by a stream that is free, and ends before its model's capture.
  EXPECT_EQ(aclmdlRICaptureToModelRIBegin(stream_, bodies[0], kThreadLocal),
            ACL_ERROR_RT_STREAM_CAPTURED);
  EXPECT_EQ(aclmdlRICaptureToModelRIBegin(other_, model_, kThreadLocal),
            ACL_ERROR_RT_MODEL_CAPTURED);
  ASSERT_OK(aclmdlRICaptureToModelRIBegin(other_, bodies[0], kThreadLocal));
  aclmdlRI model = nullptr;
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, &model), ACL_ERROR_RT_SUB_ACLGRAPH_IS_CAPTURING);
  ASSERT_OK(aclmdlRICaptureEnd(other_, &model));
  EXPECT_EQ(aclmdlRICaptureToModelRIBegin(other_, bodies[0], kThreadLocal),
            ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_EQ(EndCapture(stream_), model_);
  EXPECT_EQ(aclmdlRIDestroy(bodies[0]), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclmdlRIExecute(bodies[0], -1), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclmdlRICondHandleCreate(model_, 0, ACL_MODEL_RI_COND_HANDLE_ASSIGN_DEFAULT, &handle),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_OK(aclmdlRIDestroy(model_));
  EXPECT_EQ(aclmdlRIExecute(bodies[0], -1), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(GraphConditionTest, ABodyThatWasNeverCapturedIsEmpty) {
  Begin(1, true);
  Add(condition_, ACL_MODEL_RI_COND_TYPE_IF, 1, stream_);
  ASSERT_OK(Affine(value_->get(), 0, 4, stream_));
  EndCapture(stream_);
  ASSERT_OK(Run(model_));
  EXPECT_EQ(value_->Read()[0], 4);
}

}  // namespace
}  // namespace vnpu::test
