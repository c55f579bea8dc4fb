// Notifies of one session and between sessions; waits for words of memory.
#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include "tests/uapi/support/fixture.h"
#include "tests/uapi/support/process.h"

namespace vnpu::raw {
namespace {

using NotifyKey = std::array<uint8_t, VNPU_NOTIFY_KEY_BYTES>;

vnpu_sqe Record(uint32_t id, uint64_t value, uint32_t mode = VNPU_NOTIFY_SET) {
  vnpu_sqe sqe{};
  sqe.opcode = VNPU_OP_NOTIFY_RECORD;
  sqe.notify.notify_id = id;
  sqe.notify.mode = mode;
  sqe.notify.value = value;
  return sqe;
}

vnpu_sqe WaitFor(uint32_t id, uint64_t value, uint32_t mode = VNPU_NOTIFY_EQUAL, uint32_t flags = 0,
                 uint32_t timeout_us = 0) {
  vnpu_sqe sqe{};
  sqe.opcode = VNPU_OP_NOTIFY_WAIT;
  sqe.timeout_us = timeout_us;
  sqe.notify.notify_id = id;
  sqe.notify.mode = mode;
  sqe.notify.value = value;
  sqe.notify.flags = flags;
  return sqe;
}

uint32_t AllocateNotify(Session& session) {
  vnpu_ioc_notify_alloc arg{};
  session.Must(VNPU_IOC_NOTIFY_ALLOC, &arg, "VNPU_IOC_NOTIFY_ALLOC");
  return arg.notify_id;
}

int FreeNotify(Session& session, uint32_t id, uint32_t reserved = 0) {
  vnpu_ioc_notify_free arg{id, reserved};
  return session.Ioctl(VNPU_IOC_NOTIFY_FREE, &arg);
}

int ResetNotify(Session& session, uint32_t id, uint32_t count = 1, uint32_t flags = 0) {
  vnpu_ioc_notify_reset arg{};
  arg.count = count;
  arg.flags = flags;
  std::ranges::fill(arg.notify_id, id);
  return session.Ioctl(VNPU_IOC_NOTIFY_RESET, &arg);
}

int ShareNotify(Session& session, uint32_t id, NotifyKey* key,
                uint32_t flags = VNPU_NOTIFY_ANY_PROCESS, uint32_t kind = VNPU_NOTIFY_SIGNAL,
                uint32_t reserved = 0) {
  vnpu_ioc_notify_share arg{};
  arg.notify_id = id;
  arg.flags = flags;
  arg.kind = kind;
  arg.reserved = reserved;
  const int result = session.Ioctl(VNPU_IOC_NOTIFY_SHARE, &arg);
  std::ranges::copy(arg.key, key->begin());
  return result;
}

int AllowProcess(Session& session, uint32_t id, uint32_t pid, uint32_t count = 1) {
  vnpu_ioc_notify_allow arg{};
  arg.notify_id = id;
  arg.count = count;
  std::ranges::fill(arg.pid, pid);
  return session.Ioctl(VNPU_IOC_NOTIFY_ALLOW, &arg);
}

int OpenNotify(Session& session, const NotifyKey& key, uint32_t* id = nullptr,
               uint32_t kind = VNPU_NOTIFY_SIGNAL, uint64_t reserved = 0) {
  vnpu_ioc_notify_open arg{};
  arg.kind = kind;
  arg.reserved = reserved;
  std::ranges::copy(key, arg.key);
  const int result = session.Ioctl(VNPU_IOC_NOTIFY_OPEN, &arg);
  if (id != nullptr) {
    *id = arg.notify_id;
  }
  return result;
}

struct SeqAnswer {
  int result;
  uint64_t seq;
  uint64_t count;
};
SeqAnswer Seq(Session& session, uint32_t id, uint32_t flags = 0, uint64_t seq = 0) {
  vnpu_ioc_notify_seq arg{id, flags, seq, 0};
  const int result = session.Ioctl(VNPU_IOC_NOTIFY_SEQ, &arg);
  return {result, arg.seq, arg.count};
}

bool Asleep(Session& session) { return std::atomic_ref(session.mem().need_wakeup).load() == 1; }

class NotifyTest : public RawTest {
 protected:
  std::vector<std::string> Options() const override { return {"--devices", "2"}; }
};

TEST_P(NotifyTest, FieldsOutOfRange) {
  Session session(vnpud());
  Session other(vnpud());
  vnpu_ioc_notify_alloc alloc{1, 0};
  EXPECT_ERRNO(EINVAL, session.Ioctl(VNPU_IOC_NOTIFY_ALLOC, &alloc));
  const uint32_t id = AllocateNotify(session);
  EXPECT_EQ(Counters().events, 1u);
  NotifyKey key{};
  EXPECT_ERRNO(EINVAL, FreeNotify(session, id, 1));
  EXPECT_ERRNO(EINVAL, ResetNotify(session, id, 0));
  EXPECT_ERRNO(EINVAL, ResetNotify(session, id, VNPU_NOTIFY_BATCH + 1));
  EXPECT_ERRNO(EINVAL, ResetNotify(session, id, 1, 1));
  EXPECT_ERRNO(EINVAL, ShareNotify(session, id, &key, 2));
  EXPECT_ERRNO(EINVAL, ShareNotify(session, id, &key, 0, VNPU_NOTIFY_KIND_COUNT));
  EXPECT_ERRNO(EINVAL, ShareNotify(session, id, &key, 0, VNPU_NOTIFY_SIGNAL, 1));
  EXPECT_ERRNO(EINVAL, AllowProcess(session, id, 1)) << "not shared";
  EXPECT_ERRNO(EINVAL, Seq(session, id).result) << "not shared";
  for (const uint32_t bad : {id + 1, VNPU_MAX_NOTIFIES, UINT32_MAX}) {
    EXPECT_ERRNO(ENOENT, FreeNotify(session, bad)) << bad;
    EXPECT_ERRNO(ENOENT, ResetNotify(session, bad)) << bad;
    EXPECT_ERRNO(ENOENT, ShareNotify(session, bad, &key)) << bad;
    EXPECT_ERRNO(ENOENT, AllowProcess(session, bad, 1)) << bad;
    EXPECT_ERRNO(ENOENT, Seq(session, bad).result) << bad;
  }
  ASSERT_OK(ShareNotify(session, id, &key));
  EXPECT_ERRNO(ENOENT, FreeNotify(other, id));
  EXPECT_ERRNO(ENOENT, ResetNotify(other, id));
  EXPECT_ERRNO(ENOENT, ShareNotify(other, id, &key));
  EXPECT_ERRNO(ENOENT, AllowProcess(other, id, 1));
  EXPECT_ERRNO(ENOENT, Seq(other, id).result);
  EXPECT_ERRNO(EINVAL, ShareNotify(session, id, &key, 0, VNPU_NOTIFY_EVENT)) << "of another kind";
  ASSERT_OK(ShareNotify(session, id, &key));
  EXPECT_ERRNO(EINVAL, AllowProcess(session, id, 1, 0));
  EXPECT_ERRNO(EINVAL, AllowProcess(session, id, 1, VNPU_NOTIFY_BATCH + 1));
  EXPECT_ERRNO(EINVAL, AllowProcess(session, id, 0));
  EXPECT_ERRNO(EINVAL, AllowProcess(session, id, UINT32_MAX));
  EXPECT_ERRNO(EINVAL, OpenNotify(other, key, nullptr, VNPU_NOTIFY_KIND_COUNT));
  EXPECT_ERRNO(EINVAL, OpenNotify(other, key, nullptr, VNPU_NOTIFY_SIGNAL, 1));
  EXPECT_ERRNO(ENOENT, OpenNotify(other, key, nullptr, VNPU_NOTIFY_EVENT));
  NotifyKey wrong = key;
  wrong.back() ^= 1;
  EXPECT_ERRNO(ENOENT, OpenNotify(other, wrong));
  EXPECT_ERRNO(ENOENT, OpenNotify(other, NotifyKey{}));
  EXPECT_ERRNO(EINVAL, Seq(session, id, 4).result);
  EXPECT_ERRNO(EINVAL, Seq(session, id, 3).result);
  EXPECT_ERRNO(EINVAL, Seq(session, id, 0, 1).result);
  EXPECT_ERRNO(EINVAL, Seq(session, id, VNPU_NOTIFY_SEQ_DONE, 1).result) << "never given out";
  EXPECT_OK(FreeNotify(session, id));
  EXPECT_ERRNO(ENOENT, FreeNotify(session, id));
}

TEST_P(NotifyTest, RecordsAndWaits) {
  Session session(vnpud());
  const Queue first = session.CreateQueue();
  const Queue second = session.CreateQueue();
  const uint32_t id = AllocateNotify(session);
  session.Publish(second, WaitFor(id, 1, VNPU_NOTIFY_EQUAL, VNPU_NOTIFY_CLEAR));
  EXPECT_EQ(session.Run(first, Nop()), VNPU_OK);
  EXPECT_EQ(second.Head(), 0u);
  EXPECT_ERRNO(EBUSY, FreeNotify(session, id));
  EXPECT_EQ(session.Run(first, Record(id, 1)), VNPU_OK);
  EXPECT_TRUE(session.WaitHead(second, 1));
  EXPECT_EQ(session.Run(second, WaitFor(id, 1, VNPU_NOTIFY_EQUAL, 0, 2000)), VNPU_E_WAIT_TIMEOUT)
      << "cleared";
  EXPECT_EQ(session.Run(first, Record(id, 5)), VNPU_OK);
  EXPECT_OK(ResetNotify(session, id, VNPU_NOTIFY_BATCH));
  EXPECT_EQ(session.Run(second, WaitFor(id, 0)), VNPU_OK);
  EXPECT_EQ(session.Run(first, Record(VNPU_MAX_NOTIFIES, 1)), VNPU_E_INVALID_SQE);
  EXPECT_OK(FreeNotify(session, id));
}

TEST_P(NotifyTest, AsManyAsTheLimitSays) {
  Session session(vnpud());
  for (uint32_t i = 0; i < VNPU_MAX_NOTIFIES; ++i) {
    AllocateNotify(session);
  }
  vnpu_ioc_notify_alloc arg{};
  EXPECT_ERRNO(ENOSPC, session.Ioctl(VNPU_IOC_NOTIFY_ALLOC, &arg));
  EXPECT_OK(FreeNotify(session, 77));
  EXPECT_EQ(AllocateNotify(session), 77u);
}

TEST_P(NotifyTest, SharedBetweenSessionsOfTwoDevices) {
  if (kOneWindow) {
    GTEST_SKIP() << "one window";
  }
  Session waiter(vnpud());
  Session recorder(vnpud(), "davinci1");
  const Queue waits = waiter.CreateQueue();
  const Queue records = recorder.CreateQueue();
  const uint32_t id = AllocateNotify(waiter);
  uint32_t opened = 0;
  NotifyKey key;
  waiter.Publish(waits, WaitFor(id, 1, VNPU_NOTIFY_EQUAL, VNPU_NOTIFY_CLEAR));
  ASSERT_OK(ShareNotify(waiter, id, &key));
  ASSERT_OK(OpenNotify(recorder, key, &opened));
  NotifyKey again;
  ASSERT_OK(ShareNotify(waiter, id, &again));
  EXPECT_EQ(key, again);
  EXPECT_ERRNO(EINVAL, ShareNotify(recorder, opened, &again)) << "only who allocated it";
  EXPECT_ERRNO(EINVAL, AllowProcess(recorder, opened, 1));
  EXPECT_EQ(waits.Head(), 0u);
  for (uint64_t round = 1; round <= 50; ++round) {
    if (round % 2 == 0) {
      EXPECT_TRUE(Eventually(kPatience, [&] { return Asleep(waiter); }));
    }
    EXPECT_EQ(recorder.Run(records, Record(opened, 1)), VNPU_OK);
    ASSERT_TRUE(waiter.WaitHead(waits, round)) << round;
    waiter.Publish(waits, WaitFor(id, 1, VNPU_NOTIFY_EQUAL, VNPU_NOTIFY_CLEAR));
  }
  EXPECT_EQ(Seq(waiter, id).count, 0u);
  EXPECT_ERRNO(EBUSY, FreeNotify(waiter, id));
  EXPECT_OK(FreeNotify(recorder, opened));
}

TEST_P(NotifyTest, AKeyEndsWithItsSession) {
  Session user(vnpud());
  const Queue queue = user.CreateQueue();
  uint32_t opened = 0;
  NotifyKey key;
  {
    Session creator(vnpud());
    ASSERT_OK(ShareNotify(creator, AllocateNotify(creator), &key));
    ASSERT_OK(OpenNotify(user, key, &opened));
  }
  EXPECT_TRUE(Eventually(kPatience, [&] { return OpenNotify(user, key) == -ENOENT; }));
  EXPECT_EQ(user.Run(queue, Record(opened, 3)), VNPU_OK) << "who has it keeps it";
  EXPECT_EQ(user.Run(queue, WaitFor(opened, 3)), VNPU_OK);
  EXPECT_OK(FreeNotify(user, opened));
}

TEST_P(NotifyTest, FreedByItsCreatorNobodyOpensIt) {
  Session creator(vnpud());
  Session user(vnpud());
  const uint32_t id = AllocateNotify(creator);
  NotifyKey key;
  ASSERT_OK(ShareNotify(creator, id, &key));
  EXPECT_OK(FreeNotify(creator, id));
  EXPECT_ERRNO(ENOENT, OpenNotify(user, key));
}

TEST_P(NotifyTest, OnlyListedProcessesOpenIt) {
  if (!OnNode()) {
    GTEST_SKIP() << "the files of an embedded driver are all its one client's";
  }
  Session creator(vnpud());
  const uint32_t id = AllocateNotify(creator);
  NotifyKey key;
  ASSERT_OK(ShareNotify(creator, id, &key, 0));
  ASSERT_OK(OpenNotify(creator, key)) << "the creator's own process";
  Notice listed;
  Notice tried;
  Child other([&] {
    Session session(vnpud());
    const int before = OpenNotify(session, key);
    tried.Give();
    if (!listed.Wait()) {
      return 9;
    }
    return FirstWrong({{-EACCES, before}, {0, OpenNotify(session, key)}});
  });
  ASSERT_TRUE(tried.Wait());
  ASSERT_OK(AllowProcess(creator, id, static_cast<uint32_t>(other.pid())));
  listed.Give();
  EXPECT_EQ(other.Wait(), 0);
}

TEST_P(NotifyTest, SequenceNumbersAreOneRow) {
  Session first(vnpud());
  Session second(vnpud());
  const Queue queue = second.CreateQueue();
  const uint32_t id = AllocateNotify(first);
  uint32_t opened = 0;
  NotifyKey key;
  ASSERT_OK(ShareNotify(first, id, &key, VNPU_NOTIFY_ANY_PROCESS, VNPU_NOTIFY_EVENT));
  ASSERT_OK(OpenNotify(second, key, &opened, VNPU_NOTIFY_EVENT));
  EXPECT_EQ(Seq(first, id).seq, 0u);
  EXPECT_EQ(Seq(first, id, VNPU_NOTIFY_SEQ_NEXT).seq, 1u);
  EXPECT_EQ(Seq(second, opened, VNPU_NOTIFY_SEQ_NEXT).seq, 2u);
  EXPECT_EQ(Seq(first, id).seq, 2u);
  EXPECT_EQ(Seq(first, id).count, 0u);
  EXPECT_EQ(second.Run(queue, Record(opened, 2, VNPU_NOTIFY_MAX)), VNPU_OK);
  EXPECT_EQ(Seq(first, id).count, 2u);
  const SeqAnswer done = Seq(first, id, VNPU_NOTIFY_SEQ_DONE, 1);
  EXPECT_OK(done.result);
  EXPECT_EQ(done.count, 2u) << "never goes back";
}

// Nobody hangs because a record will never be carried out.
TEST_P(NotifyTest, LostSessionsRecordTheirNumbers) {
  Session waiter(vnpud());
  const Queue queue = waiter.CreateQueue();
  const uint32_t id = AllocateNotify(waiter);
  NotifyKey key;
  ASSERT_OK(ShareNotify(waiter, id, &key, VNPU_NOTIFY_ANY_PROCESS, VNPU_NOTIFY_EVENT));
  uint32_t opened = 0;
  {
    Session ends(vnpud());
    ASSERT_OK(OpenNotify(ends, key, &opened, VNPU_NOTIFY_EVENT));
    EXPECT_EQ(Seq(ends, opened, VNPU_NOTIFY_SEQ_NEXT).seq, 1u);
    waiter.Publish(queue, WaitFor(id, 1, VNPU_NOTIFY_NOT_LESS));
    EXPECT_TRUE(Eventually(kPatience, [&] { return Asleep(waiter); }));
    EXPECT_EQ(queue.Head(), 0u);
  }
  EXPECT_TRUE(waiter.WaitHead(queue, 1));
  Session dies(vnpud());
  ASSERT_OK(OpenNotify(dies, key, &opened, VNPU_NOTIFY_EVENT));
  EXPECT_EQ(Seq(dies, opened, VNPU_NOTIFY_SEQ_NEXT).seq, 2u);
  waiter.Publish(queue, WaitFor(id, 2, VNPU_NOTIFY_NOT_LESS));
  ASSERT_EQ(kill(dies.device_pid(), SIGKILL), 0);
  EXPECT_TRUE(waiter.WaitHead(queue, 2));
}

TEST_P(NotifyTest, ValueWaits) {
  Session session(vnpud());
  const Queue waits = session.CreateQueue();
  const Buffer buffer = session.Allocate(kPage);
  vnpu_sqe wait{};
  wait.opcode = VNPU_OP_VALUE_WAIT;
  wait.value.va = buffer.va + 8;
  wait.value.value = 5;
  wait.value.mode = VNPU_VALUE_EQ;
  session.Publish(waits, wait);
  EXPECT_TRUE(Eventually(kPatience, [&] { return Asleep(session); }));
  uint64_t word = 5;
  EXPECT_TRUE(session.Store(buffer.va + 8, &word, sizeof(word)));
  EXPECT_TRUE(session.WaitHead(waits, 1));
  // The memory goes while a task waits for it.
  wait.value.value = 6;
  const uint64_t task = session.Publish(waits, wait);
  EXPECT_EQ(session.Run(session.CreateQueue(), Nop()), VNPU_OK);
  session.Free(buffer);
  EXPECT_TRUE(session.WaitHead(waits, task + 1));
  const std::vector<vnpu_cqe> cqes = waits.TakeCompletions();
  ASSERT_EQ(cqes.size(), 1u);
  EXPECT_EQ(cqes[0].status, uint32_t{VNPU_E_DMA_ADDRESS});
  wait.value.va = session.window() - 4096;
  EXPECT_EQ(session.Run(waits, wait), VNPU_E_DMA_ADDRESS);
  wait.value.va = 4;
  EXPECT_EQ(session.Run(waits, wait), VNPU_E_INVALID_SQE);
}

RAW_TEST_SUITE(NotifyTest);

}  // namespace
}  // namespace vnpu::raw
