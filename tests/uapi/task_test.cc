// Tasks through shared queue memory: every opcode, good and bad, and what becomes of failures.
#include <sched.h>

#include <atomic>
#include <cstring>
#include <functional>

#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

class TaskTest : public RawTest {};

TEST_P(TaskTest, NopsInOrderAndTheirTimes) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue({.entries = 8});
  constexpr uint64_t kTasks = 1000;
  const auto* times =
      reinterpret_cast<const vnpu_task_time*>(queue.memory.data() + vnpu_queue_times_offset(8));
  for (uint64_t i = 0; i < kTasks; ++i) {
    EXPECT_EQ(session.Publish(queue, Nop()), i);
  }
  ASSERT_TRUE(session.WaitHead(queue, kTasks));
  EXPECT_TRUE(queue.TakeCompletions().empty()) << "nobody asked for a CQE";
  for (uint64_t i = kTasks - 8; i < kTasks; ++i) {
    EXPECT_GT(times[i & 7].start, 0u);
    EXPECT_LE(times[i & 7].start, times[i & 7].end);
    if (i > kTasks - 8) {
      EXPECT_LE(times[(i - 1) & 7].end, times[i & 7].end);
    }
  }
}

TEST_P(TaskTest, TimesAreNotedWhereTheyAreAskedFor) {
  Session session(vnpud(), "davinci0", VNPU_SESSION_ASKS_FOR_TIMES);
  const Queue queue = session.CreateQueue({.entries = 8});
  const auto* times =
      reinterpret_cast<const vnpu_task_time*>(queue.memory.data() + vnpu_queue_times_offset(8));
  const auto run_one = [&] {
    const uint64_t task = session.Publish(queue, Nop());
    EXPECT_TRUE(session.WaitHead(queue, task + 1));
    return std::atomic_ref(const_cast<uint64_t&>(times[task & 7].end)).load();
  };
  EXPECT_EQ(run_one(), 0u);
  std::atomic_ref(queue.header().record_times).store(1);
  EXPECT_GT(run_one(), 0u);
  EXPECT_GT(run_one(), 0u);
  std::atomic_ref(queue.header().record_times).store(0);
  EXPECT_EQ(run_one(), 0u);
}

TEST_P(TaskTest, EntriesWithSeqLastNeedNoTailWhileTheDeviceIsAwake) {
  cpu_set_t cpus;
  if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) < 2) {
    GTEST_SKIP() << "with one CPU the device does not poll";
  }
  Session session(vnpud(), "davinci0", VNPU_SESSION_SEQ_LAST);
  const Queue queue = session.CreateQueue({.entries = 8});
  // The tail comes when the device has been seen to be done without it, or when it sleeps.
  int before_the_tail = 0;
  for (uint64_t index = 0; index < 1000; ++index) {
    if (index == 0 || std::atomic_ref(queue.header().need_doorbell).load() == 1) {
      ASSERT_EQ(session.Publish(queue, Nop()), index);
      ASSERT_TRUE(session.WaitHead(queue, index + 1));
      continue;
    }
    vnpu_sqe sqe = Nop();
    sqe.queue_id = queue.id;
    vnpu_sqe& slot = queue.sq()[index & 7];
    sqe.seq = slot.seq;
    slot = sqe;
    std::atomic_ref(slot.seq).store(static_cast<uint32_t>(index), std::memory_order_release);
    const auto is_done = [&] { return std::atomic_ref(queue.header().sq_head).load() > index; };
    while (!is_done() && std::atomic_ref(queue.header().need_doorbell).load() == 0) {
      std::this_thread::yield();
    }
    before_the_tail += is_done() ? 1 : 0;
    ASSERT_EQ(session.Publish(queue, Nop()), index);
    ASSERT_TRUE(session.WaitHead(queue, index + 1));
  }
  EXPECT_GT(before_the_tail, 0);
  EXPECT_TRUE(queue.TakeCompletions().empty());
}

TEST_P(TaskTest, CompletionsAreCountedWhenTheyOverflow) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue({.entries = 8});
  for (int i = 0; i < 20; ++i) {
    session.Publish(queue, Nop(VNPU_SQE_CQE));
  }
  ASSERT_TRUE(session.WaitHead(queue, 20));
  const std::vector<vnpu_cqe> cqes = queue.TakeCompletions();
  ASSERT_EQ(cqes.size(), 8u);
  for (uint64_t i = 0; i < cqes.size(); ++i) {
    EXPECT_EQ(cqes[i].task, i);
    EXPECT_EQ(cqes[i].queue_id, queue.id);
    EXPECT_EQ(cqes[i].status, VNPU_OK);
    EXPECT_EQ(cqes[i].exception, 0u);
  }
  EXPECT_EQ(std::atomic_ref(queue.header().cq_overflow).load(), 12u);
  EXPECT_EQ(session.Run(queue, Nop()), VNPU_OK);
}

TEST_P(TaskTest, CopiesOfEverySizeAndAlignment) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  const Buffer buffer = session.Allocate(64 * kPage);
  std::vector<unsigned char> text(32 * kPage);
  for (size_t i = 0; i < text.size(); ++i) {
    text[i] = static_cast<unsigned char>(i * 31 + i / 251);
  }
  for (const uint64_t size :
       {uint64_t{1}, uint64_t{7}, kPage - 1, kPage, 3 * kPage + 5, 32 * kPage - 3}) {
    for (const uint64_t skew : {0, 1, 3}) {
      std::vector<unsigned char> seen(size);
      ASSERT_EQ(session.Run(queue, Memset(buffer.va, buffer.size, 0xee)), VNPU_OK);
      ASSERT_TRUE(session.Store(buffer.va + skew, text.data(), size));
      const uint64_t second = buffer.va + 32 * kPage;
      ASSERT_EQ(session.Run(queue, Copy(second, buffer.va + skew, size)), VNPU_OK);
      ASSERT_TRUE(session.Load(seen.data(), second, size));
      EXPECT_EQ(std::memcmp(seen.data(), text.data(), size), 0) << size << " at " << skew;
      unsigned char beyond = 0;
      if (size + 1 < 32 * kPage) {
        ASSERT_TRUE(session.Load(&beyond, second + size, 1));
        EXPECT_EQ(beyond, 0xee) << "byte after the copy";
      }
    }
  }
}

TEST_P(TaskTest, MemsetWidths) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  const Buffer buffer = session.Allocate(kPage);
  for (const uint32_t width : {1u, 2u, 4u}) {
    ASSERT_EQ(session.Run(queue, Memset(buffer.va, 64, 0xa1b2c3d4, width)), VNPU_OK);
    std::vector<unsigned char> seen(64);
    ASSERT_TRUE(session.Load(seen.data(), buffer.va, seen.size()));
    const uint32_t value = 0xa1b2c3d4;
    for (size_t i = 0; i < seen.size(); i += width) {
      EXPECT_EQ(std::memcmp(&seen[i], &value, width), 0);
    }
  }
}

TEST_P(TaskTest, InvalidEntriesFailAloneWithARecord) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  const Buffer buffer = session.Allocate(kPage);
  const uint32_t event = session.AllocateEvents(1).front();
  const vnpu_sqe copy = Copy(buffer.va, buffer.va + 64, 64);
  const vnpu_sqe fill = Memset(buffer.va, 64, 1, 4);
  const auto with = [](vnpu_sqe sqe, const std::function<void(vnpu_sqe*)>& change) {
    change(&sqe);
    return sqe;
  };
  const vnpu_sqe bad[] = {
      with(Nop(), [](auto* s) { s->opcode = VNPU_OP_COUNT; }),
      with(Nop(), [](auto* s) { s->opcode = 255; }),
      with(Nop(), [](auto* s) { s->flags = 0x80; }),
      with(Nop(), [](auto* s) { s->core_limit = 1; }),
      with(copy, [](auto* s) { s->copy.copy_flags = 0x20; }),
      with(copy, [](auto* s) { s->copy.reserved0 = 1; }),
      with(copy, [](auto* s) { s->copy.src_offset = 1; }),
      with(fill, [](auto* s) { s->memset.width = 3; }),
      with(fill, [](auto* s) { s->memset.width = 0; }),
      with(fill, [](auto* s) { s->memset.size = 63; }),
      with(fill, [](auto* s) { s->memset.reserved[0] = 1; }),
      with(EventRecord(event, 1), [](auto* s) { s->event.event_id = VNPU_MAX_EVENTS; }),
      with(EventRecord(event, 1), [](auto* s) { s->event.event_id = UINT32_MAX; }),
      with(EventRecord(event, 1), [](auto* s) { s->event.seq = 0; }),
      with(EventRecord(event, 1), [](auto* s) { s->event.reserved0 = 1; }),
      with(EventWait(event, 1), [](auto* s) { s->event.seq = 0; }),
      Kernel(0, 1, {}),
      Kernel(UINT32_MAX, 1, {}),
      Kernel(65536, 1, {}),
  };
  uint64_t exceptions = 0;
  for (const vnpu_sqe& sqe : bad) {
    EXPECT_EQ(session.Run(queue, sqe), VNPU_E_INVALID_SQE)
        << "entry " << exceptions << ", opcode " << int{sqe.opcode};
    ++exceptions;
    EXPECT_EQ(session.mem().exception_count, exceptions);
    const vnpu_exception& record = session.mem().exceptions[(exceptions - 1) % VNPU_EXCEPTIONS];
    EXPECT_EQ(record.seq, exceptions);
    EXPECT_EQ(record.status, VNPU_E_INVALID_SQE);
    EXPECT_EQ(record.queue_id, queue.id);
    EXPECT_EQ(record.task, exceptions - 1);
  }
  EXPECT_EQ(session.Run(queue, fill), VNPU_OK);
}

TEST_P(TaskTest, EntriesOfTheWrongQueueOrIndex) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  const auto publish_as_is = [&](vnpu_sqe sqe) {
    const uint64_t index = queue.header().sq_tail;
    sqe.flags = VNPU_SQE_CQE;
    queue.sq()[index & (queue.entries - 1)] = sqe;
    std::atomic_ref(queue.header().sq_tail).store(index + 1);
    std::atomic_ref(session.mem().doorbell[queue.id / 64]).fetch_or(uint64_t{1} << queue.id % 64);
    std::atomic_ref(session.mem().doorbell_summary).fetch_or(uint64_t{1} << queue.id / 64);
    const uint64_t one = 1;
    EXPECT_EQ(write(session.kick_fd(), &one, sizeof(one)), 8);
    EXPECT_TRUE(session.WaitHead(queue, index + 1));
    const std::vector<vnpu_cqe> cqes = queue.TakeCompletions();
    return cqes.empty() ? uint32_t{VNPU_STATUS_COUNT} : cqes.back().status;
  };
  vnpu_sqe sqe = Nop();
  sqe.queue_id = queue.id + 1;
  EXPECT_EQ(publish_as_is(sqe), VNPU_E_INVALID_SQE);
  sqe.queue_id = queue.id;
  sqe.seq = 77;
  EXPECT_EQ(publish_as_is(sqe), VNPU_E_INVALID_SQE);
  sqe.seq = 2;
  EXPECT_EQ(publish_as_is(sqe), VNPU_OK);
}

TEST_P(TaskTest, AddressesThatAreNotMapped) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  const Buffer buffer = session.Allocate(2 * kPage);
  std::vector<char> here(kPage);
  const uint64_t end = buffer.va + buffer.size;
  const uint64_t ours = AddressOf(here.data());
  for (const uint64_t bad : {uint64_t{0}, uint64_t{8}, end, buffer.va - 8, session.window() - 8,
                             uint64_t{session.window() + VNPU_WINDOW_SIZE / 2}, uint64_t{1} << 47,
                             uint64_t{1} << 63, ~uint64_t{0}, ~uint64_t{7}, ours}) {
    EXPECT_EQ(session.Run(queue, Memset(bad, 8, 1)), VNPU_E_DMA_ADDRESS) << std::hex << bad;
    EXPECT_EQ(session.Run(queue, Copy(bad, buffer.va, 8)), VNPU_E_DMA_ADDRESS) << std::hex << bad;
    EXPECT_EQ(session.Run(queue, Copy(buffer.va, bad, 8)), VNPU_E_DMA_ADDRESS) << std::hex << bad;
  }
  EXPECT_EQ(session.Run(queue, Memset(end - 4, 8, 1)), VNPU_E_DMA_ADDRESS);
  for (const uint64_t size : {uint64_t{1} << 40, uint64_t{1} << 63, ~uint64_t{0}}) {
    EXPECT_EQ(session.Run(queue, Memset(buffer.va, size, 1)), VNPU_E_DMA_ADDRESS) << size;
    EXPECT_EQ(session.Run(queue, Copy(buffer.va, buffer.va, size)), VNPU_E_DMA_ADDRESS) << size;
  }
  const vnpu_exception& record =
      session.mem().exceptions[(session.mem().exception_count - 1) % VNPU_EXCEPTIONS];
  EXPECT_EQ(record.status, VNPU_E_DMA_ADDRESS);
  EXPECT_EQ(record.opcode, VNPU_OP_COPY);
}

TEST_P(TaskTest, PageableAddressesThatAreNotAccessible) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  const Buffer buffer = session.Allocate(2 * kPage);
  for (const uint64_t bad : {uint64_t{0}, uint64_t{64}, session.window(), buffer.va,
                             uint64_t{1} << 47, ~uint64_t{0} - 64}) {
    EXPECT_EQ(session.Run(queue, Copy(buffer.va, bad, 8, VNPU_COPY_SRC_PAGEABLE)), VNPU_E_DMA_HOST)
        << std::hex << bad;
    EXPECT_EQ(session.Run(queue, Copy(bad, buffer.va, 8, VNPU_COPY_DST_PAGEABLE)), VNPU_E_DMA_HOST)
        << std::hex << bad;
  }
  static const char kConstant[64] = "not to be written";
  EXPECT_EQ(session.Run(queue, Copy(AddressOf(kConstant), buffer.va, 8, VNPU_COPY_DST_PAGEABLE)),
            VNPU_E_DMA_HOST);
}

TEST_P(TaskTest, StopOnFailureDropsTheRest) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue({.flags = VNPU_QUEUE_STOP_ON_FAILURE});
  const Queue other = session.CreateQueue();
  const uint32_t event = session.AllocateEvents(1).front();
  const Buffer buffer = session.Allocate(kPage);
  session.Publish(queue, Memset(0, 8, 1));
  session.Publish(queue, Memset(buffer.va, 8, 0x77));
  session.Publish(queue, EventRecord(event, 5));
  EXPECT_EQ(session.Run(other, EventWait(event, 5)), VNPU_OK) << "records are carried out";
  ASSERT_TRUE(session.WaitHead(queue, 3));
  const std::vector<vnpu_cqe> cqes = queue.TakeCompletions();
  ASSERT_GE(cqes.size(), 2u);
  EXPECT_EQ(cqes[0].status, VNPU_E_DMA_ADDRESS);
  EXPECT_EQ(cqes[1].status, VNPU_E_ABORTED);
  uint64_t word = 1;
  ASSERT_TRUE(session.Load(&word, buffer.va, sizeof(word)));
  EXPECT_EQ(word, 0u) << "the task after the failure has run";
}

TEST_P(TaskTest, FailuresDoNotStopOtherQueuesOfTheirKind) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  const Buffer buffer = session.Allocate(kPage);
  session.Publish(queue, Memset(0, 8, 1));
  EXPECT_EQ(session.Run(queue, Memset(buffer.va, 8, 0x77)), VNPU_OK);
  uint64_t word = 0;
  ASSERT_TRUE(session.Load(&word, buffer.va, sizeof(word)));
  EXPECT_EQ(word, 0x7777777777777777u);
}

// A tail that makes no sense shuts down its queue alone.
TEST_P(TaskTest, TailsThatMakeNoSense) {
  Session session(vnpud());
  const Queue innocent = session.CreateQueue();
  for (const uint64_t tail : {uint64_t{65}, uint64_t{1} << 32, uint64_t{1} << 63, ~uint64_t{0}}) {
    const Queue queue = session.CreateQueue({.entries = 64});
    std::atomic_ref(queue.header().sq_tail).store(tail);
    std::atomic_ref(session.mem().doorbell[queue.id / 64]).fetch_or(uint64_t{1} << queue.id % 64);
    std::atomic_ref(session.mem().doorbell_summary).fetch_or(uint64_t{1} << queue.id / 64);
    const uint64_t one = 1;
    ASSERT_EQ(write(session.kick_fd(), &one, sizeof(one)), 8);
    EXPECT_EQ(session.Run(innocent, Nop()), VNPU_OK);
    session.DestroyQueue(queue, VNPU_DESTROY_FORCE);
  }
}

RAW_TEST_SUITE(TaskTest);

}  // namespace
}  // namespace vnpu::raw
