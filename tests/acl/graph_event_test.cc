// Events between models and what is outside of them.
#include "tests/acl/graph_support.h"

namespace vnpu::test {
namespace {

class GraphEventTest : public GraphTest {
 protected:
  // A model with an external wait in front of a kernel.
  aclmdlRI Waiting(aclrtEvent event, int64_t digit) {
    EXPECT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
    EXPECT_OK(aclrtStreamWaitEventWithFlag(stream_, event, 0, ACL_EVENT_WAIT_EXTERNAL));
    EXPECT_OK(Affine(value_->get(), 10, digit, stream_));
    return EndCapture(stream_);
  }
  // One with an external record behind it.
  aclmdlRI Recording(aclrtEvent event, int64_t digit) {
    EXPECT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
    EXPECT_OK(Affine(value_->get(), 10, digit, stream_));
    EXPECT_OK(aclrtRecordEventWithFlag(event, stream_, ACL_EVENT_RECORD_EXTERNAL));
    return EndCapture(stream_);
  }
  static aclrtEventRecordedStatus Status(aclrtEvent event) {
    auto status = ACL_EVENT_RECORDED_STATUS_NOT_READY;
    EXPECT_OK(aclrtQueryEventStatus(event, &status));
    return status;
  }
};

TEST_F(GraphEventTest, AModelWaitsForTheLastRecordBeforeItsLaunch) {
  const aclrtEvent event = MakeEvent();
  const aclmdlRI model = Waiting(event, 2);
  ASSERT_OK(Run(model));  // no record: nothing to wait for
  EXPECT_EQ(value_->Read()[0], 2);
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(Affine(value_->get(), 0, 0, other_));
    Gate gate(Kernel("wait_for"), other_);
    ASSERT_OK(Affine(value_->get(), 10, 1, other_));
    ASSERT_OK(aclrtRecordEvent(event, other_));
    ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
    EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(stream_, 10), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
    gate.Open();
    ASSERT_OK(aclrtSynchronizeStream(stream_));
    EXPECT_EQ(value_->Read()[0], 12);
  }
  EXPECT_EQ(aclrtDestroyEvent(event), ACL_ERROR_RT_EVENT_CAPTURED);
  EXPECT_OK(aclmdlRIDestroy(model));
  EXPECT_OK(aclrtDestroyEvent(event));
}

TEST_F(GraphEventTest, AStreamWaitsForTheRecordOfARun) {
  const aclrtEvent event = MakeEvent();
  const aclmdlRI model = Recording(event, 1);
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(Affine(value_->get(), 0, 0, stream_));
    Gate gate(Kernel("wait_for"), stream_);
    ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
    ASSERT_OK(aclrtStreamWaitEvent(other_, event));
    ASSERT_OK(Affine(value_->get(), 10, 2, other_));
    EXPECT_EQ(Status(event), ACL_EVENT_RECORDED_STATUS_NOT_READY);
    EXPECT_EQ(aclrtSynchronizeEventWithTimeout(event, 10), ACL_ERROR_RT_EVENT_SYNC_TIMEOUT);
    gate.Open();
    EXPECT_OK(aclrtSynchronizeEvent(event));
    EXPECT_EQ(Status(event), ACL_EVENT_RECORDED_STATUS_COMPLETE);
    ASSERT_OK(aclrtSynchronizeStream(other_));
    EXPECT_EQ(value_->Read()[0], 12);
  }
}

TEST_F(GraphEventTest, OneModelWaitsForAnother) {
  const aclrtEvent event = MakeEvent();
  const aclmdlRI first = Recording(event, 1);
  const aclmdlRI second = Waiting(event, 2);
  int64_t expected = 0;
  for (int i = 0; i < 9; ++i) {
    ASSERT_OK(aclmdlRIExecuteAsync(first, stream_));
    ASSERT_OK(aclmdlRIExecuteAsync(second, other_));
    // Only now may the first one run again.
    ASSERT_OK(aclrtSynchronizeStream(other_));
    expected = expected * 100 + 12;
  }
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(value_->Read()[0], expected);
}

TEST_F(GraphEventTest, ExternalUseHasItsRules) {
  const aclrtEvent event = MakeEvent();
  EXPECT_EQ(aclrtRecordEventWithFlag(event, stream_, ACL_EVENT_RECORD_EXTERNAL),
            ACL_ERROR_RT_STREAM_NOT_CAPTURED);
  // The first call has decided.
  EXPECT_EQ(aclrtRecordEventWithFlag(event, stream_, ACL_EVENT_RECORD_DEFAULT),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtRecordEventWithFlag(event, stream_, 2), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtStreamWaitEventWithFlag(stream_, event, 1, ACL_EVENT_WAIT_EXTERNAL),
            ACL_ERROR_RT_PARAM_INVALID);
  aclrtEvent timed = nullptr;
  ASSERT_OK(aclrtCreateEventExWithFlag(&timed, ACL_EVENT_SYNC | ACL_EVENT_TIME_LINE));
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
  EXPECT_EQ(aclrtRecordEventWithFlag(timed, stream_, ACL_EVENT_RECORD_EXTERNAL),
            ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtRecordEventWithFlag(event, stream_, ACL_EVENT_RECORD_EXTERNAL));
  EXPECT_EQ(aclrtRecordEventWithFlag(event, stream_, ACL_EVENT_RECORD_EXTERNAL),
            ACL_ERROR_RT_PARAM_INVALID);
  const aclmdlRI model = EndCapture(stream_);
  aclmdlRITaskParams params{};
  ASSERT_OK(aclmdlRITaskGetParams(Tasks(Streams(model)[0])[0], &params));
  EXPECT_EQ(params.type, ACL_MODEL_RI_TASK_EVENT_RECORD);
  EXPECT_EQ(params.eventRecordTaskParams.recordFlag, ACL_EVENT_RECORD_EXTERNAL);
  EXPECT_OK(aclmdlRIDestroy(model));
}

TEST_F(GraphEventTest, AnExternalEventIsASwitch) {
  aclrtEvent event = nullptr;
  EXPECT_EQ(aclrtCreateEventWithFlag(&event, ACL_EVENT_EXTERNAL | ACL_EVENT_SYNC),
            ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  ASSERT_OK(aclrtCreateEventWithFlag(&event, ACL_EVENT_EXTERNAL));
  EXPECT_EQ(Status(event), ACL_EVENT_RECORDED_STATUS_NOT_READY);
  ASSERT_OK(aclrtStreamWaitEvent(stream_, event));
  EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(stream_, 10), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK(aclrtRecordEvent(event, other_));
    EXPECT_OK(aclrtSynchronizeEvent(event));
  }
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  ASSERT_OK(aclrtSynchronizeStream(other_));
  EXPECT_EQ(Status(event), ACL_EVENT_RECORDED_STATUS_COMPLETE);
  ASSERT_OK(aclrtResetEvent(event, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(Status(event), ACL_EVENT_RECORDED_STATUS_NOT_READY);
  EXPECT_OK(aclrtDestroyEvent(event));
}

TEST_F(GraphEventTest, AModelTurnsASwitchOff) {
  aclrtEvent event = nullptr;
  ASSERT_OK(aclrtCreateEventWithFlag(&event, ACL_EVENT_EXTERNAL));
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(aclrtStreamWaitEvent(stream_, event));
  ASSERT_OK(aclrtResetEvent(event, stream_));
  ASSERT_OK(Affine(value_->get(), 1, 1, stream_));
  const aclmdlRI model = EndCapture(stream_);
  for (int i = 1; i <= 3; ++i) {
    ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
    EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(stream_, 5), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
    ASSERT_OK(aclrtRecordEvent(event, other_));
    ASSERT_OK(aclrtSynchronizeStream(stream_));
    EXPECT_EQ(value_->Read()[0], i);
    ASSERT_OK(aclrtSynchronizeStream(other_));
  }
}

TEST_F(GraphEventTest, EventsBetweenProcessesAreNotCaptured) {
  aclrtEvent event = nullptr;
  ASSERT_OK(aclrtCreateEventExWithFlag(&event, ACL_EVENT_IPC));
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  EXPECT_EQ(aclrtRecordEvent(event, stream_), ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  EXPECT_EQ(aclrtStreamWaitEvent(stream_, event), ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  EXPECT_OK(aclmdlRIDestroy(EndCapture(stream_)));
  EXPECT_OK(aclrtDestroyEvent(event));
}

TEST_F(GraphEventTest, AnEventIsFreeWhenTheCaptureHasEnded) {
  const aclrtEvent event = MakeEvent();
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  const aclmdlRI model = EndCapture(stream_);
  EXPECT_EQ(Status(event), ACL_EVENT_RECORDED_STATUS_COMPLETE);
  ASSERT_OK(aclrtRecordEvent(event, other_));
  EXPECT_OK(aclrtSynchronizeEvent(event));
  EXPECT_OK(aclrtStreamWaitEvent(stream_, event));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_OK(aclrtDestroyEvent(event));
  EXPECT_OK(aclmdlRIDestroy(model));
}

}  // namespace
}  // namespace vnpu::test
