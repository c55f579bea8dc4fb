#include <thread>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

using ContextTest = DeviceTest;

TEST_F(ContextTest, CreatedContextIsCurrent) {
  aclrtContext context = nullptr;
  aclrtContext current = nullptr;
  ASSERT_OK(aclrtCreateContext(&context, 0));
  ASSERT_OK(aclrtGetCurrentContext(&current));
  EXPECT_EQ(context, current);
  aclrtStream stream = nullptr;
  ASSERT_OK(aclrtCtxGetCurrentDefaultStream(&stream));
  EXPECT_OK(aclrtSynchronizeStream(stream));
  ASSERT_OK(aclrtDestroyContext(context));
  EXPECT_EQ(aclrtGetCurrentContext(&current), ACL_ERROR_RT_CONTEXT_NULL);
  EXPECT_EQ(aclrtSetCurrentContext(context), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_EQ(aclrtDestroyContext(context), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(ContextTest, DefaultContextCannotBeDestroyed) {
  aclrtContext context = nullptr;
  ASSERT_OK(aclrtGetCurrentContext(&context));
  EXPECT_EQ(aclrtDestroyContext(context), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(ContextTest, StreamsBelongToTheirContext) {
  aclrtContext first = nullptr;
  ASSERT_OK(aclrtGetCurrentContext(&first));
  aclrtStream stream = nullptr;
  ASSERT_OK(aclrtCreateStream(&stream));
  aclrtContext second = nullptr;
  ASSERT_OK(aclrtCreateContext(&second, 0));
  EXPECT_EQ(aclrtSynchronizeStream(stream), ACL_ERROR_RT_STREAM_CONTEXT);
  ASSERT_OK(aclrtSetCurrentContext(first));
  EXPECT_OK(aclrtSynchronizeStream(stream));
  EXPECT_OK(aclrtDestroyStream(stream));
  EXPECT_OK(aclrtDestroyContext(second));
}

TEST_F(ContextTest, DestroyEndsItsStreams) {
  aclrtContext first = nullptr;
  ASSERT_OK(aclrtGetCurrentContext(&first));
  aclrtContext context = nullptr;
  ASSERT_OK(aclrtCreateContext(&context, 0));
  aclrtStream stream = nullptr;
  ASSERT_OK(aclrtCreateStream(&stream));
  ASSERT_OK(aclrtDestroyContext(context));
  ASSERT_OK(aclrtSetCurrentContext(first));
  EXPECT_EQ(aclrtSynchronizeStream(stream), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(ContextTest, ParametersMustBeSetFirst) {
  int64_t value = 0;
  EXPECT_EQ(aclrtCtxGetSysParamOpt(ACL_OPT_DETERMINISTIC, &value),
            ACL_ERROR_RT_SYSPARAMOPT_NOT_SET);
  EXPECT_OK(aclrtCtxSetSysParamOpt(ACL_OPT_DETERMINISTIC, 1));
  EXPECT_OK(aclrtCtxGetSysParamOpt(ACL_OPT_DETERMINISTIC, &value));
  EXPECT_EQ(value, 1);
}

TEST_F(ContextTest, PrimaryStateFollowsTheDevice) {
  int32_t active = 0;
  EXPECT_OK(aclrtGetPrimaryCtxState(0, nullptr, &active));
  EXPECT_EQ(active, 1);
  EXPECT_OK(aclrtResetDevice(0));
  EXPECT_OK(aclrtGetPrimaryCtxState(0, nullptr, &active));
  EXPECT_EQ(active, 0);
}

TEST(Context, OpensTheDeviceByItself) {
  std::thread([] {
    aclrtContext context = nullptr;
    ASSERT_OK(aclrtCreateContext(&context, 0));
    void* memory = nullptr;
    EXPECT_OK(aclrtMalloc(&memory, 64, ACL_MEM_MALLOC_HUGE_FIRST));
    EXPECT_OK(aclrtFree(memory));
    EXPECT_OK(aclrtDestroyContext(context));
    EXPECT_EQ(DeviceProcess(), 0);
  }).join();
}

}  // namespace
}  // namespace vnpu::test
