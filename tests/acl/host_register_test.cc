#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

constexpr size_t kPage = 4096;

// Ordinary memory: two pages, the first number is 41.
class HostRegisterTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    memory_ = static_cast<int*>(std::aligned_alloc(kPage, 2 * kPage));
    std::fill_n(memory_, 2 * kPage / sizeof(int), 7);
    memory_[0] = 41;
  }
  void TearDown() override {
    KernelTest::TearDown();
    std::free(memory_);
  }
  void Increment(void* device) {
    EXPECT_OK(Launch("increment", 1, device, stream_));
    EXPECT_OK(aclrtSynchronizeStream(stream_));
  }

  int* memory_ = nullptr;
};

TEST_F(HostRegisterTest, KernelsReachOrdinaryMemory) {
  void* device = nullptr;
  ASSERT_OK(aclrtHostRegister(memory_, 2 * kPage, ACL_HOST_REGISTER_MAPPED, &device));
  EXPECT_EQ(memory_[0], 41);
  Increment(device);
  EXPECT_EQ(memory_[0], 42);
  memory_[0] = 50;
  Increment(device);
  EXPECT_EQ(memory_[0], 51);
  Increment(static_cast<char*>(device) + kPage);
  EXPECT_EQ(memory_[kPage / sizeof(int)], 8);
  ASSERT_OK(aclrtHostUnregister(memory_));
  EXPECT_EQ(memory_[0], 51);
  EXPECT_EQ(memory_[2 * kPage / sizeof(int) - 1], 7);
  // The device has it no more.
  EXPECT_OK(Launch("increment", 1, device, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(memory_[0], 51);
}

TEST_F(HostRegisterTest, PinnedMemoryIsItsOwnDeviceMemory) {
  PinnedArray<char> pinned(2 * kPage);
  auto* const page = reinterpret_cast<int*>(
      (reinterpret_cast<uintptr_t>(pinned.get()) + kPage - 1) / kPage * kPage);
  *page = 1;
  void* device = nullptr;
  ASSERT_OK(aclrtHostRegister(page, kPage, ACL_HOST_REGISTER_MAPPED, &device));
  Increment(device);
  EXPECT_EQ(*page, 2);
  ASSERT_OK(aclrtHostUnregister(page));
  EXPECT_EQ(aclrtHostRegisterV2(page, kPage, ACL_HOST_REG_PINNED), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(HostRegisterTest, PinnedMemoryIsTakenAsItWasAllocated) {
  for (const size_t count : {1, 3, 2000}) {
    PinnedArray<int> pinned(count);
    PinnedArray<int> other(count);
    pinned[count - 1] = 4;
    void* device = nullptr;
    ASSERT_OK(aclrtHostRegisterV2(pinned.get(), pinned.bytes(), ACL_HOST_REG_MAPPED));
    ASSERT_OK(aclrtHostRegisterV2(other.get(), other.bytes(), ACL_HOST_REG_MAPPED));
    ASSERT_OK(aclrtHostGetDevicePointer(&pinned[count - 1], &device, 0));
    Increment(device);
    EXPECT_EQ(pinned[count - 1], 5);
    EXPECT_EQ(aclrtHostGetDevicePointer(pinned.get() + count, &device, 0),
              ACL_ERROR_HOST_MEMORY_NOT_REGISTERED);
    ASSERT_OK(aclrtHostUnregister(pinned.get()));
    ASSERT_OK(aclrtHostUnregister(other.get()));
  }
}

TEST_F(HostRegisterTest, DevicePointersAreForMappedMemory) {
  void* device = nullptr;
  EXPECT_EQ(aclrtHostGetDevicePointer(memory_, &device, 0), ACL_ERROR_HOST_MEMORY_NOT_REGISTERED);
  ASSERT_OK(aclrtHostRegisterV2(memory_, kPage, ACL_HOST_REG_PINNED));
  EXPECT_EQ(aclrtHostGetDevicePointer(memory_, &device, 0), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtHostUnregister(memory_));
  ASSERT_OK(aclrtHostRegisterV2(memory_, kPage, ACL_HOST_REG_PINNED | ACL_HOST_REG_MAPPED));
  EXPECT_EQ(aclrtHostGetDevicePointer(memory_, &device, 1), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtHostGetDevicePointer(memory_, &device, 0));
  Increment(device);
  EXPECT_EQ(memory_[0], 42);
}

TEST_F(HostRegisterTest, RegisteredMemoryIsStillCopied) {
  ASSERT_OK(aclrtHostRegisterV2(memory_, kPage, ACL_HOST_REG_PINNED));
  DeviceArray<int> device(1);
  ASSERT_OK(aclrtMemcpyAsync(device.get(), 4, memory_, 4, ACL_MEMCPY_HOST_TO_DEVICE, stream_));
  Increment(device.get());
  ASSERT_OK(aclrtMemcpyAsync(memory_, 4, device.get(), 4, ACL_MEMCPY_DEVICE_TO_HOST, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(memory_[0], 42);
}

// The caller goes on, and the order is the stream's.
TEST_F(HostRegisterTest, CopiesOfLockedMemoryAreAsynchronous) {
  ASSERT_OK(aclrtHostRegisterV2(memory_, 2 * kPage, ACL_HOST_REG_PINNED));
  DeviceArray<int> device(kPage / sizeof(int));
  int* const second = memory_ + kPage / sizeof(int);
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(
      aclrtMemcpyAsync(device.get(), kPage, memory_, kPage, ACL_MEMCPY_HOST_TO_DEVICE, stream_));
  ASSERT_OK(
      aclrtMemcpyAsync(second, kPage, device.get(), kPage, ACL_MEMCPY_DEVICE_TO_HOST, stream_));
  EXPECT_EQ(second[0], 7);
  memory_[0] = 42;  // before it is copied
  gate.Open();
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(second[0], 42);
}

TEST_F(HostRegisterTest, RowsOfLockedMemory) {
  ASSERT_OK(aclrtHostRegisterV2(memory_, kPage, ACL_HOST_REG_PINNED));
  DeviceArray<int> device(4);
  // The last row ends with the registered memory, and beyond it.
  int* const last = memory_ + kPage / sizeof(int);
  last[-8] = 1;
  last[-4] = 2;
  last[0] = 3;
  const auto copy = [&](const int* first) {
    EXPECT_OK(
        aclrtMemcpy2dAsync(device.get(), 4, first, 16, 4, 2, ACL_MEMCPY_HOST_TO_DEVICE, stream_));
    EXPECT_OK(aclrtSynchronizeStream(stream_));
    return std::vector<int>(device.Read());
  };
  EXPECT_EQ(copy(last - 8), (std::vector<int>{1, 2, 0, 0}));
  EXPECT_EQ(copy(last - 4), (std::vector<int>{2, 3, 0, 0}));
}

TEST_F(HostRegisterTest, ContentsOutliveTheDevice) {
  void* device = nullptr;
  ASSERT_OK(aclrtHostRegister(memory_, kPage, ACL_HOST_REGISTER_MAPPED, &device));
  Increment(device);
  ASSERT_OK(aclrtResetDeviceForce(0));
  EXPECT_EQ(memory_[0], 42);
  ASSERT_OK(aclrtSetDevice(0));
  EXPECT_EQ(aclrtHostUnregister(memory_), ACL_ERROR_HOST_MEMORY_NOT_REGISTERED);
  ASSERT_OK(aclrtHostRegister(memory_, kPage, ACL_HOST_REGISTER_MAPPED, &device));
}

TEST_F(HostRegisterTest, UnmappedMemoryIsNotTouched) {
  void* const pages =
      mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void* device = nullptr;
  ASSERT_OK(aclrtHostRegister(pages, 2 * kPage, ACL_HOST_REGISTER_MAPPED, &device));
  static_cast<char*>(pages)[0] = 9;
  munmap(static_cast<char*>(pages) + kPage, kPage);
  ASSERT_OK(aclrtHostUnregister(pages));
  EXPECT_EQ(static_cast<char*>(pages)[0], 9);
  EXPECT_EQ(msync(static_cast<char*>(pages) + kPage, kPage, MS_ASYNC), -1);
  munmap(pages, kPage);
}

TEST_F(HostRegisterTest, OnlyPrivateWritableMemory) {
  void* device = nullptr;
  const auto refused = [&](int rights, int sharing) {
    void* const pages = mmap(nullptr, kPage, rights, sharing | MAP_ANONYMOUS, -1, 0);
    const aclError error = aclrtHostRegister(pages, kPage, ACL_HOST_REGISTER_MAPPED, &device);
    munmap(pages, kPage);
    return error;
  };
  EXPECT_EQ(refused(PROT_READ | PROT_WRITE, MAP_SHARED), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(refused(PROT_READ, MAP_PRIVATE), ACL_ERROR_RT_PARAM_INVALID);
  alignas(kPage) char stack[kPage];
  EXPECT_EQ(aclrtHostRegister(stack, kPage, ACL_HOST_REGISTER_MAPPED, &device),
            ACL_ERROR_RT_PARAM_INVALID);
  DeviceArray<char> array(kPage);
  EXPECT_EQ(aclrtHostRegister(array.get(), kPage, ACL_HOST_REGISTER_MAPPED, &device),
            ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(HostRegisterTest, ArgumentsAreChecked) {
  void* device = nullptr;
  const auto add = [&](void* memory, size_t size, int type) {
    return aclrtHostRegister(memory, size, static_cast<aclrtHostRegisterType>(type), &device);
  };
  EXPECT_EQ(add(nullptr, kPage, 0), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(add(memory_ + 1, kPage, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(add(memory_, 0, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(add(memory_, SIZE_MAX, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(add(memory_, kPage, ACL_HOST_REGISTER_READONLY), ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  EXPECT_EQ(add(memory_, kPage, 1), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtHostRegisterV2(memory_, kPage, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtHostRegisterV2(memory_, kPage, 1), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(add(memory_, 2 * kPage, 0));
  EXPECT_EQ(add(reinterpret_cast<char*>(memory_) + kPage, kPage, 0),
            ACL_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
  EXPECT_EQ(aclrtHostUnregister(reinterpret_cast<char*>(memory_) + kPage),
            ACL_ERROR_HOST_MEMORY_NOT_REGISTERED);
}

}  // namespace
}  // namespace vnpu::test
