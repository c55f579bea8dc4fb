// Long kernels never keep others from running.
#include "tests/device/device_fixture.h"

namespace vnpu::test {
namespace {

class Parallel : public DeviceTest {
 protected:
  static constexpr uint64_t kLeave = 1000;  // word that ends the spinning kernels

  vnpu_sqe Spin(uint64_t slot, uint32_t blocks = 1, const char* kernel = "spin") {
    return Kernel(Function(kernel), blocks, Args2{data_.va + 8 * slot, data_.va + 8 * kLeave});
  }
  void Leave() { Word(data_, kLeave).store(1); }
};

TEST_F(Parallel, ThirdQueueRunsBesideTwoLongKernels) {
  QueueClient& first = device_.CreateQueue(0);
  QueueClient& second = device_.CreateQueue(1);
  QueueClient& third = device_.CreateQueue(2);
  ASSERT_TRUE(device_.Publish(first, Spin(0)));
  ASSERT_TRUE(device_.Publish(second, Spin(1)));
  ASSERT_TRUE(WaitForWord(data_, 0));
  ASSERT_TRUE(WaitForWord(data_, 1));
  const uint32_t add_one = Function("add_one");
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(device_.Run(third, Kernel(add_one, 1, Args1{data_.va + 64})), VNPU_OK);
    ASSERT_EQ(device_.Run(third, Memset(data_.va + 128, 8, 1)), VNPU_OK);
    ASSERT_EQ(device_.Run(third, Record(1, static_cast<uint64_t>(i) + 1)), VNPU_OK);
  }
  EXPECT_EQ(Word(data_, 8).load(), 50u);
  EXPECT_FALSE(first.Done());
  EXPECT_FALSE(second.Done());
  Leave();
  EXPECT_TRUE(device_.Wait(first));
  EXPECT_TRUE(device_.Wait(second));
}

// Who is woken for a kernel that has been short so far wakes nobody else before it.
TEST_F(Parallel, KernelThatWasShortBefore) {
  QueueClient& first = device_.CreateQueue(0);
  QueueClient& second = device_.CreateQueue(1);
  for (int round = 0; round < 3; ++round) {
    Leave();
    for (int i = 0; i < 100; ++i) {
      ASSERT_EQ(device_.Run(first, Spin(0)), VNPU_OK);
    }
    ASSERT_TRUE(device_.WaitUntilAsleep());
    Word(data_, 0).store(0);
    Word(data_, kLeave).store(0);
    ASSERT_TRUE(device_.Publish(first, WithTimeout(Spin(0), 300'000)));
    ASSERT_TRUE(WaitForWord(data_, 0));
    EXPECT_EQ(device_.Run(second, Memset(data_.va + 128, 8, 1)), VNPU_OK);
    EXPECT_FALSE(first.Done());
    if (round == 1) {
      EXPECT_TRUE(device_.Wait(first)) << "its limit counts all the same";
      EXPECT_EQ(LastException().status, VNPU_E_TIMEOUT);
    }
    Leave();
    EXPECT_TRUE(device_.Wait(first));
  }
}

// As many as there are units, all at the same time, far more than processors.
TEST_F(Parallel, EveryUnitCanHoldALongKernel) {
  const DeviceClient::Units units;
  std::vector<QueueClient*> queues;
  for (uint32_t i = 0; i < units.ai_cores + units.vector_cores; ++i) {
    const bool vector = i >= units.ai_cores;
    queues.push_back(&device_.CreateQueue(i));
    ASSERT_TRUE(device_.Publish(*queues.back(), Spin(i, 1, vector ? "spin_vector" : "spin")));
  }
  for (uint32_t i = 0; i < queues.size(); ++i) {
    EXPECT_TRUE(WaitForWord(data_, i)) << i;
  }
  QueueClient& more = device_.CreateQueue(100);
  ASSERT_TRUE(device_.Publish(more, Spin(100)));
  QueueClient& copy = device_.CreateQueue(101);
  EXPECT_EQ(device_.Run(copy, Memset(data_.va + 4096, 8, 1)), VNPU_OK) << "other units are free";
  EXPECT_EQ(Word(data_, 100).load(), 0u) << "no AI core is";
  Leave();
  for (QueueClient* queue : queues) {
    EXPECT_TRUE(device_.Wait(*queue));
  }
  EXPECT_TRUE(device_.Wait(more));
}

// All blocks are in at the same time: they would never end otherwise.
TEST_F(Parallel, BlocksOfOneKernelRunBesideEachOther) {
  const DeviceClient::Units units;
  QueueClient& queue = device_.CreateQueue(0);
  ASSERT_TRUE(device_.Publish(queue, Spin(0, units.ai_cores)));
  for (uint32_t i = 0; i < units.ai_cores; ++i) {
    EXPECT_TRUE(WaitForWord(data_, i)) << i;
  }
  Leave();
  EXPECT_TRUE(device_.Wait(queue));
}

// Another session holds all units; it gives them back without telling.
TEST_F(Parallel, UnitsComeBackFromAnotherSession) {
  constexpr uint32_t kOther = 5;
  firmware::BoardSlot& other = device_.slot(kOther);
  other.in_use[VNPU_UNIT_AI_CORE].store(DeviceClient::Units{}.ai_cores);
  device_.board().live_slots[0].fetch_or(1u << kOther);
  device_.board().live_sessions.store(2);
  QueueClient& queue = device_.CreateQueue(0);
  const uint32_t add_one = Function("add_one");
  for (int i = 0; i < 5; ++i) {
    other.in_use[VNPU_UNIT_AI_CORE].store(DeviceClient::Units{}.ai_cores);
    ASSERT_TRUE(device_.Publish(queue, Kernel(add_one, 1, Args1{data_.va})));
    ASSERT_TRUE(device_.WaitUntilAsleep());
    EXPECT_FALSE(queue.Done());
    other.in_use[VNPU_UNIT_AI_CORE].store(0);
    EXPECT_TRUE(device_.Wait(queue));
  }
}

}  // namespace
}  // namespace vnpu::test
