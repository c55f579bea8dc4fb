// Whoever sees a task over that has waited sees the one over that it waited for.
#include <functional>
#include <thread>

#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

class ReleaseOrder : public SchedulerTest {
 protected:
  // Has `record` release `wait` often, while a client looks at both queues.
  void ExpectOrder(const std::function<vnpu_sqe(uint64_t)>& record,
                   const std::function<vnpu_sqe(uint64_t)>& wait) {
    constexpr uint64_t kRounds = 100'000;
    const QueueClient recorder = Create(0);
    const QueueClient waiter = Create(1);
    uint64_t too_early = 0;
    std::jthread client([&] {
      for (uint64_t seen = 0; seen < kRounds;) {
        seen = waiter.head();
        too_early += recorder.head() < seen ? 1 : 0;
      }
    });
    for (uint64_t round = 1; round <= kRounds; ++round) {
      Publish(clients_[1], wait(round));
      ExpectNoWork();
      Publish(clients_[0], record(round));
      ExpectNoWork();
    }
    client.join();
    EXPECT_EQ(too_early, 0u);
  }
};

TEST_F(ReleaseOrder, Event) {
  ExpectOrder([](uint64_t round) { return Record(7, round); },
              [](uint64_t round) { return Wait(7, round); });
}

TEST_F(ReleaseOrder, Notify) {
  ExpectOrder([](uint64_t) { return Signal(7); },
              [](uint64_t) { return NotifyWait(7, VNPU_NOTIFY_EQUAL, 1, VNPU_NOTIFY_CLEAR); });
}

TEST_F(ReleaseOrder, WhoHadToWaitGoesFirst) {
  QueueClient& waiter = Create(1);
  Publish(waiter, {Wait(7, 1), Kernel(kernel_)});
  ExpectNoWork();
  Publish(Create(0), {Record(7, 1), Kernel(kernel_)});
  EXPECT_EQ(RunAll(), (std::vector<uint32_t>{1, 0}));
}

}  // namespace
}  // namespace vnpu::firmware::test
