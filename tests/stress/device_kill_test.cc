// Device processes killed or stopped: their session is lost, and says so at once; others go on.
#include <liburing.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <thread>

#include "tests/stress/work.h"
#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kNotice{1'000};

class DeviceKillTest : public RawTest {
 protected:
  milliseconds GiveBack() const override { return kGiveBack; }
  std::vector<std::string> Options() const override { return {"--control-timeout-ms", "1000"}; }
  void ExpectWorks() {
    Session session(vnpud());
    EXPECT_EQ(session.Run(session.CreateQueue(), Nop()), VNPU_OK);
  }
};

TEST_P(DeviceKillTest, WaitersWake) {
  if (kOneWindow) {
    GTEST_SKIP() << "the thread checker leaves room for one window";
  }
  Session innocent(vnpud());
  const Queue innocent_queue = innocent.CreateQueue();
  for (int round = 0; round < 10; ++round) {
    Session session(vnpud());
    const Queue queue = session.CreateQueue();
    session.Publish(queue, EventWait(session.AllocateEvents(1).front(), 1));
    session.PrepareWait();
    std::atomic<bool> woken{false};
    std::thread waiter([&] {
      EXPECT_FALSE(session.WaitHead(queue, 1));
      woken.store(true);
    });
    usleep(static_cast<useconds_t>(round) * 200);
    EXPECT_EQ(kill(session.device_pid(), SIGKILL), 0);
    EXPECT_TRUE(Eventually(kNotice, [&] { return woken.load(); }));
    waiter.join();
    EXPECT_EQ(session.State(), VNPU_SESSION_LOST);
    vnpu_ioc_event_alloc alloc{};
    alloc.count = 1;
    EXPECT_ERRNO(EIO, session.Ioctl(VNPU_IOC_EVENT_ALLOC, &alloc));
    EXPECT_EQ(innocent.Run(innocent_queue, Nop()), VNPU_OK);
    ExpectWorks();
  }
}

TEST_P(DeviceKillTest, RingsAreTold) {
  Session session(vnpud());
  io_uring ring;
  if (const int error = io_uring_queue_init(8, &ring, 0); error != 0) {
    GTEST_SKIP() << "io_uring is refused: " << ErrorName(error);
  }
  vnpu_ioc_irq_add add{ring.ring_fd, VNPU_IRQ_URING, 77, 0, 0};
  EXPECT_OK(session.Ioctl(VNPU_IOC_IRQ_ADD, &add));
  EXPECT_EQ(kill(session.device_pid(), SIGKILL), 0);
  io_uring_cqe* cqe = nullptr;
  __kernel_timespec limit{TimeScale(), 0};
  const int waited = io_uring_wait_cqe_timeout(&ring, &cqe, &limit);
  EXPECT_EQ(waited, 0) << ErrorName(waited);
  if (waited == 0) {
    EXPECT_EQ(cqe->user_data, 77u);
    EXPECT_EQ(session.State(), VNPU_SESSION_LOST);
  }
  io_uring_queue_exit(&ring);
}

TEST_P(DeviceKillTest, InTheMiddleOfWork) {
  std::mt19937 random(5);
  for (int round = 0; round < 20; ++round) {
    Session session(vnpud());
    const pid_t pid = session.device_pid();
    RandomWork work(&session, random());
    std::atomic<bool> ended{false};
    std::thread worker([&] {
      try {
        while (work.Step()) {
        }
      } catch (const std::system_error& e) {
        EXPECT_EQ(e.code().value(), EIO) << e.what();
      }
      ended.store(true);
    });
    usleep(random() % 20'000);
    EXPECT_EQ(kill(pid, SIGKILL), 0);
    EXPECT_TRUE(Eventually(kNotice, [&] { return ended.load(); })) << "round " << round;
    worker.join();
    EXPECT_TRUE(Eventually(kNotice, [&] { return session.State() == VNPU_SESSION_LOST; }));
  }
  ExpectWorks();
}

// A process that does not answer any more is buried after the time that the driver gives it, and
// holds nobody else up meanwhile.
TEST_P(DeviceKillTest, StoppedProcessesAreBuried) {
  Session innocent(vnpud());
  const Queue innocent_queue = innocent.CreateQueue();
  Session session(vnpud());
  ASSERT_EQ(kill(session.device_pid(), SIGSTOP), 0);
  std::atomic<bool> answered{false};
  std::thread asking([&] {
    const UniqueFd fd = MakeSealedMemfd(VNPU_PAGE_SIZE);
    vnpu_ioc_qmem_add add{VNPU_PAGE_SIZE, fd.get(), 0};
    EXPECT_ERRNO(EIO, session.Ioctl(VNPU_IOC_QMEM_ADD, &add));
    answered.store(true);
  });
  int meanwhile = 0;
  const auto deadline = steady_clock::now() + kPatience * TimeScale();
  while (!answered.load() && steady_clock::now() < deadline) {
    EXPECT_EQ(innocent.Run(innocent_queue, Nop()), VNPU_OK);
    const Buffer buffer = innocent.Allocate(VNPU_PAGE_SIZE);
    innocent.Free(buffer);
    ++meanwhile;
  }
  EXPECT_TRUE(answered.load());
  EXPECT_GT(meanwhile, 10) << "others had to wait";
  asking.join();
  EXPECT_TRUE(Eventually(kNotice, [&] { return session.State() == VNPU_SESSION_LOST; }));
}

// A session ends at once although its device process is stopped.
TEST_P(DeviceKillTest, StoppedProcessesDoNotHoldUpTheEnd) {
  auto session = std::make_unique<Session>(vnpud());
  ASSERT_EQ(kill(session->device_pid(), SIGSTOP), 0);
  session.reset();
  ExpectNothingLeft();
}

RAW_TEST_SUITE(DeviceKillTest);

}  // namespace
}  // namespace vnpu::raw
