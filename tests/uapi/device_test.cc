// What both nodes tell about devices, sessions and the driver.
#include <time.h>

#include <cstring>

#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

class DeviceTest : public RawTest {
 protected:
  std::vector<std::string> Options() const override {
    return {"--devices", "2", "--hbm-size", "256M"};
  }
};

uint64_t NowNs(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

TEST_P(DeviceTest, ManagerSaysWhatIsThere) {
  vnpu_ioc_manager about{};
  ASSERT_OK(manager().Ioctl(VNPU_IOC_MANAGER, &about));
  EXPECT_EQ(about.devices, 2u);
  EXPECT_EQ(about.driver_pid, static_cast<uint32_t>(vnpud().pid()));
  EXPECT_LE(about.started_ns, NowNs(CLOCK_REALTIME));
  EXPECT_GT(about.started_ns, NowNs(CLOCK_REALTIME) - 600'000'000'000);
  EXPECT_NE(std::memchr(about.driver_version, 0, sizeof(about.driver_version)), nullptr);
  EXPECT_NE(about.driver_version[0], 0);
}

TEST_P(DeviceTest, QueryOnBothNodes) {
  vnpu_device_info from_manager{};
  from_manager.device = 1;
  ASSERT_OK(manager().Ioctl(VNPU_IOC_DEVICE_QUERY, &from_manager));
  vnpu_device_info info{};
  ASSERT_OK(vnpud().Open("davinci1")->Ioctl(VNPU_IOC_DEVICE_QUERY, &info));
  EXPECT_EQ(info.device, 1u);
  EXPECT_EQ(info.hbm_total, 256u << 20);
  EXPECT_EQ(info.hbm_free, 256u << 20);
  EXPECT_EQ(info.priorities, VNPU_PRIORITIES);
  EXPECT_EQ(info.health, 0u);
  EXPECT_EQ(info.sessions, 0u);
  EXPECT_GT(info.clock_hz, 1'000'000u);
  EXPECT_GT(info.uptime_ns, 0u);
  for (const uint32_t unit :
       {VNPU_UNIT_AI_CORE, VNPU_UNIT_VECTOR_CORE, VNPU_UNIT_AI_CPU, VNPU_UNIT_DMA}) {
    EXPECT_GT(info.units[unit], 0u) << "unit " << unit;
  }
  EXPECT_EQ(std::memcmp(info.units, from_manager.units, sizeof(info.units)), 0);
  EXPECT_STREQ(info.soc_name, from_manager.soc_name);
  from_manager.device = 2;
  EXPECT_LT(manager().Ioctl(VNPU_IOC_DEVICE_QUERY, &from_manager), 0);
}

TEST_P(DeviceTest, IdentitiesAreDistinct) {
  vnpu_ioc_identity first{};
  vnpu_ioc_identity second{};
  second.device = 1;
  ASSERT_OK(manager().Ioctl(VNPU_IOC_IDENTITY, &first));
  ASSERT_OK(manager().Ioctl(VNPU_IOC_IDENTITY, &second));
  EXPECT_NE(std::memcmp(first.uuid, second.uuid, sizeof(first.uuid)), 0);
  EXPECT_STRNE(first.pci_bus_id, second.pci_bus_id);
  EXPECT_EQ(std::memchr(first.pci_bus_id, 0, sizeof(first.pci_bus_id)), first.pci_bus_id + 12);
  vnpu_ioc_identity again{};
  ASSERT_OK(manager().Ioctl(VNPU_IOC_IDENTITY, &again));
  EXPECT_EQ(std::memcmp(&first, &again, sizeof(first)), 0);
  again.reserved = 1;
  EXPECT_ERRNO(EINVAL, manager().Ioctl(VNPU_IOC_IDENTITY, &again));
  vnpu_ioc_identity unknown{};
  unknown.device = 2;
  EXPECT_ERRNO(EINVAL, manager().Ioctl(VNPU_IOC_IDENTITY, &unknown));
}

TEST_P(DeviceTest, SessionsAreListedAndCounted) {
  Session session(vnpud(), "davinci1");
  const Buffer buffer = session.Allocate(3 * VNPU_PAGE_SIZE);
  const Queue queue = session.CreateQueue();
  vnpu_ioc_process process{};
  process.device = 1;
  ASSERT_OK(manager().Ioctl(VNPU_IOC_PROCESS, &process));
  EXPECT_EQ(process.pid, static_cast<uint32_t>(getpid()));
  EXPECT_EQ(process.uid, geteuid());
  EXPECT_EQ(process.device_pid, static_cast<uint32_t>(session.device_pid()));
  EXPECT_EQ(process.queues, 1u);
  EXPECT_EQ(process.hbm_bytes, buffer.size);
  EXPECT_EQ(process.pinned_bytes, 0u);
  EXPECT_STREQ(process.name, "uapi_test");
  process.index = 1;
  EXPECT_ERRNO(ENOENT, manager().Ioctl(VNPU_IOC_PROCESS, &process));
  process = {};
  EXPECT_ERRNO(ENOENT, manager().Ioctl(VNPU_IOC_PROCESS, &process));
  process.device = 2;
  EXPECT_LT(manager().Ioctl(VNPU_IOC_PROCESS, &process), 0);

  const vnpu_ioc_counters counters = Counters(1);
  EXPECT_EQ(counters.sessions, 1u);
  EXPECT_EQ(counters.device_processes, 1u);
  EXPECT_EQ(counters.queues, 1u);
  EXPECT_EQ(counters.qmems, 1u);
  EXPECT_EQ(counters.pmems, 1u);
  EXPECT_EQ(counters.reservations, 1u);
  EXPECT_EQ(counters.hbm_pages, 3u);
  EXPECT_EQ(counters.pinned_pages, 0u);
  EXPECT_GE(counters.table_pages, 4u);
  EXPECT_GE(counters.fds, 5u);
  EXPECT_TRUE(AllZero(Counters(0)));
  vnpu_ioc_counters other{};
  other.device = 2;
  EXPECT_LT(manager().Ioctl(VNPU_IOC_COUNTERS, &other), 0);
}

TEST_P(DeviceTest, BusyTimeGrowsWithWork) {
  Session session(vnpud());
  const Buffer buffer = session.Allocate(16u << 20);
  const Queue queue = session.CreateQueue();
  EXPECT_EQ(session.Run(queue, Memset(buffer.va, buffer.size, 7)), VNPU_OK);
  vnpu_device_info info{};
  ASSERT_OK(manager().Ioctl(VNPU_IOC_DEVICE_QUERY, &info));
  EXPECT_GT(info.unit_busy_ns[VNPU_UNIT_DMA], 0u);
  EXPECT_EQ(info.sessions, 1u);
}

RAW_TEST_SUITE(DeviceTest);

}  // namespace
}  // namespace vnpu::raw
