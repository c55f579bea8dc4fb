// Events, and queues that depend on each other.
#include <cstring>

#include "tests/device/device_fixture.h"

namespace vnpu::test {
namespace {

class EventTask : public DeviceTest {
 protected:
  int Free(uint32_t event_id) {
    firmware::ControlRequest request;
    std::memset(static_cast<void*>(&request), 0, sizeof(request));
    request.op = firmware::ControlOp::kEventFree;
    request.event.event_id = event_id;
    return device_.Result(request);
  }
};

TEST_F(EventTask, WaitAcrossQueues) {
  QueueClient& recorder = device_.CreateQueue(0);
  QueueClient& waiter = device_.CreateQueue(1);
  ASSERT_TRUE(device_.Publish(waiter, Wait(9, 1)));
  ASSERT_TRUE(device_.Publish(waiter, Copy(data_.va + 8, data_.va, 8)));
  ASSERT_TRUE(device_.WaitUntilAsleep());
  EXPECT_EQ(waiter.head(), 0u);
  ASSERT_TRUE(device_.Publish(recorder, Memset(data_.va, 8, 5)));
  ASSERT_TRUE(device_.Publish(recorder, Record(9, 1)));
  ASSERT_TRUE(device_.Wait(waiter));
  EXPECT_EQ(*data_.As<uint64_t>(8), 0x0505'0505'0505'0505u);
  EXPECT_EQ(Shared(device_.session()->events[9].seq).load(), 1u);
  EXPECT_NE(device_.session()->events[9].timestamp, 0u);
}

TEST_F(EventTask, FreeIsRefusedWhileATaskWaits) {
  QueueClient& queue = device_.CreateQueue(0);
  EXPECT_EQ(Free(9), 0);
  EXPECT_EQ(Free(VNPU_MAX_EVENTS), -EINVAL);
  ASSERT_TRUE(device_.Publish(queue, Wait(9, 1)));
  while (Free(9) == 0) {  // until the device has seen the task
    std::this_thread::yield();
  }
  EXPECT_EQ(Free(9), -EBUSY);
  QueueClient& other = device_.CreateQueue(1);
  ASSERT_TRUE(device_.Publish(other, Record(9, 4)));
  ASSERT_TRUE(device_.Wait(queue));
  EXPECT_EQ(Free(9), 0);
  EXPECT_EQ(Shared(device_.session()->events[9].seq).load(), 0u);
}

// Two queues hand a counter to each other thousands of times.
TEST_F(EventTask, PingPong) {
  constexpr uint64_t kRounds = 5'000;
  const uint32_t add_one = Function("add_one");
  QueueClient& ping = device_.CreateQueue(0);
  QueueClient& pong = device_.CreateQueue(1);
  for (uint64_t i = 1; i <= kRounds; ++i) {
    ASSERT_TRUE(device_.Publish(ping, Kernel(add_one, 1, Args1{data_.va})));
    ASSERT_TRUE(device_.Publish(ping, Record(0, i)));
    ASSERT_TRUE(device_.Publish(pong, Wait(0, i)));
    ASSERT_TRUE(device_.Publish(pong, Kernel(add_one, 1, Args1{data_.va})));
    ASSERT_TRUE(device_.Publish(pong, Record(1, i)));
    ASSERT_TRUE(device_.Publish(ping, Wait(1, i)));
  }
  ASSERT_TRUE(device_.Wait(ping));
  ASSERT_TRUE(device_.Wait(pong));
  EXPECT_EQ(Word(data_, 0).load(), 2 * kRounds) << "one of them ran at a time";
}

}  // namespace
}  // namespace vnpu::test
