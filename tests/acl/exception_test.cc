// Kernels that fail: the error reaches the host, others are not hurt.
#include <atomic>
#include <string_view>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class ExceptionTest : public KernelTest {
 protected:
  // The device goes on with the next kernel.
  void ExpectDeviceWorks() {
    DeviceArray<int> counter(1);
    EXPECT_OK(Launch("increment", 1, counter.get(), stream_));
    EXPECT_OK(aclrtSynchronizeStream(stream_));
    EXPECT_EQ(counter.Read()[0], 1);
  }
};

TEST_F(ExceptionTest, StrayStoreNamesTheAddress) {
  ASSERT_OK(Launch("store_to", 1, uint64_t{0x1230}, stream_));
  aclGetRecentErrMsg();
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(aclrtPeekAtLastError(ACL_RT_THREAD_LEVEL), ACL_ERROR_RT_AICORE_EXCEPTION);
  const char* message = aclGetRecentErrMsg();
  ASSERT_NE(message, nullptr);
  EXPECT_NE(std::string_view(message).find("0x1230"), std::string_view::npos) << message;
  EXPECT_NE(std::string_view(message).find("store_to"), std::string_view::npos) << message;
  EXPECT_OK(aclrtSynchronizeStream(stream_));  // reported once
  ExpectDeviceWorks();
}

TEST_F(ExceptionTest, CodesTellTheKindOfCore) {
  ASSERT_OK(Launch("vector_store_to", 1, uint64_t{8}, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_VECTOR_CORE_EXCEPTION);
  DeviceArray<int> out(1);
  struct {
    int* out;
    int by;
  } args{.out = out.get(), .by = 0};
  ASSERT_OK(Launch("divide", 1, args, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  ASSERT_OK(Launch("device_trap", 1, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_TRAP_EXCEPTION);
  ExpectDeviceWorks();
}

TEST_F(ExceptionTest, EndlessKernelHitsItsLimit) {
  aclrtLaunchKernelAttr attribute{};
  attribute.id = ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT_US;
  attribute.value.timeoutUs = {.timeoutLow = 50000, .timeoutHigh = 0};
  aclrtLaunchKernelCfg config{.attrs = &attribute, .numAttrs = 1};
  ASSERT_OK(aclrtLaunchKernelWithHostArgs(Kernel("spin_forever"), 1, stream_, &config, nullptr, 0,
                                          nullptr, 0));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_TIMEOUT);
  ExpectDeviceWorks();
}

TEST_F(ExceptionTest, FollowingTasksRunUnlessStopped) {
  DeviceArray<int> counter(1);
  ASSERT_OK(Launch("store_to", 1, uint64_t{8}, stream_));
  ASSERT_OK(Launch("increment", 1, counter.get(), stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(counter.Read()[0], 1);
}

TEST_F(ExceptionTest, StopOnFailureStopsTheContext) {
  aclrtStream other = nullptr;
  ASSERT_OK(aclrtCreateStream(&other));
  ASSERT_OK(aclrtSetStreamFailureMode(stream_, ACL_STOP_ON_FAILURE));
  EXPECT_EQ(aclrtSetStreamFailureMode(stream_, ACL_STOP_ON_FAILURE), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtSetStreamFailureMode(other, 5), ACL_ERROR_RT_PARAM_INVALID);
  DeviceArray<int> counter(1);
  ASSERT_OK(Launch("store_to", 1, uint64_t{8}, stream_));
  const aclError launched = Launch("increment", 1, counter.get(), stream_);
  EXPECT_TRUE(launched == ACL_SUCCESS || launched == ACL_ERROR_RT_AICORE_EXCEPTION) << launched;
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);  // it stays
  EXPECT_EQ(Launch("increment", 1, counter.get(), stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(Launch("increment", 1, counter.get(), other), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(counter.Read()[0], 0);
}

std::atomic<uint32_t> called_for{0};
std::atomic<int> calls{0};
void Callback(aclrtExceptionInfo* info) {
  called_for = aclrtGetErrorCodeFromExceptionInfo(info);
  EXPECT_EQ(aclrtGetDeviceIdFromExceptionInfo(info), 0u);
  ++calls;
}

TEST_F(ExceptionTest, CallbackIsCalled) {
  ASSERT_OK(aclrtExceptionInfoCallbackRegister(&Callback));
  EXPECT_EQ(aclrtExceptionInfoCallbackRegister(&Callback), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(Launch("store_to", 1, uint64_t{8}, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(called_for, static_cast<uint32_t>(ACL_ERROR_RT_AICORE_EXCEPTION));
  ASSERT_OK(aclrtExceptionInfoCallbackUnregister(&Callback));
  ASSERT_OK(Launch("store_to", 1, uint64_t{8}, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(calls, 1);
}

TEST_F(ExceptionTest, FailuresOfOtherStreamsAreTheirs) {
  aclrtStream other = nullptr;
  ASSERT_OK(aclrtCreateStream(&other));
  ASSERT_OK(Launch("store_to", 1, uint64_t{8}, other));
  ASSERT_OK(Launch("nothing", 1, stream_));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(aclrtSynchronizeDevice(), ACL_ERROR_RT_AICORE_EXCEPTION);
}

TEST_F(ExceptionTest, ManyFailuresAreSurvived) {
  for (int i = 0; i < 300; ++i) {
    ASSERT_OK(Launch("store_to", 1, uint64_t{8}, stream_));
  }
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  ExpectDeviceWorks();
}

}  // namespace
}  // namespace vnpu::test
