// Events between queues, interrupts.
#include <liburing.h>
#include <poll.h>

#include <atomic>
#include <climits>

#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

class EventTest : public RawTest {};

int FreeEvent(Session& session, uint32_t id, uint32_t reserved = 0) {
  vnpu_ioc_event_free arg{id, reserved};
  return session.Ioctl(VNPU_IOC_EVENT_FREE, &arg);
}

TEST_P(EventTest, FieldsOutOfRange) {
  Session session(vnpud());
  Session other(vnpud());
  for (const auto& [count, flags] :
       {std::pair{0u, 0u}, {VNPU_EVENT_BATCH + 1, 0u}, {UINT32_MAX, 0u}, {1u, 1u}}) {
    vnpu_ioc_event_alloc arg{};
    arg.count = count;
    arg.flags = flags;
    EXPECT_ERRNO(EINVAL, session.Ioctl(VNPU_IOC_EVENT_ALLOC, &arg)) << count << ' ' << flags;
  }
  const std::vector<uint32_t> ids = session.AllocateEvents(VNPU_EVENT_BATCH);
  ASSERT_EQ(ids.size(), VNPU_EVENT_BATCH);
  EXPECT_EQ(Counters().events, VNPU_EVENT_BATCH);
  EXPECT_ERRNO(ENOENT, FreeEvent(other, ids[5]));
  EXPECT_ERRNO(ENOENT, FreeEvent(session, VNPU_MAX_EVENTS));
  EXPECT_ERRNO(ENOENT, FreeEvent(session, UINT32_MAX));
  EXPECT_ERRNO(EINVAL, FreeEvent(session, ids[0], 1));
  EXPECT_OK(FreeEvent(session, ids[0]));
  EXPECT_ERRNO(ENOENT, FreeEvent(session, ids[0]));
}

TEST_P(EventTest, WaitsEndWithTheirRecord) {
  Session session(vnpud());
  const Queue first = session.CreateQueue();
  const Queue second = session.CreateQueue();
  const uint32_t event = session.AllocateEvents(1).front();
  session.Publish(second, EventWait(event, 2));
  EXPECT_EQ(session.Run(first, EventRecord(event, 1)), VNPU_OK);
  EXPECT_EQ(second.Head(), 0u) << "the wait is for the second record";
  EXPECT_EQ(session.Run(first, EventRecord(event, 2)), VNPU_OK);
  EXPECT_TRUE(session.WaitHead(second, 1));
  EXPECT_EQ(session.mem().events[event].seq, 2u);
  EXPECT_GT(session.mem().events[event].timestamp, 0u);
  EXPECT_EQ(session.Run(second, EventWait(event, 1)), VNPU_OK) << "over already";
  EXPECT_EQ(session.Run(first, EventReset(event)), VNPU_OK);
  EXPECT_EQ(session.mem().events[event].seq, 0u);
  EXPECT_EQ(session.Run(second, EventWait(event, 1, 2000)), VNPU_E_WAIT_TIMEOUT);
}

TEST_P(EventTest, ARecordOfOneSessionIsNothingToAnother) {
  Session session(vnpud());
  Session other(vnpud());
  const Queue queue = session.CreateQueue();
  const Queue other_queue = other.CreateQueue();
  const uint32_t event = session.AllocateEvents(1).front();
  ASSERT_EQ(other.AllocateEvents(1).front(), event) << "ids are those of a session";
  EXPECT_EQ(session.Run(queue, EventRecord(event, 1)), VNPU_OK);
  EXPECT_EQ(other.Run(other_queue, EventWait(event, 1, 2000)), VNPU_E_WAIT_TIMEOUT);
  EXPECT_EQ(other.mem().events[event].seq, 0u);
}

int AddIrq(Session& session, vnpu_ioc_irq_add arg, uint32_t* id = nullptr) {
  const int result = session.Ioctl(VNPU_IOC_IRQ_ADD, &arg);
  if (id != nullptr) {
    *id = arg.irq_id;
  }
  return result;
}

TEST_P(EventTest, InterruptFieldsOutOfRange) {
  Session session(vnpud());
  Session other(vnpud());
  const UniqueFd fd = MakeEventfd();
  for (const int bad : {-1, INT_MIN, 9999}) {
    EXPECT_ERRNO(EBADF, AddIrq(session, {bad, VNPU_IRQ_EVENTFD, 0, 0, 0})) << bad;
    EXPECT_ERRNO(EBADF, AddIrq(session, {bad, VNPU_IRQ_URING, 0, 0, 0})) << bad;
  }
  EXPECT_ERRNO(EBADF, AddIrq(session, {session.file().fd(), VNPU_IRQ_EVENTFD, 0, 0, 0}));
  EXPECT_ERRNO(EBADF, AddIrq(session, {fd.get(), VNPU_IRQ_URING, 0, 0, 0})) << "not a ring";
  EXPECT_ERRNO(EINVAL, AddIrq(session, {fd.get(), 2, 0, 0, 0}));
  EXPECT_ERRNO(EINVAL, AddIrq(session, {fd.get(), VNPU_IRQ_EVENTFD, 0, 0, 1}));
  uint32_t id = 0;
  ASSERT_OK(AddIrq(session, {fd.get(), VNPU_IRQ_EVENTFD, 0, 0, 0}, &id));
  vnpu_ioc_irq_del del{id, 0};
  EXPECT_ERRNO(ENOENT, other.Ioctl(VNPU_IOC_IRQ_DEL, &del));
  del.reserved = 1;
  EXPECT_ERRNO(EINVAL, session.Ioctl(VNPU_IOC_IRQ_DEL, &del));
  del = {VNPU_MAX_IRQS, 0};
  EXPECT_ERRNO(ENOENT, session.Ioctl(VNPU_IOC_IRQ_DEL, &del));
  del = {id, 0};
  EXPECT_OK(session.Ioctl(VNPU_IOC_IRQ_DEL, &del));
  EXPECT_ERRNO(ENOENT, session.Ioctl(VNPU_IOC_IRQ_DEL, &del));
}

// Registers a waiter for the first task of `queue` and publishes that task.
void ArmAndPublish(Session& session, const Queue& queue, uint32_t irq_id) {
  vnpu_waiter& waiter = session.mem().waiters[irq_id];
  std::atomic_ref(waiter.queue_id).store(queue.id);
  std::atomic_ref(waiter.target).store(1);
  std::atomic_ref(waiter.armed).store(1);
  std::atomic_ref(queue.header().waiting).fetch_add(1);
  session.Publish(queue, Nop());
}

TEST_P(EventTest, InterruptByEventfd) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  const UniqueFd fd = MakeEventfd();
  uint32_t id = 0;
  ASSERT_OK(AddIrq(session, {fd.get(), VNPU_IRQ_EVENTFD, 0, 0, 0}, &id));
  ArmAndPublish(session, queue, id);
  pollfd interrupt{fd.get(), POLLIN, 0};
  ASSERT_EQ(poll(&interrupt, 1, 10'000 * TimeScale()), 1);
  uint64_t count = 0;
  EXPECT_EQ(read(fd.get(), &count, sizeof(count)), 8);
  EXPECT_EQ(count, 1u);
  EXPECT_EQ(queue.Head(), 1u);
  EXPECT_EQ(std::atomic_ref(session.mem().waiters[id].armed).load(), 0u);
}

TEST_P(EventTest, InterruptByIoUring) {
  Session session(vnpud());
  io_uring ring;
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  const int error = io_uring_queue_init_params(8, &ring, &params);
  if (error != 0) {
    GTEST_SKIP() << "io_uring is refused: " << ErrorName(error);
  }
  const Queue queue = session.CreateQueue();
  uint32_t id = 0;
  const int added = AddIrq(session, {ring.ring_fd, VNPU_IRQ_URING, 0x1122334455667788, 0, 0}, &id);
  EXPECT_OK(added);
  if (added == 0) {
    ArmAndPublish(session, queue, id);
    io_uring_cqe* cqe = nullptr;
    __kernel_timespec limit{10 * TimeScale(), 0};
    const int waited = io_uring_wait_cqe_timeout(&ring, &cqe, &limit);
    EXPECT_EQ(waited, 0) << ErrorName(waited);
    if (waited == 0) {
      EXPECT_EQ(cqe->user_data, 0x1122334455667788u);
      EXPECT_EQ(cqe->res, 0);
      EXPECT_EQ(queue.Head(), 1u);
    }
  }
  io_uring_queue_exit(&ring);
}

// Waiter slots are the client's to fill with anything.
TEST_P(EventTest, WaiterSlotsOfNonsense) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  for (uint32_t i = 0; i < VNPU_MAX_IRQS; ++i) {
    session.mem().waiters[i] = {
        i % 3 == 0 ? 0 : ~uint64_t{0} / i, i * 0x01010101, 1, {~uint64_t{0}, i}};
  }
  std::atomic_ref(queue.header().waiting).store(UINT32_MAX / 2);
  EXPECT_EQ(session.Run(queue, Nop()), VNPU_OK);
  std::atomic_ref(session.mem().doorbell_summary).store(~uint64_t{0});
  for (uint64_t& word : session.mem().doorbell) {
    std::atomic_ref(word).store(~uint64_t{0});
  }
  EXPECT_EQ(session.Run(queue, Nop()), VNPU_OK);
}

RAW_TEST_SUITE(EventTest);

}  // namespace
}  // namespace vnpu::raw
