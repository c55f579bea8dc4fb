#include <numeric>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

using Copy2dTest = KernelTest;

constexpr size_t kHeight = 5;
constexpr size_t kWidth = 12;
constexpr size_t kHostPitch = 16;
constexpr size_t kDevicePitch = 64;

std::vector<char> Matrix() {
  std::vector<char> matrix(kHostPitch * kHeight);
  std::iota(matrix.begin(), matrix.end(), char{1});
  return matrix;
}

void ExpectRows(const char* got, size_t pitch) {
  const std::vector<char> matrix = Matrix();
  for (size_t row = 0; row < kHeight; ++row) {
    for (size_t i = 0; i < pitch; ++i) {
      EXPECT_EQ(got[row * pitch + i], i < kWidth ? matrix[row * kHostPitch + i] : 0)
          << "row " << row << ", byte " << i;
    }
  }
}

TEST_F(Copy2dTest, RowsAreCopiedAndGapsAreNot) {
  const std::vector<char> matrix = Matrix();
  DeviceArray<char> device(kDevicePitch * kHeight);
  ASSERT_OK(aclrtMemcpy2d(device.get(), kDevicePitch, matrix.data(), kHostPitch, kWidth, kHeight,
                          ACL_MEMCPY_HOST_TO_DEVICE));
  ExpectRows(device.Read().data(), kDevicePitch);
  std::vector<char> back(kHostPitch * kHeight);
  ASSERT_OK(aclrtMemcpy2d(back.data(), kHostPitch, device.get(), kDevicePitch, kWidth, kHeight,
                          ACL_MEMCPY_DEVICE_TO_HOST));
  ExpectRows(back.data(), kHostPitch);
}

TEST_F(Copy2dTest, RowsWithoutGaps) {
  const std::vector<char> matrix = Matrix();
  DeviceArray<char> device(matrix.size());
  ASSERT_OK(aclrtMemcpy2d(device.get(), kHostPitch, matrix.data(), kHostPitch, kHostPitch, kHeight,
                          ACL_MEMCPY_HOST_TO_DEVICE));
  EXPECT_EQ(device.Read(), matrix);
}

TEST_F(Copy2dTest, StreamCopiesInOrder) {
  const std::vector<char> matrix = Matrix();
  DeviceArray<char> first(kDevicePitch * kHeight);
  DeviceArray<char> second(kDevicePitch * kHeight);
  PinnedArray<char> pinned(kHostPitch * kHeight);
  std::fill_n(pinned.get(), pinned.bytes(), char{0});
  ASSERT_OK(aclrtMemcpy2dAsync(first.get(), kDevicePitch, matrix.data(), kHostPitch, kWidth,
                               kHeight, ACL_MEMCPY_HOST_TO_DEVICE, stream_));
  ASSERT_OK(aclrtMemcpy2dAsync(second.get(), kDevicePitch, first.get(), kDevicePitch, kWidth,
                               kHeight, ACL_MEMCPY_DEVICE_TO_DEVICE, stream_));
  ASSERT_OK(aclrtMemcpy2dAsync(pinned.get(), kHostPitch, second.get(), kDevicePitch, kWidth,
                               kHeight, ACL_MEMCPY_DEVICE_TO_HOST, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  ExpectRows(pinned.get(), kHostPitch);
}

TEST_F(Copy2dTest, MatricesAreChecked) {
  std::vector<char> host(1000);
  DeviceArray<char> device(1000);
  const auto copy = [&](size_t dpitch, size_t spitch, size_t width, size_t height, auto kind) {
    return aclrtMemcpy2dAsync(device.get(), dpitch, host.data(), spitch, width, height, kind,
                              stream_);
  };
  EXPECT_EQ(copy(8, 16, 9, 1, ACL_MEMCPY_HOST_TO_DEVICE), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(copy(16, 8, 9, 1, ACL_MEMCPY_HOST_TO_DEVICE), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(copy(16, 16, 0, 1, ACL_MEMCPY_HOST_TO_DEVICE), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(copy(16, 16, 8, 0, ACL_MEMCPY_HOST_TO_DEVICE), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(copy(16, 16, 8, 5242881, ACL_MEMCPY_HOST_TO_DEVICE), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(copy(6000000, 6000000, 5000001, 1, ACL_MEMCPY_HOST_TO_DEVICE),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(copy(16, 16, 8, 1, ACL_MEMCPY_HOST_TO_HOST), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(copy(16, 16, 8, 1, ACL_MEMCPY_DEVICE_TO_HOST), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemcpy2d(device.get(), 16, device.get(), 16, 8, 1, ACL_MEMCPY_DEVICE_TO_DEVICE),
            ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtMemcpy2d(device.get(), 16, nullptr, 16, 8, 1, ACL_MEMCPY_HOST_TO_DEVICE),
            ACL_ERROR_INVALID_PARAM);
}

// A batch of two copies of four bytes each.
class CopyBatchTest : public KernelTest {
 protected:
  void Point(char* dst, char* src) {
    dsts_[0] = dst;
    dsts_[1] = dst + 8;
    srcs_[0] = src;
    srcs_[1] = src + 4;
  }
  aclError Copy() {
    return aclrtMemcpyBatch(dsts_, rooms_, srcs_, sizes_, 2, attrs_, firsts_, attr_count_,
                            &failed_);
  }

  static constexpr aclrtMemLocation kHost{0, ACL_MEM_LOCATION_TYPE_HOST};
  static constexpr aclrtMemLocation kDevice{0, ACL_MEM_LOCATION_TYPE_DEVICE};
  void* dsts_[2] = {};
  void* srcs_[2] = {};
  size_t rooms_[2] = {4, 4};
  size_t sizes_[2] = {4, 4};
  aclrtMemcpyBatchAttr attrs_[2] = {{.dstLoc = kDevice, .srcLoc = kHost, .rsv = {}},
                                    {.dstLoc = kDevice, .srcLoc = kHost, .rsv = {}}};
  size_t firsts_[2] = {0, 1};
  size_t attr_count_ = 1;
  size_t failed_ = 0;
};

TEST_F(CopyBatchTest, CopiesGoBothWays) {
  char host[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  DeviceArray<char> device(12);
  Point(device.get(), host);
  ASSERT_OK(Copy());
  EXPECT_EQ(device.Read(), (std::vector<char>{1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 8}));
  PinnedArray<char> pinned(12);
  std::fill_n(pinned.get(), 12, char{0});
  Point(pinned.get(), device.get() + 4);
  attrs_[0] = {.dstLoc = kHost, .srcLoc = kDevice, .rsv = {}};
  ASSERT_OK(aclrtMemcpyBatchAsync(dsts_, rooms_, srcs_, sizes_, 2, attrs_, firsts_, 1, &failed_,
                                  stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(pinned[0], 0);
  EXPECT_EQ(pinned[8], 5);
  pinned[8] = 0;
  ASSERT_OK(aclrtMemcpyBatchAsyncV2(dsts_, rooms_, srcs_, sizes_, 2, attrs_, firsts_, 1, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(pinned[8], 5);
  ASSERT_OK(aclrtMemcpyBatchV2(dsts_, rooms_, srcs_, sizes_, 2, attrs_, firsts_, 1));
}

TEST_F(CopyBatchTest, TheWrongCopyIsNamed) {
  char host[16] = {};
  DeviceArray<char> device(16);
  Point(device.get(), host);
  attr_count_ = 2;
  ASSERT_OK(Copy());
  attrs_[1] = {.dstLoc = kHost, .srcLoc = kDevice, .rsv = {}};
  EXPECT_EQ(Copy(), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(failed_, 1u);
  attrs_[1] = attrs_[0];
  dsts_[1] = host + 8;
  EXPECT_EQ(Copy(), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(failed_, 1u);
}

TEST_F(CopyBatchTest, ArraysAreChecked) {
  char host[8] = {};
  DeviceArray<char> device(16);
  Point(device.get(), host);
  rooms_[1] = 3;
  EXPECT_EQ(Copy(), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(failed_, SIZE_MAX);
  rooms_[1] = 4;
  attr_count_ = 3;
  EXPECT_EQ(Copy(), ACL_ERROR_RT_PARAM_INVALID);
  attr_count_ = 2;
  firsts_[1] = 0;
  EXPECT_EQ(Copy(), ACL_ERROR_RT_PARAM_INVALID);
  firsts_[1] = 2;
  EXPECT_EQ(Copy(), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(Copy2dTest, ValuesAreWrittenInOrder) {
  DeviceArray<uint64_t> device(2);
  ASSERT_OK(aclrtMemsetAsync(device.get(), 16, 0xff, 16, stream_));
  ASSERT_OK(aclrtValueWrite(device.get() + 1, 0x123456789abcdef0, 0, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(device.Read(), (std::vector<uint64_t>{UINT64_MAX, 0x123456789abcdef0}));
  uint64_t host = 0;
  PinnedArray<uint64_t> pinned(1);
  pinned[0] = 0;
  ASSERT_OK(aclrtValueWrite(pinned.get(), 5, 0, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(pinned[0], 5u);
  EXPECT_EQ(aclrtValueWrite(&host, 1, 0, stream_), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtValueWrite(device.get(), 1, 1, stream_), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtValueWrite(reinterpret_cast<char*>(device.get()) + 4, 1, 0, stream_),
            ACL_ERROR_RT_ADDR_UNALIGNED);
}

TEST_F(Copy2dTest, PrefetchIsATaskOfTheStream) {
  DeviceArray<int> device(100);
  EXPECT_OK(aclrtCmoAsync(device.get(), 400, ACL_RT_CMO_TYPE_PREFETCH, stream_));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(aclrtCmoAsync(device.get(), 400, ACL_RT_CMO_TYPE_INVALID, stream_),
            ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  int host = 0;
  EXPECT_EQ(aclrtCmoAsync(&host, 4, ACL_RT_CMO_TYPE_PREFETCH, stream_), ACL_ERROR_RT_PARAM_INVALID);
}

}  // namespace
}  // namespace vnpu::test
