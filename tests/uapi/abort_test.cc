// Aborting the tasks of a queue; interrupts from within a queue.
#include <poll.h>
#include <unistd.h>

#include <vector>

#include "tests/uapi/support/fixture.h"
#include "tests/uapi/support/module.h"

namespace vnpu::raw {
namespace {

class AbortTest : public RawTest {};

int Abort(Session& session, uint32_t queue_id, uint32_t flags = 0) {
  vnpu_ioc_queue_abort arg{queue_id, flags, 0, 0};
  return session.Ioctl(VNPU_IOC_QUEUE_ABORT, &arg);
}

TEST_P(AbortTest, FieldsOutOfRange) {
  Session session(vnpud());
  Session other(vnpud());
  session.CreateQueue();
  const Queue queue = session.CreateQueue();
  EXPECT_ERRNO(EINVAL, Abort(session, queue.id, 2));
  EXPECT_ERRNO(EINVAL, Abort(session, queue.id, UINT32_MAX));
  EXPECT_ERRNO(ENOENT, Abort(session, UINT32_MAX));
  EXPECT_ERRNO(ENOENT, Abort(other, queue.id));
  EXPECT_OK(Abort(session, queue.id));
  EXPECT_EQ(session.Run(queue, Nop()), VNPU_OK);
}

TEST_P(AbortTest, SleepingDeviceDropsWhatWaits) {
  Session session(vnpud());
  const uint32_t event = session.AllocateEvents(1).front();
  const Queue queue = session.CreateQueue();
  session.Publish(queue, EventWait(event, 1));
  session.Publish(queue, Nop());
  session.Publish(queue, EventRecord(event, 1));
  vnpu_ioc_queue_abort abort{queue.id, 0, 0, 0};
  ASSERT_OK(session.Ioctl(VNPU_IOC_QUEUE_ABORT, &abort));
  EXPECT_EQ(abort.drop_from, 0u);
  EXPECT_EQ(abort.drop_until, 3u);
  ASSERT_TRUE(session.WaitHead(queue, 3));
  for (const vnpu_cqe& cqe : queue.TakeCompletions()) {
    EXPECT_EQ(cqe.status, VNPU_E_ABORTED);
  }
  EXPECT_EQ(session.mem().events[event].seq, 1u) << "records are carried out";
  EXPECT_EQ(session.Run(queue, Nop()), VNPU_OK);
}

TEST_P(AbortTest, KernelsThatNeverEndAreStopped) {
  Session session(vnpud());
  const TestModule module(&session);
  const Buffer buffer = session.Allocate(kPage);
  const Queue queue = session.CreateQueue();
  const uint64_t tasks = 3;
  for (uint64_t i = 0; i < tasks; ++i) {
    session.Publish(queue, Kernel(module.Function("spin"), 2, std::vector{buffer.va}));
  }
  ASSERT_OK(Abort(session, queue.id, VNPU_ABORT_ONE));
  // The next one spins now, or the first one if it had not begun.
  ASSERT_OK(Abort(session, queue.id));
  ASSERT_TRUE(session.WaitHead(queue, tasks));
  EXPECT_EQ(session.Run(queue, Nop()), VNPU_OK);
}

TEST_P(AbortTest, DriverSubmittedQueues) {
  Session session(vnpud());
  const uint32_t event = session.AllocateEvents(1).front();
  const Queue queue = session.CreateQueue({.flags = VNPU_QUEUE_DRIVER_SUBMIT});
  vnpu_sqe sqe = EventWait(event, 1);
  sqe.queue_id = queue.id;
  ASSERT_EQ(session.file().Write(&sqe, sizeof(sqe)), sizeof(sqe));
  ASSERT_OK(Abort(session, queue.id));
  ASSERT_TRUE(session.WaitHead(queue, 1));
}

TEST_P(AbortTest, InterruptTaskWakesItsTarget) {
  Session session(vnpud());
  const UniqueFd fd = MakeEventfd();
  vnpu_ioc_irq_add irq{fd.get(), VNPU_IRQ_EVENTFD, 0, 0, 0};
  ASSERT_OK(session.Ioctl(VNPU_IOC_IRQ_ADD, &irq));
  const uint32_t event = session.AllocateEvents(1).front();
  const Queue queue = session.CreateQueue();
  vnpu_sqe task{};
  task.opcode = VNPU_OP_INTERRUPT;
  task.interrupt.event_id = event;
  task.interrupt.irq_id = irq.irq_id;
  task.interrupt.seq = 5;
  session.Publish(queue, task);
  pollfd state{fd.get(), POLLIN, 0};
  ASSERT_EQ(poll(&state, 1, static_cast<int>(kPatience.count())), 1);
  uint64_t count = 0;
  ASSERT_EQ(read(fd.get(), &count, sizeof(count)), sizeof(count));
  EXPECT_EQ(count, 1u);
  EXPECT_EQ(session.mem().events[event].seq, 5u);
  // An id that nobody has registered interrupts nobody.
  task.interrupt.irq_id = VNPU_MAX_IRQS - 1;
  EXPECT_EQ(session.Run(queue, task), VNPU_OK);
  task.interrupt.irq_id = VNPU_MAX_IRQS;
  EXPECT_EQ(session.Run(queue, task), VNPU_E_INVALID_SQE);
}

RAW_TEST_SUITE(AbortTest);

}  // namespace
}  // namespace vnpu::raw
