// Setting, resetting and asking the device.
#include <chrono>
#include <thread>
#include <vector>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

TEST(Device, UnknownDeviceIsRefused) {
  uint32_t count = 0;
  ASSERT_OK(aclrtGetDeviceCount(&count));
  EXPECT_EQ(aclrtSetDevice(static_cast<int32_t>(count)), ACL_ERROR_RT_INVALID_DEVICEID);
  EXPECT_EQ(aclrtSetDevice(-1), ACL_ERROR_RT_INVALID_DEVICEID);
}

TEST(Device, OneTaskSchedulerIsForAllCores) {
  EXPECT_OK(aclrtSetTsDevice(ACL_TS_ID_AICORE));
  EXPECT_OK(aclrtSetTsDevice(ACL_TS_ID_AIVECTOR));
  EXPECT_EQ(aclrtSetTsDevice(static_cast<aclrtTsId>(7)), ACL_ERROR_INVALID_PARAM);
}

TEST(Device, WithoutSetDeviceThereIsNoContext) {
  std::thread([] {
    int32_t device = 0;
    EXPECT_EQ(aclrtGetDevice(&device), ACL_ERROR_RT_CONTEXT_NULL);
    aclrtStream stream = nullptr;
    EXPECT_EQ(aclrtCreateStream(&stream), ACL_ERROR_RT_CONTEXT_NULL);
  }).join();
}

TEST(Device, ResetCountsDown) {
  ASSERT_OK(aclrtSetDevice(0));
  ASSERT_OK(aclrtSetDevice(0));
  aclrtStream stream = nullptr;
  ASSERT_OK(aclrtCreateStream(&stream));
  EXPECT_OK(aclrtResetDevice(0));
  EXPECT_OK(aclrtSynchronizeStream(stream));
  EXPECT_OK(aclrtResetDevice(0));
  EXPECT_EQ(aclrtSynchronizeStream(stream), ACL_ERROR_RT_CONTEXT_NULL);
  EXPECT_NE(aclrtResetDevice(0), ACL_SUCCESS);
}

TEST(Device, ForcedResetIgnoresTheCount) {
  ASSERT_OK(aclrtSetDevice(0));
  ASSERT_OK(aclrtSetDevice(0));
  EXPECT_OK(aclrtResetDeviceForce(0));
  EXPECT_NE(aclrtResetDeviceForce(0), ACL_SUCCESS);
  EXPECT_NE(aclrtResetDevice(0), ACL_SUCCESS);
}

TEST(Device, ResetsMix) {
  // The forced one may come last, never first.
  ASSERT_OK(aclrtSetDevice(0));
  ASSERT_OK(aclrtResetDevice(0));
  ASSERT_OK(aclrtSetDevice(0));
  ASSERT_OK(aclrtSetDevice(0));
  ASSERT_OK(aclrtResetDevice(0));
  EXPECT_OK(aclrtResetDeviceForce(0));
  EXPECT_EQ(aclrtResetDevice(0), ACL_ERROR_RT_CONTEXT_NULL);
  EXPECT_EQ(aclrtResetDeviceForce(0), ACL_ERROR_RT_CONTEXT_NULL);
  EXPECT_EQ(aclrtResetDevice(1000), ACL_ERROR_RT_INVALID_DEVICEID);
  EXPECT_EQ(aclrtResetDeviceForce(-1), ACL_ERROR_RT_INVALID_DEVICEID);
  aclGetRecentErrMsg();
}

TEST(Device, ForcedResetOfOneThreadIsTheEndForAll) {
  ASSERT_OK(aclrtSetDevice(0));
  std::thread([] {
    ASSERT_OK(aclrtSetDevice(0));
    EXPECT_OK(aclrtResetDeviceForce(0));
  }).join();
  aclrtContext context = nullptr;
  EXPECT_EQ(aclrtGetCurrentContext(&context), ACL_ERROR_RT_CONTEXT_NULL);
  EXPECT_EQ(aclrtResetDeviceForce(0), ACL_ERROR_RT_CONTEXT_NULL);
  aclGetRecentErrMsg();
}

TEST(Device, SetByManyThreadsAtOnceOpensItOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([] {
      for (int round = 0; round < 20; ++round) {
        ASSERT_OK(aclrtSetDevice(0));
        aclrtStream stream = nullptr;
        ASSERT_OK(aclrtCreateStream(&stream));
        EXPECT_OK(aclrtSynchronizeStream(stream));
        EXPECT_OK(aclrtDestroyStream(stream));
        ASSERT_OK(aclrtResetDevice(0));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(DeviceProcess(), 0);
  EXPECT_NE(aclrtResetDevice(0), ACL_SUCCESS) << "each set was taken back";
  aclGetRecentErrMsg();
}

TEST(Device, HandlesAreStaleAfterReset) {
  ASSERT_OK(aclrtSetDevice(0));
  aclrtStream stream = nullptr;
  aclrtEvent event = nullptr;
  aclrtContext context = nullptr;
  void* memory = nullptr;
  ASSERT_OK(aclrtCreateStream(&stream));
  ASSERT_OK(aclrtCreateEvent(&event));
  ASSERT_OK(aclrtRecordEvent(event, stream));
  ASSERT_OK(aclrtGetCurrentContext(&context));
  ASSERT_OK(aclrtMalloc(&memory, 1024, ACL_MEM_MALLOC_HUGE_FIRST));
  ASSERT_OK(aclrtResetDevice(0));
  ASSERT_OK(aclrtSetDevice(0));
  EXPECT_EQ(aclrtSynchronizeStream(stream), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_EQ(aclrtSetCurrentContext(context), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_NE(aclrtStreamWaitEvent(nullptr, event), ACL_SUCCESS);
  EXPECT_NE(aclrtFree(memory), ACL_SUCCESS);
  EXPECT_OK(aclrtDestroyEvent(event));
  EXPECT_OK(aclrtResetDevice(0));
}

using DeviceUnderLoad = KernelTest;

TEST_F(DeviceUnderLoad, ResetWaitsForTheTasks) {
  DeviceArray<int> counter(1);
  for (int i = 0; i < 500; ++i) {
    ASSERT_OK(Launch("increment", 1, counter.get(), stream_));
  }
  int result = 0;
  ASSERT_OK(aclrtMemcpyAsync(&result, sizeof(result), counter.get(), sizeof(result),
                             ACL_MEMCPY_DEVICE_TO_HOST, stream_));
  EXPECT_OK(aclrtResetDevice(0));
  EXPECT_EQ(result, 500);
  EXPECT_EQ(DeviceProcess(), 0);
}

TEST_F(DeviceUnderLoad, ForcedResetEndsKernelsThatNeverEnd) {
  ASSERT_OK(Launch("spin_forever", 2, stream_));
  ASSERT_OK(Launch("nothing", 1, stream_));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_OK(aclrtResetDeviceForce(0));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  ASSERT_OK(aclrtSetDevice(0));
  EXPECT_OK(aclrtSynchronizeDevice());
}

using DeviceInfo = DeviceTest;

TEST_F(DeviceInfo, ThreadsShareTheDefaultContext) {
  aclrtContext mine = nullptr;
  aclrtContext other = nullptr;
  ASSERT_OK(aclrtGetCurrentContext(&mine));
  std::thread([&] {
    EXPECT_OK(aclrtSetDevice(0));
    EXPECT_OK(aclrtGetCurrentContext(&other));
  }).join();
  EXPECT_EQ(mine, other);
}

TEST_F(DeviceInfo, AttributesAreTold) {
  int64_t cores = 0;
  EXPECT_OK(aclrtGetDeviceInfo(0, ACL_DEV_ATTR_AICORE_CORE_NUM, &cores));
  EXPECT_GT(cores, 0);
  int64_t memory = 0;
  EXPECT_OK(aclrtGetDeviceInfo(0, ACL_DEV_ATTR_TOTAL_GLOBAL_MEM_SIZE, &memory));
  EXPECT_GT(memory, 0);
  int64_t is_virtual = 0;
  EXPECT_OK(aclrtGetDeviceInfo(0, ACL_DEV_ATTR_IS_VIRTUAL, &is_virtual));
  EXPECT_EQ(is_virtual, 1);
  aclrtDeviceStatus status = ACL_RT_DEVICE_STATUS_ABNORMAL;
  EXPECT_OK(aclrtQueryDeviceStatus(0, &status));
  EXPECT_EQ(status, ACL_RT_DEVICE_STATUS_NORMAL);
  int32_t least = 0;
  int32_t greatest = -1;
  EXPECT_OK(aclrtDeviceGetStreamPriorityRange(&least, &greatest));
  EXPECT_EQ(least, 7);
  EXPECT_EQ(greatest, 0);
}

TEST_F(DeviceInfo, SynchroniseTakesATimeLimit) {
  EXPECT_OK(aclrtSynchronizeDevice());
  EXPECT_OK(aclrtSynchronizeDeviceWithTimeout(100));
  EXPECT_EQ(aclrtSynchronizeDeviceWithTimeout(0), ACL_ERROR_RT_PARAM_INVALID);
}

}  // namespace
}  // namespace vnpu::test
