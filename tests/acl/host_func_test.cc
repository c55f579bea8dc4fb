// Host functions that streams call on the library's own thread.
#include <unistd.h>

#include <atomic>
#include <functional>
#include <future>
#include <thread>
#include <vector>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class HostFuncTest : public KernelTest {
 protected:
  aclError LaunchHost(aclrtStream stream, std::function<void()>* function) {
    return aclrtLaunchHostFunc(stream, &CallFunction, function);
  }
};

TEST_F(HostFuncTest, RunsBetweenTheTasksAroundIt) {
  PinnedArray<int> counter(1);
  counter[0] = 0;
  std::vector<int> seen;
  std::function<void()> look = [&] { seen.push_back(counter[0]); };
  for (int i = 0; i < 20; ++i) {
    ASSERT_OK(Launch("increment", 1, counter.get(), stream_));
    ASSERT_OK(LaunchHost(stream_, &look));
  }
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  ASSERT_EQ(seen.size(), 20u);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(seen[static_cast<size_t>(i)], i + 1);
  }
}

TEST_F(HostFuncTest, StreamWaitsForIt) {
  PinnedArray<int> counter(1);
  counter[0] = 0;
  std::promise<void> release;
  std::function<void()> wait = [&] { release.get_future().wait(); };
  ASSERT_OK(LaunchHost(stream_, &wait));
  ASSERT_OK(Launch("increment", 1, counter.get(), stream_));
  EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(stream_, 30), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  EXPECT_EQ(counter[0], 0);
  release.set_value();
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(counter[0], 1);
}

TEST_F(HostFuncTest, AnotherThreadRunsItInTheStreamsContext) {
  std::thread::id id;
  aclrtContext context = nullptr;
  aclrtContext ours = nullptr;
  ASSERT_OK(aclrtGetCurrentContext(&ours));
  std::function<void()> ask = [&] {
    id = std::this_thread::get_id();
    EXPECT_OK(aclrtGetCurrentContext(&context));
  };
  ASSERT_OK(LaunchHost(stream_, &ask));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_NE(id, std::this_thread::get_id());
  EXPECT_EQ(context, ours);
}

TEST_F(HostFuncTest, MayUseTheDevice) {
  DeviceArray<int> device(1, 0x11);
  int host = 0;
  std::function<void()> copy = [&] {
    EXPECT_OK(
        aclrtMemcpy(&host, sizeof(host), device.get(), sizeof(host), ACL_MEMCPY_DEVICE_TO_HOST));
    void* memory = nullptr;
    EXPECT_OK(aclrtMalloc(&memory, 4096, ACL_MEM_MALLOC_HUGE_FIRST));
    EXPECT_OK(aclrtFree(memory));
  };
  ASSERT_OK(LaunchHost(stream_, &copy));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(host, 0x11111111);
}

TEST_F(HostFuncTest, ManyStreams) {
  constexpr size_t kStreams = 40;
  std::vector<aclrtStream> streams(kStreams);
  std::vector<int> counts(kStreams);
  std::vector<std::function<void()>> functions;
  for (size_t i = 0; i < kStreams; ++i) {
    functions.emplace_back([&counts, i] { ++counts[i]; });
  }
  for (aclrtStream& stream : streams) {
    ASSERT_OK(aclrtCreateStream(&stream));
  }
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < kStreams; ++i) {
      ASSERT_OK(LaunchHost(streams[i], &functions[i]));
    }
  }
  for (aclrtStream stream : streams) {
    ASSERT_OK(aclrtDestroyStream(stream));  // waits for them
  }
  EXPECT_EQ(counts, std::vector<int>(kStreams, 3));
}

TEST_F(HostFuncTest, OrderAcrossStreamsFollowsTheEvents) {
  aclrtStream other = nullptr;
  ASSERT_OK(aclrtCreateStream(&other));
  aclrtEvent event = nullptr;
  ASSERT_OK(aclrtCreateEventWithFlag(&event, ACL_EVENT_SYNC));
  std::vector<int> order;
  std::function<void()> first = [&] { order.push_back(1); };
  std::function<void()> second = [&] { order.push_back(2); };
  // Launched first, due last.
  ASSERT_OK(aclrtStreamWaitEvent(stream_, event));
  ASSERT_OK(LaunchHost(stream_, &second));
  ASSERT_OK(LaunchHost(other, &first));
  ASSERT_OK(aclrtRecordEvent(event, other));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_OK(aclrtDestroyEvent(event));
}

TEST_F(HostFuncTest, MoreThanAQueueHolds) {
  constexpr int kCalls = 3000;
  int calls = 0;
  std::function<void()> count = [&] { ++calls; };
  for (int i = 0; i < kCalls; ++i) {
    ASSERT_OK(LaunchHost(stream_, &count));
  }
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(calls, kCalls);
}

TEST_F(HostFuncTest, LaunchedByManyThreads) {
  std::atomic<int> calls{0};
  std::function<void()> count = [&] { ++calls; };
  aclrtContext context = nullptr;
  ASSERT_OK(aclrtGetCurrentContext(&context));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      EXPECT_OK(aclrtSetCurrentContext(context));
      for (int j = 0; j < 50; ++j) {
        EXPECT_OK(LaunchHost(stream_, &count));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(calls, 200);
}

TEST_F(HostFuncTest, AfterAFailureItRunsOnlyIfTheStreamGoesOn) {
  int calls = 0;
  std::function<void()> count = [&] { ++calls; };
  ASSERT_OK(Launch("store_to", 1, uint64_t{8}, stream_));
  ASSERT_OK(LaunchHost(stream_, &count));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(calls, 1);
  ASSERT_OK(aclrtSetStreamFailureMode(stream_, ACL_STOP_ON_FAILURE));
  {
    Gate gate(Kernel("wait_for"), stream_);
    ASSERT_OK(Launch("store_to", 1, uint64_t{8}, stream_));
    ASSERT_OK(LaunchHost(stream_, &count));
  }
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_OK(aclrtResetDevice(0));  // nobody waits for the call that was dropped
  EXPECT_EQ(calls, 1);
}

TEST_F(HostFuncTest, AbortDropsIt) {
  int calls = 0;
  std::function<void()> count = [&] { ++calls; };
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(LaunchHost(stream_, &count));
  ASSERT_OK(aclrtStreamAbort(stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(calls, 0);
  ASSERT_OK(LaunchHost(stream_, &count));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(calls, 1);
}

TEST_F(HostFuncTest, AbortsWhileOthersLaunchLeaveNoWaitBehind) {
  constexpr int kCalls = 400;
  std::atomic<int> calls{0};
  std::atomic<bool> launched{false};
  std::function<void()> count = [&] { ++calls; };
  aclrtContext context = nullptr;
  ASSERT_OK(aclrtGetCurrentContext(&context));
  std::thread launcher([&] {
    EXPECT_OK(aclrtSetCurrentContext(context));
    for (int i = 0; i < kCalls; ++i) {
      EXPECT_OK(LaunchHost(stream_, &count));
    }
    launched = true;
  });
  while (!launched) {
    EXPECT_OK(aclrtStreamAbort(stream_));
  }
  launcher.join();
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  // Calls that were due before an abort come before this one.
  int last = 0;
  std::function<void()> count_last = [&] { ++last; };
  ASSERT_OK(LaunchHost(stream_, &count_last));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(last, 1);
  EXPECT_LE(calls, kCalls);
}

TEST_F(HostFuncTest, AbortEndsTheWaitForOneThatRuns) {
  std::promise<void> running;
  std::promise<void> release;
  std::function<void()> wait = [&] {
    running.set_value();
    release.get_future().wait();
  };
  ASSERT_OK(LaunchHost(stream_, &wait));
  running.get_future().wait();
  ASSERT_OK(aclrtStreamAbort(stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  release.set_value();
  // Behind it on the same thread.
  std::function<void()> nothing = [] {};
  ASSERT_OK(LaunchHost(stream_, &nothing));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
}

TEST_F(HostFuncTest, ForcedDestructionDropsIt) {
  int calls = 0;
  std::function<void()> count = [&] { ++calls; };
  aclrtStream other = nullptr;
  ASSERT_OK(aclrtCreateStream(&other));
  Gate gate(Kernel("wait_for"), other);
  ASSERT_OK(LaunchHost(other, &count));
  ASSERT_OK(aclrtDestroyStreamForce(other));
  ASSERT_OK(LaunchHost(stream_, &count));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(calls, 1);
}

TEST_F(HostFuncTest, ResetRunsWhatWasLaunched) {
  DeviceArray<int> device(1, 1);
  int calls = 0;
  int host = 0;
  std::function<void()> use = [&] {
    ++calls;
    EXPECT_OK(
        aclrtMemcpy(&host, sizeof(host), device.get(), sizeof(host), ACL_MEMCPY_DEVICE_TO_HOST));
  };
  for (int i = 0; i < 5; ++i) {
    ASSERT_OK(LaunchHost(stream_, &use));
  }
  ASSERT_OK(aclrtResetDevice(0));
  EXPECT_EQ(calls, 5);
}

TEST_F(HostFuncTest, ForcedResetDoesNotWaitForAKernelThatNeverEnds) {
  int calls = 0;
  std::function<void()> count = [&] { ++calls; };
  ASSERT_OK(Launch("spin_forever", 1, stream_));
  ASSERT_OK(LaunchHost(stream_, &count));
  ASSERT_OK(aclrtResetDeviceForce(0));
  EXPECT_EQ(calls, 0);
  ASSERT_OK(aclrtSetDevice(0));
  aclrtStream stream = nullptr;
  ASSERT_OK(aclrtCreateStream(&stream));
  ASSERT_OK(LaunchHost(stream, &count));
  ASSERT_OK(aclrtSynchronizeStream(stream));
  EXPECT_EQ(calls, 1);
}

TEST_F(HostFuncTest, CannotEndTheDeviceUnderItself) {
  aclError reset = ACL_SUCCESS;
  aclError pair = ACL_ERROR_FAILURE;
  std::function<void()> end = [&] {
    reset = aclrtResetDeviceForce(0);
    pair = aclrtSetDevice(0);
    pair = pair != ACL_SUCCESS ? pair : aclrtResetDevice(0);  // counts down, ends nothing
  };
  ASSERT_OK(LaunchHost(stream_, &end));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(reset, ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  EXPECT_EQ(pair, ACL_SUCCESS);
}

TEST_F(HostFuncTest, DeadDeviceProcessLeavesNobodyWaiting) {
  std::promise<void> running;
  std::promise<void> release;
  std::function<void()> wait = [&] {
    running.set_value();
    release.get_future().wait();
  };
  ASSERT_OK(LaunchHost(stream_, &wait));
  running.get_future().wait();
  const pid_t device = DeviceProcess();
  ASSERT_GT(device, 0);
  kill(device, SIGKILL);
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_LOST_HEARTBEAT);
  release.set_value();
  ASSERT_OK(aclrtResetDeviceForce(0));
}

TEST_F(HostFuncTest, BadArguments) {
  EXPECT_EQ(aclrtLaunchHostFunc(stream_, nullptr, nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtLaunchHostFunc(reinterpret_cast<aclrtStream>(8), &CallFunction, nullptr),
            ACL_ERROR_RT_INVALID_HANDLE);
}

}  // namespace
}  // namespace vnpu::test
