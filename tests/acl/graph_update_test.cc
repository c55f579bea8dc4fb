// Looking at the tasks of models, changing them, and task groups.
#include <array>
#include <cstring>

#include "tests/acl/graph_support.h"

namespace vnpu::test {
namespace {

struct AffineArgs {
  int64_t* value;
  int64_t factor;
  int64_t term;
};

class GraphUpdateTest : public GraphTest {
 protected:
  // *value = *value * 10 + digit, for each digit.
  aclmdlRI Digits(const std::vector<int64_t>& digits) {
    EXPECT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
    for (const int64_t digit : digits) {
      EXPECT_OK(Affine(value_->get(), 10, digit, stream_));
    }
    return EndCapture(stream_);
  }
  // Gives the task another digit.
  aclError SetDigit(aclmdlRITask task, int64_t digit) {
    aclmdlRITaskParams params{};
    EXPECT_OK(aclmdlRITaskGetParams(task, &params));
    AffineArgs args{value_->get(), 10, digit};
    params.kernelTaskParams.args = &args;
    params.kernelTaskParams.isHostArgs = 1;
    return aclmdlRITaskSetParams(task, &params);
  }
  int64_t RunFromZero(aclmdlRI model) {
    EXPECT_OK(Affine(value_->get(), 0, 0, stream_));
    EXPECT_OK(Run(model));
    return value_->Read()[0];
  }
};

TEST_F(GraphUpdateTest, StreamsAndTasksAreListed) {
  DeviceArray<uint64_t> word(1);
  const aclrtEvent event = MakeEvent();
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
  ASSERT_OK(Affine(value_->get(), 1, 1, stream_));
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  ASSERT_OK(aclrtStreamWaitEvent(other_, event));
  ASSERT_OK(aclrtValueWrite(word.get(), 1, 0, other_));
  ASSERT_OK(aclrtValueWait(word.get(), 1, ACL_STREAM_WAIT_VALUE_GEQ, other_));
  ASSERT_OK(aclrtMemsetAsync(word.get(), word.bytes(), 0, word.bytes(), other_));
  ASSERT_OK(aclrtRecordEvent(event, other_));
  ASSERT_OK(aclrtStreamWaitEvent(stream_, event));
  const aclmdlRI model = EndCapture(stream_);
  const std::vector<aclrtStream> streams = Streams(model);
  ASSERT_EQ(streams.size(), 2U);
  std::vector<std::vector<aclmdlRITaskType>> types(2);
  std::vector<uint32_t> ids;
  for (size_t i = 0; i < 2; ++i) {
    for (const aclmdlRITask task : Tasks(streams[i])) {
      types[i].push_back(Type(task));
      uint32_t id = 0;
      EXPECT_OK(aclmdlRITaskGetSeqId(task, &id));
      ids.push_back(id);
    }
  }
  EXPECT_EQ(types[0], (std::vector{ACL_MODEL_RI_TASK_KERNEL, ACL_MODEL_RI_TASK_EVENT_RECORD,
                                   ACL_MODEL_RI_TASK_EVENT_WAIT}));
  EXPECT_EQ(types[1], (std::vector{ACL_MODEL_RI_TASK_EVENT_WAIT, ACL_MODEL_RI_TASK_VALUE_WRITE,
                                   ACL_MODEL_RI_TASK_VALUE_WAIT, ACL_MODEL_RI_TASK_DEFAULT,
                                   ACL_MODEL_RI_TASK_EVENT_RECORD}));
  EXPECT_EQ(ids, (std::vector<uint32_t>{0, 1, 7, 2, 3, 4, 5, 6}));
  // The same tasks have the same handles.
  EXPECT_EQ(Tasks(streams[1]), Tasks(streams[1]));
  uint32_t room = 1;
  std::array<void*, 8> handles{};
  EXPECT_EQ(aclmdlRIGetStreams(model, handles.data(), &room),
            ACL_ERROR_RT_INSUFFICIENT_INPUT_ARRAY);
  EXPECT_EQ(aclmdlRIGetTasksByStream(streams[1], handles.data(), &room),
            ACL_ERROR_RT_INSUFFICIENT_INPUT_ARRAY);
  EXPECT_EQ(aclmdlRIGetTasksByStream(stream_, nullptr, &room), ACL_ERROR_RT_STREAM_MODEL);
  const aclmdlRITask task = Tasks(streams[0])[0];
  EXPECT_OK(aclmdlRIDestroy(model));
  auto type = ACL_MODEL_RI_TASK_DEFAULT;
  EXPECT_EQ(aclmdlRITaskGetType(task, &type), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(GraphUpdateTest, ParametersAreTold) {
  DeviceArray<uint64_t> word(1);
  const aclrtEvent event = MakeEvent();
  std::array<aclrtLaunchKernelAttr, 2> attributes{};
  attributes[0].id = ACL_RT_LAUNCH_KERNEL_ATTR_SCHEM_MODE;
  attributes[0].value.schemMode = 1;
  attributes[1].id = ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT;
  attributes[1].value.timeout = 7;
  aclrtLaunchKernelCfg config{.attrs = attributes.data(), .numAttrs = 2};
  AffineArgs args{value_->get(), 2, 3};
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
  ASSERT_OK(aclrtLaunchKernelWithHostArgs(Kernel("affine"), 2, stream_, &config, &args,
                                          sizeof(args), nullptr, 0));
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  ASSERT_OK(aclrtValueWrite(word.get(), 5, 0, stream_));
  ASSERT_OK(aclrtValueWait(word.get(), 6, ACL_STREAM_WAIT_VALUE_NOR, stream_));
  const aclmdlRI model = EndCapture(stream_);
  const std::vector<aclmdlRITask> tasks = Tasks(Streams(model)[0]);
  aclmdlRITaskParams params{};
  ASSERT_OK(aclmdlRITaskGetParams(tasks[0], &params));
  EXPECT_EQ(params.type, ACL_MODEL_RI_TASK_KERNEL);
  EXPECT_EQ(params.kernelTaskParams.funcHandle, Kernel("affine"));
  EXPECT_EQ(params.kernelTaskParams.numBlocks, 2U);
  EXPECT_EQ(params.kernelTaskParams.isHostArgs, 0U);
  ASSERT_EQ(params.kernelTaskParams.argsSize, sizeof(args));
  AffineArgs told{};
  ASSERT_OK(aclrtMemcpy(&told, sizeof(told), params.kernelTaskParams.args, sizeof(told),
                        ACL_MEMCPY_DEFAULT));
  EXPECT_EQ(std::memcmp(&told, &args, sizeof(args)), 0);
  aclrtLaunchKernelAttrValue value{};
  ASSERT_OK(aclmdlRIKernelTaskGetAttribute(tasks[0], ACL_RT_LAUNCH_KERNEL_ATTR_SCHEM_MODE, &value));
  EXPECT_EQ(value.schemMode, 1);
  ASSERT_OK(aclmdlRIKernelTaskGetAttribute(tasks[0], ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT, &value));
  EXPECT_EQ(value.timeout, 7);
  EXPECT_EQ(aclmdlRIKernelTaskGetAttribute(tasks[0], ACL_RT_LAUNCH_KERNEL_ATTR_ENGINE_TYPE, &value),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclmdlRIKernelTaskGetAttribute(tasks[1], ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT, &value),
            ACL_ERROR_RT_TASK_TYPE_NOT_SUPPORT);
  ASSERT_OK(aclmdlRITaskGetParams(tasks[1], &params));
  EXPECT_EQ(params.eventRecordTaskParams.event, event);
  EXPECT_EQ(params.eventRecordTaskParams.eventFlag, ACL_EVENT_SYNC);
  EXPECT_EQ(params.eventRecordTaskParams.recordFlag, ACL_EVENT_RECORD_DEFAULT);
  ASSERT_OK(aclmdlRITaskGetParams(tasks[2], &params));
  EXPECT_EQ(params.valueWriteTaskParams.devAddr, word.get());
  EXPECT_EQ(params.valueWriteTaskParams.value, 5U);
  ASSERT_OK(aclmdlRITaskGetParams(tasks[3], &params));
  EXPECT_EQ(params.valueWaitTaskParams.value, 6U);
  EXPECT_EQ(params.valueWaitTaskParams.flag, uint32_t{ACL_STREAM_WAIT_VALUE_NOR});
}

TEST_F(GraphUpdateTest, NewParametersHoldAfterTheUpdate) {
  const aclmdlRI model = Digits({1, 2, 3});
  const std::vector<aclmdlRITask> tasks = Kernels(model);
  EXPECT_EQ(RunFromZero(model), 123);
  ASSERT_OK(SetDigit(tasks[1], 7));
  EXPECT_EQ(RunFromZero(model), 123);
  ASSERT_OK(aclmdlRIUpdate(model));
  EXPECT_EQ(RunFromZero(model), 173);
  EXPECT_OK(aclmdlRIUpdate(model));  // with nothing to change
  EXPECT_EQ(RunFromZero(model), 173);
}

TEST_F(GraphUpdateTest, ARunUnderWayKeepsItsParameters) {
  PinnedArray<int> flag(1);
  int* address = flag.get();
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
  ASSERT_OK(Launch("wait_for", 1, address, stream_));
  ASSERT_OK(Affine(value_->get(), 10, 1, stream_));
  const aclmdlRI model = EndCapture(stream_);
  const aclmdlRITask task = Kernels(model)[1];
  flag[0] = 0;
  ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
  ASSERT_OK(SetDigit(task, 2));
  ASSERT_OK(aclmdlRIUpdate(model));
  ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
  ASSERT_OK(SetDigit(task, 3));
  ASSERT_OK(aclmdlRIUpdate(model));
  ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
  // Each set of parameters that runs have takes memory.
  ASSERT_OK(SetDigit(task, 4));
  EXPECT_EQ(aclmdlRIUpdate(model), ACL_ERROR_RT_MODEL_UPDATE_FAILED);
  __atomic_store_n(flag.get(), 1, __ATOMIC_RELEASE);
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(value_->Read()[0], 123);
  ASSERT_OK(aclmdlRIUpdate(model));
  EXPECT_EQ(RunFromZero(model), 4);
}

TEST_F(GraphUpdateTest, UpdatesFollowUpdates) {
  const aclmdlRI model = Digits({0});
  const aclmdlRITask task = Kernels(model)[0];
  int64_t expected = 0;
  for (int64_t i = 0; i < 15; ++i) {
    ASSERT_OK(SetDigit(task, i % 10));
    while (aclmdlRIUpdate(model) != ACL_SUCCESS) {
      ASSERT_OK(aclrtSynchronizeStream(stream_));
    }
    ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
    expected = expected * 10 + i % 10;
  }
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(value_->Read()[0], expected);
}

TEST_F(GraphUpdateTest, AnotherKernelMayTakeTheTask) {
  DeviceArray<int64_t> out(6);
  const aclmdlRI model = Digits({1});
  const aclmdlRITask task = Kernels(model)[0];
  struct {
    int64_t* out;
    int64_t values[6];
  } args{out.get(), {9, 8, 7, 6, 5, 4}};
  aclmdlRITaskParams params{};
  ASSERT_OK(aclmdlRITaskGetParams(task, &params));
  params.kernelTaskParams.funcHandle = Kernel("store_six");
  EXPECT_EQ(aclmdlRITaskSetParams(task, &params), ACL_ERROR_RT_PARAM_INVALID);  // too few bytes
  params.kernelTaskParams.args = &args;
  params.kernelTaskParams.argsSize = sizeof(args);
  params.kernelTaskParams.isHostArgs = 1;
  ASSERT_OK(aclmdlRITaskSetParams(task, &params));
  ASSERT_OK(aclmdlRIUpdate(model));
  ASSERT_OK(Run(model));
  EXPECT_EQ(out.Read(), (std::vector<int64_t>{9, 8, 7, 6, 5, 4}));
  // And back.
  params.kernelTaskParams.funcHandle = Kernel("affine");
  AffineArgs back{value_->get(), 10, 5};
  params.kernelTaskParams.args = &back;
  params.kernelTaskParams.argsSize = sizeof(back);
  ASSERT_OK(aclmdlRITaskSetParams(task, &params));
  ASSERT_OK(aclmdlRIUpdate(model));
  EXPECT_EQ(RunFromZero(model), 5);
}

TEST_F(GraphUpdateTest, ArgumentsMayStandInDeviceMemory) {
  const aclmdlRI model = Digits({1});
  const aclmdlRITask task = Kernels(model)[0];
  DeviceArray<AffineArgs> args(1);
  args.Write({{value_->get(), 10, 6}});
  aclmdlRITaskParams params{};
  ASSERT_OK(aclmdlRITaskGetParams(task, &params));
  params.kernelTaskParams.args = args.get();
  ASSERT_OK(aclmdlRITaskSetParams(task, &params));
  ASSERT_OK(aclmdlRIUpdate(model));
  EXPECT_EQ(RunFromZero(model), 6);
  args.Write({{value_->get(), 10, 7}});  // read when the kernel runs
  EXPECT_EQ(RunFromZero(model), 7);
}

TEST_F(GraphUpdateTest, WhatGetParamsHandedOutCanBeHandedBack) {
  const aclmdlRI model = Digits({1});
  const aclmdlRITask task = Kernels(model)[0];
  aclmdlRITaskParams params{};
  ASSERT_OK(aclmdlRITaskGetParams(task, &params));
  params.kernelTaskParams.numBlocks = 1;
  ASSERT_OK(aclmdlRITaskSetParams(task, &params));
  ASSERT_OK(aclmdlRIUpdate(model));
  ASSERT_OK(aclmdlRITaskGetParams(task, &params));
  EXPECT_EQ(RunFromZero(model), 1);
}

TEST_F(GraphUpdateTest, ValueTasksTakeNewValues) {
  DeviceArray<uint64_t> words(2);
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
  ASSERT_OK(aclrtValueWrite(words.get(), 5, 0, stream_));
  ASSERT_OK(aclrtValueWait(words.get(), 5, ACL_STREAM_WAIT_VALUE_EQ, stream_));
  const aclmdlRI model = EndCapture(stream_);
  const std::vector<aclmdlRITask> tasks = Tasks(Streams(model)[0]);
  aclmdlRITaskParams params{};
  ASSERT_OK(aclmdlRITaskGetParams(tasks[0], &params));
  params.valueWriteTaskParams.devAddr = words.get() + 1;
  params.valueWriteTaskParams.value = 9;
  ASSERT_OK(aclmdlRITaskSetParams(tasks[0], &params));
  ASSERT_OK(aclmdlRITaskGetParams(tasks[1], &params));
  params.valueWaitTaskParams.devAddr = words.get() + 1;
  params.valueWaitTaskParams.value = 8;
  params.valueWaitTaskParams.flag = ACL_STREAM_WAIT_VALUE_GEQ;
  ASSERT_OK(aclmdlRITaskSetParams(tasks[1], &params));
  params.valueWaitTaskParams.flag = 4;
  EXPECT_EQ(aclmdlRITaskSetParams(tasks[1], &params), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclmdlRIUpdate(model));
  ASSERT_OK(Run(model));
  EXPECT_EQ(words.Read(), (std::vector<uint64_t>{0, 9}));
}

TEST_F(GraphUpdateTest, DisabledTasksAreLeftOutUntilTheyGetParameters) {
  const aclmdlRI model = Digits({1, 2, 3});
  const std::vector<aclmdlRITask> tasks = Kernels(model);
  ASSERT_OK(aclmdlRITaskDisable(tasks[1]));
  EXPECT_EQ(RunFromZero(model), 123);
  ASSERT_OK(aclmdlRIUpdate(model));
  EXPECT_EQ(RunFromZero(model), 13);
  ASSERT_OK(SetDigit(tasks[1], 4));
  ASSERT_OK(aclmdlRIUpdate(model));
  EXPECT_EQ(RunFromZero(model), 143);
}

TEST_F(GraphUpdateTest, TasksThatOrderOthersStayAsTheyAre) {
  const aclrtEvent event = MakeEvent();
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  const aclmdlRI model = EndCapture(stream_);
  const aclmdlRITask task = Tasks(Streams(model)[0])[0];
  EXPECT_EQ(aclmdlRITaskDisable(task), ACL_ERROR_RT_TASK_TYPE_NOT_SUPPORT);
  aclmdlRITaskParams params{};
  ASSERT_OK(aclmdlRITaskGetParams(task, &params));
  EXPECT_EQ(aclmdlRITaskSetParams(task, &params), ACL_ERROR_RT_TASK_TYPE_NOT_SUPPORT);
  params.type = ACL_MODEL_RI_TASK_KERNEL;
  EXPECT_EQ(aclmdlRITaskSetParams(task, &params), ACL_ERROR_RT_PARAM_INVALID);
}

class GraphGroupTest : public GraphUpdateTest {
 protected:
  // The digits 1, then a group of `digits`, then 9; in front of the group it waits for `event`.
  aclmdlRI Grouped(const std::vector<int64_t>& digits, aclrtEvent event) {
    EXPECT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
    EXPECT_OK(Affine(value_->get(), 10, 1, stream_));
    if (event != nullptr) {
      EXPECT_OK(aclrtStreamWaitEvent(stream_, event));
      EXPECT_OK(aclrtResetEvent(event, stream_));
    }
    EXPECT_OK(aclmdlRICaptureTaskGrpBegin(stream_));
    for (const int64_t digit : digits) {
      EXPECT_OK(Affine(value_->get(), 10, digit, stream_));
    }
    EXPECT_OK(aclmdlRICaptureTaskGrpEnd(stream_, &group_));
    EXPECT_OK(Affine(value_->get(), 10, 9, stream_));
    return EndCapture(stream_);
  }

  aclrtTaskGrp group_ = nullptr;
};

TEST_F(GraphGroupTest, ItsTasksAreReplacedInTheOrderOfTheStream) {
  const aclmdlRI model = Grouped({2, 3}, nullptr);
  EXPECT_EQ(RunFromZero(model), 1239);
  ASSERT_OK(aclmdlRICaptureTaskUpdateBegin(stream_, group_));
  ASSERT_OK(Affine(value_->get(), 10, 5, stream_));
  ASSERT_OK(Affine(value_->get(), 10, 6, stream_));
  ASSERT_OK(aclmdlRICaptureTaskUpdateEnd(stream_));
  EXPECT_EQ(RunFromZero(model), 1569);
  EXPECT_EQ(RunFromZero(model), 1569);
  aclmdlRITaskParams params{};
  ASSERT_OK(aclmdlRITaskGetParams(Kernels(model)[1], &params));
  EXPECT_EQ(params.taskGrp, group_);
}

TEST_F(GraphGroupTest, ARunUnderWayCanWaitForTheUpdate) {
  aclrtEvent event = nullptr;
  ASSERT_OK(aclrtCreateEventWithFlag(&event, ACL_EVENT_EXTERNAL));
  const aclmdlRI model = Grouped({2}, event);
  for (int64_t i = 0; i < 5; ++i) {
    ASSERT_OK(Affine(value_->get(), 0, 0, stream_));
    ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
    EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(stream_, 5), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
    ASSERT_OK(aclmdlRICaptureTaskUpdateBegin(other_, group_));
    if (i > 0) {  // an update without tasks changes nothing
      ASSERT_OK(Affine(value_->get(), 10, i + 2, other_));
    }
    ASSERT_OK(aclmdlRICaptureTaskUpdateEnd(other_));
    ASSERT_OK(aclrtRecordEvent(event, other_));
    ASSERT_OK(aclrtSynchronizeStream(other_));
    ASSERT_OK(aclrtSynchronizeStream(stream_));
    EXPECT_EQ(value_->Read()[0], 109 + 10 * (i + 2));
  }
  EXPECT_EQ(aclrtDestroyEvent(event), ACL_ERROR_RT_EVENT_CAPTURED);
  EXPECT_OK(aclmdlRIDestroy(model));
  EXPECT_OK(aclrtDestroyEvent(event));
}

TEST_F(GraphGroupTest, ReplacementsHaveToFit) {
  DeviceArray<int> counter(1);
  const aclmdlRI model = Grouped({2, 3}, nullptr);
  ASSERT_OK(aclmdlRICaptureTaskUpdateBegin(other_, group_));
  EXPECT_EQ(aclmdlRICaptureTaskUpdateBegin(other_, group_), ACL_ERROR_STREAM_TASK_GROUP_STATUS);
  EXPECT_EQ(aclmdlRICaptureTaskUpdateBegin(stream_, group_), ACL_ERROR_STREAM_TASK_GROUP_STATUS);
  EXPECT_EQ(aclrtMemsetAsync(counter.get(), 4, 0, 4, other_), ACL_ERROR_RT_MODEL_UPDATE_FAILED);
  ASSERT_OK(Affine(value_->get(), 10, 5, other_));
  EXPECT_EQ(aclmdlRICaptureTaskUpdateEnd(other_), ACL_ERROR_RT_MODEL_UPDATE_FAILED);
  EXPECT_EQ(aclmdlRICaptureTaskUpdateEnd(other_), ACL_ERROR_STREAM_TASK_GROUP_STATUS);
  EXPECT_EQ(RunFromZero(model), 1239);
  EXPECT_EQ(aclmdlRICaptureTaskUpdateBegin(other_, nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_OK(aclmdlRIDestroy(model));
  EXPECT_EQ(aclmdlRICaptureTaskUpdateBegin(other_, group_), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(GraphGroupTest, LargeArgumentsAndPlaceholdersAreReplacedToo) {
  DeviceArray<int64_t> out(6);
  DeviceArray<int> values(1);
  struct Six {
    int64_t* out;
    int64_t values[6];
  } six{out.get(), {1, 2, 3, 4, 5, 6}};
  struct Scale {
    int* values;
    void* tiling;
    int offset;
    int padding;
    uint32_t count;
    int32_t factor;
  } scale{values.get(), nullptr, 0, 0, 1, 1};
  aclrtPlaceHolderInfo place{.addrOffset = 8, .dataOffset = 24};
  const auto launch = [&] {
    ASSERT_OK(aclrtLaunchKernelWithHostArgs(Kernel("store_six"), 1, stream_, nullptr, &six,
                                            sizeof(six), nullptr, 0));
    ASSERT_OK(aclrtLaunchKernelWithHostArgs(Kernel("scale"), 1, stream_, nullptr, &scale,
                                            sizeof(scale), &place, 1));
  };
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(aclmdlRICaptureTaskGrpBegin(stream_));
  launch();
  ASSERT_OK(aclmdlRICaptureTaskGrpEnd(stream_, &group_));
  const aclmdlRI model = EndCapture(stream_);
  for (int i = 2; i < 30; ++i) {
    six.values[5] = i;
    scale.factor = i;
    ASSERT_OK(aclmdlRICaptureTaskUpdateBegin(stream_, group_));
    launch();
    ASSERT_OK(aclmdlRICaptureTaskUpdateEnd(stream_));
    scale.factor = 0;
    values.Write({1});
    ASSERT_OK(Run(model));
    EXPECT_EQ(out.Read()[5], i);
    EXPECT_EQ(values.Read()[0], i);
  }
}

TEST_F(GraphGroupTest, GroupsTakeCopiesFillsAndValueWrites) {
  DeviceArray<uint64_t> words(3);
  std::vector<uint64_t> host(3);
  PinnedArray<uint64_t> pinned(1);
  pinned[0] = 5;
  const auto submit = [&](uint64_t value) {
    ASSERT_OK(aclrtValueWrite(words.get(), value, 0, stream_));
    ASSERT_OK(
        aclrtMemcpyAsync(words.get() + 1, 8, pinned.get(), 8, ACL_MEMCPY_HOST_TO_DEVICE, stream_));
    ASSERT_OK(aclrtMemsetAsync(words.get() + 2, 8, static_cast<int>(value), 8, stream_));
  };
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(aclmdlRICaptureTaskGrpBegin(stream_));
  submit(1);
  ASSERT_OK(aclmdlRICaptureTaskGrpEnd(stream_, &group_));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(aclmdlRICaptureTaskUpdateBegin(stream_, group_));
  EXPECT_EQ(aclrtMemcpyAsync(words.get(), 8, host.data(), 8, ACL_MEMCPY_HOST_TO_DEVICE, stream_),
            ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  submit(2);
  ASSERT_OK(aclmdlRICaptureTaskUpdateEnd(stream_));
  ASSERT_OK(Run(model));
  EXPECT_EQ(words.Read(), (std::vector<uint64_t>{2, 5, 0x0202020202020202}));
}

TEST_F(GraphGroupTest, GroupsAreOpenedAndClosedInOneCapturedStream) {
  aclrtNotify notify = nullptr;
  ASSERT_OK(aclrtCreateNotify(&notify, 0));
  EXPECT_EQ(aclmdlRICaptureTaskGrpBegin(stream_), ACL_ERROR_RT_STREAM_NOT_CAPTURED);
  EXPECT_EQ(aclmdlRICaptureTaskGrpEnd(stream_, &group_), ACL_ERROR_RT_STREAM_NOT_CAPTURED);
  const aclrtEvent event = MakeEvent();
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  ASSERT_OK(aclrtStreamWaitEvent(other_, event));
  EXPECT_EQ(aclmdlRICaptureTaskGrpEnd(stream_, &group_), ACL_ERROR_STREAM_TASK_GROUP_STATUS);
  ASSERT_OK(aclmdlRICaptureTaskGrpBegin(stream_));
  EXPECT_EQ(aclmdlRICaptureTaskGrpBegin(stream_), ACL_ERROR_STREAM_TASK_GROUP_STATUS);
  EXPECT_EQ(aclmdlRICaptureTaskGrpEnd(other_, &group_), ACL_ERROR_STREAM_TASK_GROUP_STATUS);
  EXPECT_EQ(aclrtRecordNotify(notify, stream_), ACL_ERROR_RT_TASK_TYPE_NOT_SUPPORT);
  EXPECT_EQ(Affine(value_->get(), 1, 1, other_), ACL_ERROR_STREAM_TASK_GROUP_INTR);
  aclmdlRI model = nullptr;
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, &model), ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED);
  // A group that is left open.
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(aclmdlRICaptureTaskGrpBegin(stream_));
  EXPECT_EQ(aclmdlRICaptureEnd(stream_, &model), ACL_ERROR_STREAM_TASK_GROUP_STATUS);
  EXPECT_OK(aclrtDestroyNotify(notify));
}

TEST_F(GraphGroupTest, CapturedStreamsUpdateNoGroups) {
  const aclmdlRI model = Grouped({2}, nullptr);
  ASSERT_OK(aclmdlRICaptureBegin(other_, kGlobal));
  EXPECT_EQ(aclmdlRICaptureTaskUpdateBegin(other_, group_), ACL_ERROR_RT_STREAM_CAPTURED);
  EXPECT_OK(aclmdlRIDestroy(EndCapture(other_)));
  // The stream of an update may end in the middle of it.
  ASSERT_OK(aclmdlRICaptureTaskUpdateBegin(other_, group_));
  ASSERT_OK(Affine(value_->get(), 10, 5, other_));
  EXPECT_OK(aclrtDestroyStream(other_));
  EXPECT_EQ(RunFromZero(model), 129);
}

}  // namespace
}  // namespace vnpu::test
