#include <algorithm>
#include <numeric>

#include "tests/acl/support.h"
#include "uapi/vnpu/host_image.h"
#include "vnpu/vnpu.h"

struct vnpu_host_image* vnpu_host_images = nullptr;

namespace vnpu::test {
namespace {

int host_side[5];  // stands for lookup_me of kernels.cpp

// The test's kernels as if npucc had put them into this program.
class SymbolTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    static const std::vector<char> image = ReadFile(VNPU_TEST_KERNELS);
    static const vnpu_host_symbol global{.host = host_side, .name = "lookup_me"};
    static vnpu_host_image entry{};
    entry.image = image.data();
    entry.image_size = image.size();
    entry.globals = &global;
    entry.global_count = 1;
    vnpu_host_images = &entry;
  }
  void TearDown() override {
    vnpu_host_images = nullptr;
    KernelTest::TearDown();
  }
};

TEST_F(SymbolTest, VariablesHaveAddressAndSize) {
  void* address = nullptr;
  size_t size = 0;
  ASSERT_OK(aclrtGetSymbolAddress(host_side, &address));
  ASSERT_OK(aclrtGetSymbolSize(host_side, &size));
  EXPECT_EQ(size, sizeof(host_side));
  int values[5] = {};
  ASSERT_OK(aclrtMemcpy(values, 20, address, 20, ACL_MEMCPY_DEVICE_TO_HOST));
  EXPECT_EQ(values[4], 5);
  void* again = nullptr;
  ASSERT_OK(aclrtGetSymbolAddress(host_side, &again));
  EXPECT_EQ(again, address);
}

TEST_F(SymbolTest, PartsAreCopied) {
  const int fresh[2] = {30, 40};
  ASSERT_OK(aclrtMemcpyToSymbol(host_side, fresh, 8, 8, ACL_MEMCPY_HOST_TO_DEVICE));
  int values[5] = {};
  ASSERT_OK(aclrtMemcpyFromSymbol(values, 20, host_side, 20, 0, ACL_MEMCPY_DEFAULT));
  EXPECT_TRUE(std::ranges::equal(values, std::vector<int>{1, 2, 30, 40, 5}));
}

TEST_F(SymbolTest, StreamCopiesInOrder) {
  PinnedArray<int> pinned(10);
  std::iota(pinned.get(), pinned.get() + 5, 100);
  ASSERT_OK(aclrtMemcpyToSymbolAsync(host_side, pinned.get(), 20, 0, ACL_MEMCPY_DEFAULT, stream_));
  ASSERT_OK(aclrtMemcpyFromSymbolAsync(pinned.get() + 5, 20, host_side, 20, 0,
                                       ACL_MEMCPY_DEVICE_TO_HOST, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_TRUE(std::equal(pinned.get(), pinned.get() + 5, pinned.get() + 5));
}

TEST_F(SymbolTest, EachSessionHasItsOwnValues) {
  const int fresh = 77;
  ASSERT_OK(aclrtMemcpyToSymbol(host_side, &fresh, 4, 0, ACL_MEMCPY_DEFAULT));
  ASSERT_OK(aclrtResetDeviceForce(0));
  ASSERT_OK(aclrtSetDevice(0));
  int value = 0;
  ASSERT_OK(aclrtMemcpyFromSymbol(&value, 4, host_side, 4, 0, ACL_MEMCPY_DEFAULT));
  EXPECT_EQ(value, 1);
}

TEST_F(SymbolTest, ArgumentsAreChecked) {
  int values[5] = {};
  void* address = nullptr;
  size_t size = 0;
  EXPECT_EQ(aclrtGetSymbolAddress(values, &address), ACL_ERROR_RT_SYMBOL_NOT_FOUND);
  EXPECT_EQ(aclrtGetSymbolAddress(nullptr, &address), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtGetSymbolAddress(host_side, nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtGetSymbolSize(values, &size), ACL_ERROR_RT_SYMBOL_NOT_FOUND);
  const auto from = [&](size_t room, size_t count, size_t offset, aclrtMemcpyKind kind) {
    return aclrtMemcpyFromSymbol(values, room, host_side, count, offset, kind);
  };
  EXPECT_EQ(from(20, 20, 1, ACL_MEMCPY_DEFAULT), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(from(20, 4, SIZE_MAX, ACL_MEMCPY_DEFAULT), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(from(3, 4, 0, ACL_MEMCPY_DEFAULT), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(from(20, 0, 0, ACL_MEMCPY_DEFAULT), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(from(20, 4, 0, ACL_MEMCPY_HOST_TO_DEVICE), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemcpyToSymbol(host_side, values, 4, 0, ACL_MEMCPY_DEVICE_TO_HOST),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemcpyToSymbol(host_side, nullptr, 4, 0, ACL_MEMCPY_DEFAULT),
            ACL_ERROR_INVALID_PARAM);
}

TEST_F(SymbolTest, ImagesOfALibraryThatTheListLacks) {
  const std::vector<char> bytes = ReadFile(VNPU_TEST_KERNELS);
  vnpu_host_image image{};
  image.image = bytes.data();
  image.image_size = bytes.size();
  int32_t device = -1;
  uint64_t first_use = 0;
  ASSERT_OK(vnpuGetDeviceUse(&device, &first_use));
  EXPECT_EQ(device, 0);
  aclrtFuncHandle kernel = nullptr;
  aclrtFuncHandle again = nullptr;
  ASSERT_OK(vnpuGetHostKernel(&image, "nothing", &kernel));
  ASSERT_OK(vnpuGetHostKernel(&image, "nothing", &again));
  EXPECT_EQ(kernel, again);
  EXPECT_OK(aclrtLaunchKernelWithHostArgs(kernel, 1, stream_, nullptr, nullptr, 0, nullptr, 0));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_NE(vnpuGetHostKernel(&image, "no such kernel", &again), ACL_SUCCESS);
  EXPECT_EQ(vnpuGetHostKernel(nullptr, "nothing", &again), ACL_ERROR_INVALID_PARAM);
  // After a reset it is another use, and the image is loaded once more.
  ASSERT_OK(aclrtResetDeviceForce(0));
  ASSERT_OK(aclrtSetDevice(0));
  uint64_t second_use = 0;
  ASSERT_OK(vnpuGetDeviceUse(&device, &second_use));
  EXPECT_GT(second_use, first_use);
  ASSERT_OK(vnpuGetHostKernel(&image, "nothing", &again));
  EXPECT_OK(aclrtLaunchKernelWithHostArgs(again, 1, nullptr, nullptr, nullptr, 0, nullptr, 0));
  EXPECT_OK(aclrtSynchronizeStream(nullptr));
}

}  // namespace
}  // namespace vnpu::test
