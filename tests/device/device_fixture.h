// A device process that is set up, with some memory and the test kernels.
#ifndef VNPU_TESTS_DEVICE_DEVICE_FIXTURE_H_
#define VNPU_TESTS_DEVICE_DEVICE_FIXTURE_H_

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/device/device_client.h"
#include "tests/support/sqe.h"
#include "vdev/clock.h"

namespace vnpu::test {

// Arguments of kernels, as they lie in the entry.
struct Args1 {
  uint64_t a;
};
struct Args2 {
  uint64_t a;
  uint64_t b;
};
struct Args4 {
  uint64_t a;
  uint64_t b;
  uint64_t c;
  uint64_t d;
};

class DeviceTest : public testing::Test {
 protected:
  static constexpr uint64_t kDataOffset = 0x4000'0000;
  static constexpr uint64_t kModuleOffset = 0x10'0000'0000;
  static constexpr uint64_t kDataBytes = 4u << 20;

  void SetUp() override { ASSERT_NO_FATAL_FAILURE(Start(DeviceClient::Units{})); }
  void Start(const DeviceClient::Units& units) {
    ASSERT_EQ(device_.Init(units), 0);
    data_ = device_.Map(kDataOffset, kDataBytes);
    std::string message;
    ASSERT_EQ(device_.LoadModule(1, kModuleOffset, VNPU_TEST_KERNELS, &message), 0) << message;
  }

  uint32_t Function(const char* name) {
    const uint32_t id = device_.Kernel(1, name);
    EXPECT_NE(id, UINT32_MAX) << name;
    return id;
  }
  static std::atomic_ref<uint64_t> Word(const DeviceMemory& memory, uint64_t index) {
    return std::atomic_ref<uint64_t>(memory.As<uint64_t>()[index]);
  }
  // Waits for another party to store something else than 0.
  static bool WaitForWord(const DeviceMemory& memory, uint64_t index) {
    const auto end = std::chrono::steady_clock::now() + DeviceClient::kLimit;
    while (Word(memory, index).load() == 0) {
      if (std::chrono::steady_clock::now() > end) {
        return false;
      }
      std::this_thread::yield();
    }
    return true;
  }
  // The last exception that the device recorded.
  const vnpu_exception& LastException() const {
    const uint64_t count = Shared(device_.session()->exception_count).load();
    return device_.session()->exceptions[(count - 1) % VNPU_EXCEPTIONS];
  }
  // The process answers, and runs tasks.
  void ExpectHealthy(uint32_t queue_id = 4000) {
    QueueClient& queue = device_.CreateQueue(queue_id);
    EXPECT_EQ(device_.Run(queue, Nop()), VNPU_OK);
    EXPECT_EQ(device_.DestroyQueue(queue_id), 0);
  }

  DeviceClient device_;
  DeviceMemory data_;
};

}  // namespace vnpu::test

#endif  // VNPU_TESTS_DEVICE_DEVICE_FIXTURE_H_
