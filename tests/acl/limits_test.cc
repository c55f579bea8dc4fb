// Core limits, limits of the process on its devices, parameters of the process.
#include <thread>

#include "tests/acl/child.h"
#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

struct Crowd {
  int now;
  int most;
};

struct CrowdArgs {
  Crowd* crowd;
  int turns;
};

class CoreLimitTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    cubes_ = Device(ACL_RT_DEV_RES_CUBE_CORE);
    vectors_ = Device(ACL_RT_DEV_RES_VECTOR_CORE);
    ASSERT_GE(cubes_, 8u);
    ASSERT_GE(vectors_, 8u);
  }

  static uint32_t Device(aclrtDevResLimitType type) {
    uint32_t value = 0;
    EXPECT_OK(aclrtGetDeviceResLimit(0, type, &value));
    return value;
  }
  static uint32_t OfStream(aclrtStream stream, aclrtDevResLimitType type) {
    uint32_t value = 0;
    EXPECT_OK(aclrtGetStreamResLimit(stream, type, &value));
    return value;
  }
  static uint32_t OfThread(aclrtDevResLimitType type) {
    uint32_t value = 0;
    EXPECT_OK(aclrtGetResInCurrentThread(type, &value));
    return value;
  }
  // The most blocks that ran at once.
  int MostAtOnce(const char* kernel, aclrtStream stream) {
    DeviceArray<Crowd> crowd(1);
    EXPECT_OK(Launch(kernel, 64, CrowdArgs{crowd.get(), 100'000}, stream));
    EXPECT_OK(aclrtSynchronizeStream(stream));
    return crowd.Read()[0].most;
  }

  uint32_t cubes_ = 0;
  uint32_t vectors_ = 0;
};

TEST_F(CoreLimitTest, DefaultIsWhatTheDeviceHas) {
  int64_t cores = 0;
  ASSERT_OK(aclrtGetDeviceInfo(0, ACL_DEV_ATTR_CUBE_CORE_NUM, &cores));
  EXPECT_EQ(cubes_, cores);
  ASSERT_OK(aclrtGetDeviceInfo(0, ACL_DEV_ATTR_VECTOR_CORE_NUM, &cores));
  EXPECT_EQ(vectors_, cores);
  EXPECT_EQ(OfStream(stream_, ACL_RT_DEV_RES_CUBE_CORE), cubes_);
  EXPECT_EQ(OfThread(ACL_RT_DEV_RES_VECTOR_CORE), vectors_);
}

TEST_F(CoreLimitTest, StreamGoesBeforeDevice) {
  ASSERT_OK(aclrtSetDeviceResLimit(0, ACL_RT_DEV_RES_CUBE_CORE, 4));
  EXPECT_EQ(Device(ACL_RT_DEV_RES_CUBE_CORE), 4u);
  EXPECT_EQ(Device(ACL_RT_DEV_RES_VECTOR_CORE), vectors_);
  EXPECT_EQ(OfStream(stream_, ACL_RT_DEV_RES_CUBE_CORE), 4u);
  ASSERT_OK(aclrtSetStreamResLimit(stream_, ACL_RT_DEV_RES_CUBE_CORE, 6));
  ASSERT_OK(aclrtSetStreamResLimit(stream_, ACL_RT_DEV_RES_CUBE_CORE, 5));
  EXPECT_EQ(OfStream(stream_, ACL_RT_DEV_RES_CUBE_CORE), 5u) << "the last one counts";
  EXPECT_EQ(OfStream(nullptr, ACL_RT_DEV_RES_CUBE_CORE), 4u);
  ASSERT_OK(aclrtResetStreamResLimit(stream_));
  EXPECT_EQ(OfStream(stream_, ACL_RT_DEV_RES_CUBE_CORE), 4u);
  ASSERT_OK(aclrtResetDeviceResLimit(0));
  EXPECT_EQ(OfStream(stream_, ACL_RT_DEV_RES_CUBE_CORE), cubes_);
}

TEST_F(CoreLimitTest, ThreadUsesTheStreamThatItNames) {
  ASSERT_OK(aclrtSetStreamResLimit(stream_, ACL_RT_DEV_RES_VECTOR_CORE, 3));
  EXPECT_EQ(OfThread(ACL_RT_DEV_RES_VECTOR_CORE), vectors_);
  ASSERT_OK(aclrtUseStreamResInCurrentThread(stream_));
  EXPECT_EQ(OfThread(ACL_RT_DEV_RES_VECTOR_CORE), 3u);
  EXPECT_EQ(OfThread(ACL_RT_DEV_RES_CUBE_CORE), cubes_) << "not limited by the stream";
  std::thread([&] {
    ASSERT_OK(aclrtSetDevice(0));
    EXPECT_EQ(OfThread(ACL_RT_DEV_RES_VECTOR_CORE), vectors_) << "another thread";
  }).join();
  ASSERT_OK(aclrtUnuseStreamResInCurrentThread(stream_));
  EXPECT_EQ(OfThread(ACL_RT_DEV_RES_VECTOR_CORE), vectors_);
  ASSERT_OK(aclrtUseStreamResInCurrentThread(stream_));
  ASSERT_OK(aclrtDestroyStream(stream_));
  EXPECT_EQ(OfThread(ACL_RT_DEV_RES_VECTOR_CORE), vectors_) << "the stream is gone";
}

TEST_F(CoreLimitTest, KernelsObeyTheLimitOfTheirStream) {
  ASSERT_OK(aclrtSetStreamResLimit(stream_, ACL_RT_DEV_RES_CUBE_CORE, 1));
  EXPECT_EQ(MostAtOnce("crowd", stream_), 1);
  ASSERT_OK(aclrtSetStreamResLimit(stream_, ACL_RT_DEV_RES_VECTOR_CORE, 1));
  EXPECT_EQ(MostAtOnce("vector_crowd", stream_), 1);
  ASSERT_OK(aclrtSetStreamResLimit(stream_, ACL_RT_DEV_RES_CUBE_CORE, 2));
  EXPECT_LE(MostAtOnce("crowd", stream_), 2);
}

TEST_F(CoreLimitTest, KernelsObeyTheLimitOfTheDevice) {
  ASSERT_OK(aclrtSetDeviceResLimit(0, ACL_RT_DEV_RES_CUBE_CORE, 1));
  EXPECT_EQ(MostAtOnce("crowd", stream_), 1);
  EXPECT_EQ(MostAtOnce("crowd", nullptr), 1);
}

TEST_F(CoreLimitTest, LimitHoldsForLaterKernelsOnly) {
  DeviceArray<int> out(8);
  Gate gate(Kernel("wait_for"), stream_);
  struct Args {
    int* out;
    uint32_t count;
  };
  ASSERT_OK(Launch("fill_index", 8, Args{out.get(), 8}, stream_));
  ASSERT_OK(aclrtSetStreamResLimit(stream_, ACL_RT_DEV_RES_CUBE_CORE, 1));
  ASSERT_OK(Launch("nothing", 8, stream_));
  gate.Open();
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(out.Read(), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST_F(CoreLimitTest, EndsWithTheDevice) {
  ASSERT_OK(aclrtSetDeviceResLimit(0, ACL_RT_DEV_RES_CUBE_CORE, 2));
  ASSERT_OK(aclrtResetDeviceForce(0));
  EXPECT_EQ(Device(ACL_RT_DEV_RES_CUBE_CORE), cubes_);
  EXPECT_EQ(aclrtSetDeviceResLimit(0, ACL_RT_DEV_RES_CUBE_CORE, 2), ACL_ERROR_RT_CONTEXT_NULL);
  EXPECT_OK(aclrtResetDeviceResLimit(0));
}

TEST_F(CoreLimitTest, ArgumentsAreChecked) {
  const auto wild = static_cast<aclrtDevResLimitType>(7);
  uint32_t value = 0;
  EXPECT_EQ(aclrtSetDeviceResLimit(0, ACL_RT_DEV_RES_CUBE_CORE, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtSetDeviceResLimit(0, ACL_RT_DEV_RES_CUBE_CORE, cubes_ + 1),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtSetDeviceResLimit(0, wild, 1), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtSetDeviceResLimit(99, ACL_RT_DEV_RES_CUBE_CORE, 1), ACL_ERROR_RT_INVALID_DEVICEID);
  EXPECT_EQ(aclrtGetDeviceResLimit(-1, ACL_RT_DEV_RES_CUBE_CORE, &value),
            ACL_ERROR_RT_INVALID_DEVICEID);
  EXPECT_EQ(aclrtGetDeviceResLimit(0, ACL_RT_DEV_RES_CUBE_CORE, nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtSetStreamResLimit(stream_, ACL_RT_DEV_RES_VECTOR_CORE, vectors_ + 1),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtSetStreamResLimit(&value, ACL_RT_DEV_RES_VECTOR_CORE, 1),
            ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_EQ(aclrtGetStreamResLimit(stream_, wild, &value), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtUseStreamResInCurrentThread(&value), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_EQ(aclrtGetResInCurrentThread(ACL_RT_DEV_RES_CUBE_CORE, nullptr), ACL_ERROR_INVALID_PARAM);
}

class ProcessLimitTest : public testing::Test {
 protected:
  void TearDown() override {
    aclrtDeviceSetLimit(ACL_RT_DEV_LIMIT_SIMD_STACK_SIZE, 0);
    aclrtDeviceSetLimit(ACL_RT_DEV_LIMIT_SIMD_PRINTF_FIFO_SIZE_PER_CORE, 32768);
    aclGetRecentErrMsg();
  }
  static size_t Get(aclrtDeviceLimit limit) {
    size_t value = 0;
    EXPECT_OK(aclrtDeviceGetLimit(limit, &value));
    return value;
  }
};

TEST_F(ProcessLimitTest, StackIsRoundedUp) {
  constexpr auto kStack = ACL_RT_DEV_LIMIT_SIMD_STACK_SIZE;
  EXPECT_EQ(Get(kStack), 32768u);
  ASSERT_OK(aclrtDeviceSetLimit(kStack, 1));
  EXPECT_EQ(Get(kStack), 32768u);
  ASSERT_OK(aclrtDeviceSetLimit(kStack, 32769));
  EXPECT_EQ(Get(kStack), 49152u);
  ASSERT_OK(aclrtDeviceSetLimit(kStack, 196608));
  EXPECT_EQ(Get(kStack), 196608u);
  EXPECT_EQ(aclrtDeviceSetLimit(kStack, 196609), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(Get(kStack), 196608u);
}

TEST_F(ProcessLimitTest, PrintfMemoryHasARange) {
  constexpr auto kPrintf = ACL_RT_DEV_LIMIT_SIMD_PRINTF_FIFO_SIZE_PER_CORE;
  EXPECT_EQ(Get(kPrintf), 32768u);
  ASSERT_OK(aclrtDeviceSetLimit(kPrintf, 1025));
  EXPECT_EQ(Get(kPrintf), 1032u);
  EXPECT_EQ(aclrtDeviceSetLimit(kPrintf, 1023), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtDeviceSetLimit(kPrintf, (64u << 20) + 1), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtDeviceSetLimit(kPrintf, 64u << 20));
}

TEST_F(ProcessLimitTest, OtherModelsAreNotThere) {
  size_t value = 0;
  for (const aclrtDeviceLimit limit :
       {ACL_RT_DEV_LIMIT_SIMT_STACK_SIZE, ACL_RT_DEV_LIMIT_SIMT_DVG_WARP_STACK_SIZE,
        ACL_RT_DEV_LIMIT_SIMT_PRINTF_FIFO_SIZE}) {
    EXPECT_EQ(aclrtDeviceSetLimit(limit, 1 << 20), ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
    EXPECT_EQ(aclrtDeviceGetLimit(limit, &value), ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  }
  EXPECT_EQ(aclrtDeviceSetLimit(static_cast<aclrtDeviceLimit>(9), 1), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtDeviceGetLimit(ACL_RT_DEV_LIMIT_SIMD_STACK_SIZE, nullptr),
            ACL_ERROR_INVALID_PARAM);
}

TEST(DISABLED_LimitChild, DeviceZeroIsNotVisible) {
  EXPECT_EQ(aclrtDeviceSetLimit(ACL_RT_DEV_LIMIT_SIMD_STACK_SIZE, 65536),
            ACL_ERROR_RT_INVALID_DEVICEID);
}

TEST_F(ProcessLimitTest, DeviceZeroMustBeVisible) {
  const ChildResult child = RunTestsInChild("DISABLED_LimitChild.DeviceZeroIsNotVisible",
                                            {{"ASCEND_RT_VISIBLE_DEVICES", "1,2"}});
  EXPECT_EQ(child.exit_code, 0) << child.output;
}

TEST(SystemParameters, OfTheProcessAreZeroUntilSet) {
  int64_t value = -1;
  EXPECT_OK(aclrtGetSysParamOpt(ACL_OPT_ENABLE_DEBUG_KERNEL, &value));
  EXPECT_EQ(value, 0);
  EXPECT_OK(aclrtSetSysParamOpt(ACL_OPT_DETERMINISTIC, 3));
  std::thread([&] { EXPECT_OK(aclrtGetSysParamOpt(ACL_OPT_DETERMINISTIC, &value)); }).join();
  EXPECT_EQ(value, 3);
  EXPECT_EQ(aclrtSetSysParamOpt(ACL_OPT_DETERMINISTIC, 4), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtSetSysParamOpt(ACL_OPT_ENABLE_DEBUG_KERNEL, 2), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtSetSysParamOpt(static_cast<aclSysParamOpt>(4), 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtGetSysParamOpt(static_cast<aclSysParamOpt>(-1), &value),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtGetSysParamOpt(ACL_OPT_DETERMINISTIC, nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_OK(aclrtSetSysParamOpt(ACL_OPT_DETERMINISTIC, 0));
  aclGetRecentErrMsg();
}

}  // namespace
}  // namespace vnpu::test
