// Tasks of models that are changed by what stands in device memory (aclrtTaskUpdateAsync).
#include <cstring>

#include "tests/acl/graph_support.h"
#include "tests/acl/random_value.h"

namespace vnpu::test {
namespace {

// Number and blocks of a kernel, as they stand in device memory.
struct Choice {
  uint64_t kernel;
  uint32_t blocks;
  uint32_t unused;
};

class TaskUpdateTest : public GraphTest {
 protected:
  void SetUp() override {
    GraphTest::SetUp();
    choice_ = std::make_unique<DeviceArray<Choice>>(1);
    head_ = MakePersistent();
    ASSERT_OK(aclmdlRIBuildBegin(&model_, 0));
    ASSERT_OK(aclmdlRIBindStream(model_, head_, kHeadStream));
  }
  void TearDown() override {
    choice_.reset();
    GraphTest::TearDown();
  }

  static uint32_t LastTask() {
    uint32_t task = 0;
    EXPECT_OK(aclrtGetThreadLastTaskId(&task));
    return task;
  }
  // Which number the kernel has in its image.
  uint64_t Number(const char* name) const {
    for (uint64_t number = 0;; ++number) {
      aclrtFuncHandle function = nullptr;
      if (aclrtBinaryGetFunctionByEntry(binary_, number, &function) != ACL_SUCCESS) {
        ADD_FAILURE() << "no kernel " << name;
        return number;
      }
      char found[64] = {};
      EXPECT_OK(aclrtGetFunctionName(function, sizeof(found), found));
      if (std::strcmp(found, name) == 0) {
        return number;
      }
    }
  }
  // The number of the task.
  uint32_t AddChoice(int64_t plus, aclrtStream stream) {
    struct {
      int64_t* out;
      int64_t plus;
    } args{value_->get(), plus};
    EXPECT_OK(Launch("first_choice", 1, args, stream));
    return LastTask();
  }
  void SetChoice(const char* name, uint32_t blocks) { choice_->Write({{Number(name), blocks, 0}}); }
  aclrtTaskUpdateInfo KernelInfo() {
    aclrtTaskUpdateInfo info{};
    info.id = ACL_RT_UPDATE_AIC_AIV_TASK;
    info.val.aicAivTaskAttr.binHandle = binary_;
    info.val.aicAivTaskAttr.funcEntryAddr = &choice_->get()->kernel;
    info.val.aicAivTaskAttr.blockDimAddr = &choice_->get()->blocks;
    return info;
  }
  aclError UpdateKernel(uint32_t task, aclrtStream exec) {
    aclrtTaskUpdateInfo info = KernelInfo();
    return aclrtTaskUpdateAsync(head_, task, &info, exec);
  }
  void EndBuild() {
    ASSERT_OK(aclmdlRIEndTask(model_, head_));
    ASSERT_OK(aclmdlRIBuildEnd(model_, nullptr));
  }
  int64_t RunAndRead() {
    EXPECT_OK(Run(model_));
    return value_->Read()[0];
  }

  std::unique_ptr<DeviceArray<Choice>> choice_;
  aclmdlRI model_ = nullptr;
  aclrtStream head_ = nullptr;
};

TEST_F(TaskUpdateTest, KernelAndBlocksComeFromDeviceMemory) {
  AddChoice(0, head_);
  const uint32_t task = AddChoice(7, head_);
  AddChoice(0, MakePersistent());  // numbers of other streams come between
  EndBuild();
  EXPECT_EQ(RunAndRead(), 1008);
  SetChoice("second_choice", 3);
  ASSERT_OK(UpdateKernel(task, stream_));
  EXPECT_EQ(RunAndRead(), 2010) << "arguments stay";
  EXPECT_EQ(RunAndRead(), 2010);
  SetChoice("first_choice", 2);
  EXPECT_EQ(RunAndRead(), 2010) << "memory is read when the stream gets to the update";
  ASSERT_OK(UpdateKernel(task, stream_));
  EXPECT_EQ(RunAndRead(), 1009);
}

TEST_F(TaskUpdateTest, TheUpdateTakesItsPlaceInTheStream) {
  const uint32_t task = AddChoice(0, head_);
  EndBuild();
  SetChoice("first_choice", 4);
  struct {
    uint64_t* word;
    uint64_t value;
  } args{&choice_->get()->kernel, Number("second_choice")};
  {
    const Gate gate(Kernel("wait_for"), stream_);
    ASSERT_OK(Launch("set_word", 1, args, stream_));
    ASSERT_OK(UpdateKernel(task, stream_));
    ASSERT_OK(aclmdlRIExecute(model_, -1));  // in the default stream
    EXPECT_EQ(value_->Read()[0], 1001);
  }
  EXPECT_EQ(RunAndRead(), 2004);
}

TEST_F(TaskUpdateTest, AModelUpdatesItsOwnTasks) {
  const aclrtStream second = MakePersistent();
  ASSERT_OK(aclmdlRIBindStream(model_, second, kHeadStream));
  aclrtEvent updated = nullptr;
  ASSERT_OK(aclrtCreateEventWithFlag(&updated, ACL_EVENT_SYNC));
  ASSERT_OK(aclrtStreamWaitEvent(head_, updated));  // before its record
  const uint32_t task = AddChoice(5, head_);
  ASSERT_OK(UpdateKernel(task, second));
  ASSERT_OK(aclrtRecordEvent(updated, second));
  EndBuild();
  SetChoice("second_choice", 8);
  EXPECT_EQ(RunAndRead(), 2013);
  SetChoice("first_choice", 7);
  EXPECT_EQ(RunAndRead(), 1012);
  // And from outside, until the next run.
  SetChoice("second_choice", 6);
  ASSERT_OK(UpdateKernel(task, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  SetChoice("first_choice", 4);
  EXPECT_EQ(RunAndRead(), 1009);
}

TEST_F(TaskUpdateTest, TheTaskHasToBeInTheModelInTheEnd) {
  const aclrtStream second = MakePersistent();
  ASSERT_OK(aclmdlRIBindStream(model_, second, kHeadStream));
  const uint32_t task = AddChoice(5, head_);
  ASSERT_OK(UpdateKernel(task, second));
  ASSERT_OK(aclmdlRIUnbindStream(model_, head_));
  ASSERT_OK(aclmdlRIEndTask(model_, second));
  EXPECT_EQ(aclmdlRIBuildEnd(model_, nullptr), ACL_ERROR_RT_STREAM_MODEL);
}

TEST_F(TaskUpdateTest, AKernelOfTheModelChoosesTheNextOne) {
  struct {
    uint64_t* word;
    uint64_t value;
  } args{&choice_->get()->kernel, Number("second_choice")};
  ASSERT_OK(Launch("set_word", 1, args, head_));
  const aclrtStream second = MakePersistent();
  ASSERT_OK(aclmdlRIBindStream(model_, second, kOtherStream));
  struct {
    int64_t* out;
    int64_t plus;
  } choice{value_->get(), 9};
  ASSERT_OK(Launch("first_choice", 1, choice, second));
  const uint32_t task = LastTask();
  aclrtTaskUpdateInfo info = KernelInfo();
  ASSERT_OK(aclrtTaskUpdateAsync(second, task, &info, head_));
  ASSERT_OK(aclrtActiveStream(second, head_));
  EndBuild();
  SetChoice("first_choice", 2);
  EXPECT_EQ(RunAndRead(), 2011);
}

TEST_F(TaskUpdateTest, RandomNumbersAreMadeOfWhatStandsInDeviceMemory) {
  constexpr size_t kCount = 64;
  const DeviceArray<uint64_t> counter(2);
  const DeviceArray<uint32_t> first(kCount);
  const DeviceArray<uint32_t> second(kCount);
  const DeviceArray<uint32_t> expected(kCount);
  aclrtRandomNumTaskInfo random{};
  random.dataType = ACL_UINT32;
  random.randomNumFuncParaInfo.funcType = ACL_RT_RANDOM_NUM_FUNC_TYPE_UNIFORM_DIS;
  random.randomNumFuncParaInfo.paramInfo.uniformDisInfo = {.min = RandomValue(uint32_t{1}),
                                                           .max = RandomValue(uint32_t{1} << 30)};
  random.randomResultAddr = first.get();
  random.randomCounterAddr = counter.get();
  random.randomSeed = RandomValue(uint64_t{1});
  random.randomNum = RandomValue(uint64_t{kCount});
  ASSERT_OK(aclrtRandomNumAsync(&random, head_, nullptr));
  const uint32_t task = LastTask();
  EndBuild();
  ASSERT_OK(Run(model_));
  aclrtRandomNumTaskInfo changed = random;
  const DeviceArray<uint64_t> count(1);
  ASSERT_OK(aclrtMemset(count.get(), 8, 0, 8));
  const uint64_t half = kCount / 2;
  ASSERT_OK(aclrtMemcpy(count.get(), 8, &half, 8, ACL_MEMCPY_HOST_TO_DEVICE));
  changed.randomSeed = RandomValue(uint16_t{2});  // what follows its two bytes is no part of it
  changed.randomSeed.valueOrAddr[5] = 0xff;
  changed.randomNum = RandomValue(count.get());
  changed.randomNum.isAddr = 1;
  changed.randomResultAddr = expected.get();
  ASSERT_OK(aclrtRandomNumAsync(&changed, stream_, nullptr));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  changed.randomResultAddr = second.get();
  changed.randomNumFuncParaInfo = {};  // is not looked at
  DeviceArray<aclrtRandomNumTaskInfo> source(1);
  source.Write({changed});
  aclrtTaskUpdateInfo info{};
  info.id = ACL_RT_UPDATE_RANDOM_TASK;
  info.val.randomTaskAttr = {.srcAddr = source.get(), .size = sizeof(changed), .rsv = {}};
  ASSERT_OK(aclrtTaskUpdateAsync(head_, task, &info, stream_));
  ASSERT_OK(Run(model_));
  EXPECT_NE(expected.Read(), first.Read());
  EXPECT_EQ(second.Read(), expected.Read());
  info.val.randomTaskAttr.size = sizeof(changed) - 1;
  EXPECT_EQ(aclrtTaskUpdateAsync(head_, task, &info, stream_), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(UpdateKernel(task, stream_), ACL_ERROR_RT_TASK_TYPE_NOT_SUPPORT);
}

TEST_F(TaskUpdateTest, HandlesAndFieldsAreChecked) {
  const uint32_t task = AddChoice(0, head_);
  const uint32_t sum = LastTask();
  aclrtTaskUpdateInfo info = KernelInfo();
  EXPECT_EQ(aclrtTaskUpdateAsync(nullptr, task, &info, stream_), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtTaskUpdateAsync(head_, task, nullptr, stream_), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtTaskUpdateAsync(stream_, task, &info, stream_), ACL_ERROR_RT_STREAM_MODEL);
  EXPECT_EQ(aclrtTaskUpdateAsync(MakePersistent(), task, &info, stream_),
            ACL_ERROR_RT_STREAM_MODEL);
  EXPECT_EQ(aclrtTaskUpdateAsync(head_, task + 1000, &info, stream_), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(UpdateKernel(task, stream_), ACL_ERROR_RT_MODEL_UPDATE_FAILED) << "still built";
  EXPECT_EQ(UpdateKernel(task, MakePersistent()), ACL_ERROR_RT_STREAM_MODEL);
  ASSERT_OK(aclmdlRICaptureBegin(other_, kRelaxed));
  EXPECT_EQ(UpdateKernel(task, other_), ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  EXPECT_OK(aclmdlRIDestroy(EndCapture(other_)));
  EndBuild();
  const auto with = [&](auto&& change) {
    aclrtTaskUpdateInfo wrong = KernelInfo();
    change(&wrong.val.aicAivTaskAttr, &wrong);
    return aclrtTaskUpdateAsync(head_, sum, &wrong, stream_);
  };
  EXPECT_EQ(with([](auto*, auto* all) { all->id = static_cast<aclrtUpdateTaskAttrId>(3); }),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(with([](auto* kernel, auto*) { kernel->rsv[3] = 1; }), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(with([](auto* kernel, auto*) { kernel->binHandle = nullptr; }),
            ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(with([&](auto* kernel, auto*) { kernel->binHandle = stream_; }),
            ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_EQ(with([](auto* kernel, auto*) { kernel->funcEntryAddr = nullptr; }),
            ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(with([&](auto* kernel, auto*) { kernel->blockDimAddr = &info; }),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(with([&](auto* kernel, auto*) { kernel->funcEntryAddr = &choice_->get()->blocks; }),
            ACL_SUCCESS)
      << "8 bytes are at a multiple of 8";
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_TS_ERROR) << "0 blocks";
  EXPECT_EQ(with([&](auto* kernel, auto*) {
              kernel->funcEntryAddr = reinterpret_cast<char*>(choice_->get()) + 4;
            }),
            ACL_ERROR_RT_ADDR_UNALIGNED);
  EXPECT_EQ(with([&](auto*, auto* all) {
              all->id = ACL_RT_UPDATE_RANDOM_TASK;
              all->val.randomTaskAttr = {
                  .srcAddr = choice_->get(), .size = sizeof(aclrtRandomNumTaskInfo), .rsv = {}};
            }),
            ACL_ERROR_RT_TASK_TYPE_NOT_SUPPORT);
}

TEST_F(TaskUpdateTest, WhatStandsInMemoryIsChecked) {
  const uint32_t task = AddChoice(0, head_);
  EndBuild();
  // No such kernel, one for the AI CPU, one with other arguments, and no blocks.
  const std::vector<Choice> wrong = {{1'000'000, 1, 0},
                                     {Number("cpu_sum"), 1, 0},
                                     {Number("sum_many"), 1, 0},
                                     {Number("second_choice"), 0, 0},
                                     {Number("second_choice"), 65536, 0}};
  for (const Choice& choice : wrong) {
    choice_->Write({choice});
    ASSERT_OK(UpdateKernel(task, stream_));
    EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_TS_ERROR) << choice.kernel;
  }
  EXPECT_EQ(RunAndRead(), 1001) << "the task stays as it is";
  void* empty = nullptr;
  ASSERT_OK(aclrtReserveMemAddress(&empty, 2 << 20, 0, nullptr, 1));
  aclrtTaskUpdateInfo info = KernelInfo();
  info.val.aicAivTaskAttr.funcEntryAddr = empty;
  ASSERT_OK(aclrtTaskUpdateAsync(head_, task, &info, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_SYS_DMA);
  EXPECT_OK(aclrtReleaseMemAddress(empty));
}

TEST_F(TaskUpdateTest, AModelWaitsForUpdatesThatAreUnderWay) {
  const uint32_t task = AddChoice(0, head_);
  EndBuild();
  SetChoice("second_choice", 1);
  const std::vector<aclmdlRITask> kernels = Kernels(model_);
  {
    const Gate gate(Kernel("wait_for"), stream_);
    ASSERT_OK(UpdateKernel(task, stream_));
    ASSERT_OK(aclmdlRITaskDisable(kernels[0]));
    EXPECT_EQ(aclmdlRIUpdate(model_), ACL_ERROR_RT_MODEL_UPDATE_FAILED);
    EXPECT_EQ(aclmdlRIDestroy(model_), ACL_ERROR_RT_MODEL_RUNNING);
    EXPECT_EQ(aclmdlRIUnbindStream(model_, head_), ACL_ERROR_RT_MODEL_RUNNING);
    EXPECT_EQ(UpdateKernel(task, stream_), ACL_ERROR_RT_MODEL_UPDATE_FAILED) << "disabled";
  }
  EXPECT_EQ(RunAndRead(), 2001);
  EXPECT_OK(aclmdlRIUpdate(model_));
  value_->Write({0, 0, 0, 0});
  EXPECT_EQ(RunAndRead(), 0);
  EXPECT_OK(aclmdlRIDestroy(model_));
}

}  // namespace
}  // namespace vnpu::test
