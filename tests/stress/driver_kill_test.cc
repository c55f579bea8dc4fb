// The driver killed with SIGKILL: clients get errors and do not hang, device processes end, and a
// new driver serves on the same mount point.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>

#include "tests/stress/work.h"
#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kDriverNotice{2'000};

bool IsDeviceProcess(pid_t pid) { return Runs(pid, "vnpu-device"); }

class DriverKillTest : public RawTest {
 protected:
  milliseconds GiveBack() const override { return kGiveBack; }
  // Kills it; its device processes end as well.
  void KillDriver() {
    const std::vector<pid_t> device_processes = vnpud().DeviceProcesses();
    vnpud().Kill();
    EXPECT_TRUE(Eventually(kDriverNotice, [&] {
      return std::ranges::none_of(device_processes, IsDeviceProcess);
    })) << "a device process has outlived the driver";
  }
};

TEST_P(DriverKillTest, ClientsGetErrorsAndTheNextDriverServes) {
  {
    Session session(vnpud());
    const Queue queue = session.CreateQueue();
    session.Publish(queue, EventWait(session.AllocateEvents(1).front(), 1));
    session.PrepareWait();
    KillDriver();
    EXPECT_FALSE(session.WaitHead(queue, 1, kDriverNotice));
    EXPECT_TRUE(Eventually(kDriverNotice, [&] { return session.Lost(); }));
    vnpu_ioc_reserve reserve{0, VNPU_PAGE_SIZE, 0, 0};
    EXPECT_LT(session.Ioctl(VNPU_IOC_RESERVE, &reserve), 0);
    vnpu_cqe cqe{};
    EXPECT_LT(session.file().Read(&cqe, sizeof(cqe)), 0);
    const vnpu_sqe sqe = Nop();
    EXPECT_LT(session.file().Write(&sqe, sizeof(sqe)), 0);
    EXPECT_EQ(vnpud().TryOpen("davinci0"), nullptr);

    vnpud().Restart();
    EXPECT_LT(session.Ioctl(VNPU_IOC_RESERVE, &reserve), 0) << "the old file stays dead";
  }
  Session session(vnpud());
  EXPECT_EQ(session.Run(session.CreateQueue(), Nop()), VNPU_OK);
}

RAW_TEST_SUITE(DriverKillTest);

class DriverKillNodeTest : public NodeTest {
 protected:
  // Mounts at the driver's mount point.
  size_t Mounts() {
    const std::string mounts = ReadFile("/proc/self/mountinfo");
    const std::string wanted = " " + vnpud().mount_point() + " ";
    size_t count = 0;
    for (size_t at = mounts.find(wanted); at != std::string::npos;
         at = mounts.find(wanted, at + 1)) {
      ++count;
    }
    return count;
  }
};

TEST_F(DriverKillNodeTest, BlockedClientsEnd) {
  for (int round = 0; round < 3; ++round) {
    Notice ready;
    const auto full_queue = [&](Session* session, vnpu_sqe* sqe) {
      const Queue queue = session->CreateQueue({.entries = 2, .flags = VNPU_QUEUE_DRIVER_SUBMIT});
      *sqe = EventWait(session->AllocateEvents(1).front(), 1);
      sqe->queue_id = queue.id;
      session->file().Write(sqe, sizeof(*sqe));
      session->file().Write(sqe, sizeof(*sqe));
      ready.Give();
    };
    Child reader([&] {
      Session session(vnpud());
      vnpu_sqe sqe{};
      full_queue(&session, &sqe);
      vnpu_cqe cqe{};
      return session.file().Read(&cqe, sizeof(cqe)) < 0 ? 0 : 1;
    });
    Child writer([&] {
      Session session(vnpud());
      vnpu_sqe sqe{};
      full_queue(&session, &sqe);
      return session.file().Write(&sqe, sizeof(sqe)) < 0 ? 0 : 1;
    });
    Child opener([&] {
      ready.Give();
      while (vnpud().TryOpen("davinci0") != nullptr) {
      }
      return 0;
    });
    ASSERT_TRUE(ready.Wait() && ready.Wait() && ready.Wait());
    usleep(20'000);  // most often both block by now; either way they have to end
    const std::vector<pid_t> device_processes = vnpud().DeviceProcesses();
    vnpud().Kill();
    for (Child* child : {&reader, &writer, &opener}) {
      EXPECT_TRUE(Eventually(kDriverNotice, [&] { return !child->Running(); })) << "a client hangs";
      EXPECT_EQ(child->Wait(), 0);
    }
    EXPECT_TRUE(Eventually(
        kDriverNotice, [&] { return std::ranges::none_of(device_processes, IsDeviceProcess); }));
    EXPECT_EQ(Mounts(), 1u) << "the stale one";
    vnpud().Restart();
    EXPECT_EQ(Mounts(), 1u) << "the new one";
  }
}

TEST_F(DriverKillNodeTest, InTheMiddleOfWork) {
  std::mt19937 random(3);
  for (int round = 0; round < 8; ++round) {
    std::vector<Child> clients;
    for (int i = 0; i < 3; ++i) {
      const auto seed = static_cast<uint32_t>(random());
      clients.emplace_back([this, seed] { return WorkUntilItFails(vnpud(), seed); });
    }
    usleep(random() % 200'000);
    const std::vector<pid_t> device_processes = vnpud().DeviceProcesses();
    vnpud().Kill();
    for (Child& client : clients) {
      EXPECT_TRUE(Eventually(kDriverNotice, [&] { return !client.Running(); })) << "a client hangs";
      EXPECT_EQ(client.Wait(), 0);
    }
    EXPECT_TRUE(Eventually(
        kDriverNotice, [&] { return std::ranges::none_of(device_processes, IsDeviceProcess); }));
    vnpud().Restart();
    Session session(vnpud());
    EXPECT_EQ(session.Run(session.CreateQueue(), Nop()), VNPU_OK);
  }
}

// A private driver ends with its client, however the client ends.
TEST(EmbeddedDriverTest, EndsWithItsClient) {
  // What the clients create there is not theirs to remove: they are killed.
  std::string scratch = testing::TempDir() + "vnpu-killed-XXXXXX";
  ASSERT_NE(mkdtemp(scratch.data()), nullptr);
  for (int round = 0; round < 5; ++round) {
    int pids[2];
    ASSERT_EQ(pipe(pids), 0);
    const UniqueFd ours(pids[0]);
    UniqueFd theirs(pids[1]);
    Child client([&] {
      setenv("TMPDIR", scratch.c_str(), 1);
      const Vnpud vnpud(Transport::kEmbedded);
      Session session(vnpud);
      RandomWork work(&session, 9);
      const pid_t told[2] = {vnpud.pid(), session.device_pid()};
      if (write(theirs.get(), told, sizeof(told)) != sizeof(told)) {
        return 1;
      }
      while (work.Step()) {
      }
      return 2;
    });
    theirs.Reset();
    pid_t told[2] = {};
    ASSERT_EQ(read(ours.get(), told, sizeof(told)), static_cast<ssize_t>(sizeof(told)));
    usleep(static_cast<useconds_t>(round) * 5'000);
    client.Kill();
    EXPECT_EQ(client.Wait(), -SIGKILL);
    EXPECT_TRUE(Eventually(kDriverNotice, [&] { return !Runs(told[0], "vnpud"); }))
        << "its driver is left";
    EXPECT_TRUE(Eventually(kDriverNotice, [&] { return !IsDeviceProcess(told[1]); }))
        << "its device process is left";
  }
  std::filesystem::remove_all(scratch);
}

}  // namespace
}  // namespace vnpu::raw
