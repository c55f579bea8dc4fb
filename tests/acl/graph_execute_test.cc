// Executing models: streams, failures, destruction, names.
#include <signal.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include "tests/acl/graph_support.h"

namespace vnpu::test {
namespace {

class GraphExecuteTest : public GraphTest {
 protected:
  // Increments the counter.
  aclmdlRI Counting(int* counter) {
    EXPECT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
    EXPECT_OK(Increment(counter, stream_));
    return EndCapture(stream_);
  }
  // Waits until the flag is not 0, then increments the counter.
  aclmdlRI Gated(int* flag, int* counter) {
    struct {
      int* flag;
    } args{flag};
    EXPECT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
    EXPECT_OK(Launch("wait_for", 1, args, stream_));
    EXPECT_OK(Increment(counter, stream_));
    return EndCapture(stream_);
  }
};

TEST_F(GraphExecuteTest, ExecuteWaitsInTheDefaultStream) {
  DeviceArray<int> counter(1);
  const aclmdlRI model = Counting(counter.get());
  EXPECT_OK(aclmdlRIExecute(model, -1));
  EXPECT_OK(aclmdlRIExecute(model, 1000));
  EXPECT_EQ(counter.Read()[0], 2);
  EXPECT_EQ(aclmdlRIExecute(model, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclmdlRIExecute(model, -2), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclmdlRIExecute(nullptr, -1), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclmdlRIExecute(&counter, -1), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(GraphExecuteTest, ExecuteHasATimeLimit) {
  DeviceArray<int> counter(1);
  PinnedArray<int> flag(1);
  flag[0] = 0;
  const aclmdlRI model = Gated(flag.get(), counter.get());
  EXPECT_EQ(aclmdlRIExecute(model, 20), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  __atomic_store_n(flag.get(), 1, __ATOMIC_RELEASE);
  EXPECT_OK(aclrtSynchronizeStream(nullptr));
  EXPECT_EQ(counter.Read()[0], 1);
}

TEST_F(GraphExecuteTest, RunsInDifferentStreamsFollowOneAnother) {
  DeviceArray<int64_t> value(1);
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
  ASSERT_OK(Affine(value.get(), 1, 1, stream_));
  ASSERT_OK(Affine(value.get(), 1, 1, stream_));
  const aclmdlRI model = EndCapture(stream_);
  // The kernels of two runs at once would lose additions.
  for (int i = 0; i < 200; ++i) {
    ASSERT_OK(aclmdlRIExecuteAsync(model, i % 2 == 0 ? stream_ : other_));
  }
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  ASSERT_OK(aclrtSynchronizeStream(other_));
  EXPECT_EQ(value.Read()[0], 400);
}

TEST_F(GraphExecuteTest, DifferentModelsRunAtTheSameTime) {
  DeviceArray<int> counter(1);
  PinnedArray<int> flag(1);
  flag[0] = 0;
  const aclmdlRI first = Gated(flag.get(), counter.get());
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
  int* address = flag.get();
  ASSERT_OK(Launch("store_to", 1, address, stream_));
  const aclmdlRI second = EndCapture(stream_);
  ASSERT_OK(aclmdlRIExecuteAsync(first, stream_));
  ASSERT_OK(aclmdlRIExecuteAsync(second, other_));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_OK(aclrtSynchronizeStream(other_));
  EXPECT_EQ(counter.Read()[0], 1);
}

TEST_F(GraphExecuteTest, AModelThatRunsCannotBeDestroyed) {
  DeviceArray<int> counter(1);
  PinnedArray<int> flag(1);
  flag[0] = 0;
  const aclmdlRI model = Gated(flag.get(), counter.get());
  ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
  EXPECT_EQ(aclmdlRIDestroy(model), ACL_ERROR_RT_MODEL_RUNNING);
  __atomic_store_n(flag.get(), 1, __ATOMIC_RELEASE);
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(counter.Read()[0], 1);
  EXPECT_OK(aclmdlRIDestroy(model));
  EXPECT_EQ(aclmdlRIDestroy(model), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(GraphExecuteTest, DestructionMayRaceWithExecution) {
  DeviceArray<int> counter(1);
  for (int round = 0; round < 50; ++round) {
    const aclmdlRI model = Counting(counter.get());
    std::atomic<bool> destroyed{false};
    std::thread executor([&] {
      ASSERT_OK(aclrtSetDevice(0));
      aclrtStream stream = nullptr;
      ASSERT_OK(aclrtCreateStream(&stream));
      for (;;) {
        const aclError error = aclmdlRIExecuteAsync(model, stream);
        if (error != ACL_SUCCESS) {
          EXPECT_EQ(error, ACL_ERROR_RT_INVALID_HANDLE);
          break;
        }
        EXPECT_OK(aclrtSynchronizeStream(stream));
      }
      EXPECT_TRUE(destroyed.load());
      EXPECT_OK(aclrtDestroyStream(stream));
      ASSERT_OK(aclrtResetDevice(0));
    });
    for (;;) {
      destroyed.store(true);
      const aclError error = aclmdlRIDestroy(model);
      if (error == ACL_SUCCESS) {
        break;
      }
      EXPECT_EQ(error, ACL_ERROR_RT_MODEL_RUNNING);
    }
    executor.join();
  }
}

TEST_F(GraphExecuteTest, AFailingTaskStopsTheRunAndTheNextOneWorks) {
  DeviceArray<int> counter(1);
  DeviceArray<int> divisor(1);
  const aclrtEvent event = MakeEvent();
  struct {
    int** place;
  } bad{nullptr};
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
  ASSERT_OK(Increment(counter.get(), stream_));
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  ASSERT_OK(aclrtStreamWaitEvent(other_, event));
  ASSERT_OK(Launch("store_to", 1, bad, other_));
  ASSERT_OK(aclrtRecordEvent(event, other_));
  ASSERT_OK(aclrtStreamWaitEvent(stream_, event));
  ASSERT_OK(Increment(counter.get(), stream_));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(aclmdlRISetName(model, "doomed"));
  aclGetRecentErrMsg();
  for (int i = 1; i <= 2; ++i) {
    ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
    EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
    const char* text = aclGetRecentErrMsg();
    ASSERT_NE(text, nullptr);
    EXPECT_NE(std::strstr(text, "'doomed'"), nullptr) << text;
    EXPECT_NE(std::strstr(text, "captured stream 1"), nullptr) << text;
    EXPECT_NE(std::strstr(text, "store_to"), nullptr) << text;
    EXPECT_EQ(counter.Read()[0], i);  // the task behind was not run
  }
  // What the stream gets now is carried out.
  ASSERT_OK(Increment(counter.get(), stream_));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  // With a good address the model works.
  struct {
    int* place;
  } good{divisor.get()};
  for (const aclmdlRITask task : Tasks(Streams(model)[1])) {
    if (Type(task) == ACL_MODEL_RI_TASK_KERNEL) {
      aclmdlRITaskParams params{};
      ASSERT_OK(aclmdlRITaskGetParams(task, &params));
      params.kernelTaskParams.args = &good;
      params.kernelTaskParams.isHostArgs = 1;
      ASSERT_OK(aclmdlRITaskSetParams(task, &params));
    }
  }
  ASSERT_OK(aclmdlRIUpdate(model));
  EXPECT_OK(Run(model));
  EXPECT_EQ(counter.Read()[0], 5);
  EXPECT_OK(aclmdlRIDestroy(model));
}

TEST_F(GraphExecuteTest, TasksKeepTheirTimeLimits) {
  aclrtLaunchKernelAttr limit{};
  limit.id = ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT_US;
  limit.value.timeoutUs.timeoutLow = 20'000;
  aclrtLaunchKernelCfg config{.attrs = &limit, .numAttrs = 1};
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
  ASSERT_OK(aclrtLaunchKernelWithHostArgs(Kernel("spin_forever"), 1, stream_, &config, nullptr, 0,
                                          nullptr, 0));
  const aclmdlRI model = EndCapture(stream_);
  EXPECT_EQ(Run(model), ACL_ERROR_RT_AICORE_TIMEOUT);
  EXPECT_EQ(Run(model), ACL_ERROR_RT_AICORE_TIMEOUT);
  EXPECT_OK(aclmdlRIDestroy(model));
}

TEST_F(GraphExecuteTest, AbortingTheStreamEndsTheRun) {
  DeviceArray<int> counter(1);
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
  ASSERT_OK(Launch("spin_forever", 1, stream_));
  ASSERT_OK(Increment(counter.get(), stream_));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
  ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
  EXPECT_EQ(aclmdlRIAbort(model), ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  ASSERT_OK(aclrtStreamAbort(stream_));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(counter.Read()[0], 0);
  EXPECT_OK(aclmdlRIDestroy(model));
}

TEST_F(GraphExecuteTest, ForcedDestructionOfTheStreamEndsTheRun) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
  ASSERT_OK(Launch("spin_forever", 1, stream_));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(aclmdlRIExecuteAsync(model, other_));
  ASSERT_OK(aclrtDestroyStreamForce(other_));
  EXPECT_OK(aclmdlRIDestroy(model));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
}

TEST_F(GraphExecuteTest, ModelsEndWithTheirDeviceOrContext) {
  DeviceArray<int> counter(1);
  aclrtContext context = nullptr;
  aclrtContext before = nullptr;
  ASSERT_OK(aclrtGetCurrentContext(&before));
  const aclmdlRI primary = Counting(counter.get());
  ASSERT_OK(aclrtCreateContext(&context, 0));
  EXPECT_EQ(aclmdlRIExecute(primary, -1), ACL_ERROR_RT_MODEL_CONTEXT);
  aclrtStream stream = nullptr;
  ASSERT_OK(aclrtCreateStream(&stream));
  ASSERT_OK(aclmdlRICaptureBegin(stream, kRelaxed));
  ASSERT_OK(Increment(counter.get(), stream));
  const aclmdlRI model = EndCapture(stream);
  ASSERT_OK(aclmdlRIExecute(model, -1));
  ASSERT_OK(aclrtDestroyContext(context));
  ASSERT_OK(aclrtSetCurrentContext(before));
  EXPECT_EQ(aclmdlRIExecute(model, -1), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_OK(aclmdlRIExecute(primary, -1));
  EXPECT_EQ(counter.Read()[0], 2);
  ASSERT_OK(aclrtResetDeviceForce(0));
  ASSERT_OK(aclrtSetDevice(0));
  EXPECT_EQ(aclmdlRIExecute(primary, -1), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(GraphExecuteTest, ADeadDeviceProcessEndsTheRun) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kRelaxed));
  ASSERT_OK(Launch("spin_forever", 1, stream_));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
  const pid_t device = DeviceProcess();
  ASSERT_GT(device, 0);
  ASSERT_EQ(kill(device, SIGKILL), 0);
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_LOST_HEARTBEAT);
  EXPECT_OK(aclmdlRIDestroy(model));
  value_.reset();
  ASSERT_OK(aclrtResetDeviceForce(0));
  ASSERT_OK(aclrtSetDevice(0));
  ASSERT_OK(aclrtCreateStream(&stream_));
  ASSERT_OK(aclrtBinaryLoadFromFile(VNPU_TEST_KERNELS, nullptr, &binary_));
  DeviceArray<int> counter(1);
  ASSERT_OK(Run(Counting(counter.get())));
  EXPECT_EQ(counter.Read()[0], 1);
}

TEST_F(GraphExecuteTest, NamesAndNumbers) {
  DeviceArray<int> counter(1);
  const aclmdlRI first = Counting(counter.get());
  const aclmdlRI second = Counting(counter.get());
  std::array<char, 600> name{};
  ASSERT_OK(aclmdlRIGetName(first, name.size(), name.data()));
  EXPECT_STREQ(name.data(), "");
  ASSERT_OK(aclmdlRISetName(first, "one"));
  ASSERT_OK(aclmdlRISetName(first, "another"));
  ASSERT_OK(aclmdlRIGetName(first, name.size(), name.data()));
  EXPECT_STREQ(name.data(), "another");
  ASSERT_OK(aclmdlRIGetName(first, 4, name.data()));
  EXPECT_STREQ(name.data(), "ano");
  ASSERT_OK(aclmdlRISetName(first, std::string(600, 'x').c_str()));
  ASSERT_OK(aclmdlRIGetName(first, name.size(), name.data()));
  EXPECT_EQ(std::strlen(name.data()), 511U);
  EXPECT_EQ(aclmdlRIGetName(first, 0, name.data()), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclmdlRISetName(first, nullptr), ACL_ERROR_INVALID_PARAM);
  uint32_t one = 0;
  uint32_t two = 0;
  ASSERT_OK(aclmdlRIGetId(first, &one));
  ASSERT_OK(aclmdlRIGetId(second, &two));
  EXPECT_NE(one, two);
}

TEST_F(GraphExecuteTest, CallbacksAreCalledOnDestruction) {
  DeviceArray<int> counter(1);
  const aclmdlRI model = Counting(counter.get());
  int calls = 0;
  const auto add = [](void* calls) { *static_cast<int*>(calls) += 1; };
  const auto add_ten = [](void* calls) { *static_cast<int*>(calls) += 10; };
  ASSERT_OK(aclmdlRIDestroyRegisterCallback(model, add, &calls));
  EXPECT_EQ(aclmdlRIDestroyRegisterCallback(model, add, &calls), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclmdlRIDestroyRegisterCallback(model, add_ten, &calls));
  ASSERT_OK(aclmdlRIDestroyUnregisterCallback(model, add_ten));
  EXPECT_EQ(aclmdlRIDestroyUnregisterCallback(model, add_ten), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclmdlRIDestroyRegisterCallback(model, nullptr, nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(calls, 0);
  EXPECT_OK(aclmdlRIDestroy(model));
  EXPECT_EQ(calls, 1);
}

TEST_F(GraphExecuteTest, AModelThatIsCapturedIsNotExecutedNorDestroyed) {
  const aclmdlRI model = BeginCapture(kRelaxed);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(aclmdlRIExecuteAsync(model, other_), ACL_ERROR_RT_MODEL_CAPTURED);
  EXPECT_EQ(aclmdlRIDestroy(model), ACL_ERROR_RT_MODEL_CAPTURED);
  EXPECT_EQ(aclmdlRIUpdate(model), ACL_ERROR_RT_MODEL_UPDATE_FAILED);
  EXPECT_EQ(EndCapture(stream_), model);
  EXPECT_OK(aclmdlRIDestroy(model));
}

TEST_F(GraphExecuteTest, ManyModelsComeAndGo) {
  DeviceArray<int> counter(1);
  for (int round = 0; round < 20; ++round) {
    std::vector<aclmdlRI> models;
    for (int i = 0; i < 20; ++i) {
      models.push_back(Counting(counter.get()));
      ASSERT_OK(aclmdlRIExecuteAsync(models.back(), stream_));
    }
    ASSERT_OK(aclrtSynchronizeStream(stream_));
    for (const aclmdlRI model : models) {
      ASSERT_OK(aclmdlRIDestroy(model));
    }
  }
  EXPECT_EQ(counter.Read()[0], 400);
}

}  // namespace
}  // namespace vnpu::test
