// A client that writes nonsense into everything that it shares with the device.
#include <cstring>
#include <random>

#include "tests/device/device_fixture.h"

namespace vnpu::test {
namespace {

class HostileClient : public DeviceTest, public testing::WithParamInterface<uint64_t> {
 protected:
  vnpu_sqe RandomSqe(const QueueClient& queue) {
    vnpu_sqe sqe{};
    auto* words = reinterpret_cast<uint32_t*>(&sqe);
    for (size_t i = 0; i < sizeof(sqe) / sizeof(uint32_t); ++i) {
      words[i] = static_cast<uint32_t>(random_() % 4 == 0 ? random_() : random_() % 5);
    }
    sqe.opcode = static_cast<uint8_t>(random_() % (VNPU_OP_COUNT + 1));
    sqe.flags = static_cast<uint8_t>(random_() % 8 == 0 ? random_() : 0);
    sqe.core_limit = static_cast<uint16_t>(sqe.opcode == VNPU_OP_KERNEL ? random_() % 4 : 0);
    sqe.queue_id = queue.id();
    sqe.seq = static_cast<uint32_t>(queue.tail());
    sqe.timeout_us = 1000;
    if (sqe.opcode == VNPU_OP_COPY || sqe.opcode == VNPU_OP_MEMSET) {
      sqe.copy.dst = data_.va + random_() % (2 * data_.size);
      sqe.copy.src = random_() % 2 == 0 ? data_.va + random_() % data_.size : random_();
      sqe.copy.size = random_() % 4 == 0 ? random_() : random_() % 4096;
      sqe.copy.copy_flags =
          static_cast<uint32_t>(random_() % 8 == 0 ? random_() % 32 : sqe.copy.copy_flags & 3);
      sqe.copy.reserved0 = 0;
      sqe.copy.dst_offset = sqe.copy.src_offset = 0;
      if ((sqe.copy.copy_flags & VNPU_COPY_DST_PAGEABLE) != 0) {
        sqe.copy.dst = 4096;  // this test is the client whose memory it would be
      }
    }
    if (sqe.opcode == VNPU_OP_REDUCE) {
      sqe.reduce.dst = data_.va + random_() % (2 * data_.size);
      sqe.reduce.src = random_() % 2 == 0 ? data_.va + random_() % data_.size : random_();
      sqe.reduce.size = random_() % 4 == 0 ? random_() : random_() % 4096 * 4;
      sqe.reduce.kind %= VNPU_REDUCE_MIN + 1;
      sqe.reduce.type %= VNPU_TYPE_COUNT;
      sqe.reduce.reserved[0] = sqe.reduce.reserved[1] = 0;
    }
    if (sqe.opcode == VNPU_OP_RANDOM) {
      std::memset(&sqe.random, 0, sizeof(sqe.random));
      sqe.random.params = data_.va + random_() % (2 * data_.size);
    }
    if (sqe.opcode == VNPU_OP_KERNEL) {
      sqe.kernel.func_id = static_cast<uint32_t>(random_() % 30);
      sqe.kernel.block_dim = static_cast<uint32_t>(random_() % 5);
    }
    return sqe;
  }

  std::mt19937_64 random_{GetParam()};
};

TEST_P(HostileClient, RandomEntries) {
  QueueClient& queue = device_.CreateQueue(0);
  for (int i = 0; i < 3'000; ++i) {
    ASSERT_TRUE(device_.WaitFor(queue, queue.tail() < 60 ? 0 : queue.tail() - 60));
    if (queue.PublishRaw(RandomSqe(queue))) {
      device_.Kick();
    }
    while (queue.Consume()) {
    }
  }
  EXPECT_TRUE(device_.Wait(queue));
  ExpectHealthy();
}

TEST_P(HostileClient, RandomHeadersDoorbellsAndWaiters) {
  constexpr uint32_t kQueues = 20;
  std::vector<QueueClient*> queues;
  for (uint32_t id = 0; id < kQueues; ++id) {
    queues.push_back(&device_.CreateQueue(id, {.entries = 8}));
  }
  const EventFd irq;
  ASSERT_EQ(device_.AddIrq(3, irq), 0);
  vnpu_session_mem& session = *device_.session();
  for (int i = 0; i < 20'000; ++i) {
    QueueClient& queue = *queues[random_() % kQueues];
    auto* words = reinterpret_cast<uint64_t*>(queue.base());
    const uint64_t value = random_() % 2 == 0 ? random_() % 10 : random_();
    Shared(words[random_() % (sizeof(vnpu_queue_hdr) / 8)]).store(value);
    Shared(session.doorbell[random_() % VNPU_DOORBELL_WORDS]).fetch_or(random_());
    Shared(session.doorbell[0]).fetch_or(random_());
    Shared(session.doorbell_summary).fetch_or(random_());
    vnpu_waiter& waiter = session.waiters[random_() % VNPU_MAX_IRQS];
    Shared(waiter.armed).store(static_cast<uint32_t>(random_()));
    Shared(waiter.queue_id).store(static_cast<uint32_t>(random_() % kQueues));
    Shared(session.exception_count).store(random_());
    Shared(session.need_wakeup).store(static_cast<uint32_t>(random_() % 2));
    if (random_() % 16 == 0) {
      device_.Kick();
    }
  }
  for (uint32_t id = 0; id < kQueues; ++id) {
    EXPECT_EQ(device_.DestroyQueue(id, VNPU_DESTROY_FORCE), 0);
  }
  // The client puts right what is its own and finds a device that works.
  Shared(session.need_wakeup).store(1);
  device_.Kick();
  ASSERT_TRUE(device_.WaitUntilAsleep());
  ExpectHealthy();
}

INSTANTIATE_TEST_SUITE_P(Seeds, HostileClient, testing::Range<uint64_t>(1, 6));

}  // namespace
}  // namespace vnpu::test
