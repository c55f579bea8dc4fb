// Stacks of kernels.
#include <string>

#include "tests/acl/support.h"
#include "tests/support/temp_file.h"

namespace vnpu::test {
namespace {

struct UseStack {
  int* out;
  int kilobytes;
};

class StackTest : public KernelTest {
 protected:
  void SetUp() override { Open(); }

  void Open() {
    DeviceTest::SetUp();
    ASSERT_OK(aclrtCreateStream(&stream_));
    ASSERT_OK(aclrtBinaryLoadFromFile(VNPU_TEST_PRINT_KERNELS, nullptr, &binary_));
  }
  // Runs a kernel that needs so many KiB.
  aclError Use(const char* kernel, int kilobytes) {
    DeviceArray<int> out(1);
    EXPECT_OK(Launch(kernel, 1, UseStack{.out = out.get(), .kilobytes = kilobytes}, stream_));
    const aclError result = aclrtSynchronizeStream(stream_);
    EXPECT_EQ(out.Read()[0], result == ACL_SUCCESS ? kilobytes : 0);
    return result;
  }
};

TEST_F(StackTest, TheDefaultIs32KiB) {
  EXPECT_EQ(Use("use_stack", 24), ACL_SUCCESS);
  aclGetRecentErrMsg();
  EXPECT_EQ(Use("use_stack", 40), ACL_ERROR_RT_AICORE_EXCEPTION);
  const char* message = aclGetRecentErrMsg();
  ASSERT_NE(message, nullptr);
  EXPECT_NE(std::string(message).find("stack"), std::string::npos) << message;
  EXPECT_EQ(Use("use_stack", 24), ACL_SUCCESS);  // nothing is broken
}

TEST_F(StackTest, EndlessRecursionIsAnException) {
  EXPECT_EQ(Use("use_stack", 100'000'000), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(Use("use_stack", 1), ACL_SUCCESS);
}

TEST_F(StackTest, OneLargeFrameIsAnException) {
  DeviceArray<int> out(1);
  ASSERT_OK(Launch("large_frame", 1, out.get(), stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(Use("use_stack", 1), ACL_SUCCESS);
}

TEST_F(StackTest, AiCpuKernelsHaveMore) { EXPECT_EQ(Use("cpu_use_stack", 1024), ACL_SUCCESS); }

TEST_F(StackTest, TheConfigurationSetsIt) {
  ASSERT_OK(aclrtResetDeviceForce(0));
  ASSERT_OK(aclInit(TempFile(R"({"StackSize": {"aicore_stack_size": 100000}})").path()));
  Open();
  EXPECT_EQ(Use("use_stack", 90), ACL_SUCCESS);
  EXPECT_EQ(Use("use_stack", 130), ACL_ERROR_RT_AICORE_EXCEPTION);  // rounded up to 112 KiB
  ASSERT_OK(aclrtResetDeviceForce(0));
  ASSERT_OK(aclFinalize());
  Open();
  ASSERT_OK(aclrtDeviceSetLimit(ACL_RT_DEV_LIMIT_SIMD_STACK_SIZE, 32768));
  EXPECT_EQ(Use("use_stack", 90), ACL_ERROR_RT_AICORE_EXCEPTION);
}

}  // namespace
}  // namespace vnpu::test
