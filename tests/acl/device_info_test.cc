// What a device is and how it is doing.
#include <array>
#include <cstring>
#include <set>
#include <string>

#include "acl/acl_platform.h"
#include "tests/acl/child.h"
#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

std::string UuidOf(int32_t device) {
  aclrtUuid uuid{};
  EXPECT_OK(aclrtDeviceGetUuid(device, &uuid));
  return {uuid.bytes, sizeof(uuid.bytes)};
}

std::string PciBusIdOf(int32_t device) {
  std::array<char, 13> text{};
  EXPECT_OK(aclrtDeviceGetPCIBusId(device, text.data(), text.size()));
  return text.data();
}

TEST(DeviceFacts, IdentityLasts) {
  const std::string uuid = UuidOf(0);
  EXPECT_NE(uuid, std::string(16, '\0'));
  ASSERT_OK(aclrtSetDevice(0));
  EXPECT_EQ(UuidOf(0), uuid);
  ASSERT_OK(aclrtResetDeviceForce(0));
  ASSERT_OK(aclInit(nullptr));
  ASSERT_OK(aclFinalize());
  EXPECT_EQ(UuidOf(0), uuid) << "embedded: of another driver process";
}

TEST(DeviceFacts, PciBusIdLeadsToTheDevice) {
  const std::string id = PciBusIdOf(0);
  EXPECT_EQ(id.size(), 12u) << id;
  int32_t device = -1;
  EXPECT_OK(aclrtDeviceGetByPCIBusId(id.c_str(), &device));
  EXPECT_EQ(device, 0);
  EXPECT_EQ(aclrtDeviceGetByPCIBusId("ffff:ff:1f.7", &device), ACL_ERROR_RT_INVALID_DEVICEID);
  for (const char* wrong : {"", "0000:81:00", "0000:81:00.0x", "0000-81:00.0", "zzzz:81:00.0"}) {
    EXPECT_EQ(aclrtDeviceGetByPCIBusId(wrong, &device), ACL_ERROR_RT_PARAM_INVALID) << wrong;
  }
  std::array<char, 13> text{};
  EXPECT_EQ(aclrtDeviceGetPCIBusId(0, text.data(), 12), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtDeviceGetPCIBusId(0, nullptr, 13), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtDeviceGetPCIBusId(99, text.data(), 13), ACL_ERROR_RT_INVALID_DEVICEID);
  EXPECT_EQ(aclrtDeviceGetUuid(-1, nullptr), ACL_ERROR_INVALID_PARAM);
  aclrtUuid uuid{};
  EXPECT_EQ(aclrtDeviceGetUuid(-1, &uuid), ACL_ERROR_RT_INVALID_DEVICEID);
  aclGetRecentErrMsg();
}

TEST(DeviceFacts, AttributesOfTheSeries) {
  int64_t value = -1;
  EXPECT_OK(aclrtGetDeviceInfo(0, ACL_DEV_ATTR_NPU_ARCH, &value));
  EXPECT_EQ(value, 2201);
  EXPECT_OK(aclrtGetDeviceInfo(0, ACL_DEV_ATTR_L2_CACHE_SIZE, &value));
  EXPECT_GT(value, 1 << 20);
  EXPECT_OK(aclrtGetDeviceInfo(0, ACL_DEV_ATTR_PHY_CHIP_ID, &value));
  EXPECT_EQ(value, 0);
  EXPECT_OK(aclrtGetDeviceInfo(0, ACL_DEV_ATTR_SMP_ID, &value));
  EXPECT_OK(aclrtGetDeviceInfo(0, ACL_DEV_ATTR_WARP_SIZE, &value));
  EXPECT_EQ(value, 0) << "of the SIMT model";
  EXPECT_OK(aclrtGetDeviceInfo(0, ACL_DEV_ATTR_CUST_OP_PRIVILEGE, &value));
  EXPECT_EQ(value, 0);
  EXPECT_EQ(aclrtGetDeviceInfo(0, ACL_DEV_ATTR_HD_CONNECT_TYPE, &value),
            ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  EXPECT_EQ(aclrtGetDeviceInfo(0, ACL_DEV_ATTR_DEVICE_FORM_FACTOR, &value),
            ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  EXPECT_EQ(aclrtGetDeviceInfo(99, ACL_DEV_ATTR_NPU_ARCH, &value), ACL_ERROR_RT_INVALID_DEVICEID);
  aclGetRecentErrMsg();
}

TEST(DeviceFacts, Capabilities) {
  int64_t size = 0;
  int64_t cores = 0;
  EXPECT_OK(aclGetDeviceCapability(0, ACL_DEVICE_INFO_AI_CORE_NUM, &size));
  EXPECT_OK(aclrtGetDeviceInfo(0, ACL_DEV_ATTR_AICORE_CORE_NUM, &cores));
  EXPECT_EQ(size, cores);
  EXPECT_OK(aclGetDeviceCapability(0, ACL_DEVICE_INFO_VECTOR_CORE_NUM, &size));
  EXPECT_OK(aclGetDeviceCapability(0, ACL_DEVICE_INFO_L2_SIZE, &size));
  EXPECT_EQ(aclGetDeviceCapability(0, ACL_DEVICE_INFO_UNDEFINED, &size), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclGetDeviceCapability(99, ACL_DEVICE_INFO_L2_SIZE, &size),
            ACL_ERROR_RT_INVALID_DEVICEID);
  int32_t supported = -1;
  EXPECT_OK(aclrtGetDeviceCapability(0, ACL_FEATURE_SYSTEM_MEMQ_EVENT_CROSS_DEV, &supported));
  EXPECT_EQ(supported, ACL_DEV_FEATURE_NOT_SUPPORT);
  EXPECT_EQ(aclrtGetDeviceCapability(0, static_cast<aclrtDevFeatureType>(2), &supported),
            ACL_ERROR_RT_PARAM_INVALID);
  aclGetRecentErrMsg();
}

TEST(DeviceFacts, SoftwareFeaturesAgreeWithTheirList) {
  const aclCannAttr* list = nullptr;
  size_t count = 0;
  ASSERT_OK(aclGetCannAttributeList(&list, &count));
  const std::set<aclCannAttr> listed(list, list + count);
  for (const aclCannAttr each :
       {ACL_CANN_ATTR_INF_NAN, ACL_CANN_ATTR_BF16, ACL_CANN_ATTR_JIT_COMPILE}) {
    int32_t there = -1;
    EXPECT_OK(aclGetCannAttribute(each, &there));
    EXPECT_EQ(there, listed.contains(each) ? 1 : 0) << each;
  }
  int32_t there = 0;
  EXPECT_EQ(aclGetCannAttribute(ACL_CANN_ATTR_UNDEFINED, &there), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclGetCannAttributeList(nullptr, &count), ACL_ERROR_INVALID_PARAM);
  aclGetRecentErrMsg();
}

std::string PlatformText(aclplatformDevInfo type) {
  std::array<char, 64> value{};
  EXPECT_OK(aclplatformGetDeviceInfo(type, value.data(), value.size()));
  return value.data();
}

TEST(DeviceFacts, PlatformFactsAreText) {
  EXPECT_EQ(PlatformText(ACL_PLATFORM_SOC_VERSION), aclrtGetSocName());
  EXPECT_EQ(PlatformText(ACL_PLATFORM_NPU_ARCH), "2201");
  EXPECT_EQ(PlatformText(ACL_PLATFORM_AICORE_UB_SIZE), "196608");
  EXPECT_EQ(PlatformText(ACL_PLATFORM_MEMORY_TYPE), std::to_string(HBM));
  int64_t memory = 0;
  ASSERT_OK(aclrtGetDeviceInfo(0, ACL_DEV_ATTR_TOTAL_GLOBAL_MEM_SIZE, &memory));
  EXPECT_EQ(PlatformText(ACL_PLATFORM_MEMORY_SIZE), std::to_string(memory));
  for (int type = ACL_PLATFORM_AICORE_CNT; type <= ACL_PLATFORM_MEMORY_TYPE; ++type) {
    EXPECT_FALSE(PlatformText(static_cast<aclplatformDevInfo>(type)).empty()) << type;
  }
  std::array<char, 5> room{};
  EXPECT_OK(aclplatformGetDeviceInfo(ACL_PLATFORM_NPU_ARCH, room.data(), 5));
  EXPECT_EQ(aclplatformGetDeviceInfo(ACL_PLATFORM_NPU_ARCH, room.data(), 4),
            ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclplatformGetDeviceInfo(static_cast<aclplatformDevInfo>(17), room.data(), 5),
            ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclplatformGetDeviceInfo(ACL_PLATFORM_L1_SIZE, nullptr, 5), ACL_ERROR_INVALID_PARAM);
  aclGetRecentErrMsg();
}

using Utilization = KernelTest;

TEST_F(Utilization, FollowsTheLoad) {
  ASSERT_OK(aclrtSynchronizeDevice());
  aclrtUtilizationInfo load{};
  {
    Gate gate(Kernel("wait_for"), stream_);
    // The gate holds a core for the whole time.
    ASSERT_OK(aclrtGetDeviceUtilizationRate(0, &load));
    EXPECT_GE(load.cubeUtilization, 1);
    EXPECT_LE(load.cubeUtilization, 100);
    EXPECT_EQ(load.memoryUtilization, -1);
  }
  EXPECT_EQ(aclrtGetDeviceUtilizationRate(0, nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtGetDeviceUtilizationRate(99, &load), ACL_ERROR_RT_INVALID_DEVICEID);
}

TEST_F(Utilization, IdleUnitsHaveNone) {
  ASSERT_OK(aclrtSynchronizeDevice());
  aclrtUtilizationInfo load{};
  ASSERT_OK(aclrtGetDeviceUtilizationRate(0, &load));
  EXPECT_EQ(load.cubeUtilization, 0);
  EXPECT_EQ(load.vectorUtilization, 0);
  EXPECT_EQ(load.aicpuUtilization, 0);
}

// Two devices of a private driver, the second one first.
TEST(DISABLED_VisibleDevicesChild, NumbersAndIdentities) {
  uint32_t count = 0;
  ASSERT_OK(aclrtGetDeviceCount(&count));
  ASSERT_EQ(count, 2u);
  using Map = aclError (*)(int32_t, int32_t*);
  for (const Map map : {Map{aclrtGetLogicDevIdByUserDevId}, Map{aclrtGetUserDevIdByLogicDevId},
                        Map{aclrtGetLogicDevIdByPhyDevId}, Map{aclrtGetPhyDevIdByLogicDevId},
                        Map{aclrtGetUserDevIdByPhyDevId}, Map{aclrtGetPhyDevIdByUserDevId}}) {
    for (const int32_t device : {0, 1}) {
      int32_t other = -1;
      EXPECT_OK(map(device, &other));
      EXPECT_EQ(other, 1 - device);
    }
    int32_t other = -1;
    EXPECT_EQ(map(2, &other), ACL_ERROR_RT_INVALID_DEVICEID);
    EXPECT_EQ(map(-1, &other), ACL_ERROR_RT_INVALID_DEVICEID);
    EXPECT_EQ(map(0, nullptr), ACL_ERROR_INVALID_PARAM);
  }
  EXPECT_NE(UuidOf(0), UuidOf(1));
  EXPECT_NE(PciBusIdOf(0), PciBusIdOf(1));
  EXPECT_GT(PciBusIdOf(0), PciBusIdOf(1)) << "the order of the driver's numbers";
  int32_t device = -1;
  EXPECT_OK(aclrtDeviceGetByPCIBusId(PciBusIdOf(1).c_str(), &device));
  EXPECT_EQ(device, 1);
  int64_t chip = -1;
  EXPECT_OK(aclrtGetDeviceInfo(0, ACL_DEV_ATTR_PHY_CHIP_ID, &chip));
  EXPECT_EQ(chip, 1);
}

TEST(DeviceFacts, NumbersFollowVisibleDevices) {
  const ChildResult child =
      RunTestsInChild("DISABLED_VisibleDevicesChild.*", {{"VNPU_TRANSPORT", "embedded"},
                                                         {"VNPU_DEVICES", "2"},
                                                         {"ASCEND_RT_VISIBLE_DEVICES", "1,0"}});
  EXPECT_EQ(child.exit_code, 0) << child.output;
}

}  // namespace
}  // namespace vnpu::test
