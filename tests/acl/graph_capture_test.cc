// Capturing streams into models: what is captured, how captures spread and end, and what they
// forbid.
#include <atomic>
#include <chrono>
#include <thread>

#include "tests/acl/graph_support.h"

namespace vnpu::test {
namespace {

using GraphCaptureTest = GraphTest;

TEST_F(GraphCaptureTest, CapturedTasksRunWhenTheModelIsExecutedAndAsOften) {
  DeviceArray<int> counter(1);
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  EXPECT_EQ(CaptureStatus(stream_), ACL_MODEL_RI_CAPTURE_STATUS_ACTIVE);
  ASSERT_OK(Increment(counter.get(), stream_));
  ASSERT_OK(Increment(counter.get(), stream_));
  const aclmdlRI model = EndCapture(stream_);
  EXPECT_EQ(CaptureStatus(stream_), ACL_MODEL_RI_CAPTURE_STATUS_NONE);
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(counter.Read()[0], 0);
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(Run(model));
  }
  EXPECT_EQ(counter.Read()[0], 6);
  EXPECT_OK(aclmdlRIDestroy(model));
  EXPECT_EQ(aclmdlRIExecuteAsync(model, stream_), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(GraphCaptureTest, TasksBeforeAndAfterAreNotPartOfIt) {
  DeviceArray<int64_t> value(1);
  ASSERT_OK(Affine(value.get(), 0, 5, stream_));
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(Affine(value.get(), 10, 1, stream_));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(Affine(value.get(), 1, 2, stream_));
  ASSERT_OK(Run(model));
  EXPECT_EQ(value.Read()[0], 71);
}

TEST_F(GraphCaptureTest, ArgumentsAreCopied) {
  DeviceArray<int64_t> out(6);
  struct {
    int64_t* out;
    int64_t values[6];
  } args{out.get(), {1, 2, 3, 4, 5, 6}};
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(aclrtLaunchKernelWithHostArgs(Kernel("store_six"), 1, stream_, nullptr, &args,
                                          sizeof(args), nullptr, 0));
  args = {};
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(Run(model));
  EXPECT_EQ(out.Read(), (std::vector<int64_t>{1, 2, 3, 4, 5, 6}));
}

TEST_F(GraphCaptureTest, PlaceholderDataIsKeptWithTheModel) {
  DeviceArray<int> values(4);
  values.Write({1, 2, 3, 4});
  struct {
    int* values;
    void* tiling;
    int offset;
    int padding;
    uint32_t count;
    int32_t factor;
  } args{values.get(), nullptr, 1, 0, 4, 3};
  aclrtPlaceHolderInfo place{.addrOffset = 8, .dataOffset = 24};
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(aclrtLaunchKernelWithHostArgs(Kernel("scale"), 1, stream_, nullptr, &args, sizeof(args),
                                          &place, 1));
  const aclmdlRI model = EndCapture(stream_);
  args = {};
  ASSERT_OK(Run(model));
  ASSERT_OK(Run(model));
  EXPECT_EQ(values.Read(), (std::vector<int>{13, 22, 31, 40}));
}

TEST_F(GraphCaptureTest, EveryKindOfTaskIsCaptured) {
  DeviceArray<int> source(4);
  DeviceArray<int> target(4);
  DeviceArray<uint64_t> word(1);
  PinnedArray<int> host(4);
  source.Write({1, 2, 3, 4});
  aclrtNotify notify = nullptr;
  ASSERT_OK(aclrtCreateNotify(&notify, 0));
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(aclrtMemsetAsync(target.get(), target.bytes(), 0, target.bytes(), stream_));
  ASSERT_OK(aclrtReduceAsync(target.get(), source.get(), target.bytes(),
                             ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM, ACL_INT32, stream_, nullptr));
  ASSERT_OK(aclrtReduceAsync(target.get(), source.get(), target.bytes(),
                             ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM, ACL_INT32, stream_, nullptr));
  ASSERT_OK(aclrtRecordNotify(notify, stream_));
  ASSERT_OK(aclrtWaitAndResetNotify(notify, stream_, 0));
  ASSERT_OK(aclrtValueWrite(word.get(), 17, 0, stream_));
  ASSERT_OK(aclrtValueWait(word.get(), 17, ACL_STREAM_WAIT_VALUE_EQ, stream_));
  ASSERT_OK(aclrtMemcpyAsync(host.get(), host.bytes(), target.get(), target.bytes(),
                             ACL_MEMCPY_DEVICE_TO_HOST, stream_));
  const aclmdlRI model = EndCapture(stream_);
  for (int i = 0; i < 2; ++i) {
    host[3] = 0;
    ASSERT_OK(Run(model));
    EXPECT_EQ(host[3], 8);
    EXPECT_EQ(word.Read()[0], 17U);
  }
  EXPECT_OK(aclmdlRIDestroy(model));
  EXPECT_OK(aclrtDestroyNotify(notify));
}

TEST_F(GraphCaptureTest, AnEmptyCaptureIsAModelThatDoesNothing) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  const aclmdlRI model = EndCapture(stream_);
  EXPECT_OK(Run(model));
  EXPECT_OK(aclmdlRIDestroy(model));
}

TEST_F(GraphCaptureTest, EventsTakeOtherStreamsIn) {
  DeviceArray<int64_t> value(1);
  const aclrtEvent fork = MakeEvent();
  const aclrtEvent join = MakeEvent();
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(Affine(value.get(), 0, 3, stream_));
  ASSERT_OK(aclrtRecordEvent(fork, stream_));
  ASSERT_OK(aclrtStreamWaitEvent(other_, fork));
  EXPECT_EQ(CaptureStatus(other_), ACL_MODEL_RI_CAPTURE_STATUS_ACTIVE);
  ASSERT_OK(Affine(value.get(), 10, 1, other_));
  ASSERT_OK(aclrtRecordEvent(join, other_));
  ASSERT_OK(aclrtStreamWaitEvent(stream_, join));
  ASSERT_OK(Affine(value.get(), 10, 2, stream_));
  const aclmdlRI model = EndCapture(stream_);
  EXPECT_EQ(CaptureStatus(other_), ACL_MODEL_RI_CAPTURE_STATUS_NONE);
  for (int i = 0; i < 50; ++i) {
    ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
  }
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(value.Read()[0], 312);
  // The other stream is free again.
  ASSERT_OK(Affine(value.get(), 0, 1, other_));
  ASSERT_OK(aclrtSynchronizeStream(other_));
  EXPECT_EQ(value.Read()[0], 1);
  EXPECT_OK(aclrtDestroyEvent(fork));
  EXPECT_OK(aclrtDestroyEvent(join));
}

TEST_F(GraphCaptureTest, BranchesRunAtTheSameTime) {
  DeviceArray<int> arrived(1);
  const aclrtEvent fork = MakeEvent();
  const aclrtEvent join = MakeEvent();
  struct {
    int* flag;
  } first{arrived.get()};
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(aclrtRecordEvent(fork, stream_));
  ASSERT_OK(aclrtStreamWaitEvent(other_, fork));
  ASSERT_OK(Launch("wait_for", 1, first, stream_));  // ends when the other branch has stored
  ASSERT_OK(Launch("store_to", 1, first, other_));
  ASSERT_OK(aclrtRecordEvent(join, other_));
  ASSERT_OK(aclrtStreamWaitEvent(stream_, join));
  const aclmdlRI model = EndCapture(stream_);
  EXPECT_OK(Run(model));
}

TEST_F(GraphCaptureTest, AStreamThatDoesNotComeBackIsReported) {
  DeviceArray<int> counter(1);
  const aclrtEvent fork = MakeEvent();
  const aclrtEvent join = MakeEvent();
  const auto begin = [&] {
    ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
    ASSERT_OK(aclrtRecordEvent(fork, stream_));
    ASSERT_OK(aclrtStreamWaitEvent(other_, fork));
    ASSERT_OK(Increment(counter.get(), other_));
  };
  aclmdlRI model = nullptr;
  begin();  // no record
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, &model), ACL_ERROR_RT_STREAM_UNJOINED);
  begin();  // a record that nobody waits for
  ASSERT_OK(aclrtRecordEvent(join, other_));
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, &model), ACL_ERROR_RT_STREAM_UNJOINED);
  begin();  // a task behind the record
  ASSERT_OK(aclrtRecordEvent(join, other_));
  ASSERT_OK(aclrtStreamWaitEvent(stream_, join));
  ASSERT_OK(Increment(counter.get(), other_));
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, &model), ACL_ERROR_RT_STREAM_UNJOINED);
  begin();  // both streams can be captured again, and used
  ASSERT_OK(aclrtRecordEvent(join, other_));
  ASSERT_OK(aclrtStreamWaitEvent(stream_, join));
  model = EndCapture(stream_);
  ASSERT_OK(Run(model));
  EXPECT_EQ(counter.Read()[0], 1);
}

TEST_F(GraphCaptureTest, AStreamMayComeBackByWayOfAnother) {
  DeviceArray<int> counter(1);
  aclrtStream third = nullptr;
  ASSERT_OK(aclrtCreateStream(&third));
  const aclrtEvent event = MakeEvent();
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  ASSERT_OK(aclrtStreamWaitEvent(other_, event));
  ASSERT_OK(aclrtRecordEvent(event, other_));
  ASSERT_OK(aclrtStreamWaitEvent(third, event));
  ASSERT_OK(Increment(counter.get(), third));
  ASSERT_OK(aclrtRecordEvent(event, third));
  ASSERT_OK(aclrtStreamWaitEvent(other_, event));
  ASSERT_OK(Increment(counter.get(), other_));
  ASSERT_OK(aclrtRecordEvent(event, other_));
  ASSERT_OK(aclrtStreamWaitEvent(stream_, event));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(Run(model));
  EXPECT_EQ(counter.Read()[0], 2);
}

TEST_F(GraphCaptureTest, OnlyTheStreamThatBeganEndsIt) {
  const aclrtEvent event = MakeEvent();
  aclmdlRI model = nullptr;
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, &model), ACL_ERROR_RT_STREAM_NOT_CAPTURED);
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  EXPECT_EQ(aclmdlRICaptureBegin(stream_, kGlobal), ACL_ERROR_RT_STREAM_CAPTURED);
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  ASSERT_OK(aclrtStreamWaitEvent(other_, event));
  EXPECT_EQ(aclmdlRICaptureEnd(other_, &model), ACL_ERROR_RT_STREAM_CAPTURE_UNMATCHED);
  ASSERT_OK(aclrtRecordEvent(event, other_));
  ASSERT_OK(aclrtStreamWaitEvent(stream_, event));
  EXPECT_OK(aclmdlRIDestroy(EndCapture(stream_)));
}

TEST_F(GraphCaptureTest, TheThreadThatBeganEndsItUnlessItIsRelaxed) {
  aclmdlRI model = nullptr;
  const auto end_elsewhere = [&] {
    aclError error = ACL_SUCCESS;
    std::thread([&] {
      aclrtSetDevice(0);
      error = aclmdlRICaptureEnd(stream_, &model);
      aclrtResetDevice(0);
    }).join();
    return error;
  };
  for (const aclmdlRICaptureMode mode : {kGlobal, kThreadLocal}) {
    ASSERT_OK(aclmdlRICaptureBegin(stream_, mode));
    EXPECT_EQ(end_elsewhere(), ACL_ERROR_RT_STREAM_CAPTURE_WRONG_THREAD);
    EXPECT_OK(aclmdlRIDestroy(EndCapture(stream_)));
  }
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
  EXPECT_EQ(end_elsewhere(), ACL_SUCCESS);
  EXPECT_OK(aclmdlRIDestroy(model));
}

TEST_F(GraphCaptureTest, AWaitNeedsARecordInTheCapture) {
  const aclrtEvent event = MakeEvent();
  ASSERT_OK(aclrtRecordEvent(event, other_));
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  EXPECT_EQ(aclrtStreamWaitEvent(stream_, event), ACL_ERROR_RT_CAPTURE_DEPENDENCY);
  EXPECT_EQ(CaptureStatus(stream_), ACL_MODEL_RI_CAPTURE_STATUS_INVALIDATED);
  aclmdlRI model = nullptr;
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, &model), ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED);
}

TEST_F(GraphCaptureTest, CapturesDoNotMix) {
  const aclrtEvent event = MakeEvent();
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
  ASSERT_OK(aclmdlRICaptureBegin(other_, kRelaxed));
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  EXPECT_EQ(aclrtStreamWaitEvent(other_, event), ACL_ERROR_STREAM_CAPTURE_CONFLICT);
  aclmdlRI model = nullptr;
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, &model), ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED);
  EXPECT_EQ(aclmdlRICaptureEnd(other_, &model), ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED);
}

TEST_F(GraphCaptureTest, TheDefaultStreamCannotTakePart) {
  DeviceArray<int> counter(1);
  EXPECT_EQ(aclmdlRICaptureBegin(nullptr, kGlobal), ACL_ERROR_RT_STREAM_CAPTURE_IMPLICIT);
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
  EXPECT_EQ(Increment(counter.get(), nullptr), ACL_ERROR_RT_STREAM_CAPTURE_IMPLICIT);
  EXPECT_EQ(CaptureStatus(stream_), ACL_MODEL_RI_CAPTURE_STATUS_INVALIDATED);
  aclmdlRI model = nullptr;
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, &model), ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED);
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
  EXPECT_EQ(aclrtSynchronizeStream(nullptr), ACL_ERROR_RT_STREAM_CAPTURE_IMPLICIT);
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, &model), ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED);
  // It can be used again.
  ASSERT_OK(Increment(counter.get(), nullptr));
  EXPECT_OK(aclrtSynchronizeStream(nullptr));
}

TEST_F(GraphCaptureTest, ACallThatIsRefusedMakesTheCaptureFail) {
  struct Refused {
    const char* name;
    aclError code;
    std::function<aclError()> call;
  };
  DeviceArray<int> device(4);
  std::vector<int> pageable(4);
  const aclrtEvent event = MakeEvent();
  aclrtStreamStatus stream_status{};
  aclrtEventRecordedStatus event_status{};
  const std::vector<Refused> calls{
      {"synchronise", ACL_ERROR_RT_STREAM_CAPTURED,
       [&] { return aclrtSynchronizeStream(stream_); }},
      {"synchronise with a limit", ACL_ERROR_RT_STREAM_CAPTURED,
       [&] { return aclrtSynchronizeStreamWithTimeout(stream_, 10); }},
      {"query", ACL_ERROR_RT_STREAM_CAPTURED,
       [&] { return aclrtStreamQuery(stream_, &stream_status); }},
      {"device", ACL_ERROR_RT_STREAM_CAPTURED, [] { return aclrtSynchronizeDevice(); }},
      {"device with a limit", ACL_ERROR_RT_STREAM_CAPTURED,
       [] { return aclrtSynchronizeDeviceWithTimeout(10); }},
      {"event", ACL_ERROR_RT_EVENT_CAPTURED, [&] { return aclrtSynchronizeEvent(event); }},
      {"event query", ACL_ERROR_RT_EVENT_CAPTURED,
       [&] { return aclrtQueryEventStatus(event, &event_status); }},
      {"record elsewhere", ACL_ERROR_RT_EVENT_CAPTURED,
       [&] { return aclrtRecordEvent(event, other_); }},
      {"pageable copy", ACL_ERROR_RT_CAPTURE_MODE_BLOCK_ASYNC,
       [&] {
         return aclrtMemcpyAsync(device.get(), device.bytes(), pageable.data(), device.bytes(),
                                 ACL_MEMCPY_HOST_TO_DEVICE, stream_);
       }},
  };
  for (const aclmdlRICaptureMode mode : {kGlobal, kThreadLocal, kRelaxed}) {
    for (const Refused& refused : calls) {
      SCOPED_TRACE(refused.name);
      ASSERT_OK(aclmdlRICaptureBegin(stream_, mode));
      ASSERT_OK(aclrtRecordEvent(event, stream_));
      EXPECT_EQ(refused.call(), refused.code);
      EXPECT_EQ(CaptureStatus(stream_), ACL_MODEL_RI_CAPTURE_STATUS_INVALIDATED);
      EXPECT_EQ(Launch("nothing", 1, stream_), ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED);
      aclmdlRI model = nullptr;
      EXPECT_EQ(aclmdlRICaptureEnd(stream_, &model), ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED);
    }
  }
}

// Copies and fills that wait.
class GraphModeTest : public GraphTest {
 protected:
  // On this thread, whether each of them is allowed.
  void ExpectAllowed(bool allowed) {
    const aclError expected = allowed ? ACL_SUCCESS : ACL_ERROR_RT_CAPTURE_MODE_NOT_SUPPORT;
    int host[4] = {};
    EXPECT_EQ(
        aclrtMemcpy(value_->get(), sizeof(host), host, sizeof(host), ACL_MEMCPY_HOST_TO_DEVICE),
        expected);
    EXPECT_EQ(aclrtMemset(value_->get(), sizeof(host), 0, sizeof(host)), expected);
    EXPECT_EQ(aclrtMemcpy2d(value_->get(), 8, host, 8, 8, 2, ACL_MEMCPY_HOST_TO_DEVICE), expected);
  }
  // On another one, which is in `mode`.
  void ExpectAllowedElsewhere(aclmdlRICaptureMode mode, bool allowed) {
    std::thread([&] {
      ASSERT_OK(aclrtSetDevice(0));
      aclmdlRICaptureMode exchanged = mode;
      ASSERT_OK(aclmdlRICaptureThreadExchangeMode(&exchanged));
      EXPECT_EQ(exchanged, kGlobal);
      ExpectAllowed(allowed);
      ASSERT_OK(aclrtResetDevice(0));
    }).join();
  }
  void Switch(aclmdlRICaptureMode mode) { ASSERT_OK(aclmdlRICaptureThreadExchangeMode(&mode)); }
};

TEST_F(GraphModeTest, GlobalForbidsAllThreadsThatDoNotSayOtherwise) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ExpectAllowedElsewhere(kRelaxed, true);
  ExpectAllowedElsewhere(kThreadLocal, true);
  Switch(kRelaxed);
  ExpectAllowed(true);
  Switch(kThreadLocal);
  EXPECT_EQ(CaptureStatus(stream_), ACL_MODEL_RI_CAPTURE_STATUS_ACTIVE);
  ExpectAllowed(false);
  EXPECT_EQ(CaptureStatus(stream_), ACL_MODEL_RI_CAPTURE_STATUS_INVALIDATED);
  aclmdlRI model = nullptr;
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, &model), ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED);
  Switch(kGlobal);
  ExpectAllowed(true);
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ExpectAllowedElsewhere(kGlobal, false);
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, &model), ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED);
}

TEST_F(GraphModeTest, ThreadLocalForbidsItsOwnThread) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kThreadLocal));
  for (const aclmdlRICaptureMode mode : {kGlobal, kThreadLocal, kRelaxed}) {
    ExpectAllowedElsewhere(mode, true);
  }
  Switch(kRelaxed);
  ExpectAllowed(true);
  EXPECT_EQ(CaptureStatus(stream_), ACL_MODEL_RI_CAPTURE_STATUS_ACTIVE);
  Switch(kGlobal);
  ExpectAllowed(false);
  aclmdlRI model = nullptr;
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, &model), ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED);
}

TEST_F(GraphModeTest, RelaxedForbidsNobody) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
  for (const aclmdlRICaptureMode mode : {kGlobal, kThreadLocal, kRelaxed}) {
    ExpectAllowedElsewhere(mode, true);
    Switch(mode);
    ExpectAllowed(true);
  }
  EXPECT_OK(aclmdlRIDestroy(EndCapture(stream_)));
}

TEST_F(GraphModeTest, APageableCopyInAnotherStreamIsForbiddenLikeOneThatWaits) {
  std::vector<int> host(4);
  const auto copy = [&] {
    return aclrtMemcpyAsync(value_->get(), value_->bytes(), host.data(), value_->bytes(),
                            ACL_MEMCPY_HOST_TO_DEVICE, other_);
  };
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
  EXPECT_OK(copy());
  EXPECT_OK(aclmdlRIDestroy(EndCapture(stream_)));
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  EXPECT_EQ(copy(), ACL_ERROR_RT_CAPTURE_MODE_BLOCK_ASYNC);
  aclmdlRI model = nullptr;
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, &model), ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED);
}

TEST_F(GraphModeTest, ModesAreExchanged) {
  aclmdlRICaptureMode mode = kRelaxed;
  ASSERT_OK(aclmdlRICaptureThreadExchangeMode(&mode));
  EXPECT_EQ(mode, kGlobal);
  mode = kThreadLocal;
  ASSERT_OK(aclmdlRICaptureThreadExchangeMode(&mode));
  EXPECT_EQ(mode, kRelaxed);
  mode = static_cast<aclmdlRICaptureMode>(3);
  EXPECT_EQ(aclmdlRICaptureThreadExchangeMode(&mode), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclmdlRICaptureBegin(stream_, mode), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(GraphCaptureTest, AStreamThatIsCapturedEndsOnlyByForce) {
  const aclrtEvent event = MakeEvent();
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  ASSERT_OK(aclrtStreamWaitEvent(other_, event));
  EXPECT_EQ(aclrtDestroyStream(other_), ACL_ERROR_RT_STREAM_CAPTURED);
  EXPECT_OK(aclrtDestroyStreamForce(other_));
  EXPECT_EQ(CaptureStatus(stream_), ACL_MODEL_RI_CAPTURE_STATUS_INVALIDATED);
  EXPECT_OK(aclrtDestroyStreamForce(stream_));
  // Nothing is captured any more.
  EXPECT_OK(aclrtSynchronizeDevice());
  EXPECT_OK(aclrtSynchronizeStream(nullptr));
}

TEST_F(GraphCaptureTest, EndsWithItsDevice) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(aclrtResetDeviceForce(0));
  ASSERT_OK(aclrtSetDevice(0));
  DeviceArray<int> device(4);  // which fills it, and waits
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, nullptr), ACL_ERROR_INVALID_PARAM);
  aclmdlRI model = nullptr;
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, &model), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(GraphCaptureTest, LargeModelsKeepTheirOrder) {
  DeviceArray<int64_t> value(1);
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  uint64_t expected = 0;
  ASSERT_OK(Affine(value.get(), 0, 0, stream_));
  for (int64_t i = 0; i < 3000; ++i) {
    ASSERT_OK(Affine(value.get(), 3, i, stream_));
    expected = expected * 3 + static_cast<uint64_t>(i);
  }
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(Run(model));
  EXPECT_EQ(static_cast<uint64_t>(value.Read()[0]), expected);
}

}  // namespace
}  // namespace vnpu::test
