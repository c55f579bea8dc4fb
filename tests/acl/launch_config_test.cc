// Settings of a launch.
#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class LaunchConfigTest : public KernelTest {
 protected:
  aclError LaunchWith(aclrtLaunchKernelAttr attribute) {
    aclrtLaunchKernelCfg config{.attrs = &attribute, .numAttrs = 1};
    return aclrtLaunchKernelWithHostArgs(Kernel("nothing"), 1, stream_, &config, nullptr, 0,
                                         nullptr, 0);
  }
  void TearDown() override {
    EXPECT_OK(aclrtSynchronizeStream(stream_));
    KernelTest::TearDown();
  }
};

aclrtLaunchKernelAttr Attribute(aclrtLaunchKernelAttrId id, uint32_t value) {
  aclrtLaunchKernelAttr attribute{};
  attribute.id = id;
  attribute.value.rsv[0] = value;
  return attribute;
}

TEST_F(LaunchConfigTest, SwitchesTakeZeroOrOne) {
  for (const auto id :
       {ACL_RT_LAUNCH_KERNEL_ATTR_SCHEM_MODE, ACL_RT_LAUNCH_KERNEL_ATTR_ENGINE_TYPE,
        ACL_RT_LAUNCH_KERNEL_ATTR_BLOCK_TASK_PREFETCH, ACL_RT_LAUNCH_KERNEL_ATTR_DATA_DUMP,
        ACL_RT_LAUNCH_KERNEL_ATTR_ENABLE_PROFILING}) {
    EXPECT_OK(LaunchWith(Attribute(id, 0)));
    EXPECT_OK(LaunchWith(Attribute(id, 1)));
    EXPECT_EQ(LaunchWith(Attribute(id, 2)), ACL_ERROR_RT_PARAM_INVALID) << id;
  }
}

TEST_F(LaunchConfigTest, DynamicBuffersAreForSimtKernels) {
  EXPECT_OK(LaunchWith(Attribute(ACL_RT_LAUNCH_KERNEL_ATTR_DYN_UBUF_SIZE, 0)));
  EXPECT_EQ(LaunchWith(Attribute(ACL_RT_LAUNCH_KERNEL_ATTR_DYN_UBUF_SIZE, 1024)),
            ACL_ERROR_RT_PARAM_INVALID);
  size_t available = 1;
  EXPECT_OK(aclrtFunctionGetAvailDynUbufPerBlock(Kernel("nothing"), 0, &available));
  EXPECT_EQ(available, 0u);
}

TEST_F(LaunchConfigTest, ZeroSecondsAreNoLimit) {
  EXPECT_OK(LaunchWith(Attribute(ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT, 0)));
  EXPECT_OK(LaunchWith(Attribute(ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT, 65535)));
  EXPECT_OK(LaunchWith(Attribute(ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT_US, 0)));
}

TEST_F(LaunchConfigTest, EveryWayToLaunchReadsThem) {
  aclrtLaunchKernelAttr bad = Attribute(ACL_RT_LAUNCH_KERNEL_ATTR_SCHEM_MODE, 7);
  aclrtLaunchKernelCfg config{.attrs = &bad, .numAttrs = 1};
  const aclrtFuncHandle kernel = Kernel("nothing");
  aclrtArgsHandle list = nullptr;
  ASSERT_OK(aclrtKernelArgsInit(kernel, &list));
  ASSERT_OK(aclrtKernelArgsFinalize(list));
  EXPECT_EQ(aclrtLaunchKernelV2(kernel, 1, nullptr, 0, &config, stream_),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtLaunchKernelWithConfig(kernel, 1, stream_, &config, list, nullptr),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtLaunchKernelWithArgsArray(kernel, 1, stream_, &config, nullptr),
            ACL_ERROR_RT_PARAM_INVALID);
  config.attrs = nullptr;
  EXPECT_EQ(aclrtLaunchKernelV2(kernel, 1, nullptr, 0, &config, stream_), ACL_ERROR_INVALID_PARAM);
}

TEST_F(LaunchConfigTest, BlocksOfABatchRunAtTheSameTime) {
  constexpr uint32_t kBlocks = 8;
  DeviceArray<int> arrived(1);
  int* address = arrived.get();
  aclrtLaunchKernelAttr batch = Attribute(ACL_RT_LAUNCH_KERNEL_ATTR_SCHEM_MODE, 1);
  aclrtLaunchKernelCfg config{.attrs = &batch, .numAttrs = 1};
  const auto launch = [&](uint32_t blocks) {
    return aclrtLaunchKernelWithHostArgs(Kernel("meet"), blocks, stream_, &config, &address,
                                         sizeof(address), nullptr, 0);
  };
  ASSERT_OK(launch(1));  // its blocks are known to be short from here on
  int zero = 0;
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  ASSERT_OK(aclrtMemcpy(address, sizeof(zero), &zero, sizeof(zero), ACL_MEMCPY_HOST_TO_DEVICE));
  ASSERT_OK(launch(kBlocks));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(arrived.Read()[0], static_cast<int>(kBlocks));
  EXPECT_EQ(launch(65535), ACL_ERROR_RT_PARAM_INVALID);  // no device has so many cores
}

// No device of this kind has SIMT cores.
TEST_F(LaunchConfigTest, SimtLaunchesAreNotSupported) {
  EXPECT_EQ(aclrtLaunchSIMTKernelWithArgsArray(Kernel("nothing"), dim3(1), dim3(32), 0, stream_,
                                               nullptr, nullptr),
            ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  EXPECT_EQ(aclrtLaunchSIMTKernelWithHostArgs(Kernel("nothing"), dim3(1), dim3(32), 0, stream_,
                                              nullptr, nullptr, 0, nullptr, 0),
            ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
}

}  // namespace
}  // namespace vnpu::test
