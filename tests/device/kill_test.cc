// Destruction of queues that have things to do.
#include "tests/device/device_fixture.h"

namespace vnpu::test {
namespace {

class Kill : public DeviceTest {
 protected:
  static constexpr uint64_t kNever = 100;  // a word that stays 0
};

TEST_F(Kill, EndlessKernel) {
  const uint32_t spin = Function("spin");
  for (uint32_t round = 0; round < 10; ++round) {
    QueueClient& queue = device_.CreateQueue(round);
    Word(data_, 0).store(0);
    ASSERT_TRUE(device_.Publish(queue, Kernel(spin, 1, Args2{data_.va, data_.va + 8 * kNever})));
    ASSERT_TRUE(WaitForWord(data_, 0));
    EXPECT_EQ(device_.DestroyQueue(round), -EBUSY);
    EXPECT_EQ(device_.DestroyQueue(round, VNPU_DESTROY_FORCE), 0);
    EXPECT_EQ(queue.head(), 0u);
  }
  EXPECT_EQ(device_.slot(DeviceClient::kSlot).in_use[VNPU_UNIT_AI_CORE].load(), 0u);
  ExpectHealthy();
}

TEST_F(Kill, EndlessKernelOfManyBlocks) {
  QueueClient& queue = device_.CreateQueue(0);
  ASSERT_TRUE(device_.Publish(
      queue, Kernel(Function("spin"), 1000, Args2{data_.va, data_.va + data_.size - 8})));
  ASSERT_TRUE(WaitForWord(data_, 0));
  EXPECT_EQ(device_.DestroyQueue(0, VNPU_DESTROY_FORCE), 0);
  EXPECT_EQ(device_.slot(DeviceClient::kSlot).in_use[VNPU_UNIT_AI_CORE].load(), 0u);
  ExpectHealthy();
}

TEST_F(Kill, WaitingTask) {
  QueueClient& queue = device_.CreateQueue(0);
  ASSERT_TRUE(device_.Publish(queue, Wait(3, 1)));
  EXPECT_EQ(device_.DestroyQueue(0), -EBUSY);
  EXPECT_EQ(device_.DestroyQueue(0, VNPU_DESTROY_FORCE), 0);
  QueueClient& other = device_.CreateQueue(1);
  EXPECT_EQ(device_.Run(other, Record(3, 1)), VNPU_OK);
  EXPECT_EQ(queue.head(), 0u);
}

// Large copies, mapped and pageable, end in the middle.
TEST_F(Kill, Copies) {
  const DeviceMemory large = device_.Map(0x20'0000'0000, 256u << 20);
  std::vector<char> host(256u << 20, 1);
  for (uint32_t round = 0; round < 6; ++round) {
    QueueClient& queue = device_.CreateQueue(round);
    const uint32_t flags = round % 2 == 0 ? 0 : VNPU_COPY_SRC_PAGEABLE;
    const uint64_t from =
        flags == 0 ? large.va + large.size / 2 : reinterpret_cast<uint64_t>(host.data());
    const uint64_t size = flags == 0 ? large.size / 2 : large.size;
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(device_.Publish(queue, Copy(large.va, from, size, flags)));
    }
    ASSERT_TRUE(device_.WaitFor(queue, 1));
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(device_.DestroyQueue(round, VNPU_DESTROY_FORCE), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
    EXPECT_LT(queue.head(), 50u);
  }
  ExpectHealthy();
}

// After the answer the device does not touch the queue's memory, whatever the client rings.
TEST_F(Kill, MemoryOfADestroyedQueueIsLeftAlone) {
  QueueClient& queue = device_.CreateQueue(9);
  EXPECT_EQ(device_.Run(queue, Nop()), VNPU_OK);
  EXPECT_EQ(device_.DestroyQueue(9), 0);
  std::fill_n(queue.base(), VNPU_PAGE_SIZE, std::byte{0x5a});
  Shared(device_.session()->doorbell[0]).fetch_or(1u << 9);
  Shared(device_.session()->doorbell_summary).fetch_or(1);
  device_.Kick();
  ExpectHealthy();
  for (uint64_t i = 0; i < VNPU_PAGE_SIZE; ++i) {
    ASSERT_EQ(queue.base()[i], std::byte{0x5a}) << i;
  }
}

// Creation and destruction while other queues work.
TEST_F(Kill, InTheMiddleOfOtherWork) {
  const uint32_t add_one = Function("add_one");
  const uint32_t spin = Function("spin");
  QueueClient& steady = device_.CreateQueue(0);
  std::atomic<bool> stop{false};
  uint64_t launched = 0;
  std::thread thread([&] {
    while (!stop.load()) {
      ASSERT_TRUE(device_.Publish(steady, Kernel(add_one, 1, Args1{data_.va})));
      ++launched;
    }
    ASSERT_TRUE(device_.Wait(steady));
  });
  for (uint32_t round = 0; round < 100; ++round) {
    QueueClient& queue = device_.CreateQueue(1 + round % 3);
    ASSERT_TRUE(device_.Publish(
        queue, Kernel(spin, 1 + round % 4, Args2{data_.va + 4096, data_.va + 8 * kNever})));
    for (uint32_t i = 0; i < round * 20; ++i) {
      __builtin_ia32_pause();
    }
    ASSERT_EQ(device_.DestroyQueue(1 + round % 3, VNPU_DESTROY_FORCE), 0);
  }
  stop.store(true);
  thread.join();
  EXPECT_EQ(Word(data_, 0).load(), launched);
  EXPECT_FALSE(steady.Consume());
}

}  // namespace
}  // namespace vnpu::test
