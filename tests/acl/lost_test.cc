// The device process dies or hangs: errors instead of hangs, and a reset brings it back.
#include <signal.h>

#include <chrono>
#include <thread>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

using LostTest = KernelTest;

TEST_F(LostTest, KilledDeviceProcessFailsItsStreams) {
  Gate gate(Kernel("wait_for"), stream_);
  const pid_t device = DeviceProcess();
  ASSERT_GT(device, 0);
  std::thread killer([device] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    kill(device, SIGKILL);
  });
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_LOST_HEARTBEAT);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  killer.join();
  void* memory = nullptr;
  EXPECT_NE(aclrtMalloc(&memory, 100 << 20, ACL_MEM_MALLOC_HUGE_FIRST), ACL_SUCCESS);
  aclrtDeviceStatus status = ACL_RT_DEVICE_STATUS_NORMAL;
  EXPECT_OK(aclrtQueryDeviceStatus(0, &status));
  EXPECT_EQ(status, ACL_RT_DEVICE_STATUS_ABNORMAL);
}

TEST_F(LostTest, ForcedResetBringsADeadDeviceBack) {
  const aclrtFuncHandle nothing = Kernel("nothing");
  const pid_t device = DeviceProcess();
  ASSERT_GT(device, 0);
  ASSERT_EQ(kill(device, SIGKILL), 0);
  // The driver notices it at once, the launch or whoever waits next.
  const aclError launched =
      aclrtLaunchKernelWithHostArgs(nothing, 1, stream_, nullptr, nullptr, 0, nullptr, 0);
  if (launched == ACL_SUCCESS) {
    EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_LOST_HEARTBEAT);
  } else {
    EXPECT_EQ(launched, ACL_ERROR_RT_LOST_HEARTBEAT);
  }
  ASSERT_OK(aclrtResetDeviceForce(0));
  KernelTest::SetUp();
  DeviceArray<int> counter(1);
  EXPECT_OK(Launch("increment", 1, counter.get(), stream_));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(counter.Read()[0], 1);
}

TEST_F(LostTest, ForcedResetEndsAHangingKernel) {
  ASSERT_OK(Launch("spin_forever", 1, stream_));
  const auto start = std::chrono::steady_clock::now();
  ASSERT_OK(aclrtResetDeviceForce(0));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  KernelTest::SetUp();
  EXPECT_OK(Launch("nothing", 1, stream_));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
}

}  // namespace
}  // namespace vnpu::test
