// Launches, by way of a fake acl library that runs the kernels in this process.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "tests/npucc/fake_acl.h"
#include "tests/npucc/launch_kernels.h"

namespace {

class Launch : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int32_t device = 0; device < 4; ++device) fake_acl::ResetDevice(device);
    fake_acl::SetDevice(0);
    fake_acl::ClearCounters();
  }
  aclrtStream stream_ = &stream_;
};

TEST_F(Launch, RunsAllBlocksOnTheStream) {
  std::vector<float> y(100, 1.0F);
  const std::vector<float> x(100, 2.0F);
  EXPECT_EQ(LaunchAdd(6, stream_, y.data(), x.data(), 0.5F, 100), ACL_SUCCESS);
  for (const float value : y) EXPECT_EQ(value, 2.0F);
  EXPECT_EQ(fake_acl::Count().last_stream, stream_);
  EXPECT_EQ(fake_acl::Count().last_block_dim, 6U);
}

TEST_F(Launch, OfStaticAndQualifiedKernels) {
  int out[3] = {};
  EXPECT_EQ(LaunchStatic(3, stream_, out), ACL_SUCCESS);
  EXPECT_EQ(out[0], 30);
  EXPECT_EQ(out[2], 32);
  EXPECT_EQ(LaunchQualified(stream_, out), ACL_SUCCESS);
  EXPECT_EQ(out[0], 5);
  EXPECT_EQ(LaunchInMacro(stream_, out), ACL_SUCCESS);
  EXPECT_EQ(out[1], 21);
}

TEST_F(Launch, FromTheFileOfTheKernelAndFromAnother) {
  int out = 0;
  EXPECT_EQ(LaunchShared(stream_, &out, 3), ACL_SUCCESS);
  EXPECT_EQ(out, 3);
  EXPECT_EQ(LaunchSharedElsewhere(stream_, &out, 4), ACL_SUCCESS);
  EXPECT_EQ(out, 4);
  EXPECT_EQ(fake_acl::Count().loads, 1);
}

TEST_F(Launch, ConvertsArguments) {
  double out = 0;
  EXPECT_EQ(LaunchConverting(stream_, &out), ACL_SUCCESS);
  EXPECT_EQ(out, 1.5 + 2 + 'A');
  EXPECT_EQ(LaunchStructure(stream_, 1, {2, 3, 4}, &out), ACL_SUCCESS);
  EXPECT_EQ(out, 1 + 2 + 6 + 12);
  EXPECT_EQ(LaunchNothing(stream_), ACL_SUCCESS);
}

TEST_F(Launch, LoadsTheImageOnceForAllItsKernels) {
  int out[8] = {};
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(LaunchStatic(2, stream_, out), ACL_SUCCESS);
    EXPECT_EQ(LaunchQualified(stream_, out), ACL_SUCCESS);
  }
  EXPECT_EQ(fake_acl::Count().loads, 1);
  EXPECT_LE(fake_acl::Count().lookups, 6);
}

TEST_F(Launch, LoadsTheImageOnEachDevice) {
  int out[8] = {};
  for (const int32_t device : {0, 1, 3, 1, 0}) {
    fake_acl::SetDevice(device);
    EXPECT_EQ(LaunchStatic(2, stream_, out), ACL_SUCCESS) << device;
  }
  EXPECT_EQ(fake_acl::Count().loads, 3);
}

TEST_F(Launch, SurvivesAResetOfTheDevice) {
  int out[8] = {};
  ASSERT_EQ(LaunchStatic(2, stream_, out), ACL_SUCCESS);
  ASSERT_EQ(LaunchQualified(stream_, out), ACL_SUCCESS);
  fake_acl::ResetDevice(0);
  fake_acl::ClearCounters();
  EXPECT_EQ(LaunchStatic(2, stream_, out), ACL_SUCCESS);
  EXPECT_EQ(LaunchQualified(stream_, out), ACL_SUCCESS);
  EXPECT_EQ(fake_acl::Count().loads, 1);
  EXPECT_EQ(fake_acl::Count().refused, 0) << "handles of before are not tried";
}

TEST_F(Launch, ReportsTheErrorOfARefusedLaunch) {
  int out[8] = {};
  ASSERT_EQ(LaunchStatic(2, stream_, out), ACL_SUCCESS);
  fake_acl::ClearCounters();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(LaunchStatic(0, stream_, out), ACL_ERROR_RT_PARAM_INVALID);
  }
  fake_acl::FailNextLaunch(ACL_ERROR_RT_STREAM_CONTEXT);
  EXPECT_EQ(LaunchStatic(2, stream_, out), ACL_ERROR_RT_STREAM_CONTEXT);
  // Nothing was loaded again for the sake of a handle that is good.
  EXPECT_EQ(fake_acl::Count().loads, 0);
  EXPECT_EQ(LaunchStatic(2, stream_, out), ACL_SUCCESS);
}

TEST_F(Launch, OnAnImpossibleDeviceIsRefused) {
  fake_acl::SetDevice(64);
  EXPECT_EQ(LaunchNothing(stream_), ACL_ERROR_RT_INVALID_DEVICEID);
}

TEST_F(Launch, FromManyThreadsWhileDevicesReset) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      fake_acl::SetDevice(t % 2);
      for (int i = 0; i < 500; ++i) {
        int out = 0;
        // A reset between the second look-up and the launch may void the fresh handle as well.
        const aclError error = LaunchShared(stream_, &out, i);
        if (error == ACL_SUCCESS) {
          EXPECT_EQ(out, i);
        } else {
          EXPECT_EQ(error, ACL_ERROR_RT_PARAM_INVALID);
        }
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    fake_acl::ResetDevice(i % 2);
    std::this_thread::yield();
  }
  for (std::thread& thread : threads) thread.join();
  int out = 0;
  EXPECT_EQ(LaunchShared(stream_, &out, 9), ACL_SUCCESS);
  EXPECT_EQ(out, 9);
}

}  // namespace
