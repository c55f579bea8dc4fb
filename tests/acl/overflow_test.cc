// Detection of floating-point overflow.
#include <cmath>
#include <memory>
#include <vector>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class OverflowTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    ASSERT_OK(aclrtSetStreamOverflowSwitch(stream_, 1));
    ASSERT_OK(aclrtResetOverflowStatus(stream_));
    out_ = std::make_unique<DeviceArray<float>>(1);
  }
  void TearDown() override {
    out_.reset();
    KernelTest::TearDown();
  }
  aclError Multiply(float a, float b) {
    struct {
      float* out;
      float a;
      float b;
    } args{.out = out_->get(), .a = a, .b = b};
    return Launch("multiply", 1, args, stream_);
  }
  // The status at this place of the stream.
  bool Overflowed(aclError (*read)(void*, size_t, aclrtStream) = &aclrtGetOverflowStatus) {
    DeviceArray<uint32_t> status(16, 0xff);
    EXPECT_OK(read(status.get(), status.bytes(), stream_));
    EXPECT_OK(aclrtSynchronizeStream(stream_));
    const std::vector<uint32_t> values = status.Read();
    for (size_t i = 1; i < values.size(); ++i) {
      EXPECT_EQ(values[i], 0u);
    }
    return values[0] != 0;
  }

  std::unique_ptr<DeviceArray<float>> out_;
};

TEST_F(OverflowTest, ResultsThatAreTooLargeAreNoted) {
  ASSERT_OK(Multiply(2, 3));
  EXPECT_FALSE(Overflowed());
  ASSERT_OK(Multiply(1e30F, 1e30F));
  EXPECT_TRUE(Overflowed());
  EXPECT_TRUE(std::isinf(out_->Read()[0]));
  ASSERT_OK(Multiply(2, 3));
  EXPECT_TRUE(Overflowed()) << "until it is reset";
  ASSERT_OK(aclrtResetOverflowStatus(stream_));
  EXPECT_FALSE(Overflowed());
}

TEST_F(OverflowTest, SoAreInvalidOperations) {
  ASSERT_OK(Multiply(INFINITY, 0));
  EXPECT_TRUE(Overflowed(&aclrtGetFloatOverflowStatus));
  ASSERT_OK(aclrtResetFloatOverflowStatus(stream_));
  EXPECT_FALSE(Overflowed(&aclrtGetFloatOverflowStatus));
}

TEST_F(OverflowTest, ResetTakesItsPlaceInTheStream) {
  ASSERT_OK(Multiply(1e30F, 1e30F));
  ASSERT_OK(aclrtResetOverflowStatus(stream_));
  ASSERT_OK(Multiply(2, 3));
  EXPECT_FALSE(Overflowed());
}

TEST_F(OverflowTest, OnlyStreamsThatAskForItAreWatched) {
  ASSERT_OK(aclrtSetStreamOverflowSwitch(stream_, 0));
  ASSERT_OK(Multiply(1e30F, 1e30F));
  EXPECT_FALSE(Overflowed());
  ASSERT_OK(aclrtSetStreamOverflowSwitch(stream_, 1));
  ASSERT_OK(Multiply(1e30F, 1e30F));
  EXPECT_TRUE(Overflowed());
}

TEST_F(OverflowTest, CheckModes) {
  DeviceArray<uint32_t> status(16, 0xff);
  ASSERT_OK(Multiply(1e30F, 1e30F));
  ASSERT_OK(aclrtNpuGetFloatOverFlowStatus(status.get(), 64, 0, stream_));
  ASSERT_OK(aclrtNpuClearFloatOverFlowStatus(0, stream_));
  EXPECT_FALSE(Overflowed());
  EXPECT_EQ(status.Read()[0], 1u);
  EXPECT_EQ(aclrtNpuGetFloatOverFlowStatus(status.get(), 64, 1, stream_),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtNpuClearFloatOverFlowStatus(1, stream_), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(OverflowTest, OutputThatCannotBeWrittenIsTheStreamsError) {
  void* reserved = nullptr;
  ASSERT_OK(aclrtReserveMemAddress(&reserved, 2u << 20, 0, nullptr, 0));
  ASSERT_OK(aclrtGetOverflowStatus(reserved, 64, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_SYS_DMA);
  EXPECT_OK(aclrtReleaseMemAddress(reserved));
}

TEST_F(OverflowTest, BadArguments) {
  DeviceArray<uint32_t> status(16);
  uint32_t host[16] = {};
  EXPECT_EQ(aclrtGetOverflowStatus(nullptr, 64, stream_), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtGetOverflowStatus(status.get(), 32, stream_), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtGetOverflowStatus(host, 64, stream_), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(OverflowTest, CoresGiveInfinitiesAndNan) {
  aclrtFloatOverflowMode mode = ACL_RT_OVERFLOW_MODE_UNDEF;
  ASSERT_OK(aclrtGetDeviceSatMode(&mode));
  EXPECT_EQ(mode, ACL_RT_OVERFLOW_MODE_INFNAN);
  EXPECT_OK(aclrtSetDeviceSatMode(ACL_RT_OVERFLOW_MODE_INFNAN));
  EXPECT_EQ(aclrtSetDeviceSatMode(ACL_RT_OVERFLOW_MODE_SATURATION),
            ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  EXPECT_EQ(aclrtSetDeviceSatMode(ACL_RT_OVERFLOW_MODE_UNDEF), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtGetDeviceSatMode(nullptr), ACL_ERROR_INVALID_PARAM);
}

}  // namespace
}  // namespace vnpu::test
