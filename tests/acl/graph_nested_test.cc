// Models that are tasks of other models.
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/acl/graph_support.h"
#include "tests/support/temp_file.h"

namespace vnpu::test {
namespace {

class GraphNestedTest : public GraphTest {
 protected:
  // A model that makes *value_ *value_ * factor + term.
  aclmdlRI CaptureAffine(int64_t factor, int64_t term) {
    EXPECT_OK(aclmdlRICaptureBegin(other_, kGlobal));
    EXPECT_OK(Affine(value_->get(), factor, term, other_));
    return EndCapture(other_);
  }
  // A model that runs the other one between two tasks of its own.
  aclmdlRI CaptureAround(aclmdlRI inner) {
    EXPECT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
    EXPECT_OK(Affine(value_->get(), 1, 1, stream_));
    EXPECT_OK(aclmdlRIExecuteAsync(inner, stream_));
    EXPECT_OK(Affine(value_->get(), 1, 3, stream_));
    return EndCapture(stream_);
  }
  int64_t value() const { return value_->Read().front(); }
};

TEST_F(GraphNestedTest, RunsAsATask) {
  const aclmdlRI inner = CaptureAffine(10, 0);
  const aclmdlRI outer = CaptureAround(inner);
  EXPECT_EQ(value(), 0) << "nothing runs while it is captured";
  ASSERT_OK(Run(outer));
  EXPECT_EQ(value(), 13);
  ASSERT_OK(Run(outer));
  EXPECT_EQ(value(), 143);
  ASSERT_OK(Run(inner));
  EXPECT_EQ(value(), 1430);
  EXPECT_OK(aclmdlRIDestroy(outer));
  EXPECT_OK(aclmdlRIDestroy(inner));
}

TEST_F(GraphNestedTest, SeveralTimesInOneModel) {
  const aclmdlRI inner = CaptureAffine(2, 1);
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  for (int i = 0; i < 5; ++i) {
    ASSERT_OK(aclmdlRIExecuteAsync(inner, stream_));
  }
  const aclmdlRI outer = EndCapture(stream_);
  ASSERT_OK(Run(outer));
  EXPECT_EQ(value(), 31);
}

TEST_F(GraphNestedTest, StaysWhileOthersRunIt) {
  const aclmdlRI inner = CaptureAffine(2, 1);
  const aclmdlRI outer = CaptureAround(inner);
  EXPECT_EQ(aclmdlRIDestroy(inner), ACL_ERROR_RT_MODEL_RUNNING);
  ASSERT_OK(Run(outer));
  EXPECT_OK(aclmdlRIDestroy(outer));
  EXPECT_OK(aclmdlRIDestroy(inner));
}

TEST_F(GraphNestedTest, IsFreeAfterACaptureThatFailed) {
  const aclmdlRI inner = CaptureAffine(2, 1);
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(aclmdlRIExecuteAsync(inner, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_STREAM_CAPTURED);
  EXPECT_EQ(aclmdlRIExecuteAsync(inner, stream_), ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED);
  aclmdlRI outer = nullptr;
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, &outer), ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED);
  EXPECT_OK(aclmdlRIDestroy(inner));
}

TEST_F(GraphNestedTest, NotBeforeItIsReady) {
  const aclmdlRI model = BeginCapture(kGlobal);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(aclmdlRIExecuteAsync(model, stream_), ACL_ERROR_RT_MODEL_CAPTURED);
  EXPECT_OK(aclmdlRIDestroy(EndCapture(stream_)));
}

TEST_F(GraphNestedTest, ItsFailureIsThatOfTheWhole) {
  ASSERT_OK(aclmdlRICaptureBegin(other_, kGlobal));
  ASSERT_OK(Launch("device_trap", 1, other_));
  const aclmdlRI inner = EndCapture(other_);
  ASSERT_OK(aclmdlRISetName(inner, "broken"));
  const aclmdlRI outer = CaptureAround(inner);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Run(outer), ACL_ERROR_RT_AICORE_TRAP_EXCEPTION);
    EXPECT_NE(std::string(aclGetRecentErrMsg()).find("broken"), std::string::npos);
  }
  EXPECT_EQ(value(), 2) << "what came before has run";
}

TEST_F(GraphNestedTest, NewParametersAreThoseOfTheWhole) {
  const aclmdlRI inner = CaptureAffine(10, 0);
  const aclmdlRI outer = CaptureAround(inner);
  ASSERT_OK(Run(outer));
  aclmdlRITaskParams params{};
  const aclmdlRITask task = Kernels(inner).front();
  ASSERT_OK(aclmdlRITaskGetParams(task, &params));
  static_cast<int64_t*>(params.kernelTaskParams.args)[1] = 100;
  ASSERT_OK(aclmdlRITaskSetParams(task, &params));
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclmdlRIExecuteAsync(outer, stream_));
  EXPECT_EQ(aclmdlRIUpdate(inner), ACL_ERROR_RT_MODEL_UPDATE_FAILED) << "the outer one runs";
  gate.Open();
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(value(), 143);
  ASSERT_OK(aclmdlRIUpdate(inner));
  ASSERT_OK(Run(outer));
  EXPECT_EQ(value(), 14403);
}

TEST_F(GraphNestedTest, InABuiltModel) {
  const aclmdlRI inner = CaptureAffine(2, 1);
  const aclrtStream persistent = MakePersistent();
  aclmdlRI outer = nullptr;
  ASSERT_OK(aclmdlRIBuildBegin(&outer, 0));
  ASSERT_OK(aclmdlRIBindStream(outer, persistent, kHeadStream));
  ASSERT_OK(aclmdlRIExecuteAsync(inner, persistent));
  ASSERT_OK(aclmdlRIExecuteAsync(inner, persistent));
  ASSERT_OK(aclmdlRIEndTask(outer, persistent));
  ASSERT_OK(aclmdlRIBuildEnd(outer, nullptr));
  ASSERT_OK(Run(outer));
  EXPECT_EQ(value(), 3);
  ASSERT_OK(aclmdlRIUnbindStream(outer, persistent));
  ASSERT_OK(aclmdlRIDestroy(outer));
  ASSERT_OK(aclrtDestroyStream(persistent));
  EXPECT_OK(aclmdlRIDestroy(inner));
}

TEST_F(GraphNestedTest, ABuiltModelInsideKeepsItsStreams) {
  const aclrtStream persistent = MakePersistent();
  aclmdlRI inner = nullptr;
  ASSERT_OK(aclmdlRIBuildBegin(&inner, 0));
  ASSERT_OK(aclmdlRIBindStream(inner, persistent, kHeadStream));
  ASSERT_OK(Affine(value_->get(), 2, 1, persistent));
  ASSERT_OK(aclmdlRIEndTask(inner, persistent));
  ASSERT_OK(aclmdlRIBuildEnd(inner, nullptr));
  const aclmdlRI outer = CaptureAround(inner);
  EXPECT_EQ(aclmdlRIUnbindStream(inner, persistent), ACL_ERROR_RT_MODEL_RUNNING);
  ASSERT_OK(Run(outer));
  EXPECT_EQ(value(), 6);
  ASSERT_OK(aclmdlRIDestroy(outer));
  EXPECT_OK(aclmdlRIUnbindStream(inner, persistent));
}

TEST_F(GraphNestedTest, ExternalEventsCountTheRunsOfTheWhole) {
  PinnedArray<int> counter(1);
  counter[0] = 0;
  const aclrtEvent event = MakeEvent();
  ASSERT_OK(aclmdlRICaptureBegin(other_, kGlobal));
  ASSERT_OK(Increment(counter.get(), other_));
  ASSERT_OK(aclrtRecordEventWithFlag(event, other_, ACL_EVENT_RECORD_EXTERNAL));
  const aclmdlRI inner = EndCapture(other_);
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(aclmdlRIExecuteAsync(inner, stream_));
  const aclmdlRI outer = EndCapture(stream_);
  for (int run = 1; run <= 3; ++run) {
    Gate gate(Kernel("wait_for"), stream_);
    ASSERT_OK(aclmdlRIExecuteAsync(outer, stream_));
    ASSERT_OK(aclrtStreamWaitEvent(other_, event));
    EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(other_, 5), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
    gate.Open();
    ASSERT_OK(aclrtSynchronizeStream(other_));
    EXPECT_EQ(counter[0], run);
    ASSERT_OK(aclrtSynchronizeStream(stream_));
  }
}

TEST_F(GraphNestedTest, HostFunctionsInside) {
  int calls = 0;
  std::function<void()> count = [&] { ++calls; };
  ASSERT_OK(aclmdlRICaptureBegin(other_, kGlobal));
  ASSERT_OK(aclrtLaunchHostFunc(other_, &CallFunction, &count));
  const aclmdlRI inner = EndCapture(other_);
  const aclmdlRI outer = CaptureAround(inner);
  ASSERT_OK(Run(outer));
  ASSERT_OK(Run(outer));
  EXPECT_EQ(calls, 2);
}

TEST_F(GraphNestedTest, NotTooDeep) {
  aclmdlRI model = CaptureAffine(1, 1);
  for (int depth = 2; depth <= 16; ++depth) {
    ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
    ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
    model = EndCapture(stream_);
  }
  ASSERT_OK(Run(model));
  EXPECT_EQ(value(), 1);
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, &model), ACL_ERROR_RT_NO_MODEL_RESOURCE);
}

TEST_F(GraphNestedTest, IsPrintedWithTheWhole) {
  const aclmdlRI inner = CaptureAffine(2, 1);
  const aclmdlRI outer = CaptureAround(inner);
  uint32_t id = 0;
  ASSERT_OK(aclmdlRIGetId(inner, &id));
  const TempFile printed;
  ASSERT_OK(aclmdlRIDebugJsonPrint(outer, printed.path(), 0));
  std::ifstream file(printed.path());
  const auto json = nlohmann::json::parse(file);
  ASSERT_EQ(json["models"].size(), 2u);
  EXPECT_EQ(json["models"][1]["id"], id);
  const auto& task = json["models"][0]["streams"][0]["tasks"][1];
  EXPECT_EQ(task["type"], "model");
  EXPECT_EQ(task["bodies"][0], id);
}

}  // namespace
}  // namespace vnpu::test
