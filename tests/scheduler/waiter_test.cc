// Whom the device tells about progress: waiting threads by interrupt, and the driver.
#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

class Waiter : public SchedulerTest {
 protected:
  Waiter() { scheduler_->SetIrqLimit(8); }

  void Arm(uint32_t irq, QueueClient& queue, uint64_t target) {
    vnpu_waiter& waiter = session()->waiters[irq];
    waiter.queue_id = queue.id();
    waiter.target = target;
    waiter.armed = 1;
    ++queue.hdr().waiting;
  }
  using Irqs = std::vector<uint32_t>;
};

TEST_F(Waiter, NobodyWaitsNobodyIsTold) {
  QueueClient& queue = Create(0);
  Publish(queue, {Nop(), Kernel(kernel_)});
  RunAll();
  EXPECT_TRUE(platform_.irqs.empty());
  EXPECT_EQ(platform_.driver_signals, 0);
}

TEST_F(Waiter, ToldOnceWhenTheTargetIsReached) {
  QueueClient& queue = Create(0);
  Arm(3, queue, 2);
  Publish(queue, {Kernel(kernel_), Kernel(kernel_), Kernel(kernel_)});
  Retire(Pick());
  EXPECT_TRUE(platform_.irqs.empty());
  EXPECT_EQ(session()->waiters[3].armed, 1u);
  Retire(Pick());
  EXPECT_EQ(platform_.irqs, Irqs{3});
  EXPECT_EQ(session()->waiters[3].armed, 0u);
  Retire(Pick());
  EXPECT_EQ(platform_.irqs, Irqs{3});
}

TEST_F(Waiter, SeveralWithTargetsOfTheirOwn) {
  QueueClient& queue = Create(0);
  QueueClient& other = Create(1);
  Arm(0, queue, 1);
  Arm(7, queue, 1);
  Arm(2, queue, 2);
  Arm(5, other, 1);
  Publish(queue, {Kernel(kernel_), Kernel(kernel_)});
  Retire(Pick());
  EXPECT_EQ(platform_.irqs, (Irqs{0, 7}));
  Retire(Pick());
  EXPECT_EQ(platform_.irqs, (Irqs{0, 7, 2}));
  Publish(other, Nop());
  RunAll();
  EXPECT_EQ(platform_.irqs, (Irqs{0, 7, 2, 5}));
}

TEST_F(Waiter, DisarmedSlotIsLeftAlone) {
  QueueClient& queue = Create(0);
  Arm(1, queue, 1);
  session()->waiters[1].armed = 0;
  Publish(queue, Nop());
  RunAll();
  EXPECT_TRUE(platform_.irqs.empty());
}

TEST_F(Waiter, SlotsBeyondTheLastInterruptAreNotLookedAt) {
  QueueClient& queue = Create(0);
  Arm(8, queue, 1);
  Arm(VNPU_MAX_IRQS - 1, queue, 1);
  Publish(queue, Nop());
  RunAll();
  EXPECT_TRUE(platform_.irqs.empty());
}

TEST_F(Waiter, FailedAndDroppedTasksCountAsProgress) {
  QueueClient& queue = Create(0, 3, VNPU_QUEUE_STOP_ON_FAILURE);
  Arm(0, queue, 3);
  Publish(queue, {Kernel(kernel_), Kernel(kernel_), Kernel(kernel_)});
  Retire(Pick(), VNPU_E_TRAP);
  RunAll();
  EXPECT_EQ(platform_.irqs, Irqs{0});
}

TEST_F(Waiter, DriverIsToldOncePerRequest) {
  QueueClient& queue = Create(0);
  queue.hdr().driver_wait = 1;
  Publish(queue, {Nop(), Nop()});
  RunAll();
  EXPECT_EQ(platform_.driver_signals, 1);
  EXPECT_EQ(queue.hdr().driver_wait, 0u);
  Publish(queue, Nop());
  RunAll();
  EXPECT_EQ(platform_.driver_signals, 1);
  queue.hdr().driver_wait = 1;
  Publish(queue, Nop());
  RunAll();
  EXPECT_EQ(platform_.driver_signals, 2);
}

TEST_F(Waiter, WaitersOfAReleasedQueueAreToldToo) {
  QueueClient& waiter = Create(0);
  QueueClient& recorder = Create(1);
  Arm(4, waiter, 1);
  Publish(waiter, Wait(9, 1));
  RunAll();
  EXPECT_TRUE(platform_.irqs.empty());
  Publish(recorder, Record(9, 1));
  RunAll();
  EXPECT_EQ(platform_.irqs, Irqs{4});
}

}  // namespace
}  // namespace vnpu::firmware::test
