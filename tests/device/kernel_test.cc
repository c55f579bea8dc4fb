// Kernels: blocks, arguments, order, what a block knows about itself.
#include <vnpu/kernel_abi.h>

#include <cstring>

#include "tests/device/device_fixture.h"

namespace vnpu::test {
namespace {

using KernelTask = DeviceTest;

TEST_F(KernelTask, EveryBlockRunsOnce) {
  const uint32_t fill = Function("fill");
  QueueClient& queue = device_.CreateQueue(0);
  for (const uint32_t blocks : {1u, 2u, 7u, 100u, 5'000u, VNPU_MAX_BLOCKS}) {
    std::memset(data_.host, 0, data_.size);
    ASSERT_EQ(device_.Run(queue, Kernel(fill, blocks, Args2{data_.va, 1000})), VNPU_OK);
    for (uint64_t i = 0; i < blocks; ++i) {
      ASSERT_EQ(Word(data_, i).load(), 1000 + i) << i << " of " << blocks;
    }
    EXPECT_EQ(Word(data_, blocks).load(), 0u);
  }
}

TEST_F(KernelTask, ChainOfSmallOnes) {
  constexpr uint64_t kLaunches = 20'000;
  const uint32_t add_one = Function("add_one");
  QueueClient& queue = device_.CreateQueue(0);
  for (uint64_t i = 0; i < kLaunches; ++i) {
    ASSERT_TRUE(device_.Publish(queue, Kernel(add_one, 1, Args1{data_.va})));
  }
  ASSERT_TRUE(device_.Wait(queue));
  EXPECT_EQ(Word(data_, 0).load(), kLaunches);
  EXPECT_EQ(device_.slot(DeviceClient::kSlot).tasks.load(), kLaunches);
}

TEST_F(KernelTask, ArgumentsInTheArea) {
  struct Args {
    uint64_t out;
    uint64_t words[32];
  } args{data_.va, {}};
  for (uint64_t i = 0; i < 32; ++i) {
    args.words[i] = i * i;
  }
  QueueClient& queue = device_.CreateQueue(0);
  vnpu_sqe sqe = Kernel(Function("sum"));
  sqe.kernel.arg_size = sizeof(args);
  sqe.kernel.arg_offset = 512;
  std::memcpy(queue.args() + 512, &args, sizeof(args));
  ASSERT_EQ(device_.Run(queue, sqe), VNPU_OK);
  EXPECT_EQ(Word(data_, 0).load(), 10416u);
}

TEST_F(KernelTask, ArgumentsInDeviceMemory) {
  const Args2 args{data_.va, 77};
  std::memcpy(data_.host + 4096, &args, sizeof(args));
  QueueClient& queue = device_.CreateQueue(0);
  vnpu_sqe sqe = Kernel(Function("fill"), 3, Args1{data_.va + 4096});
  sqe.flags = VNPU_SQE_DEVICE_ARGS;
  sqe.kernel.arg_size = sizeof(args);
  ASSERT_EQ(device_.Run(queue, sqe), VNPU_OK);
  EXPECT_EQ(Word(data_, 2).load(), 79u);
  // Not mapped: the kernel faults, nobody else.
  const uint64_t nowhere = data_.va + data_.size;
  std::memcpy(sqe.kernel.inline_args, &nowhere, sizeof(nowhere));
  EXPECT_EQ(device_.Run(queue, sqe), VNPU_E_ADDRESS);
  EXPECT_EQ(LastException().address & ~15ull, nowhere);
}

TEST_F(KernelTask, WhatABlockKnows) {
  struct Case {
    const char* name;
    uint32_t unit;
    uint32_t cores;
  };
  const DeviceClient::Units units;
  QueueClient& queue = device_.CreateQueue(1234);
  for (const Case& test : {Case{"block_info", VNPU_UNIT_AI_CORE, units.ai_cores},
                           Case{"block_info_vector", VNPU_UNIT_VECTOR_CORE, units.vector_cores},
                           Case{"block_info_mix", VNPU_UNIT_MIX, units.ai_cores},
                           Case{"block_info_cpu", VNPU_UNIT_AI_CPU, units.ai_cpus}}) {
    constexpr uint32_t kBlocks = 300;
    const uint64_t task = queue.tail();
    ASSERT_EQ(device_.Run(queue, Kernel(Function(test.name), kBlocks, Args1{data_.va})), VNPU_OK);
    for (uint32_t i = 0; i < kBlocks; ++i) {
      const vnpu_block& block = data_.As<vnpu_block>()[i];
      ASSERT_EQ(block.block_idx, i);
      ASSERT_EQ(block.block_dim, kBlocks);
      ASSERT_LT(block.core_id, test.cores);
      ASSERT_EQ(block.core_type, test.unit);
      ASSERT_EQ(block.device_id, 0u);
      ASSERT_EQ(block.queue_id, 1234u);
      ASSERT_EQ(block.task, task);
      ASSERT_EQ(block.clock_hz, vdev::ClockHz());
    }
  }
}

TEST_F(KernelTask, TimesOfTasks) {
  QueueClient& queue = device_.CreateQueue(0);
  const uint64_t ticks = vdev::ClockHz() / 1000;
  const uint64_t before = __rdtsc();
  ASSERT_EQ(device_.Run(queue, Kernel(Function("work"), 1, Args1{ticks})), VNPU_OK);
  const vnpu_task_time& time = queue.time(0);
  EXPECT_GE(time.start, before);
  EXPECT_GE(time.end - time.start, ticks);
  EXPECT_LE(time.end, __rdtsc());
  EXPECT_GE(device_.slot(DeviceClient::kSlot).busy_ns[VNPU_UNIT_AI_CORE].load(), 990'000u);
}

// Many queues, several threads that publish, kernels of all sizes: everything runs, in order.
TEST_F(KernelTask, ManyQueuesAndThreads) {
  constexpr uint32_t kThreads = 3;
  constexpr uint32_t kQueues = 8;  // a thread
  constexpr uint64_t kLaunches = 500;
  const uint32_t add_one = Function("add_one");
  const uint32_t fill = Function("fill");
  std::vector<QueueClient*> queues;
  for (uint32_t id = 0; id < kThreads * kQueues; ++id) {
    queues.push_back(&device_.CreateQueue(id, {.priority = id % VNPU_PRIORITIES}));
  }
  std::vector<std::thread> threads;
  for (uint32_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (uint64_t i = 0; i < kLaunches; ++i) {
        for (uint32_t q = 0; q < kQueues; ++q) {
          const uint32_t id = thread * kQueues + q;
          const uint64_t own = data_.va + 4096ull * id;
          ASSERT_TRUE(device_.Publish(*queues[id], Kernel(add_one, 1, Args1{own})));
          if (i % 50 == q) {
            ASSERT_TRUE(device_.Publish(*queues[id], Kernel(fill, 20, Args2{own + 8, i})));
          }
        }
      }
      for (uint32_t q = 0; q < kQueues; ++q) {
        ASSERT_TRUE(device_.Wait(*queues[thread * kQueues + q]));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (uint32_t id = 0; id < queues.size(); ++id) {
    EXPECT_EQ(Word(data_, 512ull * id).load(), kLaunches) << id;
    EXPECT_FALSE(queues[id]->Consume());
  }
  for (const auto& in_use : device_.slot(DeviceClient::kSlot).in_use) {
    EXPECT_EQ(in_use.load(), 0u);
  }
}

}  // namespace
}  // namespace vnpu::test
