// What a client sees, and what the driver keeps, when the device process fails in any way.
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <string>

#include "firmware/device/control.h"
#include "tests/driver/harness.h"

namespace vnpu::driver {
namespace {

using firmware::ControlOp;

std::string FaultAt(ControlOp op, const std::string& fault) {
  return std::to_string(static_cast<int>(op)) + ":" + fault;
}

void ExpectLost(TestDriver* driver, TestSession* session) {
  EXPECT_TRUE(Eventually([&] { return session->mem()->state == VNPU_SESSION_LOST; }));
  EXPECT_TRUE(Eventually([&] { return CountersOf(driver).device_processes == 0; }));
  uint64_t va = 0;
  uint32_t pmem = 0;
  EXPECT_EQ(session->Allocate(4096, &va, &pmem), -EIO);
  // The event of the loss, once.
  vnpu_cqe cqe{};
  EXPECT_EQ(session->file().Read(&cqe, sizeof(cqe)), 32);
  EXPECT_EQ(cqe.queue_id, VNPU_NO_QUEUE);
  EXPECT_EQ(cqe.status, static_cast<uint32_t>(VNPU_E_DEVICE_LOST));
  EXPECT_EQ(session->file().Read(&cqe, sizeof(cqe)), -EIO);
  EXPECT_NE(session->file().Poll() & (POLLHUP | POLLERR), 0);
  // What needs no device goes on.
  vnpu_ioc_mem_query query{};
  EXPECT_EQ(session->file().Ioctl(VNPU_IOC_MEM_QUERY, &query), 0);
  session->Close();
  EXPECT_TRUE(Eventually([&] { return AllZero(CountersOf(driver)); }));
  TestSession next(driver);
  EXPECT_EQ(next.result() == 0 || next.result() == -EIO, true);
}

using LossTest = OnBothTransports;

TEST_P(LossTest, KilledProcess) {
  const auto driver = StartDriver(GetParam());
  TestSession session(driver.get());
  ASSERT_EQ(session.result(), 0);
  kill(static_cast<pid_t>(session.info().device_pid), SIGKILL);
  ExpectLost(driver.get(), &session);
}

TEST_P(LossTest, KilledOnDemand) {
  const auto driver = StartDriver(GetParam());
  TestSession session(driver.get());
  const auto manager = driver->Open("davinci_manager");
  ASSERT_EQ(manager->Agree(), 0);
  vnpu_ioc_fault fault{0, VNPU_FAULT_KILL_DEVICE, 0, 1};
  EXPECT_EQ(manager->Ioctl(VNPU_IOC_FAULT, &fault), -ENOENT);
  fault.pid = static_cast<uint32_t>(getpid());
  EXPECT_EQ(manager->Ioctl(VNPU_IOC_FAULT, &fault), 0);
  ExpectLost(driver.get(), &session);
}

TEST_P(LossTest, SilentProcessIsKilledInTime) {
  const auto driver = StartDriver(GetParam(), {"--control-timeout-ms", "500"},
                                  FaultAt(ControlOp::kQmemAdd, "silent"));
  TestSession session(driver.get());
  ASSERT_EQ(session.result(), 0);
  const UniqueFd memory = MakeMemfd(8192, F_SEAL_SHRINK);
  vnpu_ioc_qmem_add qmem{8192, memory.get(), 0};
  EXPECT_EQ(session.file().Ioctl(VNPU_IOC_QMEM_ADD, &qmem), -EIO);
  ExpectLost(driver.get(), &session);
}

TEST_P(LossTest, MalformedReply) {
  const auto driver = StartDriver(GetParam(), {}, FaultAt(ControlOp::kQmemAdd, "garbage"));
  TestSession session(driver.get());
  const UniqueFd memory = MakeMemfd(8192, F_SEAL_SHRINK);
  vnpu_ioc_qmem_add qmem{8192, memory.get(), 0};
  EXPECT_EQ(session.file().Ioctl(VNPU_IOC_QMEM_ADD, &qmem), -EIO);
  ExpectLost(driver.get(), &session);
}

TEST_P(LossTest, UnaskedReply) {
  const auto driver = StartDriver(GetParam(), {}, FaultAt(ControlOp::kQmemAdd, "chatty"));
  TestSession session(driver.get());
  const UniqueFd memory = MakeMemfd(8192, F_SEAL_SHRINK);
  vnpu_ioc_qmem_add qmem{8192, memory.get(), 0};
  EXPECT_EQ(session.file().Ioctl(VNPU_IOC_QMEM_ADD, &qmem), 0);
  EXPECT_EQ(session.file().Ioctl(VNPU_IOC_QMEM_ADD, &qmem), -EIO);
  ExpectLost(driver.get(), &session);
}

TEST_P(LossTest, EndsInTheMiddleOfACommand) {
  const auto driver = StartDriver(GetParam(), {}, FaultAt(ControlOp::kMap, "die"));
  TestSession session(driver.get());
  uint64_t va = 0;
  uint32_t pmem = 0;
  EXPECT_EQ(session.Allocate(4096, &va, &pmem), -EIO);
  ExpectLost(driver.get(), &session);
}

TEST_P(LossTest, LostControlMessage) {
  const auto driver = StartDriver(GetParam(), {"--control-timeout-ms", "500"});
  TestSession session(driver.get());
  const auto manager = driver->Open("davinci_manager");
  ASSERT_EQ(manager->Agree(), 0);
  vnpu_ioc_fault fault{0, VNPU_FAULT_CONTROL, 1, 0};
  ASSERT_EQ(manager->Ioctl(VNPU_IOC_FAULT, &fault), 0);
  uint64_t va = 0;
  uint32_t pmem = 0;
  EXPECT_EQ(session.Allocate(4096, &va, &pmem), -EIO);
  ExpectLost(driver.get(), &session);
}

TEST_P(LossTest, RefusalIsPassedOnAndUndone) {
  const auto driver = StartDriver(GetParam(), {}, FaultAt(ControlOp::kMap, std::to_string(ENOMEM)));
  TestSession session(driver.get());
  uint64_t va = 0;
  uint32_t pmem = 0;
  EXPECT_EQ(session.Allocate(4096, &va, &pmem), -ENOMEM);
  vnpu_ioc_mem_query query{};
  query.va = va;
  ASSERT_EQ(session.file().Ioctl(VNPU_IOC_MEM_QUERY, &query), 0);
  EXPECT_EQ(query.kind, static_cast<uint32_t>(VNPU_MEM_RESERVED));
  vnpu_ioc_pmem_free free_arg{pmem, 0};
  EXPECT_EQ(session.file().Ioctl(VNPU_IOC_PMEM_FREE, &free_arg), 0);
  EXPECT_EQ(session.mem()->state, VNPU_SESSION_RUNNING);
}

TEST_P(LossTest, WindowTakenCanBeTriedAgain) {
  const auto driver =
      StartDriver(GetParam(), {}, FaultAt(ControlOp::kInit, std::to_string(EADDRINUSE)));
  TestSession session(driver.get());
  EXPECT_EQ(session.result(), -EADDRINUSE);
  vnpu_ioc_session again = session.info();
  EXPECT_EQ(session.file().Ioctl(VNPU_IOC_SESSION, &again), -EADDRINUSE);
  EXPECT_TRUE(AllZero(CountersOf(driver.get())));
}

TEST_P(LossTest, HbmFaultsOnDemand) {
  const auto driver = StartDriver(GetParam());
  TestSession session(driver.get());
  const auto manager = driver->Open("davinci_manager");
  ASSERT_EQ(manager->Agree(), 0);
  vnpu_ioc_fault fault{0, VNPU_FAULT_HBM_ALLOC, 2, 0};
  ASSERT_EQ(manager->Ioctl(VNPU_IOC_FAULT, &fault), 0);
  const auto alloc = [&] {
    vnpu_ioc_pmem_alloc arg{4096, 0, 0, 0, 0};
    return session.file().Ioctl(VNPU_IOC_PMEM_ALLOC, &arg);
  };
  EXPECT_EQ(alloc(), -ENOMEM);
  EXPECT_EQ(alloc(), -ENOMEM);
  EXPECT_EQ(alloc(), 0);
}

TEST_P(LossTest, WakesEventfdsWhateverTheirState) {
  const auto driver = StartDriver(GetParam());
  TestSession session(driver.get());
  const UniqueFd plain(eventfd(0, EFD_CLOEXEC));
  const UniqueFd full(eventfd(0, EFD_CLOEXEC));
  const uint64_t most = UINT64_MAX - 1;
  ASSERT_EQ(write(full.get(), &most, sizeof(most)), 8);
  for (const UniqueFd* fd : {&full, &plain}) {
    vnpu_ioc_irq_add add{fd->get(), VNPU_IRQ_EVENTFD, 0, 0, 0};
    ASSERT_EQ(session.file().Ioctl(VNPU_IOC_IRQ_ADD, &add), 0);
  }
  kill(static_cast<pid_t>(session.info().device_pid), SIGKILL);
  pollfd woken{plain.get(), POLLIN, 0};
  EXPECT_EQ(poll(&woken, 1, 5000), 1);
  ExpectLost(driver.get(), &session);
}

TEST_P(LossTest, WakesRings) {
  io_uring ring;
  if (io_uring_queue_init(8, &ring, 0) != 0) {
    GTEST_SKIP() << "no io_uring here";
  }
  const auto driver = StartDriver(GetParam());
  TestSession session(driver.get());
  vnpu_ioc_irq_add add{ring.ring_fd, VNPU_IRQ_URING, 0x1234, 0, 0};
  ASSERT_EQ(session.file().Ioctl(VNPU_IOC_IRQ_ADD, &add), 0);
  kill(static_cast<pid_t>(session.info().device_pid), SIGKILL);
  io_uring_cqe* cqe = nullptr;
  __kernel_timespec patience{5, 0};
  ASSERT_EQ(io_uring_wait_cqe_timeout(&ring, &cqe, &patience), 0);
  EXPECT_EQ(cqe->user_data, 0x1234u);
  EXPECT_EQ(cqe->res, 0);
  io_uring_queue_exit(&ring);
}

TEST_P(LossTest, InterruptRefusals) {
  const auto driver = StartDriver(GetParam());
  TestSession session(driver.get());
  const UniqueFd event(eventfd(0, EFD_CLOEXEC));
  vnpu_ioc_irq_add add{event.get(), 2, 0, 0, 0};
  EXPECT_EQ(session.file().Ioctl(VNPU_IOC_IRQ_ADD, &add), -EINVAL);
  add = {event.get(), VNPU_IRQ_URING, 0, 0, 0};
  EXPECT_EQ(session.file().Ioctl(VNPU_IOC_IRQ_ADD, &add), -EBADF);
  for (uint32_t i = 0; i <= VNPU_MAX_IRQS; ++i) {
    add = {event.get(), VNPU_IRQ_EVENTFD, 0, 0, 0};
    ASSERT_EQ(session.file().Ioctl(VNPU_IOC_IRQ_ADD, &add), i < VNPU_MAX_IRQS ? 0 : -ENOSPC);
  }
  vnpu_ioc_irq_del del{5, 0};
  EXPECT_EQ(session.file().Ioctl(VNPU_IOC_IRQ_DEL, &del), 0);
  EXPECT_EQ(session.file().Ioctl(VNPU_IOC_IRQ_DEL, &del), -ENOENT);
}

VNPU_ON_BOTH_TRANSPORTS(LossTest);

}  // namespace
}  // namespace vnpu::driver
