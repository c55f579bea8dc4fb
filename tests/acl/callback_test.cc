// Callbacks that a thread of the application serves.
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "tests/acl/call_server.h"
#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class CallbackTest : public KernelTest {
 protected:
  aclError LaunchBack(std::function<void()>* function,
                      aclrtCallbackBlockType block = ACL_CALLBACK_BLOCK) {
    return aclrtLaunchCallback(&CallFunction, function, block, stream_);
  }
  static uint64_t Self() { return static_cast<uint64_t>(pthread_self()); }
};

TEST_F(CallbackTest, SubscribedThreadRunsThemInOrder) {
  CallServer server;
  ASSERT_OK(aclrtSubscribeReport(server.id(), stream_));
  PinnedArray<int> counter(1);
  counter[0] = 0;
  std::vector<int> seen;
  std::thread::id id;
  std::function<void()> look = [&] {
    seen.push_back(counter[0]);
    id = std::this_thread::get_id();
  };
  const std::thread::id expected = server.thread();
  for (int i = 0; i < 10; ++i) {
    ASSERT_OK(Launch("increment", 1, counter.get(), stream_));
    ASSERT_OK(LaunchBack(&look));
  }
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(seen, (std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  EXPECT_EQ(id, expected);
  EXPECT_OK(aclrtUnSubscribeReport(server.id(), stream_));
}

TEST_F(CallbackTest, BlockingOnesHoldTheStream) {
  int calls = 0;
  std::function<void()> count = [&] { ++calls; };
  ASSERT_OK(aclrtSubscribeReport(Self(), stream_));
  ASSERT_OK(LaunchBack(&count, ACL_CALLBACK_BLOCK));
  EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(stream_, 20), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  EXPECT_EQ(calls, 0);
  ASSERT_OK(aclrtProcessReport(-1));
  EXPECT_EQ(calls, 1);
  ASSERT_OK(aclrtSynchronizeStream(stream_));
}

TEST_F(CallbackTest, OthersDoNot) {
  int calls = 0;
  std::function<void()> count = [&] { ++calls; };
  ASSERT_OK(aclrtSubscribeReport(Self(), stream_));
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(LaunchBack(&count, ACL_CALLBACK_NO_BLOCK));
  }
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(calls, 0);
  for (int i = 1; i <= 3; ++i) {
    ASSERT_OK(aclrtProcessReport(1000));
    EXPECT_EQ(calls, i) << "each call serves one";
  }
  EXPECT_EQ(aclrtProcessReport(1), ACL_ERROR_RT_REPORT_TIMEOUT);
}

TEST_F(CallbackTest, NotBeforeTheTaskInFrontOfIt) {
  int calls = 0;
  std::function<void()> count = [&] { ++calls; };
  ASSERT_OK(aclrtSubscribeReport(Self(), stream_));
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(LaunchBack(&count, ACL_CALLBACK_NO_BLOCK));
  EXPECT_EQ(aclrtProcessReport(20), ACL_ERROR_RT_REPORT_TIMEOUT);
  gate.Open();
  ASSERT_OK(aclrtProcessReport(-1));
  EXPECT_EQ(calls, 1);
}

TEST_F(CallbackTest, OneThreadServesSeveralStreams) {
  CallServer server;
  constexpr size_t kStreams = 6;
  std::vector<aclrtStream> streams(kStreams);
  std::vector<int> counts(kStreams);
  std::vector<std::function<void()>> functions;
  for (size_t i = 0; i < kStreams; ++i) {
    functions.emplace_back([&counts, i] { ++counts[i]; });
  }
  for (aclrtStream& stream : streams) {
    ASSERT_OK(aclrtCreateStream(&stream));
    ASSERT_OK(aclrtSubscribeReport(server.id(), stream));
  }
  for (int round = 0; round < 10; ++round) {
    for (size_t i = 0; i < kStreams; ++i) {
      ASSERT_OK(aclrtLaunchCallback(&CallFunction, &functions[i], ACL_CALLBACK_BLOCK, streams[i]));
    }
  }
  for (aclrtStream stream : streams) {
    ASSERT_OK(aclrtSynchronizeStream(stream));
    ASSERT_OK(aclrtUnSubscribeReport(server.id(), stream));
    ASSERT_OK(aclrtDestroyStream(stream));
  }
  EXPECT_EQ(counts, std::vector<int>(kStreams, 10));
}

TEST_F(CallbackTest, SubscriptionErrors) {
  std::function<void()> nothing = [] {};
  EXPECT_EQ(LaunchBack(&nothing), ACL_ERROR_RT_STREAM_NO_CB_REG);
  EXPECT_EQ(aclrtProcessReport(10), ACL_ERROR_RT_THREAD_SUBSCRIBE);
  EXPECT_EQ(aclrtUnSubscribeReport(Self(), stream_), ACL_ERROR_RT_STREAM_SUBSCRIBE);
  ASSERT_OK(aclrtSubscribeReport(Self(), stream_));
  EXPECT_EQ(aclrtSubscribeReport(Self(), stream_), ACL_ERROR_RT_STREAM_SUBSCRIBE);
  EXPECT_EQ(aclrtSubscribeReport(Self() + 1, stream_), ACL_ERROR_RT_STREAM_SUBSCRIBE);
  EXPECT_EQ(aclrtUnSubscribeReport(Self() + 1, stream_), ACL_ERROR_RT_THREAD_SUBSCRIBE);
  EXPECT_EQ(aclrtProcessReport(0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtProcessReport(-2), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtLaunchCallback(nullptr, nullptr, ACL_CALLBACK_BLOCK, stream_),
            ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(LaunchBack(&nothing, static_cast<aclrtCallbackBlockType>(2)),
            ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtUnSubscribeReport(Self(), stream_));
  EXPECT_EQ(LaunchBack(&nothing), ACL_ERROR_RT_STREAM_NO_CB_REG);
  EXPECT_EQ(aclrtProcessReport(10), ACL_ERROR_RT_THREAD_SUBSCRIBE);
}

TEST_F(CallbackTest, NumberOfTheKernelNamesAThreadToo) {
  int calls = 0;
  std::function<void()> count = [&] { ++calls; };
  ASSERT_OK(aclrtSubscribeReport(static_cast<uint64_t>(gettid()), stream_));
  ASSERT_OK(LaunchBack(&count, ACL_CALLBACK_NO_BLOCK));
  ASSERT_OK(aclrtProcessReport(-1));
  EXPECT_EQ(calls, 1);
}

TEST_F(CallbackTest, UnsubscribingLosesWhatTheStreamHasNotReached) {
  int calls = 0;
  std::function<void()> count = [&] { ++calls; };
  PinnedArray<int> counter(1);
  counter[0] = 0;
  ASSERT_OK(aclrtSubscribeReport(Self(), stream_));
  ASSERT_OK(LaunchBack(&count, ACL_CALLBACK_NO_BLOCK));
  ASSERT_OK(aclrtSynchronizeStream(stream_));  // that one is due
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(LaunchBack(&count, ACL_CALLBACK_BLOCK));
  ASSERT_OK(LaunchBack(&count, ACL_CALLBACK_NO_BLOCK));
  ASSERT_OK(Launch("increment", 1, counter.get(), stream_));
  ASSERT_OK(aclrtUnSubscribeReport(Self(), stream_));
  __atomic_store_n(reinterpret_cast<int*>(counter.get()), 5, __ATOMIC_RELEASE);
  gate.Open();  // and synchronises, to which the loss is reported
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(counter[0], 6) << "the stream goes on";
  ASSERT_OK(aclrtProcessReport(-1));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(aclrtProcessReport(1), ACL_ERROR_RT_THREAD_SUBSCRIBE) << "nothing is left to serve";
}

TEST_F(CallbackTest, LossIsTheStreamsError) {
  std::function<void()> nothing = [] {};
  ASSERT_OK(aclrtSubscribeReport(Self(), stream_));
  PinnedArray<int> flag(1);
  flag[0] = 0;
  ASSERT_OK(Launch("wait_for", 1, flag.get(), stream_));
  ASSERT_OK(LaunchBack(&nothing));
  ASSERT_OK(aclrtUnSubscribeReport(Self(), stream_));
  __atomic_store_n(flag.get(), 1, __ATOMIC_RELEASE);
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_STREAM_NO_CB_REG);
  EXPECT_OK(aclrtSynchronizeStream(stream_));
}

TEST_F(CallbackTest, DeadThreadHoldsNobodyUp) {
  std::function<void()> nothing = [] {};
  std::promise<uint64_t> id;
  std::promise<void> launched;
  std::thread thread([&] {
    id.set_value(Self());
    launched.get_future().wait();
    EXPECT_OK(aclrtProcessReport(-1));  // the first of two
  });
  const uint64_t thread_id = id.get_future().get();
  ASSERT_OK(aclrtSubscribeReport(thread_id, stream_));
  ASSERT_OK(LaunchBack(&nothing));
  ASSERT_OK(LaunchBack(&nothing));
  launched.set_value();
  thread.join();
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_STREAM_NO_CB_REG);
  EXPECT_EQ(LaunchBack(&nothing), ACL_ERROR_RT_STREAM_NO_CB_REG);
  EXPECT_OK(aclrtUnSubscribeReport(thread_id, stream_));
  CallServer server;
  ASSERT_OK(aclrtSubscribeReport(server.id(), stream_));
  ASSERT_OK(LaunchBack(&nothing));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  ASSERT_OK(aclrtUnSubscribeReport(server.id(), stream_));
}

TEST_F(CallbackTest, UnsubscribingEndsAnEndlessProcessReport) {
  std::promise<uint64_t> id;
  std::promise<void> subscribed;
  std::promise<aclError> result;
  std::thread thread([&] {
    id.set_value(Self());
    subscribed.get_future().wait();
    result.set_value(aclrtProcessReport(-1));
  });
  const uint64_t thread_id = id.get_future().get();
  ASSERT_OK(aclrtSubscribeReport(thread_id, stream_));
  subscribed.set_value();
  ASSERT_OK(aclrtUnSubscribeReport(thread_id, stream_));
  EXPECT_EQ(result.get_future().get(), ACL_ERROR_RT_THREAD_SUBSCRIBE);
  thread.join();
}

TEST_F(CallbackTest, ResetEndsAnEndlessProcessReport) {
  std::promise<uint64_t> id;
  std::promise<void> subscribed;
  std::promise<aclError> result;
  std::thread thread([&] {
    id.set_value(Self());
    subscribed.get_future().wait();
    result.set_value(aclrtProcessReport(-1));
  });
  ASSERT_OK(aclrtSubscribeReport(id.get_future().get(), stream_));
  subscribed.set_value();
  ASSERT_OK(aclrtResetDevice(0));
  EXPECT_EQ(result.get_future().get(), ACL_ERROR_RT_THREAD_SUBSCRIBE);
  thread.join();
}

TEST_F(CallbackTest, ResetAndDestructionDoNotWaitForAThreadThatNeverServes) {
  int calls = 0;
  std::function<void()> count = [&] { ++calls; };
  aclrtStream other = nullptr;
  ASSERT_OK(aclrtCreateStream(&other));
  ASSERT_OK(aclrtSubscribeReport(Self(), other));
  ASSERT_OK(aclrtSubscribeReport(Self(), stream_));
  ASSERT_OK(aclrtLaunchCallback(&CallFunction, &count, ACL_CALLBACK_BLOCK, other));
  ASSERT_OK(LaunchBack(&count));
  ASSERT_OK(aclrtDestroyStream(other));
  ASSERT_OK(aclrtResetDevice(0));
  EXPECT_EQ(calls, 0);
}

TEST_F(CallbackTest, AbortDropsThem) {
  int calls = 0;
  std::function<void()> count = [&] { ++calls; };
  ASSERT_OK(aclrtSubscribeReport(Self(), stream_));
  ASSERT_OK(LaunchBack(&count, ACL_CALLBACK_BLOCK));
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(LaunchBack(&count, ACL_CALLBACK_BLOCK));
  ASSERT_OK(aclrtProcessReport(-1));
  ASSERT_OK(aclrtStreamAbort(stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(aclrtProcessReport(1), ACL_ERROR_RT_REPORT_TIMEOUT);
  EXPECT_EQ(calls, 1);
}

TEST_F(CallbackTest, LostDeviceEndsProcessReport) {
  ASSERT_OK(aclrtSubscribeReport(Self(), stream_));
  const pid_t device = DeviceProcess();
  ASSERT_GT(device, 0);
  kill(device, SIGKILL);
  EXPECT_EQ(aclrtProcessReport(-1), ACL_ERROR_RT_LOST_HEARTBEAT);
  ASSERT_OK(aclrtResetDeviceForce(0));
}

TEST_F(CallbackTest, AStreamMayHaveAThreadForEachKind) {
  CallServer reports;
  CallServer host_functions(&aclrtProcessHostFunc);
  ASSERT_OK(aclrtSubscribeReport(reports.id(), stream_));
  ASSERT_OK(aclrtSubscribeHostFunc(host_functions.id(), stream_));
  std::vector<std::thread::id> order;
  std::function<void()> note = [&] { order.push_back(std::this_thread::get_id()); };
  ASSERT_OK(LaunchBack(&note));
  ASSERT_OK(aclrtLaunchHostFunc(stream_, &CallFunction, &note));
  ASSERT_OK(LaunchBack(&note));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(order, (std::vector{reports.thread(), host_functions.thread(), reports.thread()}));
  const uint64_t ids[] = {reports.id(), host_functions.id()};
  reports.Stop();
  host_functions.Stop();
  // The threads may have ended by then.
  EXPECT_OK(aclrtUnSubscribeReport(ids[0], stream_));
  EXPECT_OK(aclrtUnSubscribeHostFunc(ids[1], stream_));
  // Without a subscription they are the library's again.
  ASSERT_OK(aclrtLaunchHostFunc(stream_, &CallFunction, &note));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(order.size(), 4u);
  EXPECT_EQ(aclrtSubscribeHostFunc(ids[1], nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtUnSubscribeHostFunc(ids[1], nullptr), ACL_ERROR_INVALID_PARAM);
}

}  // namespace
}  // namespace vnpu::test
