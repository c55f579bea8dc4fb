// What the tests of the acl interface share.
#ifndef VNPU_TESTS_ACL_SUPPORT_H_
#define VNPU_TESTS_ACL_SUPPORT_H_

#include <gtest/gtest.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "acl/acl.h"

namespace vnpu::test {

// "OK", or the code and what aclGetRecentErrMsg says.
testing::AssertionResult IsOk(aclError error);
#define ASSERT_OK(expression) ASSERT_TRUE(::vnpu::test::IsOk(expression))
#define EXPECT_OK(expression) EXPECT_TRUE(::vnpu::test::IsOk(expression))

// Until nothing of the current device's memory is in use: the driver takes back that of an earlier
// use of the device a moment after its end.
void AwaitEmptyDevice();

// Device 0, set and reset around each test.
class DeviceTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;
};

// And a stream and the kernels of kernels.cpp.
class KernelTest : public DeviceTest {
 protected:
  void SetUp() override;

  aclrtFuncHandle Kernel(const char* name);
  // Launches with the arguments as they lie in memory.
  template <class Args>
  aclError Launch(const char* name, uint32_t blocks, Args args, aclrtStream stream) {
    return aclrtLaunchKernelWithHostArgs(Kernel(name), blocks, stream, nullptr, &args, sizeof(args),
                                         nullptr, 0);
  }
  aclError Launch(const char* name, uint32_t blocks, aclrtStream stream) {
    return aclrtLaunchKernelWithHostArgs(Kernel(name), blocks, stream, nullptr, nullptr, 0, nullptr,
                                         0);
  }

  aclrtStream stream_ = nullptr;
  aclrtBinHandle binary_ = nullptr;
};

// Device memory that is freed at the end.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(size_t count, int fill = 0) : count_(count) {
    EXPECT_OK(aclrtMalloc(&data_, bytes(), ACL_MEM_MALLOC_HUGE_FIRST));
    EXPECT_OK(aclrtMemset(data_, bytes(), fill, bytes()));
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { aclrtFree(data_); }

  T* get() const { return static_cast<T*>(data_); }
  size_t bytes() const { return count_ * sizeof(T); }

  void Write(const std::vector<T>& values) {
    EXPECT_OK(aclrtMemcpy(data_, bytes(), values.data(), values.size() * sizeof(T),
                          ACL_MEMCPY_HOST_TO_DEVICE));
  }
  std::vector<T> Read() const {
    std::vector<T> values(count_);
    EXPECT_OK(aclrtMemcpy(values.data(), bytes(), data_, bytes(), ACL_MEMCPY_DEVICE_TO_HOST));
    return values;
  }

 private:
  size_t count_;
  void* data_ = nullptr;
};

// Pinned host memory that is freed at the end.
template <class T>
class PinnedArray {
 public:
  explicit PinnedArray(size_t count) : count_(count) {
    void* data = nullptr;
    EXPECT_OK(aclrtMallocHost(&data, count * sizeof(T)));
    data_ = static_cast<T*>(data);
  }
  PinnedArray(const PinnedArray&) = delete;
  PinnedArray& operator=(const PinnedArray&) = delete;
  ~PinnedArray() { aclrtFreeHost(data_); }

  T* get() const { return data_; }
  T& operator[](size_t i) const { return data_[i]; }
  size_t bytes() const { return count_ * sizeof(T); }

 private:
  size_t count_;
  T* data_ = nullptr;
};

// A kernel that occupies a stream until Open, or the end.
class Gate {
 public:
  // `wait_for` is the kernel of that name.
  Gate(aclrtFuncHandle wait_for, aclrtStream stream);
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() { Open(); }

  void Open();

 private:
  PinnedArray<int> flag_{1};
  aclrtStream stream_;
};

// The kind that copies by descriptor and with offsets are for.
inline constexpr auto kInnerDevice = ACL_MEMCPY_INNER_DEVICE_TO_DEVICE;

// For callbacks with an argument: calls the std::function<void()> that it points to.
inline void CallFunction(void* function) { (*static_cast<std::function<void()>*>(function))(); }

// The device process of this process's open session; 0: none found.
pid_t DeviceProcess();

std::vector<char> ReadFile(const std::string& path);

// Whether a test that takes two devices can run here.
bool HaveTwoDevices();

}  // namespace vnpu::test

#endif  // VNPU_TESTS_ACL_SUPPORT_H_
