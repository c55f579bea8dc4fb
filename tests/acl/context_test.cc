#include <thread>
#include <vector>

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

using ContextUnderLoad = KernelTest;

TEST_F(ContextUnderLoad, DestroyWaitsForItsTasks) {
  aclrtContext first = nullptr;
  ASSERT_OK(aclrtGetCurrentContext(&first));
  DeviceArray<int> counter(1);
  aclrtContext context = nullptr;
  ASSERT_OK(aclrtCreateContext(&context, 0));
  aclrtStream stream = nullptr;
  ASSERT_OK(aclrtCreateStream(&stream));
  for (int i = 0; i < 500; ++i) {
    ASSERT_OK(Launch("increment", 1, counter.get(), stream));
  }
  ASSERT_OK(aclrtDestroyContext(context));
  ASSERT_OK(aclrtSetCurrentContext(first));
  EXPECT_EQ(counter.Read()[0], 500);
}

TEST_F(ContextUnderLoad, LaunchesGoToStreamsOfTheContextAlone) {
  aclrtContext context = nullptr;
  ASSERT_OK(aclrtCreateContext(&context, 0));
  EXPECT_EQ(Launch("nothing", 1, stream_), ACL_ERROR_RT_STREAM_CONTEXT);
  int host = 0;
  EXPECT_EQ(aclrtMemsetAsync(&host, 4, 0, 4, stream_), ACL_ERROR_RT_STREAM_CONTEXT);
  EXPECT_EQ(aclrtDestroyStream(stream_), ACL_ERROR_RT_STREAM_CONTEXT);
  EXPECT_OK(Launch("nothing", 1, nullptr)) << "its own default stream";
  EXPECT_OK(aclrtSynchronizeStream(nullptr));
  EXPECT_OK(aclrtDestroyContext(context));
}

TEST_F(ContextUnderLoad, ThreadsShareAContext) {
  aclrtContext context = nullptr;
  ASSERT_OK(aclrtCreateContext(&context, 0));
  DeviceArray<int> counters(4);
  const aclrtFuncHandle increment = Kernel("increment");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      ASSERT_OK(aclrtSetCurrentContext(context));
      aclrtStream stream = nullptr;
      ASSERT_OK(aclrtCreateStream(&stream));
      int* address = counters.get() + i;
      for (int turn = 0; turn < 100; ++turn) {
        ASSERT_OK(aclrtLaunchKernelWithHostArgs(increment, 1, stream, nullptr, &address,
                                                sizeof(address), nullptr, 0));
      }
      EXPECT_OK(aclrtSynchronizeStream(stream));
      EXPECT_OK(aclrtDestroyStream(stream));
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(counters.Read(), (std::vector<int>{100, 100, 100, 100}));
  EXPECT_OK(aclrtDestroyContext(context));
}

TEST_F(ContextTest, StaysWithoutTheThreadThatMadeIt) {
  aclrtContext context = nullptr;
  std::thread([&] { ASSERT_OK(aclrtCreateContext(&context, 0)); }).join();
  ASSERT_OK(aclrtSetCurrentContext(context));
  int32_t device = -1;
  EXPECT_OK(aclrtGetDevice(&device));
  EXPECT_OK(aclrtDestroyContext(context));
  EXPECT_EQ(aclrtGetDevice(&device), ACL_ERROR_RT_CONTEXT_NULL) << "gone for this thread too";
}

TEST_F(ContextTest, CountsAsStreamOfTheDevice) {
  uint32_t before = 0;
  uint32_t after = 0;
  ASSERT_OK(aclrtGetStreamAvailableNum(&before));
  aclrtContext context = nullptr;
  ASSERT_OK(aclrtCreateContext(&context, 0));
  ASSERT_OK(aclrtGetStreamAvailableNum(&after));
  EXPECT_EQ(after + 1, before) << "its default stream";
  EXPECT_OK(aclrtDestroyContext(context));
}

TEST_F(ContextTest, ParametersHaveRanges) {
  EXPECT_EQ(aclrtCtxSetSysParamOpt(ACL_OPT_DETERMINISTIC, 4), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtCtxSetSysParamOpt(ACL_OPT_ENABLE_DEBUG_KERNEL, -1), ACL_ERROR_RT_PARAM_INVALID);
  int64_t value = 0;
  EXPECT_OK(aclrtSetSysParamOpt(ACL_OPT_DETERMINISTIC, 1));
  EXPECT_EQ(aclrtCtxGetSysParamOpt(ACL_OPT_DETERMINISTIC, &value), ACL_ERROR_RT_SYSPARAMOPT_NOT_SET)
      << "the process's are no defaults";
  EXPECT_OK(aclrtSetSysParamOpt(ACL_OPT_DETERMINISTIC, 0));
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
