#include <atomic>
#include <chrono>
#include <set>
#include <thread>
#include <vector>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

using StreamTest = KernelTest;

TEST_F(StreamTest, TasksRunInOrder) {
  DeviceArray<int> counter(1);
  constexpr int kTasks = 5000;  // more than the queue holds
  for (int i = 0; i < kTasks; ++i) {
    ASSERT_OK(Launch("increment", 1, counter.get(), stream_));
  }
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(counter.Read()[0], kTasks);
}

TEST_F(StreamTest, QueryTellsWhetherTasksAreLeft) {
  aclrtStreamStatus status = ACL_STREAM_STATUS_NOT_READY;
  EXPECT_OK(aclrtStreamQuery(stream_, &status));
  EXPECT_EQ(status, ACL_STREAM_STATUS_COMPLETE);
  Gate gate(Kernel("wait_for"), stream_);
  EXPECT_OK(aclrtStreamQuery(stream_, &status));
  EXPECT_EQ(status, ACL_STREAM_STATUS_NOT_READY);
  gate.Open();
  EXPECT_OK(aclrtStreamQuery(stream_, &status));
  EXPECT_EQ(status, ACL_STREAM_STATUS_COMPLETE);
}

TEST_F(StreamTest, SynchroniseEndsAtTheTimeLimit) {
  Gate gate(Kernel("wait_for"), stream_);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(stream_, 50), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(50));
  EXPECT_EQ(aclrtSynchronizeDeviceWithTimeout(10), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  gate.Open();
  EXPECT_OK(aclrtSynchronizeStreamWithTimeout(stream_, 10000));
}

TEST_F(StreamTest, StreamsRunIndependently) {
  aclrtStream other = nullptr;
  ASSERT_OK(aclrtCreateStream(&other));
  DeviceArray<int> counter(1);
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(Launch("increment", 1, counter.get(), other));
  EXPECT_OK(aclrtSynchronizeStream(other));
  EXPECT_EQ(counter.Read()[0], 1);
  gate.Open();
  EXPECT_OK(aclrtDestroyStream(other));
}

TEST_F(StreamTest, DestroyWaitsForTasks) {
  DeviceArray<int> counter(1);
  aclrtStream other = nullptr;
  ASSERT_OK(aclrtCreateStream(&other));
  for (int i = 0; i < 100; ++i) {
    ASSERT_OK(Launch("increment", 1, counter.get(), other));
  }
  ASSERT_OK(aclrtDestroyStream(other));
  EXPECT_EQ(counter.Read()[0], 100);
  EXPECT_EQ(aclrtSynchronizeStream(other), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_EQ(aclrtDestroyStream(other), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(StreamTest, ForcedDestroyDropsTasks) {
  aclrtStream other = nullptr;
  ASSERT_OK(aclrtCreateStream(&other));
  ASSERT_OK(Launch("spin_forever", 1, other));
  DeviceArray<int> counter(1);
  ASSERT_OK(Launch("increment", 1, counter.get(), other));
  ASSERT_OK(aclrtDestroyStreamForce(other));
  EXPECT_EQ(counter.Read()[0], 0);
  // The device is as good as before.
  ASSERT_OK(Launch("increment", 1, counter.get(), stream_));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(counter.Read()[0], 1);
}

TEST_F(StreamTest, ConfigurationIsKept) {
  aclrtStream stream = nullptr;
  ASSERT_OK(aclrtCreateStreamWithConfig(&stream, 3, ACL_STREAM_FAST_LAUNCH | ACL_STREAM_FAST_SYNC));
  uint32_t priority = 0;
  uint32_t flags = 0;
  EXPECT_OK(aclrtStreamGetPriority(stream, &priority));
  EXPECT_OK(aclrtStreamGetFlags(stream, &flags));
  EXPECT_EQ(priority, 3u);
  EXPECT_EQ(flags, ACL_STREAM_FAST_LAUNCH | ACL_STREAM_FAST_SYNC);
  EXPECT_EQ(aclrtCreateStreamWithConfig(&stream, 8, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtCreateStreamWithConfig(&stream, 0, ACL_STREAM_CPU_SCHEDULE),
            ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  EXPECT_OK(aclrtStreamGetPriority(nullptr, &priority));
  EXPECT_EQ(priority, 0u);
}

TEST_F(StreamTest, IdsAreUnique) {
  std::set<int32_t> ids;
  std::vector<aclrtStream> streams(100);
  uint32_t before = 0;
  ASSERT_OK(aclrtGetStreamAvailableNum(&before));
  for (aclrtStream& stream : streams) {
    ASSERT_OK(aclrtCreateStream(&stream));
    int32_t id = -1;
    ASSERT_OK(aclrtStreamGetId(stream, &id));
    EXPECT_TRUE(ids.insert(id).second);
  }
  uint32_t after = 0;
  ASSERT_OK(aclrtGetStreamAvailableNum(&after));
  EXPECT_EQ(after + 100, before);
  for (const aclrtStream stream : streams) {
    EXPECT_OK(aclrtDestroyStream(stream));
  }
  EXPECT_OK(aclrtGetStreamAvailableNum(&after));
  EXPECT_EQ(after, before);
}

TEST_F(StreamTest, NumberHasALimit) {
  uint32_t available = 0;
  ASSERT_OK(aclrtGetStreamAvailableNum(&available));
  std::vector<aclrtStream> streams;
  aclrtStream stream = nullptr;
  aclError error = ACL_SUCCESS;
  while ((error = aclrtCreateStream(&stream)) == ACL_SUCCESS) {
    streams.push_back(stream);
    ASSERT_LE(streams.size(), available);
  }
  EXPECT_EQ(error, ACL_ERROR_RT_NO_STREAM_RESOURCE);
  EXPECT_EQ(streams.size(), available);
  ASSERT_OK(aclrtDestroyStream(streams.back()));
  streams.pop_back();
  EXPECT_OK(aclrtCreateStream(&stream));
  EXPECT_OK(aclrtDestroyStream(stream));
  for (const aclrtStream each : streams) {
    EXPECT_OK(aclrtDestroyStream(each));
  }
}

TEST_F(StreamTest, DefaultStreamIsNull) {
  DeviceArray<int> counter(1);
  ASSERT_OK(Launch("increment", 1, counter.get(), nullptr));
  EXPECT_OK(aclrtSynchronizeStream(nullptr));
  EXPECT_EQ(counter.Read()[0], 1);
  aclrtStream stream = nullptr;
  ASSERT_OK(aclrtCtxGetCurrentDefaultStream(&stream));
  EXPECT_EQ(aclrtDestroyStream(stream), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(StreamTest, ManyThreadsMayUseOneStream) {
  DeviceArray<int> counter(1);
  aclrtContext context = nullptr;
  ASSERT_OK(aclrtGetCurrentContext(&context));
  const aclrtFuncHandle increment = Kernel("increment");
  int* address = counter.get();
  constexpr int kThreads = 4;
  constexpr int kEach = 1000;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      EXPECT_OK(aclrtSetCurrentContext(context));
      for (int i = 0; i < kEach; ++i) {
        EXPECT_OK(aclrtLaunchKernelWithHostArgs(increment, 1, stream_, nullptr, &address,
                                                sizeof(address), nullptr, 0));
        if (i % 100 == 0) {
          EXPECT_OK(aclrtSynchronizeStream(stream_));
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(counter.Read()[0], kThreads * kEach);
}

TEST_F(StreamTest, MoreThreadsWaitThanThereAreInterrupts) {
  aclrtContext context = nullptr;
  ASSERT_OK(aclrtGetCurrentContext(&context));
  Gate gate(Kernel("wait_for"), stream_);
  constexpr int kThreads = 300;  // a session has 256
  std::atomic<int> waiting{0};
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      EXPECT_OK(aclrtSetCurrentContext(context));
      EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(stream_, 1), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
      ++waiting;
      EXPECT_OK(aclrtSynchronizeStream(stream_));
    });
  }
  while (waiting < kThreads) {
    std::this_thread::yield();
  }
  gate.Open();
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST_F(StreamTest, WildHandlesAreRefused) {
  int here = 0;
  EXPECT_EQ(aclrtSynchronizeStream(&here), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_EQ(aclrtSynchronizeStream(reinterpret_cast<aclrtStream>(0x10)),
            ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_EQ(aclrtSynchronizeStream(static_cast<char*>(stream_) + 8), ACL_ERROR_RT_INVALID_HANDLE);
}

}  // namespace
}  // namespace vnpu::test
