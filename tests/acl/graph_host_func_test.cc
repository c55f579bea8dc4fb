// Host functions that are tasks of models.
#include <pthread.h>

#include <atomic>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "tests/acl/call_server.h"
#include "tests/acl/graph_support.h"

namespace vnpu::test {
namespace {

class GraphHostFuncTest : public GraphTest {
 protected:
  static aclError LaunchHost(aclrtStream stream, std::function<void()>* function) {
    return aclrtLaunchHostFunc(stream, &CallFunction, function);
  }
  aclError LaunchBack(std::function<void()>* function,
                      aclrtCallbackBlockType block = ACL_CALLBACK_BLOCK) {
    return aclrtLaunchCallback(&CallFunction, function, block, stream_);
  }
  static uint64_t Self() { return static_cast<uint64_t>(pthread_self()); }

  std::function<void()> nothing_ = [] {};
};

TEST_F(GraphHostFuncTest, RunsBetweenTheTasksAroundItInEachRun) {
  PinnedArray<int> counter(1);
  counter[0] = 0;
  std::vector<int> seen;
  std::function<void()> look = [&] { seen.push_back(counter[0]); };
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(Increment(counter.get(), stream_));
  ASSERT_OK(LaunchHost(stream_, &look));
  ASSERT_OK(Increment(counter.get(), stream_));
  const aclmdlRI model = EndCapture(stream_);
  EXPECT_TRUE(seen.empty());
  for (int i = 0; i < 10; ++i) {
    ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
  }
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  std::vector<int> expected;
  for (int i = 0; i < 10; ++i) {
    expected.push_back(2 * i + 1);
  }
  EXPECT_EQ(seen, expected);
  EXPECT_OK(aclmdlRIDestroy(model));
}

TEST_F(GraphHostFuncTest, TheModelWaitsForIt) {
  PinnedArray<int> counter(1);
  counter[0] = 0;
  std::promise<void> release;
  std::function<void()> wait = [&] { release.get_future().wait(); };
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(LaunchHost(stream_, &wait));
  ASSERT_OK(Increment(counter.get(), stream_));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
  EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(stream_, 30), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  EXPECT_EQ(counter[0], 0);
  EXPECT_EQ(aclmdlRIDestroy(model), ACL_ERROR_RT_MODEL_RUNNING);
  release.set_value();
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(counter[0], 1);
  EXPECT_OK(aclmdlRIDestroy(model));
}

TEST_F(GraphHostFuncTest, MayUseTheDeviceInTheCapturesContext) {
  DeviceArray<int> device(1, 0x11);
  int host = 0;
  aclrtContext ours = nullptr;
  aclrtContext context = nullptr;
  ASSERT_OK(aclrtGetCurrentContext(&ours));
  std::function<void()> copy = [&] {
    EXPECT_OK(aclrtGetCurrentContext(&context));
    EXPECT_OK(
        aclrtMemcpy(&host, sizeof(host), device.get(), sizeof(host), ACL_MEMCPY_DEVICE_TO_HOST));
  };
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(LaunchHost(stream_, &copy));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(Run(model));
  EXPECT_EQ(host, 0x11111111);
  EXPECT_EQ(context, ours);
}

TEST_F(GraphHostFuncTest, ALoopCallsItEachTime) {
  uint64_t* word = nullptr;
  PinnedArray<int> runs(1);
  runs[0] = 0;
  int calls = 0;
  std::function<void()> count = [&] { ++calls; };
  aclmdlRI model = BeginCapture(kThreadLocal);
  ASSERT_NE(model, nullptr);
  aclmdlRICondHandle condition = nullptr;
  ASSERT_OK(
      aclmdlRICondHandleCreate(model, 5, ACL_MODEL_RI_COND_HANDLE_ASSIGN_DEFAULT, &condition));
  ASSERT_OK(aclmdlRICondHandleGetCondPtr(condition, &word));
  aclmdlRI body = nullptr;
  ASSERT_OK(aclmdlRIAddCondTask(
      {.handle = condition, .type = ACL_MODEL_RI_COND_TYPE_WHILE, .size = 1, .modelRIArray = &body},
      stream_, 0));
  ASSERT_OK(aclmdlRICaptureToModelRIBegin(other_, body, kThreadLocal));
  struct {
    uint64_t* word;
    int* runs;
  } args{word, runs.get()};
  ASSERT_OK(Launch("count_down", 1, args, other_));
  ASSERT_OK(LaunchHost(other_, &count));
  ASSERT_OK(aclmdlRICaptureEnd(other_, &body));
  model = EndCapture(stream_);
  ASSERT_OK(Run(model));
  EXPECT_EQ(calls, 5);
  ASSERT_OK(Run(model));
  EXPECT_EQ(calls, 10);
  EXPECT_EQ(runs[0], 10);
}

TEST_F(GraphHostFuncTest, TheSubscribedThreadRunsCallbacks) {
  CallServer server;
  ASSERT_OK(aclrtSubscribeReport(server.id(), stream_));
  std::thread::id id;
  int calls = 0;
  std::function<void()> look = [&] {
    id = std::this_thread::get_id();
    ++calls;
  };
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(LaunchBack(&look));
  const aclmdlRI model = EndCapture(stream_);
  for (int i = 0; i < 5; ++i) {
    ASSERT_OK(aclmdlRIExecuteAsync(model, other_));
  }
  ASSERT_OK(aclrtSynchronizeStream(other_));
  EXPECT_EQ(calls, 5);
  EXPECT_EQ(id, server.thread());
  ASSERT_OK(aclrtUnSubscribeReport(server.id(), stream_));
}

TEST_F(GraphHostFuncTest, CallbacksThatDoNotBlockKeepTheirOrder) {
  CallServer server;
  ASSERT_OK(aclrtSubscribeReport(server.id(), stream_));
  std::string order;
  std::function<void()> first = [&] { order += 'a'; };
  std::function<void()> second = [&] { order += 'b'; };
  std::promise<void> end;
  std::function<void()> last = [&] { end.set_value(); };
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(LaunchBack(&first, ACL_CALLBACK_NO_BLOCK));
  ASSERT_OK(LaunchBack(&second, ACL_CALLBACK_NO_BLOCK));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(LaunchBack(&last, ACL_CALLBACK_NO_BLOCK));
  const aclmdlRI ending = EndCapture(stream_);
  for (int i = 0; i < 4; ++i) {
    ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
  }
  ASSERT_OK(aclmdlRIExecuteAsync(ending, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  end.get_future().wait();
  EXPECT_EQ(order, "abababab");
}

TEST_F(GraphHostFuncTest, WhatWasReachedIsRunWhenTheModelIsGone) {
  ASSERT_OK(aclrtSubscribeReport(Self(), stream_));
  int calls = 0;
  std::function<void()> count = [&] { ++calls; };
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(LaunchBack(&count, ACL_CALLBACK_NO_BLOCK));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(Run(model));
  ASSERT_OK(aclmdlRIDestroy(model));
  EXPECT_EQ(calls, 0);
  ASSERT_OK(aclrtProcessReport(-1));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(aclrtProcessReport(1), ACL_ERROR_RT_REPORT_TIMEOUT);
  ASSERT_OK(aclrtUnSubscribeReport(Self(), stream_));
}

TEST_F(GraphHostFuncTest, CallbacksTakeAThread) {
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  EXPECT_EQ(LaunchBack(&nothing_), ACL_ERROR_RT_STREAM_NO_CB_REG);
  EXPECT_OK(aclmdlRIDestroy(EndCapture(stream_)));
}

TEST_F(GraphHostFuncTest, ACallbackWhoseThreadHasGoneIsAnError) {
  PinnedArray<int> counter(1);
  counter[0] = 0;
  CallServer server;
  ASSERT_OK(aclrtSubscribeReport(server.id(), stream_));
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(LaunchBack(&nothing_));
  ASSERT_OK(Increment(counter.get(), stream_));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(Run(model));
  ASSERT_OK(aclrtUnSubscribeReport(server.id(), stream_));
  EXPECT_EQ(Run(model), ACL_ERROR_RT_STREAM_NO_CB_REG);
  EXPECT_EQ(counter[0], 2) << "the model goes on";
  ASSERT_OK(aclrtSubscribeReport(server.id(), stream_));
  ASSERT_OK(Run(model));
  ASSERT_OK(aclrtUnSubscribeReport(server.id(), stream_));
}

TEST_F(GraphHostFuncTest, ACallThatIsDueLosesItsThread) {
  ASSERT_OK(aclrtSubscribeReport(Self(), stream_));
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(LaunchBack(&nothing_));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(aclmdlRIExecuteAsync(model, other_));
  EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(other_, 20), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  ASSERT_OK(aclrtUnSubscribeReport(Self(), stream_));
  EXPECT_EQ(aclrtSynchronizeStream(other_), ACL_ERROR_RT_STREAM_NO_CB_REG);
}

TEST_F(GraphHostFuncTest, DestroyingAStreamDoesNotWaitForAThreadThatDoesNotCome) {
  ASSERT_OK(aclrtSubscribeReport(Self(), stream_));
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(LaunchBack(&nothing_));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(aclmdlRIExecuteAsync(model, other_));
  EXPECT_OK(aclrtDestroyStream(other_));
  ASSERT_OK(aclrtUnSubscribeReport(Self(), stream_));
  EXPECT_OK(aclmdlRIDestroy(model));
}

TEST_F(GraphHostFuncTest, AnAbortDoesNotWaitForIt) {
  std::promise<void> running;
  std::promise<void> release;
  int calls = 0;
  std::function<void()> wait = [&] {
    if (++calls == 1) {
      running.set_value();
      release.get_future().wait();
    }
  };
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(LaunchHost(stream_, &wait));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
  running.get_future().wait();
  ASSERT_OK(aclrtStreamAbort(stream_));
  // The next run waits for the call that is under way, and then calls again.
  ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
  release.set_value();
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(calls, 2);
}

TEST_F(GraphHostFuncTest, OnSeveralStreamsOfOneModel) {
  std::vector<int> order;
  std::function<void()> first = [&] { order.push_back(1); };
  std::function<void()> second = [&] { order.push_back(2); };
  const aclrtEvent fork = MakeEvent();
  const aclrtEvent join = MakeEvent();
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(LaunchHost(stream_, &first));
  ASSERT_OK(aclrtRecordEvent(fork, stream_));
  ASSERT_OK(aclrtStreamWaitEvent(other_, fork));
  ASSERT_OK(LaunchHost(other_, &second));
  ASSERT_OK(aclrtRecordEvent(join, other_));
  ASSERT_OK(aclrtStreamWaitEvent(stream_, join));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(Run(model));
  ASSERT_OK(Run(model));
  EXPECT_EQ(order, (std::vector<int>{1, 2, 1, 2}));
}

TEST_F(GraphHostFuncTest, InABuiltModel) {
  int calls = 0;
  std::function<void()> count = [&] { ++calls; };
  const aclrtStream persistent = MakePersistent();
  aclmdlRI model = nullptr;
  ASSERT_OK(aclmdlRIBuildBegin(&model, 0));
  ASSERT_OK(aclmdlRIBindStream(model, persistent, kHeadStream));
  ASSERT_OK(LaunchHost(persistent, &count));
  ASSERT_OK(aclmdlRIEndTask(model, persistent));
  ASSERT_OK(aclmdlRIBuildEnd(model, nullptr));
  ASSERT_OK(Run(model));
  ASSERT_OK(aclmdlRIExecute(model, -1));
  EXPECT_EQ(calls, 2);
  ASSERT_OK(aclmdlRIUnbindStream(model, persistent));
  ASSERT_OK(aclmdlRIDestroy(model));
  ASSERT_OK(aclrtDestroyStream(persistent));
}

TEST_F(GraphHostFuncTest, IsATaskThatCanBeLeftOut) {
  int calls = 0;
  std::function<void()> count = [&] { ++calls; };
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(LaunchHost(stream_, &count));
  const aclmdlRI model = EndCapture(stream_);
  const aclmdlRITask task = Tasks(Streams(model).front()).front();
  EXPECT_EQ(Type(task), ACL_MODEL_RI_TASK_DEFAULT);
  ASSERT_OK(Run(model));
  ASSERT_OK(aclmdlRITaskDisable(task));
  ASSERT_OK(aclmdlRIUpdate(model));
  ASSERT_OK(Run(model));
  EXPECT_EQ(calls, 1);
}

TEST_F(GraphHostFuncTest, NotInTaskGroups) {
  aclrtTaskGrp group = nullptr;
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(aclmdlRICaptureTaskGrpBegin(stream_));
  EXPECT_EQ(LaunchHost(stream_, &nothing_), ACL_ERROR_RT_TASK_TYPE_NOT_SUPPORT);
  ASSERT_OK(Increment(reinterpret_cast<int*>(value_->get()), stream_));
  ASSERT_OK(aclmdlRICaptureTaskGrpEnd(stream_, &group));
  const aclmdlRI model = EndCapture(stream_);
  ASSERT_OK(aclmdlRICaptureTaskUpdateBegin(other_, group));
  EXPECT_EQ(LaunchHost(other_, &nothing_), ACL_ERROR_RT_MODEL_UPDATE_FAILED);
  ASSERT_OK(aclmdlRICaptureTaskUpdateEnd(other_));
  EXPECT_OK(aclmdlRIDestroy(model));
}

TEST_F(GraphHostFuncTest, ManyModelsAtTheSameTime) {
  constexpr size_t kModels = 16;
  constexpr int kRuns = 20;
  std::vector<int> counts(kModels);
  std::vector<std::function<void()>> functions;
  std::vector<aclrtStream> streams(kModels);
  std::vector<aclmdlRI> models(kModels);
  for (size_t i = 0; i < kModels; ++i) {
    functions.emplace_back([&counts, i] { ++counts[i]; });
  }
  for (size_t i = 0; i < kModels; ++i) {
    ASSERT_OK(aclrtCreateStream(&streams[i]));
    ASSERT_OK(aclmdlRICaptureBegin(streams[i], kGlobal));
    ASSERT_OK(LaunchHost(streams[i], &functions[i]));
    ASSERT_OK(LaunchHost(streams[i], &functions[i]));
    models[i] = EndCapture(streams[i]);
  }
  for (int run = 0; run < kRuns; ++run) {
    for (size_t i = 0; i < kModels; ++i) {
      ASSERT_OK(aclmdlRIExecuteAsync(models[i], streams[i]));
    }
  }
  ASSERT_OK(aclrtSynchronizeDevice());
  EXPECT_EQ(counts, std::vector<int>(kModels, 2 * kRuns));
}

TEST_F(GraphHostFuncTest, TheDeviceIsResetWhileItIsWanted) {
  std::atomic<int> calls = 0;
  std::function<void()> count = [&] { ++calls; };
  ASSERT_OK(aclmdlRICaptureBegin(stream_, kGlobal));
  ASSERT_OK(LaunchHost(stream_, &count));
  const aclmdlRI model = EndCapture(stream_);
  for (int i = 0; i < 20; ++i) {
    ASSERT_OK(aclmdlRIExecuteAsync(model, stream_));
  }
  value_.reset();
  ASSERT_OK(aclrtResetDevice(0));
  EXPECT_EQ(calls, 20);
  ASSERT_OK(aclrtSetDevice(0));
}

TEST_F(GraphHostFuncTest, TheCapturesStreamMayEnd) {
  int calls = 0;
  std::function<void()> count = [&] { ++calls; };
  ASSERT_OK(aclmdlRICaptureBegin(other_, kGlobal));
  ASSERT_OK(LaunchHost(other_, &count));
  const aclmdlRI model = EndCapture(other_);
  ASSERT_OK(aclrtDestroyStream(other_));
  ASSERT_OK(Run(model));
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace vnpu::test
