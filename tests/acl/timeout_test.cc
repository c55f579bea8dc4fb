// Time limits of kernels.
#include <chrono>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class TimeoutTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    ASSERT_OK(aclrtGetOpTimeOutInterval(&interval_));
    ASSERT_GT(interval_, 0u);
  }
  void TearDown() override {
    EXPECT_OK(aclrtSetOpExecuteTimeOut(0));
    KernelTest::TearDown();
  }

  uint64_t Set(uint64_t microseconds) {
    uint64_t actual = 0;
    EXPECT_OK(aclrtSetOpExecuteTimeOutV2(microseconds, &actual));
    return actual;
  }
  uint32_t Milliseconds() {
    uint32_t limit = 0;
    EXPECT_OK(aclrtGetOpExecuteTimeout(&limit));
    return limit;
  }

  uint64_t interval_ = 0;
};

TEST_F(TimeoutTest, LimitsAreRoundedUpToIntervals) {
  EXPECT_EQ(Set(1), interval_);
  EXPECT_EQ(Set(interval_), interval_);
  EXPECT_EQ(Set(interval_ + 1), 2 * interval_);
  EXPECT_EQ(Set(254 * interval_), 254 * interval_);
  EXPECT_EQ(Set(254 * interval_ + 1), 254 * interval_);
  EXPECT_EQ(Set(UINT64_MAX), 254 * interval_);
}

TEST_F(TimeoutTest, ZeroIsTheLongestLimit) {
  Set(1);
  EXPECT_EQ(Set(0), 254 * interval_);
  EXPECT_EQ(Milliseconds(), 254 * interval_ / 1000);
  EXPECT_EQ(Milliseconds(), 1'091'000u);  // as the manual says of these devices
}

TEST_F(TimeoutTest, UnitsAreSecondsAndMilliseconds) {
  ASSERT_OK(aclrtSetOpExecuteTimeOut(60));
  EXPECT_GE(Milliseconds(), 60'000u);
  EXPECT_LT(Milliseconds(), 60'000u + interval_ / 1000 + 1);
  ASSERT_OK(aclrtSetOpExecuteTimeOutWithMs(60'000));
  EXPECT_GE(Milliseconds(), 60'000u);
  EXPECT_LT(Milliseconds(), 60'000u + interval_ / 1000 + 1);
  ASSERT_OK(aclrtSetOpExecuteTimeOut(UINT32_MAX));
  EXPECT_EQ(Milliseconds(), 1'091'000u);
  EXPECT_EQ(aclrtSetOpExecuteTimeOutV2(5, nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtGetOpExecuteTimeout(nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtGetOpTimeOutInterval(nullptr), ACL_ERROR_INVALID_PARAM);
}

TEST_F(TimeoutTest, TheDefaultLimitStopsEndlessKernels) {
  Set(1);
  const auto start = std::chrono::steady_clock::now();
  aclrtStream other = nullptr;
  ASSERT_OK(aclrtCreateStream(&other));
  ASSERT_OK(Launch("spin_forever", 1, stream_));
  ASSERT_OK(Launch("cpu_spin", 1, other));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_TIMEOUT);
  EXPECT_EQ(aclrtSynchronizeStream(other), ACL_ERROR_RT_AICPU_TIMEOUT);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::microseconds(interval_));
}

TEST_F(TimeoutTest, TheLimitOfALaunchComesFirst) {
  aclrtLaunchKernelAttr attribute{};
  attribute.id = ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT_US;
  attribute.value.timeoutUs = {.timeoutLow = 20000, .timeoutHigh = 0};
  aclrtLaunchKernelCfg config{.attrs = &attribute, .numAttrs = 1};
  const auto launch = [&](const char* name) {
    return aclrtLaunchKernelWithHostArgs(Kernel(name), 1, stream_, &config, nullptr, 0, nullptr, 0);
  };
  ASSERT_OK(launch("spin_forever"));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_TIMEOUT);
  ASSERT_OK(launch("cpu_spin"));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICPU_TIMEOUT);
  attribute.id = ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT;
  attribute.value.rsv[0] = attribute.value.rsv[1] = 0;
  attribute.value.timeout = 1;
  ASSERT_OK(launch("spin_forever"));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_TIMEOUT);
}

}  // namespace
}  // namespace vnpu::test
