// Time limits on the running device.
#include "tests/device/device_fixture.h"

namespace vnpu::test {
namespace {

class TimeLimit : public DeviceTest {
 protected:
  static constexpr uint64_t kNever = 100;
  using Clock = std::chrono::steady_clock;

  vnpu_sqe Spin(uint32_t blocks) {
    return Kernel(Function("spin"), blocks, Args2{data_.va, data_.va + 8 * kNever});
  }
};

TEST_F(TimeLimit, EndlessKernel) {
  QueueClient& queue = device_.CreateQueue(0);
  for (const uint32_t limit_us : {500u, 5'000u, 50'000u}) {
    const auto start = Clock::now();
    EXPECT_EQ(device_.Run(queue, WithTimeout(Spin(1), limit_us)), VNPU_E_TIMEOUT);
    EXPECT_GE(Clock::now() - start, std::chrono::microseconds(limit_us));
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(5));
    EXPECT_EQ(LastException().status, VNPU_E_TIMEOUT);
    EXPECT_NE(LastException().pc, 0u);
    EXPECT_LT(LastException().pc, 1u << 20);
  }
  EXPECT_EQ(device_.Run(queue, WithTimeout(Nop(), 1)), VNPU_OK);
}

TEST_F(TimeLimit, EndlessKernelOfManyBlocks) {
  QueueClient& queue = device_.CreateQueue(0);
  EXPECT_EQ(device_.Run(queue, WithTimeout(Spin(90), 20'000)), VNPU_E_TIMEOUT);
  ExpectHealthy();
}

TEST_F(TimeLimit, WaitWhileTheDeviceSleeps) {
  QueueClient& queue = device_.CreateQueue(0);
  for (int i = 0; i < 20; ++i) {
    const auto start = Clock::now();
    EXPECT_EQ(device_.Run(queue, WithTimeout(Wait(4, 1), 3'000)), VNPU_E_WAIT_TIMEOUT);
    EXPECT_GE(Clock::now() - start, std::chrono::milliseconds(3));
  }
}

TEST_F(TimeLimit, WaitsBesideALongKernel) {
  QueueClient& busy = device_.CreateQueue(0);
  ASSERT_TRUE(device_.Publish(busy, Spin(1)));
  ASSERT_TRUE(WaitForWord(data_, 0));
  QueueClient& queue = device_.CreateQueue(1);
  EXPECT_EQ(device_.Run(queue, WithTimeout(Wait(4, 1), 5'000)), VNPU_E_WAIT_TIMEOUT);
  Word(data_, kNever).store(1);
  EXPECT_TRUE(device_.Wait(busy));
}

// A far limit sleeps with the device and does not keep it from noticing nearer ones.
TEST_F(TimeLimit, FarAndNearLimits) {
  QueueClient& far = device_.CreateQueue(0);
  QueueClient& near = device_.CreateQueue(1);
  ASSERT_TRUE(device_.Publish(far, WithTimeout(Wait(4, 1), 3'600'000'000u)));
  ASSERT_TRUE(device_.WaitUntilAsleep());
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(device_.Run(near, WithTimeout(Wait(5, 1), 2'000)), VNPU_E_WAIT_TIMEOUT);
  }
  EXPECT_EQ(device_.Run(near, Record(4, 1)), VNPU_OK);
  EXPECT_TRUE(device_.Wait(far));
}

TEST_F(TimeLimit, ManyShortOnes) {
  QueueClient& queue = device_.CreateQueue(0);
  const uint32_t work = Function("work");
  const uint64_t ticks = vdev::ClockHz() / 20'000;  // 50 us
  int late = 0;
  for (int i = 0; i < 300; ++i) {
    // Around the limit: it ends one way or the other, and the next one is not hit for it.
    const uint32_t status = device_.Run(queue, WithTimeout(Kernel(work, 1, Args1{ticks}), 50));
    ASSERT_TRUE(status == VNPU_OK || status == VNPU_E_TIMEOUT) << status;
    late += status == VNPU_E_TIMEOUT ? 1 : 0;
    ASSERT_EQ(device_.Run(queue, Kernel(work, 1, Args1{10})), VNPU_OK) << "after " << late;
  }
}

}  // namespace
}  // namespace vnpu::test
