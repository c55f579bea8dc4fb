// Configuration objects and attributes of streams; the task a thread submitted last.
#include <thread>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

using StreamConfigTest = KernelTest;

TEST_F(StreamConfigTest, StreamsAreMadeAsConfigured) {
  aclrtStreamConfigHandle* config = aclrtCreateStreamConfigHandle();
  ASSERT_NE(config, nullptr);
  const uint32_t priority = 5;
  const size_t flag = ACL_STREAM_FAST_SYNC;
  ASSERT_OK(aclrtSetStreamConfigOpt(config, ACL_RT_STREAM_PRIORITY, &priority, sizeof(priority)));
  ASSERT_OK(aclrtSetStreamConfigOpt(config, ACL_RT_STREAM_FLAG, &flag, sizeof(flag)));
  DeviceArray<char> work(4096);
  void* address = work.get();
  const size_t size = work.bytes();
  ASSERT_OK(
      aclrtSetStreamConfigOpt(config, ACL_RT_STREAM_WORK_ADDR_PTR, &address, sizeof(address)));
  ASSERT_OK(aclrtSetStreamConfigOpt(config, ACL_RT_STREAM_WORK_SIZE, &size, sizeof(size)));
  aclrtStream stream = nullptr;
  ASSERT_OK(aclrtCreateStreamV2(&stream, config));
  ASSERT_OK(aclrtDestroyStreamConfigHandle(config));
  uint32_t value = 0;
  ASSERT_OK(aclrtStreamGetPriority(stream, &value));
  EXPECT_EQ(value, priority);
  ASSERT_OK(aclrtStreamGetFlags(stream, &value));
  EXPECT_EQ(value, flag);
  ASSERT_OK(Launch("nothing", 1, stream));
  EXPECT_OK(aclrtDestroyStream(stream));
}

TEST_F(StreamConfigTest, BadSettings) {
  aclrtStreamConfigHandle* config = aclrtCreateStreamConfigHandle();
  ASSERT_NE(config, nullptr);
  const uint32_t priority = 8;
  EXPECT_EQ(aclrtSetStreamConfigOpt(config, ACL_RT_STREAM_PRIORITY, &priority, sizeof(priority)),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtSetStreamConfigOpt(config, ACL_RT_STREAM_PRIORITY, &priority, 1),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtSetStreamConfigOpt(config, static_cast<aclrtStreamConfigAttr>(4), &priority, 4),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtSetStreamConfigOpt(config, ACL_RT_STREAM_PRIORITY, nullptr, 4),
            ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtSetStreamConfigOpt(nullptr, ACL_RT_STREAM_PRIORITY, &priority, 4),
            ACL_ERROR_INVALID_PARAM);
  aclrtStream stream = nullptr;
  EXPECT_EQ(aclrtCreateStreamV2(&stream, nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtCreateStreamV2(nullptr, config), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtDestroyStreamConfigHandle(nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_OK(aclrtDestroyStreamConfigHandle(config));
}

TEST_F(StreamConfigTest, FailureModeIsAnAttribute) {
  aclrtStreamAttrValue value{};
  ASSERT_OK(aclrtGetStreamAttribute(stream_, ACL_STREAM_ATTR_FAILURE_MODE, &value));
  EXPECT_EQ(value.failureMode, ACL_CONTINUE_ON_FAILURE);
  value.failureMode = ACL_STOP_ON_FAILURE;
  EXPECT_EQ(aclrtSetStreamAttribute(nullptr, ACL_STREAM_ATTR_FAILURE_MODE, &value),
            ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtSetStreamAttribute(stream_, ACL_STREAM_ATTR_FAILURE_MODE, &value));
  value = {};
  ASSERT_OK(aclrtGetStreamAttribute(stream_, ACL_STREAM_ATTR_FAILURE_MODE, &value));
  EXPECT_EQ(value.failureMode, ACL_STOP_ON_FAILURE);
  ASSERT_OK(Launch("store_to", 1, uint64_t{8}, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(Launch("nothing", 1, stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
}

TEST_F(StreamConfigTest, OverflowSwitchIsAnAttribute) {
  aclrtStreamAttrValue value{};
  value.overflowSwitch = 1;
  ASSERT_OK(aclrtSetStreamAttribute(stream_, ACL_STREAM_ATTR_FLOAT_OVERFLOW_CHECK, &value));
  uint32_t flag = 0;
  ASSERT_OK(aclrtGetStreamOverflowSwitch(stream_, &flag));
  EXPECT_EQ(flag, 1u);
  ASSERT_OK(aclrtSetStreamOverflowSwitch(stream_, 0));
  ASSERT_OK(aclrtGetStreamAttribute(stream_, ACL_STREAM_ATTR_FLOAT_OVERFLOW_CHECK, &value));
  EXPECT_EQ(value.overflowSwitch, 0u);
  EXPECT_EQ(aclrtSetStreamOverflowSwitch(stream_, 2), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(StreamConfigTest, OtherAttributes) {
  aclrtStream stream = nullptr;
  ASSERT_OK(aclrtCreateStreamWithConfig(&stream, 3, 0));
  aclrtStreamAttrValue value{};
  ASSERT_OK(aclrtGetStreamAttribute(stream, ACL_STREAM_ATTR_PRIORITY, &value));
  EXPECT_EQ(value.streamPriority, 3u);
  ASSERT_OK(aclrtGetStreamAttribute(nullptr, ACL_STREAM_ATTR_CACHE_OP_INFO, &value));
  EXPECT_EQ(value.cacheOpInfoSwitch, 0u);
  for (const aclrtStreamAttr attribute :
       {ACL_STREAM_ATTR_CACHE_OP_INFO, ACL_STREAM_ATTR_USER_CUSTOM_TAG}) {
    EXPECT_EQ(aclrtSetStreamAttribute(stream, attribute, &value), ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  }
  EXPECT_EQ(aclrtGetStreamAttribute(stream, static_cast<aclrtStreamAttr>(0), &value),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtSetStreamAttribute(stream, static_cast<aclrtStreamAttr>(6), &value),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtGetStreamAttribute(stream, ACL_STREAM_ATTR_PRIORITY, nullptr),
            ACL_ERROR_INVALID_PARAM);
}

TEST_F(StreamConfigTest, PriorityChanges) {
  aclrtStream stream = nullptr;
  ASSERT_OK(aclrtCreateStreamWithConfig(&stream, 3, 0));
  Gate gate(Kernel("wait_for"), stream);
  aclrtStreamAttrValue value{.streamPriority = 5};
  ASSERT_OK(aclrtSetStreamAttribute(stream, ACL_STREAM_ATTR_PRIORITY, &value));
  value = {};
  ASSERT_OK(aclrtGetStreamAttribute(stream, ACL_STREAM_ATTR_PRIORITY, &value));
  EXPECT_EQ(value.streamPriority, 5u);
  uint32_t priority = 0;
  ASSERT_OK(aclrtStreamGetPriority(stream, &priority));
  EXPECT_EQ(priority, 5u);
  gate.Open();
  ASSERT_OK(Launch("nothing", 1, stream));
  EXPECT_OK(aclrtSynchronizeStream(stream));
  value.streamPriority = 8;
  EXPECT_EQ(aclrtSetStreamAttribute(stream, ACL_STREAM_ATTR_PRIORITY, &value),
            ACL_ERROR_RT_PARAM_INVALID);
  value.streamPriority = 1;
  EXPECT_EQ(aclrtSetStreamAttribute(nullptr, ACL_STREAM_ATTR_PRIORITY, &value),
            ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(StreamConfigTest, LastTaskIsTheThreadsOwn) {
  ASSERT_OK(Launch("nothing", 1, stream_));
  uint32_t first = 0;
  ASSERT_OK(aclrtGetThreadLastTaskId(&first));
  ASSERT_OK(Launch("nothing", 1, stream_));
  uint32_t second = 0;
  ASSERT_OK(aclrtGetThreadLastTaskId(&second));
  EXPECT_EQ(second, first + 1);
  EXPECT_EQ(aclrtGetThreadLastTaskId(nullptr), ACL_ERROR_INVALID_PARAM);
  std::thread([] {
    uint32_t task = 0;
    EXPECT_EQ(aclrtGetThreadLastTaskId(&task), ACL_ERROR_RT_PARAM_INVALID);
  }).join();
}

TEST_F(StreamConfigTest, HugeStreamsHoldMoreTasks) {
  aclrtStream huge = nullptr;
  ASSERT_OK(aclrtCreateStreamWithConfig(&huge, 0, ACL_STREAM_HUGE));
  DeviceArray<char> memory(64);
  Gate gate(Kernel("wait_for"), huge);
  for (int i = 0; i < 2000; ++i) {  // a stream of the usual size would wait for the gate
    ASSERT_OK(aclrtMemsetAsync(memory.get(), 64, i, 64, huge));
  }
  gate.Open();
  EXPECT_EQ(memory.Read()[63], static_cast<char>(1999));
}

TEST_F(StreamConfigTest, StreamsMadeLaterStopLikeTheOthersOfTheirContext) {
  ASSERT_OK(aclrtSetStreamFailureMode(stream_, ACL_STOP_ON_FAILURE));
  aclrtStream later = nullptr;
  ASSERT_OK(aclrtCreateStream(&later));
  ASSERT_OK(Launch("device_trap", 1, later));
  EXPECT_EQ(aclrtSynchronizeStream(later), ACL_ERROR_RT_AICORE_TRAP_EXCEPTION);
  EXPECT_EQ(Launch("nothing", 1, later), ACL_ERROR_RT_AICORE_TRAP_EXCEPTION);
}

}  // namespace
}  // namespace vnpu::test
