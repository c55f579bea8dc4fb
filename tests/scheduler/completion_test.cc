// Completion entries.
#include "tests/scheduler/scheduler_fixture.h"

namespace vnpu::firmware::test {
namespace {

using Completion = SchedulerTest;

TEST_F(Completion, OnRequest) {
  QueueClient& queue = Create(12);
  Publish(queue, {Nop(), WithCqe(Nop()), WithCqe(Kernel(kernel_)), Record(1, 1),
                  WithCqe(Record(1, 2)), WithCqe(Wait(1, 2))});
  RunAll();
  for (const uint64_t task : {1u, 2u, 4u, 5u}) {
    const auto cqe = queue.Consume();
    ASSERT_TRUE(cqe);
    EXPECT_EQ(cqe->task, task);
    EXPECT_EQ(cqe->status, VNPU_OK);
    EXPECT_EQ(cqe->queue_id, 12u);
    EXPECT_EQ(cqe->exception, 0u);
    EXPECT_EQ(cqe->timestamp, queue.time(task).end);
  }
  EXPECT_FALSE(queue.Consume());
}

TEST_F(Completion, OneEntryForAFailureThatAskedForOne) {
  QueueClient& queue = Create(0);
  Publish(queue, WithCqe(Kernel(kernel_)));
  Retire(Pick(), VNPU_E_TRAP);
  EXPECT_EQ(queue.Consume()->status, VNPU_E_TRAP);
  EXPECT_FALSE(queue.Consume());
}

// Whoever sees the head move finds the entry there.
TEST_F(Completion, EntryComesBeforeTheHeadMoves) {
  QueueClient& queue = Create(0);
  Publish(queue, WithCqe(Kernel(kernel_)));
  const Work work = Pick();
  EXPECT_EQ(queue.hdr().cq_tail, 0u);
  Retire(work);
  EXPECT_EQ(queue.hdr().cq_tail, 1u);
  EXPECT_EQ(queue.head(), 1u);
}

TEST_F(Completion, OverflowIsCounted) {
  QueueClient& queue = Create(0, 3, 0, 4);
  for (int i = 0; i < 7; ++i) {
    Publish(queue, WithCqe(Nop()));
    ExpectNoWork();
  }
  EXPECT_EQ(queue.hdr().cq_overflow, 3u);
  for (uint64_t task = 0; task < 4; ++task) {
    EXPECT_EQ(queue.Consume()->task, task) << "what was there stays";
  }
  EXPECT_FALSE(queue.Consume());
  Publish(queue, WithCqe(Nop()));
  ExpectNoWork();
  EXPECT_EQ(queue.Consume()->task, 7u);
  EXPECT_EQ(queue.hdr().cq_overflow, 3u);
}

TEST_F(Completion, ConsumerIndexThatMakesNoSense) {
  QueueClient& queue = Create(0, 3, 0, 4);
  queue.hdr().cq_head = 1'000'000;
  Publish(queue, {WithCqe(Nop()), WithCqe(Nop())});
  ExpectNoWork();
  EXPECT_TRUE(queue.Done());
  EXPECT_EQ(queue.hdr().cq_overflow, 2u);
  queue.hdr().cq_head = 0;
  Publish(queue, WithCqe(Nop()));
  ExpectNoWork();
  EXPECT_EQ(queue.Consume()->task, 2u);
}

// The device's counters in shared memory are copies: what the client writes there is lost.
TEST_F(Completion, CountersSpoiledByTheClient) {
  QueueClient& queue = Create(0, 3, 0, 4);
  Publish(queue, WithCqe(Nop()));
  ExpectNoWork();
  queue.hdr().sq_head = 77;
  queue.hdr().cq_tail = 99;
  ASSERT_FALSE(queue.Publish(WithCqe(Nop())));
  ExpectNoWork();
  EXPECT_EQ(queue.hdr().sq_head, 2u);
  EXPECT_EQ(queue.hdr().cq_tail, 2u);
}

}  // namespace
}  // namespace vnpu::firmware::test
