// Entries with a field out of range: each ends with VNPU_E_INVALID_SQE, and the queue goes on.
#include <functional>

#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

constexpr uint32_t kArgs = 24;

struct Case {
  const char* name;
  // Makes the entry; `kernel` takes kArgs bytes of arguments.
  std::function<vnpu_sqe(uint32_t kernel)> make;
};

vnpu_sqe InArea(uint32_t kernel, const std::function<void(vnpu_sqe*)>& change = {}) {
  vnpu_sqe sqe = Kernel(kernel);
  sqe.kernel.arg_size = kArgs;
  if (change) {
    change(&sqe);
  }
  return sqe;
}
vnpu_sqe Inline(uint32_t kernel, const std::function<void(vnpu_sqe*)>& change = {}) {
  vnpu_sqe sqe = InArea(kernel, change);
  sqe.flags |= VNPU_SQE_INLINE;
  return sqe;
}

const std::vector<Case> kInvalid = {
    {"opcode", [](uint32_t) { return MakeSqe(VNPU_OP_COUNT); }},
    {"opcode255", [](uint32_t) { return With(Nop(), [](auto* s) { s->opcode = 255; }); }},
    {"flags", [](uint32_t) { return With(Nop(), [](auto* s) { s->flags = 0x80; }); }},
    {"core_limit", [](uint32_t) { return With(Nop(), [](auto* s) { s->core_limit = 1; }); }},
    {"nop_payload", [](uint32_t) { return With(Nop(), [](auto* s) { s->payload[5] = 1; }); }},
    {"interrupt_event", [](uint32_t) { return Interrupt(VNPU_MAX_EVENTS, 1, 0); }},
    {"interrupt_irq", [](uint32_t) { return Interrupt(1, 1, VNPU_MAX_IRQS); }},
    {"interrupt_seq", [](uint32_t) { return Interrupt(1, 0, 0); }},
    {"interrupt_reserved",
     [](uint32_t) {
       return With(Interrupt(1, 1, 0), [](auto* s) { s->interrupt.reserved[3] = 1; });
     }},
    {"no_function", [](uint32_t) { return Kernel(1000); }},
    {"function_max", [](uint32_t) { return Kernel(UINT32_MAX); }},
    {"no_blocks", [](uint32_t k) { return InArea(k, [](auto* s) { s->kernel.block_dim = 0; }); }},
    {"blocks",
     [](uint32_t k) {
       return InArea(k, [](auto* s) { s->kernel.block_dim = VNPU_MAX_BLOCKS + 1; });
     }},
    {"few_args", [](uint32_t k) { return InArea(k, [](auto* s) { --s->kernel.arg_size; }); }},
    {"many_args", [](uint32_t k) { return Inline(k, [](auto* s) { ++s->kernel.arg_size; }); }},
    {"arg_alignment",
     [](uint32_t k) { return InArea(k, [](auto* s) { s->kernel.arg_offset = 4; }); }},
    {"arg_end",
     [](uint32_t k) { return InArea(k, [](auto* s) { s->kernel.arg_offset = 8192 - 16; }); }},
    {"arg_offset",
     [](uint32_t k) { return InArea(k, [](auto* s) { s->kernel.arg_offset = 0xffff'fff8; }); }},
    {"inline_offset",
     [](uint32_t k) { return Inline(k, [](auto* s) { s->kernel.arg_offset = 8; }); }},
    {"inline_and_device",
     [](uint32_t k) { return Inline(k, [](auto* s) { s->flags = VNPU_SQE_DEVICE_ARGS; }); }},
    {"device_offset",
     [](uint32_t k) {
       return InArea(k, [](auto* s) {
         s->flags = VNPU_SQE_DEVICE_ARGS;
         s->kernel.arg_offset = 8;
       });
     }},
    {"copy_flags", [](uint32_t) { return Copy(64, 128, 8, 0x20); }},
    {"copy_reserved0",
     [](uint32_t) { return With(Copy(64, 128, 8), [](auto* s) { s->copy.reserved0 = 1; }); }},
    {"copy_src_offset",
     [](uint32_t) { return With(Copy(64, 128, 8), [](auto* s) { s->copy.src_offset = 1; }); }},
    {"copy_dst_offset",
     [](uint32_t) {
       return With(Copy(64, 128, 8, VNPU_COPY_SRC_INDIRECT),
                   [](auto* s) { s->copy.dst_offset = 1; });
     }},
    {"copy_indirect_pageable",
     [](uint32_t) { return Copy(64, 128, 8, VNPU_COPY_SRC_INDIRECT | VNPU_COPY_DST_PAGEABLE); }},
    {"copy_desc_indirect",
     [](uint32_t) { return Copy(0, 128, 0, VNPU_COPY_DESC | VNPU_COPY_SRC_INDIRECT); }},
    {"copy_desc_size", [](uint32_t) { return Copy(0, 128, 8, VNPU_COPY_DESC); }},
    {"copy_desc_dst", [](uint32_t) { return Copy(64, 128, 0, VNPU_COPY_DESC); }},
    {"reduce_kind", [](uint32_t) { return Reduce(64, 128, 8, 3, VNPU_TYPE_FP32); }},
    {"reduce_type", [](uint32_t) { return Reduce(64, 128, 8, 0, VNPU_TYPE_INT64); }},
    {"reduce_no_type", [](uint32_t) { return Reduce(64, 128, 8, 0, VNPU_TYPE_COUNT); }},
    {"reduce_size", [](uint32_t) { return Reduce(64, 128, 6, 0, VNPU_TYPE_FP32); }},
    {"reduce_reserved",
     [](uint32_t) {
       return With(Reduce(64, 128, 8, 0, VNPU_TYPE_FP32),
                   [](auto* s) { s->reduce.reserved[1] = 1; });
     }},
    {"random_reserved",
     [](uint32_t) {
       return With(MakeSqe(VNPU_OP_RANDOM), [](auto* s) { s->random.reserved[4] = 1; });
     }},
    {"opcode_gap", [](uint32_t) { return MakeSqe(static_cast<vnpu_opcode>(15)); }},
    {"width0", [](uint32_t) { return Memset(64, 8, 1, 0); }},
    {"width3", [](uint32_t) { return Memset(64, 6, 1, 3); }},
    {"width8", [](uint32_t) { return Memset(64, 8, 1, 8); }},
    {"memset_size", [](uint32_t) { return Memset(64, 6, 1, 4); }},
    {"memset_alignment", [](uint32_t) { return Memset(66, 8, 1, 4); }},
    {"memset_reserved",
     [](uint32_t) { return With(Memset(64, 8, 1), [](auto* s) { s->memset.reserved[2] = 1; }); }},
    {"event_id", [](uint32_t) { return Record(VNPU_MAX_EVENTS, 1); }},
    {"wait_id", [](uint32_t) { return Wait(UINT32_MAX, 1); }},
    {"reset_id", [](uint32_t) { return Reset(VNPU_MAX_EVENTS); }},
    {"record_seq", [](uint32_t) { return Record(1, 0); }},
    {"wait_seq", [](uint32_t) { return Wait(1, 0); }},
    {"event_reserved0",
     [](uint32_t) { return With(Record(1, 1), [](auto* s) { s->event.reserved0 = 1; }); }},
    {"event_reserved1",
     [](uint32_t) { return With(Reset(1), [](auto* s) { s->event.reserved1[3] = 1; }); }},
};

class InvalidSqe : public SchedulerTest, public testing::WithParamInterface<Case> {};

TEST_P(InvalidSqe, FailsAloneAndTheQueueGoesOn) {
  const uint32_t kernel = AddKernel(VNPU_UNIT_AI_CORE, kArgs);
  QueueClient& queue = Create(5);
  const vnpu_sqe sqe = GetParam().make(kernel);
  Publish(queue, {sqe, sqe, Inline(kernel)});
  const Work work = Pick();
  EXPECT_EQ(work.queue->head, 2u);
  Retire(work);
  EXPECT_TRUE(queue.Done());
  for (uint64_t task = 0; task < 2; ++task) {
    const auto cqe = queue.Consume();
    ASSERT_TRUE(cqe);
    EXPECT_EQ(cqe->task, task);
    EXPECT_EQ(cqe->status, VNPU_E_INVALID_SQE);
    EXPECT_EQ(cqe->exception, task + 1);
    EXPECT_EQ(session()->exceptions[task].status, VNPU_E_INVALID_SQE);
    EXPECT_EQ(session()->exceptions[task].opcode, sqe.opcode);
  }
  EXPECT_FALSE(queue.Consume());
  EXPECT_EQ(event(1).seq, 0u);
}

INSTANTIATE_TEST_SUITE_P(Fields, InvalidSqe, testing::ValuesIn(kInvalid),
                         [](const auto& info) { return info.param.name; });

using SqeHeader = SchedulerTest;

TEST_F(SqeHeader, QueueAndSequenceNumberMustFit) {
  QueueClient& queue = Create(5);
  vnpu_sqe sqe = Nop();
  sqe.queue_id = 6;
  ASSERT_FALSE(queue.PublishRaw(sqe));
  sqe.queue_id = 5;
  sqe.seq = 2;
  ASSERT_FALSE(queue.PublishRaw(sqe));
  sqe.seq = 2;
  ASSERT_FALSE(queue.PublishRaw(sqe));
  ExpectNoWork();
  EXPECT_EQ(queue.Consume()->task, 0u);
  EXPECT_EQ(queue.Consume()->task, 1u);
  EXPECT_FALSE(queue.Consume()) << "the third one is right";
}

// The limits themselves are fine.
TEST_F(SqeHeader, ValidAtTheLimits) {
  const uint32_t kernel = AddKernel(VNPU_UNIT_AI_CORE, kArgs);
  const uint32_t full = AddKernel(VNPU_UNIT_AI_CORE, VNPU_SQE_INLINE_BYTES);
  QueueClient& queue = Create(5);
  struct Bytes {
    unsigned char bytes[VNPU_SQE_INLINE_BYTES] = {};
  };
  Publish(queue,
          {InArea(kernel, [](auto* s) { s->kernel.arg_offset = 8192 - kArgs; }), Inline(kernel),
           Kernel(full, 1, Bytes{}),
           InArea(kernel, [](auto* s) { s->flags = VNPU_SQE_DEVICE_ARGS | VNPU_SQE_CQE; }),
           Copy(0, UINT64_MAX, UINT64_MAX, VNPU_COPY_SRC_PAGEABLE | VNPU_COPY_DST_PAGEABLE),
           With(Copy(0, UINT64_MAX, UINT64_MAX, VNPU_COPY_SRC_INDIRECT | VNPU_COPY_DST_INDIRECT),
                [](auto* s) { s->copy.src_offset = s->copy.dst_offset = UINT64_MAX; }),
           Copy(0, UINT64_MAX, 0, VNPU_COPY_DESC), Memset(66, 6, UINT32_MAX, 2),
           Reduce(3, UINT64_MAX, UINT64_MAX - 3, VNPU_REDUCE_MIN, VNPU_TYPE_FP32),
           MakeSqe(VNPU_OP_RANDOM)});
  EXPECT_EQ(RunAll().size(), 10u);
  EXPECT_EQ(queue.Consume()->status, VNPU_OK);
  EXPECT_FALSE(queue.Consume());
}

TEST_F(SqeHeader, ArgumentsAreWhereTheEntrySays) {
  const uint32_t kernel = AddKernel(VNPU_UNIT_AI_CORE, kArgs);
  QueueClient& queue = Create(5);
  const uint64_t address = 0x1234'5678'9abc;
  Publish(queue, {InArea(kernel, [](auto* s) { s->kernel.arg_offset = 64; }), Inline(kernel),
                  InArea(kernel, [&](auto* s) {
                    s->flags = VNPU_SQE_DEVICE_ARGS;
                    __builtin_memcpy(s->kernel.inline_args, &address, sizeof(address));
                  })});
  Work work = Pick();
  EXPECT_EQ(work.queue->task.args, queue.args() + 64);
  Retire(work);
  work = Pick();
  EXPECT_EQ(work.queue->task.args, work.queue->task.sqe.kernel.inline_args);
  Retire(work);
  work = Pick();
  EXPECT_EQ(reinterpret_cast<uint64_t>(work.queue->task.args), address);
  Retire(work);
}

TEST_F(SqeHeader, KernelTooLargeForTheEntry) {
  const uint32_t large = AddKernel(VNPU_UNIT_AI_CORE, VNPU_SQE_INLINE_BYTES + 8);
  QueueClient& queue = Create(5);
  vnpu_sqe sqe = Kernel(large);
  sqe.kernel.arg_size = VNPU_SQE_INLINE_BYTES + 8;
  sqe.flags = VNPU_SQE_INLINE;
  Publish(queue, sqe);
  ExpectNoWork();
  EXPECT_EQ(queue.Consume()->status, VNPU_E_INVALID_SQE);
}

}  // namespace
}  // namespace vnpu::firmware::test
