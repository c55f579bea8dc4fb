// Several devices in one process, on a private driver that offers two.
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "tests/acl/child.h"
#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class DISABLED_TwoDevices : public KernelTest {
 protected:
  void SetUp() override {
    uint32_t count = 0;
    ASSERT_OK(aclrtGetDeviceCount(&count));
    ASSERT_EQ(count, 2u);
    KernelTest::SetUp();  // device 0 with stream and kernels
    ASSERT_OK(aclrtSetDevice(1));
    ASSERT_OK(aclrtCreateStream(&second_stream_));
    ASSERT_OK(aclrtSetDevice(0));
  }
  void TearDown() override {
    aclrtResetDeviceForce(1);
    KernelTest::TearDown();
  }

  aclrtStream second_stream_ = nullptr;
};

TEST_F(DISABLED_TwoDevices, StreamsBelongToTheirDevice) {
  ASSERT_OK(aclrtSetDevice(1));
  EXPECT_NE(Launch("nothing", 1, stream_), ACL_SUCCESS);
  int host = 0;
  void* memory = nullptr;
  ASSERT_OK(aclrtMalloc(&memory, sizeof(host), ACL_MEM_MALLOC_HUGE_FIRST));
  EXPECT_EQ(aclrtMemcpyAsync(memory, sizeof(host), &host, sizeof(host), ACL_MEMCPY_HOST_TO_DEVICE,
                             stream_),
            ACL_ERROR_RT_STREAM_CONTEXT);
  EXPECT_OK(aclrtSynchronizeStream(second_stream_));
}

TEST_F(DISABLED_TwoDevices, FreeWithSynchronisationWaitsForTheMemorysDevice) {
  void* memory = nullptr;
  ASSERT_OK(aclrtMalloc(&memory, 4096, ACL_MEM_MALLOC_HUGE_FIRST));
  std::atomic<bool> done{false};
  ASSERT_OK(aclrtLaunchHostFunc(
      stream_,
      [](void* flag) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        static_cast<std::atomic<bool>*>(flag)->store(true);
      },
      &done));
  ASSERT_OK(aclrtSetDevice(1));
  ASSERT_OK(aclrtFreeWithDevSync(memory));
  EXPECT_TRUE(done.load());
}

TEST_F(DISABLED_TwoDevices, EventsOfAnotherDevice) {
  aclrtEvent event = nullptr;
  ASSERT_OK(aclrtCreateEvent(&event));
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  ASSERT_OK(aclrtSetDevice(1));
  // Waiting and asking are the host's; recording and a stream's wait are the device's.
  EXPECT_OK(aclrtSynchronizeEvent(event));
  auto status = ACL_EVENT_RECORDED_STATUS_NOT_READY;
  EXPECT_OK(aclrtQueryEventStatus(event, &status));
  EXPECT_EQ(status, ACL_EVENT_RECORDED_STATUS_COMPLETE);
  EXPECT_NE(aclrtRecordEvent(event, second_stream_), ACL_SUCCESS);
  EXPECT_NE(aclrtStreamWaitEvent(second_stream_, event), ACL_SUCCESS);
}

TEST_F(DISABLED_TwoDevices, ContextsBringTheirDevice) {
  aclrtContext first = nullptr;
  aclrtContext second = nullptr;
  ASSERT_OK(aclrtCreateContext(&first, 0));
  ASSERT_OK(aclrtCreateContext(&second, 1));
  int32_t device = -1;
  ASSERT_OK(aclrtGetDevice(&device));
  EXPECT_EQ(device, 1);
  ASSERT_OK(aclrtSetCurrentContext(first));
  ASSERT_OK(aclrtGetDevice(&device));
  EXPECT_EQ(device, 0);
  EXPECT_OK(aclrtDestroyContext(first));
  EXPECT_OK(aclrtDestroyContext(second));
}

TEST_F(DISABLED_TwoDevices, ForcedResetUnderLoadLeavesTheOther) {
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtSetDevice(1));
  aclrtStream other = nullptr;
  aclrtBinHandle binary = nullptr;
  aclrtFuncHandle spin = nullptr;
  ASSERT_OK(aclrtCreateStream(&other));
  ASSERT_OK(aclrtBinaryLoadFromFile(VNPU_TEST_KERNELS, nullptr, &binary));
  ASSERT_OK(aclrtBinaryGetFunction(binary, "spin_forever", &spin));
  ASSERT_OK(aclrtLaunchKernelWithHostArgs(spin, 1, other, nullptr, nullptr, 0, nullptr, 0));
  EXPECT_OK(aclrtResetDeviceForce(1));
  ASSERT_OK(aclrtSetDevice(0));
  gate.Open();
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  ASSERT_OK(aclrtSetDevice(1)) << "works again";
  EXPECT_OK(aclrtSynchronizeDevice());
}

TEST_F(DISABLED_TwoDevices, ThreadsSetAndResetTheirOwn) {
  std::vector<std::thread> threads;
  for (int32_t i = 0; i < 8; ++i) {
    threads.emplace_back([device = i % 2] {
      for (int round = 0; round < 20; ++round) {
        ASSERT_OK(aclrtSetDevice(device));
        int32_t mine = -1;
        ASSERT_OK(aclrtGetDevice(&mine));
        EXPECT_EQ(mine, device);
        DeviceArray<int> memory(16, 1);
        EXPECT_EQ(memory.Read()[15], 0x01010101);
        ASSERT_OK(aclrtResetDevice(device));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_OK(aclrtSynchronizeStream(stream_)) << "set once more by SetUp";
}

TEST(SeveralDevices, KeepToThemselves) {
  if (!HaveTwoDevices()) {
    GTEST_SKIP() << "takes two devices";
  }
  const ChildResult child = RunTestsInChild(
      "DISABLED_TwoDevices.*", {{"VNPU_TRANSPORT", "embedded"}, {"VNPU_DEVICES", "2"}});
  EXPECT_EQ(child.exit_code, 0) << child.output;
}

}  // namespace
}  // namespace vnpu::test
