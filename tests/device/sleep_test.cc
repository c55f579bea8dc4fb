// Sleep and wake-up of the device: nothing published is ever forgotten.
#include <random>

#include "tests/device/device_fixture.h"

namespace vnpu::test {
namespace {

using Sleep = DeviceTest;

void Pause(uint64_t us) {
  const uint64_t end = __rdtsc() + us * (vdev::ClockHz() / 1'000'000);
  while (__rdtsc() < end) {
    __builtin_ia32_pause();
  }
}

TEST_F(Sleep, DeviceSleepsAndWakesByKick) {
  QueueClient& queue = device_.CreateQueue(0);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(device_.WaitUntilAsleep());
    EXPECT_EQ(Shared(queue.hdr().need_doorbell).load(), 1u);
    EXPECT_EQ(device_.Run(queue, Nop()), VNPU_OK);
  }
}

TEST_F(Sleep, KickWithoutADoorbellDoesNothing) {
  for (int i = 0; i < 100; ++i) {
    device_.Kick();
  }
  ASSERT_TRUE(device_.WaitUntilAsleep());
  ExpectHealthy();
}

// Publishes at all distances from the moment the device falls asleep. A lost wake-up would wait
// for the limit of Wait().
TEST_F(Sleep, EveryMomentOfFallingAsleep) {
  QueueClient& queue = device_.CreateQueue(0);
  std::mt19937 random(5);
  for (int i = 0; i < 4'000; ++i) {
    ASSERT_TRUE(device_.Publish(queue, Nop()));
    ASSERT_TRUE(device_.Wait(queue)) << "round " << i;
    Pause(random() % 400);
  }
}

// The same with threads of their own, kernels, waits with limits, and more queues than are polled.
TEST_F(Sleep, SeveralThreadsWithPauses) {
  constexpr uint32_t kThreads = 3;
  constexpr uint32_t kQueues = 10;
  const uint32_t work = Function("work");
  const uint64_t us = vdev::ClockHz() / 1'000'000;
  std::vector<QueueClient*> queues;
  for (uint32_t id = 0; id < kThreads * kQueues; ++id) {
    queues.push_back(&device_.CreateQueue(id));
  }
  std::vector<std::thread> threads;
  for (uint32_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      std::mt19937 random(thread);
      for (int i = 0; i < 1'000; ++i) {
        QueueClient& queue = *queues[thread * kQueues + random() % kQueues];
        vnpu_sqe sqe = Nop();
        switch (random() % 8) {
          case 0:
          case 1:
          case 2:
            sqe = Kernel(work, 1 + random() % 3, Args1{us * (random() % 60)});
            break;
          case 3:
            sqe = WithTimeout(Wait(100 + thread, 1), 1 + random() % 300);
            break;
          default:
            break;
        }
        ASSERT_TRUE(device_.Publish(queue, sqe));
        if (random() % 2 == 0) {
          ASSERT_TRUE(device_.Wait(queue)) << "thread " << thread << " round " << i;
        }
        while (queue.Consume()) {
        }
        if (random() % 3 == 0) {
          std::this_thread::sleep_for(std::chrono::microseconds(random() % 400));
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
}

// An idle device uses no processor time.
TEST_F(Sleep, IdleDeviceIsIdle) {
  QueueClient& queue = device_.CreateQueue(0);
  ASSERT_TRUE(device_.Publish(queue, Wait(1, 1)));
  ASSERT_TRUE(device_.WaitUntilAsleep());
  const auto cpu_time = [&] {
    clockid_t clock{};
    timespec time{};
    EXPECT_EQ(clock_getcpuclockid(device_.pid(), &clock), 0);
    EXPECT_EQ(clock_gettime(clock, &time), 0);
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
  };
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the one that fell asleep last
  const auto before = cpu_time();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // the time that is measured
  EXPECT_LT(cpu_time() - before, 2'000'000) << "one per cent of one processor";
}

}  // namespace
}  // namespace vnpu::test
