// Tasks of VNPU_FEATURE_DMA_TASKS: what they point to is checked like the entry itself.
#include <cstring>

#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

class DmaTaskTest : public RawTest {};

vnpu_sqe ReduceTask(uint64_t dst, uint64_t src, uint64_t size, uint32_t kind, uint32_t type) {
  vnpu_sqe sqe{};
  sqe.opcode = VNPU_OP_REDUCE;
  sqe.reduce.dst = dst;
  sqe.reduce.src = src;
  sqe.reduce.size = size;
  sqe.reduce.kind = kind;
  sqe.reduce.type = type;
  return sqe;
}

vnpu_sqe RandomTask(uint64_t params) {
  vnpu_sqe sqe{};
  sqe.opcode = VNPU_OP_RANDOM;
  sqe.random.params = params;
  return sqe;
}

template <class T>
T LoadValue(Session& session, uint64_t va) {
  T value{};
  EXPECT_TRUE(session.Load(&value, va, sizeof(value)));
  return value;
}

TEST_P(DmaTaskTest, CopiesByDescriptorAndByPointers) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  const Buffer buffer = session.Allocate(kPage);
  const uint64_t word = 0x1122334455667788;
  ASSERT_TRUE(session.Store(buffer.va, &word, sizeof(word)));
  const vnpu_copy_desc desc{buffer.va + 1024, buffer.va, sizeof(word), 0};
  ASSERT_TRUE(session.Store(buffer.va + 512, &desc, sizeof(desc)));
  ASSERT_EQ(session.Run(queue, Copy(0, buffer.va + 512, 0, VNPU_COPY_DESC)), VNPU_OK);
  EXPECT_EQ(LoadValue<uint64_t>(session, buffer.va + 1024), word);

  // The first member of the descriptor is the address of the destination.
  vnpu_sqe copy = Copy(buffer.va + 512, buffer.va, sizeof(word), VNPU_COPY_DST_INDIRECT);
  copy.copy.dst_offset = 64;
  ASSERT_EQ(session.Run(queue, copy), VNPU_OK);
  EXPECT_EQ(LoadValue<uint64_t>(session, buffer.va + 1024 + 64), word);
}

TEST_P(DmaTaskTest, AddressesInMemoryAreTranslated) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  const Buffer buffer = session.Allocate(kPage);
  uint64_t local = 0;
  const uint64_t bad[] = {0, AddressOf(&local), UINT64_MAX - 3, buffer.va + buffer.size};
  for (const uint64_t address : bad) {
    const vnpu_copy_desc desc{address, buffer.va, 8, 0};
    ASSERT_TRUE(session.Store(buffer.va + 512, &desc, sizeof(desc)));
    EXPECT_EQ(session.Run(queue, Copy(0, buffer.va + 512, 0, VNPU_COPY_DESC)), VNPU_E_DMA_ADDRESS);
    EXPECT_EQ(session.Run(queue, Copy(0, address, 0, VNPU_COPY_DESC)), VNPU_E_DMA_ADDRESS);
    EXPECT_EQ(session.Run(queue, ReduceTask(address, buffer.va, 8, 0, VNPU_TYPE_FP32)),
              VNPU_E_DMA_ADDRESS);
    EXPECT_EQ(session.Run(queue, RandomTask(address)), VNPU_E_DMA_ADDRESS);
  }
  EXPECT_EQ(local, 0u);
  EXPECT_EQ(session.Run(queue, Nop()), VNPU_OK);
}

TEST_P(DmaTaskTest, Reduction) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  const Buffer buffer = session.Allocate(kPage);
  const float values[] = {1.5f, -2.0f};
  ASSERT_TRUE(session.Store(buffer.va, values, sizeof(values)));
  const vnpu_sqe sum = ReduceTask(buffer.va, buffer.va + 4, 4, VNPU_REDUCE_SUM, VNPU_TYPE_FP32);
  ASSERT_EQ(session.Run(queue, sum), VNPU_OK);
  EXPECT_EQ(LoadValue<float>(session, buffer.va), -0.5f);
  EXPECT_EQ(session.Run(queue, ReduceTask(buffer.va, buffer.va, 6, 0, VNPU_TYPE_FP32)),
            VNPU_E_INVALID_SQE);
  EXPECT_EQ(session.Run(queue, ReduceTask(buffer.va, buffer.va, 8, 3, VNPU_TYPE_FP32)),
            VNPU_E_INVALID_SQE);
}

TEST_P(DmaTaskTest, RandomNumbersFillExactlyTheirRange) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  const Buffer buffer = session.Allocate(kPage);
  vnpu_random random{};
  random.distribution = VNPU_RANDOM_UNIFORM;
  random.type = VNPU_TYPE_UINT32;
  random.result = buffer.va + 1024;
  random.counter = buffer.va + 512;
  random.count.bits = 3;
  random.first.bits = 7;
  random.second.bits = 8;
  ASSERT_TRUE(session.Store(buffer.va, &random, sizeof(random)));
  ASSERT_EQ(session.Run(queue, RandomTask(buffer.va)), VNPU_OK);
  EXPECT_EQ(LoadValue<uint32_t>(session, buffer.va + 1024 + 8), 7u);
  EXPECT_EQ(LoadValue<uint32_t>(session, buffer.va + 1024 + 12), 0u);
  random.type = VNPU_TYPE_COUNT;
  ASSERT_TRUE(session.Store(buffer.va, &random, sizeof(random)));
  EXPECT_EQ(session.Run(queue, RandomTask(buffer.va)), VNPU_E_INVALID_SQE);
}

RAW_TEST_SUITE(DmaTaskTest);

}  // namespace
}  // namespace vnpu::raw
