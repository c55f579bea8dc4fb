// Submission by the driver: write(2), read(2), poll(2), VNPU_IOC_SUBMIT.
#include <fcntl.h>
#include <poll.h>

#include <cstring>

#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

class SubmitTest : public RawTest {};

vnpu_sqe For(const Queue& queue, vnpu_sqe sqe) {
  sqe.queue_id = queue.id;
  return sqe;
}

int Submit(Session& session, const vnpu_sqe& sqe, vnpu_ioc_submit* arg) {
  *arg = {};
  std::memcpy(arg->sqe, &sqe, sizeof(sqe));
  return session.Ioctl(VNPU_IOC_SUBMIT, arg);
}

ssize_t Write(Session& session, const std::vector<vnpu_sqe>& sqes) {
  return session.file().Write(sqes.data(), sqes.size() * sizeof(vnpu_sqe));
}

// Completions as they come, until there are `count`.
std::vector<vnpu_cqe> ReadCompletions(Session& session, size_t count) {
  std::vector<vnpu_cqe> all;
  EXPECT_TRUE(Eventually(kPatience, [&] {
    vnpu_cqe cqes[16];
    if ((session.file().PollNow() & POLLIN) != 0) {
      const ssize_t got = session.file().Read(cqes, sizeof(cqes));
      EXPECT_GT(got, 0) << ErrorName(static_cast<int>(got));
      EXPECT_EQ(got % static_cast<ssize_t>(sizeof(vnpu_cqe)), 0);
      all.insert(all.end(), cqes, cqes + got / sizeof(vnpu_cqe));
    }
    return all.size() >= count;
  }));
  return all;
}

TEST_P(SubmitTest, WholeEntriesOfKnownQueues) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue({.flags = VNPU_QUEUE_DRIVER_SUBMIT});
  const Queue ring = session.CreateQueue();
  Session other(vnpud());
  other.CreateQueue();
  other.CreateQueue();
  const Queue foreign = other.CreateQueue({.flags = VNPU_QUEUE_DRIVER_SUBMIT});
  const std::vector<vnpu_sqe> two = {For(queue, Nop()), For(queue, Nop())};
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{32}, size_t{63}, size_t{65}, size_t{127}}) {
    const ssize_t written = session.file().Write(two.data(), size);
    EXPECT_TRUE(written == -EINVAL || (size == 0 && written == 0))
        << size << ": " << ErrorName(static_cast<int>(written));
  }
  EXPECT_ERRNO(EINVAL, Write(session, {For(foreign, Nop())})) << "another session's queue";
  EXPECT_ERRNO(EINVAL, Write(session, {For(ring, Nop())})) << "the client publishes this one";
  EXPECT_ERRNO(EINVAL, Write(session, {For(queue, Nop()), For(foreign, Nop())}));
  EXPECT_EQ(Write(session, two), 128);
  EXPECT_TRUE(session.WaitHead(queue, 2));
  EXPECT_EQ(queue.header().sq_tail, 2u) << "of the refused writes nothing was appended";
}

TEST_P(SubmitTest, ShortCountAtAFullQueue) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue({.entries = 8, .flags = VNPU_QUEUE_DRIVER_SUBMIT});
  const Queue gate = session.CreateQueue();
  const uint32_t event = session.AllocateEvents(1).front();
  ASSERT_EQ(Write(session, {For(queue, EventWait(event, 1))}), 64);
  const std::vector<vnpu_sqe> ten(10, For(queue, Nop(VNPU_SQE_CQE)));
  EXPECT_EQ(Write(session, ten), 7 * 64);
  EXPECT_EQ(session.file().PollNow() & POLLOUT, 0) << "no room";
  vnpu_ioc_submit submit{};
  EXPECT_ERRNO(EAGAIN, Submit(session, ten[0], &submit));
  EXPECT_EQ(session.Run(gate, EventRecord(event, 1)), VNPU_OK);
  EXPECT_EQ(ReadCompletions(session, 7).size(), 7u);
  EXPECT_NE(session.file().PollNow() & POLLOUT, 0);
  EXPECT_EQ(Write(session, ten), 8 * 64);
}

TEST_P(SubmitTest, CompletionsCarryStatusAndTask) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue({.entries = 4, .flags = VNPU_QUEUE_DRIVER_SUBMIT});
  const Buffer buffer = session.Allocate(VNPU_PAGE_SIZE);
  for (uint64_t round = 0; round < 10; ++round) {
    EXPECT_EQ(Write(session, {For(queue, Nop(VNPU_SQE_CQE)), For(queue, Memset(0, 8, 1)),
                              For(queue, Memset(buffer.va, 8, 1))}),
              3 * 64);
    const std::vector<vnpu_cqe> cqes = ReadCompletions(session, 2);
    ASSERT_EQ(cqes.size(), 2u);
    EXPECT_EQ(cqes[0].status, VNPU_OK);
    EXPECT_EQ(cqes[0].task, round * 3);
    EXPECT_EQ(cqes[1].status, VNPU_E_DMA_ADDRESS);
    EXPECT_EQ(cqes[1].task, round * 3 + 1);
    EXPECT_EQ(cqes[1].queue_id, queue.id);
    EXPECT_NE(cqes[1].exception, 0u);
    ASSERT_TRUE(session.WaitHead(queue, round * 3 + 3));
  }
  vnpu_cqe small{};
  EXPECT_ERRNO(EINVAL, session.file().Read(&small, sizeof(small) - 1));
}

TEST_P(SubmitTest, OneTaskAnIoctl) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue({.entries = 4, .flags = VNPU_QUEUE_DRIVER_SUBMIT});
  const Queue ring = session.CreateQueue();
  vnpu_ioc_submit arg{};
  for (uint64_t i = 0; i < 20; ++i) {
    ASSERT_OK(Submit(session, For(queue, Nop()), &arg));
    EXPECT_EQ(arg.task, i);
    ASSERT_TRUE(session.WaitHead(queue, i + 1));
  }
  EXPECT_ERRNO(EINVAL, Submit(session, For(ring, Nop()), &arg));
  vnpu_sqe nobody = Nop();
  nobody.queue_id = UINT32_MAX;
  EXPECT_ERRNO(EINVAL, Submit(session, nobody, &arg));
  vnpu_ioc_submit reserved{};
  reserved.reserved = 1;
  std::memcpy(reserved.sqe, &nobody, sizeof(nobody));
  EXPECT_ERRNO(EINVAL, session.Ioctl(VNPU_IOC_SUBMIT, &reserved));
}

TEST_P(SubmitTest, OrderOverManyQueues) {
  Session session(vnpud());
  std::vector<Queue> queues;
  for (int i = 0; i < 5; ++i) {
    queues.push_back(session.CreateQueue({.entries = 64, .flags = VNPU_QUEUE_DRIVER_SUBMIT}));
  }
  std::vector<vnpu_sqe> sqes;
  for (int round = 0; round < 10; ++round) {
    for (const Queue& queue : queues) {
      sqes.push_back(For(queue, Nop(VNPU_SQE_CQE)));
    }
  }
  ASSERT_EQ(Write(session, sqes), static_cast<ssize_t>(sqes.size() * 64));
  std::vector<uint64_t> next(VNPU_MAX_QUEUES);
  for (const vnpu_cqe& cqe : ReadCompletions(session, sqes.size())) {
    EXPECT_EQ(cqe.task, next.at(cqe.queue_id)++);
  }
}

// The memory of such a queue is the client's as well, who may write nonsense into it: it hurts
// that queue alone, and never the driver.
TEST_P(SubmitTest, NonsenseInTheSharedHeader) {
  // The nonsense may say for ever that the queue is full.
  Session session(vnpud().Open("davinci0", O_RDWR | O_NONBLOCK));
  Session innocent(vnpud());
  const Queue innocent_queue = innocent.CreateQueue();
  const Queue queue = session.CreateQueue({.entries = 8, .flags = VNPU_QUEUE_DRIVER_SUBMIT});
  const std::vector<vnpu_sqe> many(16, For(queue, Nop(VNPU_SQE_CQE)));
  for (const uint64_t value : {uint64_t{0}, uint64_t{1} << 63, ~uint64_t{0}, uint64_t{12345}}) {
    vnpu_queue_hdr& header = queue.header();
    header.sq_head = value;
    header.cq_tail = value * 3;
    header.cq_head = value + 1;
    header.sq_tail = ~value;
    const ssize_t written = Write(session, many);
    EXPECT_TRUE(written == -EAGAIN || written == -EIO || written > 0) << written;
    vnpu_cqe cqes[64];
    if ((session.file().PollNow() & POLLIN) != 0) {
      EXPECT_LE(session.file().Read(cqes, sizeof(cqes)),
                static_cast<ssize_t>(8 * sizeof(vnpu_cqe)));
    }
    EXPECT_EQ(innocent.Run(innocent_queue, Nop()), VNPU_OK);
  }
}

RAW_TEST_SUITE(SubmitTest);

}  // namespace
}  // namespace vnpu::raw
