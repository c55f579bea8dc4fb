// Interrupts: how waiting threads of the client, and the driver, learn of progress.
#include <liburing.h>

#include <cstring>

#include "tests/device/device_fixture.h"

namespace vnpu::test {
namespace {

class Interrupt : public DeviceTest {
 protected:
  void SetUp() override {
    DeviceTest::SetUp();
    queue_ = &device_.CreateQueue(0);
  }
  // By the protocol of session.h; false when the target is reached already.
  bool Arm(uint32_t irq, const QueueClient& queue, uint64_t target) {
    vnpu_waiter& waiter = device_.session()->waiters[irq];
    Shared(waiter.queue_id).store(queue.id());
    Shared(waiter.target).store(target);
    Shared(waiter.armed).store(1);
    Shared(queue.hdr().waiting).fetch_add(1);
    return queue.head() < target;
  }
  void Disarm(uint32_t irq, const QueueClient& queue) {
    Shared(device_.session()->waiters[irq].armed).store(0);
    Shared(queue.hdr().waiting).fetch_sub(1);
  }
  int RemoveIrq(uint32_t irq) {
    firmware::ControlRequest request;
    std::memset(static_cast<void*>(&request), 0, sizeof(request));
    request.op = firmware::ControlOp::kIrqDel;
    request.irq.irq_id = irq;
    return device_.Result(request);
  }

  QueueClient* queue_ = nullptr;
};

TEST_F(Interrupt, ByEventfd) {
  const EventFd irq;
  ASSERT_EQ(device_.AddIrq(5, irq), 0);
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(Arm(5, *queue_, queue_->tail() + 2));
    ASSERT_TRUE(device_.Publish(*queue_, Nop()));
    ASSERT_TRUE(device_.Publish(*queue_, Memset(data_.va, 64, 1)));
    ASSERT_EQ(irq.Take(), 1u);
    EXPECT_TRUE(queue_->Done());
    Disarm(5, *queue_);
  }
}

TEST_F(Interrupt, ByUring) {
  io_uring ring{};
  if (io_uring_queue_init(8, &ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) != 0) {
    GTEST_SKIP() << "no io_uring here";
  }
  constexpr uint64_t kUserData = 0x1234'5678'9abc;
  const int added = device_.AddUringIrq(2, ring.ring_fd, kUserData);
  if (added == -EOPNOTSUPP) {
    io_uring_queue_exit(&ring);
    GTEST_SKIP() << "the device process may not have an io_uring";
  }
  ASSERT_EQ(added, 0);
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(Arm(2, *queue_, queue_->tail() + 1));
    ASSERT_TRUE(device_.Publish(*queue_, Nop()));
    io_uring_cqe* cqe = nullptr;
    __kernel_timespec limit{.tv_sec = 10, .tv_nsec = 0};
    ASSERT_EQ(io_uring_wait_cqe_timeout(&ring, &cqe, &limit), 0);
    EXPECT_EQ(cqe->user_data, kUserData);
    EXPECT_EQ(cqe->res, 0);
    io_uring_cqe_seen(&ring, cqe);
    EXPECT_TRUE(queue_->Done());
    Disarm(2, *queue_);
  }
  // A client that closes its ring in the middle of things hurts nobody.
  ASSERT_TRUE(Arm(2, *queue_, queue_->tail() + 1));
  io_uring_queue_exit(&ring);
  ASSERT_TRUE(device_.Publish(*queue_, Nop()));
  EXPECT_TRUE(device_.Wait(*queue_));
  ExpectHealthy();
}

TEST_F(Interrupt, UringThatIsNone) {
  const EventFd no_ring;
  EXPECT_EQ(device_.AddUringIrq(2, 999'999, 0), -EOPNOTSUPP);
  if (device_.AddUringIrq(2, no_ring.fd(), 0) == 0) {
    ASSERT_TRUE(Arm(2, *queue_, 1));
    ASSERT_TRUE(device_.Publish(*queue_, Nop()));
    EXPECT_TRUE(device_.Wait(*queue_));
  }
  ExpectHealthy();
}

TEST_F(Interrupt, NumbersAreChecked) {
  const EventFd irq;
  EXPECT_EQ(device_.AddIrq(VNPU_MAX_IRQS, irq), -EINVAL);
  EXPECT_EQ(device_.AddIrq(VNPU_MAX_IRQS - 1, irq), 0);
  EXPECT_EQ(device_.AddIrq(VNPU_MAX_IRQS - 1, irq), -EINVAL) << "taken";
  EXPECT_EQ(RemoveIrq(VNPU_MAX_IRQS - 1), 0);
  EXPECT_EQ(RemoveIrq(VNPU_MAX_IRQS - 1), -ENOENT);
  EXPECT_EQ(RemoveIrq(UINT32_MAX), -ENOENT);
}

TEST_F(Interrupt, SeveralThreadsWaitForOneQueue) {
  constexpr uint32_t kThreads = 4;
  constexpr int kRounds = 100;
  std::array<EventFd, kThreads> irqs;
  for (uint32_t i = 0; i < kThreads; ++i) {
    ASSERT_EQ(device_.AddIrq(i, irqs[i]), 0);
  }
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t base = queue_->tail();
    for (uint32_t i = 0; i < kThreads; ++i) {
      ASSERT_TRUE(Arm(i, *queue_, base + 1 + i));
    }
    for (uint32_t i = 0; i < kThreads; ++i) {
      ASSERT_TRUE(device_.Publish(*queue_, Memset(data_.va, 4096, 1)));
    }
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        EXPECT_EQ(irqs[i].Take(), 1u);
        EXPECT_GE(queue_->head(), base + 1 + i);
        Disarm(i, *queue_);
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
}

// Arming races with completion: either the waiter sees the head, or it gets its interrupt.
TEST_F(Interrupt, ArmingRacesWithCompletion) {
  const EventFd irq;
  ASSERT_EQ(device_.AddIrq(0, irq), 0);
  for (int i = 0; i < 5'000; ++i) {
    ASSERT_TRUE(device_.Publish(*queue_, Nop()));
    for (int pause = 0; pause < i % 100; ++pause) {
      __builtin_ia32_pause();
    }
    if (Arm(0, *queue_, queue_->tail())) {
      ASSERT_NE(irq.Take(), 0u) << "round " << i;
      while (!queue_->Done()) {  // an interrupt of the round before may come late
        ASSERT_NE(irq.Take(), 0u) << "round " << i;
      }
    }
    Disarm(0, *queue_);
  }
}

TEST_F(Interrupt, DriverIsSignalled) {
  Shared(queue_->hdr().driver_wait).store(1);
  ASSERT_TRUE(device_.Publish(*queue_, Nop()));
  EXPECT_EQ(device_.driver_event().Take(), 1u);
  EXPECT_TRUE(queue_->Done());
  EXPECT_EQ(Shared(queue_->hdr().driver_wait).load(), 0u);
}

}  // namespace
}  // namespace vnpu::test
