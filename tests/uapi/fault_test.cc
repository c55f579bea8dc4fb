// Faults on demand and reset.
#include <poll.h>

#include "tests/uapi/support/fixture.h"
#include "tests/uapi/support/process.h"

namespace vnpu::raw {
namespace {

class FaultTest : public RawTest {
 protected:
  std::vector<std::string> Options() const override {
    return {"--devices", "2", "--control-timeout-ms", "2000"};
  }
  int Fault(uint32_t fault, uint32_t count = 0, uint32_t pid = 0, uint32_t device = 0) {
    vnpu_ioc_fault arg{device, fault, count, pid};
    return manager().Ioctl(VNPU_IOC_FAULT, &arg);
  }
  int Reset(uint32_t device, uint32_t flags = 0) {
    vnpu_ioc_reset arg{device, flags};
    return manager().Ioctl(VNPU_IOC_RESET, &arg);
  }
};

int Allocate(Session& session) {
  vnpu_ioc_pmem_alloc arg{VNPU_PAGE_SIZE, 0, 0, 0, 0};
  return session.Ioctl(VNPU_IOC_PMEM_ALLOC, &arg);
}

bool BecomesLost(const Session& session) {
  return Eventually(kPatience, [&] { return session.State() == VNPU_SESSION_LOST; });
}

void ExpectWorks(const Vnpud& vnpud, const char* node = "davinci0") {
  Session session(vnpud, node);
  EXPECT_EQ(session.Run(session.CreateQueue(), Nop()), VNPU_OK);
}

TEST_P(FaultTest, FieldsOutOfRange) {
  EXPECT_ERRNO(EINVAL, Fault(VNPU_FAULT_COUNT));
  EXPECT_ERRNO(EINVAL, Fault(UINT32_MAX));
  EXPECT_LT(Fault(VNPU_FAULT_HBM_ALLOC, 1, 0, 2), 0);
  EXPECT_ERRNO(ENOENT, Fault(VNPU_FAULT_KILL_DEVICE, 1, 1));
  EXPECT_ERRNO(EINVAL, Reset(0, 1));
  EXPECT_LT(Reset(2), 0);
  EXPECT_OK(Fault(VNPU_FAULT_NONE));
  EXPECT_OK(Reset(1));
}

TEST_P(FaultTest, AllocationsFailAsOftenAsAsked) {
  Session session(vnpud());
  Session elsewhere(vnpud(), "davinci1");
  ASSERT_OK(Fault(VNPU_FAULT_HBM_ALLOC, 3));
  EXPECT_OK(Allocate(elsewhere)) << "another device";
  for (int i = 0; i < 3; ++i) {
    EXPECT_ERRNO(ENOMEM, Allocate(session));
  }
  EXPECT_OK(Allocate(session));
  ASSERT_OK(Fault(VNPU_FAULT_HBM_ALLOC, 1000));
  EXPECT_ERRNO(ENOMEM, Allocate(session));
  ASSERT_OK(Fault(VNPU_FAULT_NONE));
  EXPECT_OK(Allocate(session));
}

TEST_P(FaultTest, LostControlMessagesCostTheSession) {
  if (kOneWindow) {
    GTEST_SKIP() << "the thread checker leaves room for one window";
  }
  Session session(vnpud());
  Session innocent(vnpud());
  const Queue queue = innocent.CreateQueue();
  ASSERT_OK(Fault(VNPU_FAULT_CONTROL, 1));
  vnpu_ioc_reserve reserve{0, VNPU_PAGE_SIZE, 0, 0};
  ASSERT_OK(session.Ioctl(VNPU_IOC_RESERVE, &reserve));
  vnpu_ioc_map map{reserve.va, VNPU_PAGE_SIZE, 0, session.AllocatePmem(VNPU_PAGE_SIZE),
                   VNPU_PROT_READ};
  EXPECT_ERRNO(EIO, session.Ioctl(VNPU_IOC_MAP, &map));
  EXPECT_TRUE(BecomesLost(session));
  EXPECT_EQ(innocent.Run(queue, Nop()), VNPU_OK);
  ExpectWorks(vnpud());
}

TEST_P(FaultTest, KilledDeviceProcess) {
  if (kOneWindow) {
    GTEST_SKIP() << "the thread checker leaves room for one window";
  }
  Session session(vnpud(), "davinci1");
  Session innocent(vnpud());
  const Queue innocent_queue = innocent.CreateQueue();
  const Queue queue = session.CreateQueue();
  const uint32_t event = session.AllocateEvents(1).front();
  session.Publish(queue, EventWait(event, 1));
  ASSERT_OK(Fault(VNPU_FAULT_KILL_DEVICE, 0, static_cast<uint32_t>(getpid()), 1));
  EXPECT_FALSE(session.WaitHead(queue, 1, std::chrono::seconds(1))) << "it will never be done";
  EXPECT_EQ(session.State(), VNPU_SESSION_LOST);
  const vnpu_sqe sqe = Nop();
  EXPECT_ERRNO(EIO, session.file().Write(&sqe, sizeof(sqe)));
  EXPECT_ERRNO(EIO, Allocate(session));
  EXPECT_NE(session.file().PollNow() & (POLLERR | POLLHUP), 0);
  EXPECT_EQ(innocent.Run(innocent_queue, Nop()), VNPU_OK) << "a session of another device";
  ExpectWorks(vnpud(), "davinci1");
}

TEST_P(FaultTest, ResetEndsTheSessionsOfOneDevice) {
  if (kOneWindow) {
    GTEST_SKIP() << "the thread checker leaves room for one window";
  }
  Session first(vnpud());
  Session second(vnpud());
  Session elsewhere(vnpud(), "davinci1");
  const Queue queue = elsewhere.CreateQueue();
  first.Allocate(VNPU_PAGE_SIZE);
  second.CreateQueue();
  ASSERT_OK(Reset(0));
  EXPECT_TRUE(AllZero(Counters(0))) << ToString(Counters(0));
  for (Session* session : {&first, &second}) {
    EXPECT_EQ(session->State(), VNPU_SESSION_LOST);
    EXPECT_ERRNO(EIO, Allocate(*session));
    vnpu_ioc_session again{};
    again.window_base = session->window();
    again.mem_fd = session->kick_fd();
    again.kick_fd = session->kick_fd();
    EXPECT_LT(session->Ioctl(VNPU_IOC_SESSION, &again), 0);
  }
  EXPECT_EQ(elsewhere.Run(queue, Nop()), VNPU_OK);
  ExpectWorks(vnpud());
}

RAW_TEST_SUITE(FaultTest);

class PrivilegeTest : public NodeTest {};

TEST_F(PrivilegeTest, ResetAndFaultsTakePrivilege) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "takes root to become somebody else";
  }
  Session session(vnpud());
  const auto pid = static_cast<uint32_t>(getpid());
  Child nobody([&] {
    BecomeNobody();
    const auto file = vnpud().Open("davinci_manager");
    vnpu_ioc_reset reset{0, 0};
    vnpu_ioc_fault fault{0, VNPU_FAULT_KILL_DEVICE, 0, pid};
    vnpu_ioc_counters counters{};
    // The device itself is everybody's.
    Session own(vnpud());
    return FirstWrong({{-EPERM, file->Ioctl(VNPU_IOC_RESET, &reset)},
                       {-EPERM, file->Ioctl(VNPU_IOC_FAULT, &fault)},
                       {0, file->Ioctl(VNPU_IOC_COUNTERS, &counters)},
                       {VNPU_OK, static_cast<int>(own.Run(own.CreateQueue(), Nop()))}});
  });
  EXPECT_EQ(nobody.Wait(), 0);
  EXPECT_EQ(session.State(), VNPU_SESSION_RUNNING);
}

}  // namespace
}  // namespace vnpu::raw
