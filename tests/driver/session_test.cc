// The life of a session: setting up, refusals, and that nothing is left of it.
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <cerrno>
#include <vector>

#include "tests/driver/harness.h"

namespace vnpu::driver {
namespace {

using SessionTest = OnBothTransports;

TEST_P(SessionTest, CommandsNeedTheVersionFirst) {
  const auto driver = StartDriver(GetParam());
  const auto file = driver->Open("davinci0");
  ASSERT_NE(file, nullptr);
  vnpu_device_info info{};
  EXPECT_EQ(file->Ioctl(VNPU_IOC_DEVICE_QUERY, &info), -EPROTO);
  EXPECT_EQ(file->Agree(), 0);
  EXPECT_EQ(file->Ioctl(VNPU_IOC_DEVICE_QUERY, &info), 0);
  EXPECT_STREQ(info.soc_name, "Ascend910B1");
}

TEST_P(SessionTest, OtherVersionIsRefusedWithOurs) {
  const auto driver = StartDriver(GetParam());
  const auto file = driver->Open("davinci_manager");
  vnpu_ioc_version version{VNPU_ABI_VERSION + 1, 0, VNPU_FEATURES_ALL};
  EXPECT_EQ(file->Ioctl(VNPU_IOC_VERSION, &version), -EPROTONOSUPPORT);
  EXPECT_EQ(version.abi_version, VNPU_ABI_VERSION);
}

TEST_P(SessionTest, FeaturesAreThoseOfBoth) {
  const auto driver = StartDriver(GetParam());
  const auto file = driver->Open("davinci0");
  vnpu_ioc_version version{VNPU_ABI_VERSION, 0, ~uint64_t{0}};
  EXPECT_EQ(file->Ioctl(VNPU_IOC_VERSION, &version), 0);
  EXPECT_EQ(version.features | VNPU_FEATURE_BARRIER, VNPU_FEATURES_ALL);
}

TEST_P(SessionTest, UnknownCommandsAndWrongNodes) {
  const auto driver = StartDriver(GetParam());
  const auto manager = driver->Open("davinci_manager");
  const auto device = driver->Open("davinci0");
  ASSERT_EQ(manager->Agree(), 0);
  ASSERT_EQ(device->Agree(), 0);
  std::vector<char> arg(1024);
  EXPECT_EQ(device->Ioctl(_IO('N', 0x7f), arg.data()), -ENOTTY);
  EXPECT_EQ(device->Ioctl(VNPU_IOC_MANAGER, arg.data()), -ENOTTY);
  EXPECT_EQ(manager->Ioctl(VNPU_IOC_RESERVE, arg.data()), -ENOTTY);
  EXPECT_EQ(driver->Open("davinci1"), nullptr);
  EXPECT_EQ(errno, ENOENT);
}

TEST_P(SessionTest, MemoryNeedsASession) {
  const auto driver = StartDriver(GetParam());
  const auto file = driver->Open("davinci0");
  ASSERT_EQ(file->Agree(), 0);
  vnpu_ioc_reserve reserve{0, 4096, 0, 0};
  EXPECT_EQ(file->Ioctl(VNPU_IOC_RESERVE, &reserve), -ENXIO);
  char byte = 0;
  EXPECT_EQ(file->Read(&byte, 1), -ENXIO);
}

TEST_P(SessionTest, BeginsOnceAndRuns) {
  const auto driver = StartDriver(GetParam());
  TestSession session(driver.get());
  ASSERT_EQ(session.result(), 0);
  EXPECT_EQ(session.mem()->state, VNPU_SESSION_RUNNING);
  EXPECT_EQ(session.mem()->device_pid, session.info().device_pid);
  EXPECT_EQ(kill(static_cast<pid_t>(session.info().device_pid), 0), 0);
  vnpu_ioc_session again = session.info();
  EXPECT_EQ(session.file().Ioctl(VNPU_IOC_SESSION, &again), -EBUSY);
  const vnpu_ioc_counters counters = CountersOf(driver.get());
  EXPECT_EQ(counters.sessions, 1u);
  EXPECT_EQ(counters.device_processes, 1u);
}

TEST_P(SessionTest, RefusesBadDescriptors) {
  const auto driver = StartDriver(GetParam());
  const auto file = driver->Open("davinci0");
  ASSERT_EQ(file->Agree(), 0);
  const UniqueFd kick(eventfd(0, EFD_CLOEXEC));
  const UniqueFd good = MakeMemfd(VNPU_SESSION_MEM_BYTES, F_SEAL_SHRINK);
  const UniqueFd shrinkable = MakeMemfd(VNPU_SESSION_MEM_BYTES, F_SEAL_GROW);
  const UniqueFd short_one = MakeMemfd(4096, F_SEAL_SHRINK);
  const auto begin = [&](int mem, int kick_fd) {
    vnpu_ioc_session arg{};
    arg.window_base = uint64_t{1} << 42;
    arg.mem_fd = mem;
    arg.kick_fd = kick_fd;
    return file->Ioctl(VNPU_IOC_SESSION, &arg);
  };
  EXPECT_EQ(begin(shrinkable.get(), kick.get()), -EBADF);
  EXPECT_EQ(begin(short_one.get(), kick.get()), -EINVAL);
  EXPECT_EQ(begin(good.get(), good.get()), -EBADF);
  EXPECT_EQ(begin(kick.get(), kick.get()), -EBADF);
  EXPECT_EQ(begin(good.get(), kick.get()), 0);
}

TEST_P(SessionTest, NothingIsLeftAfterClose) {
  const auto driver = StartDriver(GetParam());
  TestSession session(driver.get());
  ASSERT_EQ(session.result(), 0);
  uint64_t va = 0;
  uint32_t pmem = 0;
  ASSERT_EQ(session.Allocate(4u << 20, &va, &pmem), 0);
  session.MakeQueue(64, 0);
  session.MakeQueue(64, VNPU_QUEUE_DRIVER_SUBMIT);
  const vnpu_ioc_counters counters = CountersOf(driver.get());
  EXPECT_EQ(counters.hbm_pages, 1024u);
  EXPECT_EQ(counters.queues, 2u);
  EXPECT_EQ(counters.pmems, 1u);
  EXPECT_GT(counters.fds, 0u);
  EXPECT_GT(counters.table_pages, 1u);
  const pid_t device = static_cast<pid_t>(session.info().device_pid);
  session.Close();
  EXPECT_TRUE(Eventually([&] { return AllZero(CountersOf(driver.get())); }));
  EXPECT_EQ(kill(device, 0), -1);
}

TEST_P(SessionTest, ResetEndsSessionsAndFreesEverything) {
  const auto driver = StartDriver(GetParam());
  TestSession session(driver.get());
  ASSERT_EQ(session.result(), 0);
  const auto manager = driver->Open("davinci_manager");
  ASSERT_EQ(manager->Agree(), 0);
  vnpu_ioc_reset reset{0, 0};
  EXPECT_EQ(manager->Ioctl(VNPU_IOC_RESET, &reset), 0);
  EXPECT_EQ(session.mem()->state, VNPU_SESSION_LOST);
  EXPECT_TRUE(AllZero(CountersOf(driver.get())));
  vnpu_ioc_reserve reserve{0, 4096, 0, 0};
  EXPECT_EQ(session.file().Ioctl(VNPU_IOC_RESERVE, &reserve), -EIO);
  // The device works on.
  TestSession next(driver.get());
  EXPECT_EQ(next.result(), 0);
}

VNPU_ON_BOTH_TRANSPORTS(SessionTest);

}  // namespace
}  // namespace vnpu::driver
