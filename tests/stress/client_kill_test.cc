// Clients killed with SIGKILL at random instants: within one second the driver has everything of
// them back, and nobody else notices.
//
// VNPU_STRESS_KILLS: how many (200); VNPU_STRESS_SEED: of the instants.
#include <unistd.h>

#include <random>

#include "tests/stress/work.h"
#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

class ClientKillTest : public NodeTest {
 protected:
  std::chrono::milliseconds GiveBack() const override { return kGiveBack; }
  bool Listed(pid_t pid) {
    vnpu_ioc_process process{};
    for (; manager().Ioctl(VNPU_IOC_PROCESS, &process) == 0; ++process.index) {
      if (process.pid == static_cast<uint32_t>(pid)) {
        return true;
      }
    }
    return false;
  }
};

TEST_F(ClientKillTest, EverythingComesBack) {
  InnocentProcess first(vnpud());
  InnocentProcess second(vnpud());
  const vnpu_ioc_counters before = Counters();
  const std::vector<pid_t> processes_before = vnpud().DeviceProcesses();
  const uint64_t kills = FromEnvironment("VNPU_STRESS_KILLS", TimeScale() == 1 ? 200 : 40);
  std::mt19937 random(FromEnvironment("VNPU_STRESS_SEED", 1));
  constexpr uint64_t kTogether = 4;
  // From the first system call of the client to the middle of its work.
  constexpr uint32_t kLongestLifeUs = 150'000;
  for (uint64_t killed = 0; killed < kills && !HasFailure(); killed += kTogether) {
    std::vector<Child> clients;
    for (uint64_t i = 0; i < kTogether; ++i) {
      const auto seed = static_cast<uint32_t>(random());
      clients.emplace_back([this, seed] { return WorkUntilItFails(vnpud(), seed); });
    }
    for (const Child& client : clients) {
      usleep(random() % (kLongestLifeUs / kTogether));
      EXPECT_TRUE(client.Running()) << "a client has failed by itself";
      client.Kill();
      EXPECT_TRUE(Eventually(kGiveBack, [&] { return !Listed(client.pid()); }));
    }
    ExpectCounters(before, "after the kills");
    EXPECT_EQ(vnpud().DeviceProcesses(), processes_before);
  }
  EXPECT_TRUE(first.Finish());
  EXPECT_TRUE(second.Finish());
}

// What is open when its process dies in the middle of a command.
TEST_F(ClientKillTest, InsideACommand) {
  InnocentProcess innocent(vnpud());
  const vnpu_ioc_counters before = Counters();
  for (int round = 0; round < 20; ++round) {
    Notice begun;
    Child client([&] {
      Session session(vnpud());
      const Queue queue = session.CreateQueue({.entries = 4, .flags = VNPU_QUEUE_DRIVER_SUBMIT});
      vnpu_sqe sqe = EventWait(session.AllocateEvents(1).front(), 1);
      sqe.queue_id = queue.id;
      begun.Give();
      for (;;) {
        session.file().Write(&sqe, sizeof(sqe));  // blocks when the queue is full
      }
      return 1;
    });
    ASSERT_TRUE(begun.Wait());
    usleep(static_cast<useconds_t>(round) * 500);
    client.Kill();
    ExpectCounters(before, "after a kill in a blocked write");
  }
  EXPECT_TRUE(innocent.Finish());
}

}  // namespace
}  // namespace vnpu::raw
