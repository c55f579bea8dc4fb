// Queue memory and queues: creation, query, attributes, destruction.
#include <atomic>
#include <climits>

#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

class QueueTest : public RawTest {};

int AddQmem(Session& session, uint64_t size, int fd, uint32_t* id = nullptr) {
  vnpu_ioc_qmem_add arg{size, fd, 0};
  const int result = session.Ioctl(VNPU_IOC_QMEM_ADD, &arg);
  if (id != nullptr) {
    *id = arg.qmem_id;
  }
  return result;
}

int DeleteQmem(Session& session, uint32_t id, uint32_t reserved = 0) {
  vnpu_ioc_qmem_del arg{id, reserved};
  return session.Ioctl(VNPU_IOC_QMEM_DEL, &arg);
}

int Create(Session& session, vnpu_ioc_queue_create arg, uint32_t* id = nullptr) {
  const int result = session.Ioctl(VNPU_IOC_QUEUE_CREATE, &arg);
  if (id != nullptr) {
    *id = arg.queue_id;
  }
  return result;
}

int Destroy(Session& session, uint32_t id, uint32_t flags = 0) {
  vnpu_ioc_queue_destroy arg{id, flags};
  return session.Ioctl(VNPU_IOC_QUEUE_DESTROY, &arg);
}

TEST_P(QueueTest, QueueMemoryFieldsOutOfRange) {
  Session session(vnpud());
  const UniqueFd fd = MakeSealedMemfd(4 * kPage);
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, kPage + 1, 5 * kPage,
                              (uint64_t{1} << 30) + kPage, uint64_t{1} << 63}) {
    EXPECT_ERRNO(EINVAL, AddQmem(session, size, fd.get())) << std::hex << size;
  }
  for (const int bad : {-1, INT_MIN, 9999, session.kick_fd(), session.file().fd()}) {
    EXPECT_ERRNO(EBADF, AddQmem(session, kPage, bad)) << bad;
  }
  EXPECT_ERRNO(EBADF, AddQmem(session, kPage, MakeMemfd(kPage, 0).get())) << "not sealed";
  uint32_t id = 0;
  EXPECT_OK(AddQmem(session, 4 * kPage, fd.get(), &id));
  EXPECT_ERRNO(EINVAL, DeleteQmem(session, id, 1));
  EXPECT_ERRNO(ENOENT, DeleteQmem(session, id + 1));
  EXPECT_ERRNO(ENOENT, DeleteQmem(session, UINT32_MAX));
  EXPECT_OK(DeleteQmem(session, id));
  EXPECT_ERRNO(ENOENT, DeleteQmem(session, id));
}

TEST_P(QueueTest, CreateFieldsOutOfRange) {
  Session session(vnpud());
  const uint64_t bytes = vnpu_queue_bytes(64, kPage);
  const UniqueFd fd = MakeSealedMemfd(bytes + kPage);
  uint32_t qmem = 0;
  ASSERT_OK(AddQmem(session, bytes + kPage, fd.get(), &qmem));
  const vnpu_ioc_queue_create good{qmem, 0, 0, 64, kPage, 0, 0};
  const auto bad = [&](auto change) {
    vnpu_ioc_queue_create arg = good;
    change(&arg);
    return Create(session, arg);
  };
  EXPECT_ERRNO(EINVAL, bad([](auto* arg) { arg->flags = VNPU_QUEUE_FLAGS_ALL + 1; }));
  EXPECT_ERRNO(EINVAL, bad([](auto* arg) { arg->flags = 1u << 31; }));
  EXPECT_ERRNO(EINVAL, bad([](auto* arg) { arg->offset = 1; }));
  EXPECT_ERRNO(EINVAL, bad([](auto* arg) { arg->offset = 2 * kPage; })) << "over the end";
  EXPECT_ERRNO(EINVAL, bad([](auto* arg) { arg->offset = ~uint64_t{0} & ~(kPage - 1); }));
  for (const uint32_t entries : {0u, 1u, 3u, 63u, VNPU_MAX_SQ_ENTRIES * 2, 1u << 31, UINT32_MAX}) {
    EXPECT_ERRNO(EINVAL, bad([=](auto* arg) { arg->sq_entries = entries; })) << entries;
  }
  EXPECT_ERRNO(EINVAL, bad([](auto* arg) { arg->sq_entries = VNPU_MAX_SQ_ENTRIES; }));
  EXPECT_ERRNO(EINVAL, bad([](auto* arg) { arg->arg_bytes = 1; }));
  EXPECT_ERRNO(EINVAL, bad([](auto* arg) { arg->arg_bytes = 0xfffff000; }));
  EXPECT_ERRNO(EINVAL, bad([](auto* arg) { arg->priority = VNPU_PRIORITIES; }));
  EXPECT_ERRNO(ENOENT, bad([](auto* arg) { arg->qmem_id += 1; }));
  EXPECT_ERRNO(ENOENT, bad([](auto* arg) { arg->qmem_id = UINT32_MAX; }));
  EXPECT_EQ(Counters().queues, 0u);
  EXPECT_OK(Create(session, good));
}

TEST_P(QueueTest, QueuesDoNotOverlap) {
  Session session(vnpud());
  const uint64_t bytes = vnpu_queue_bytes(64, 0);
  const UniqueFd fd = MakeSealedMemfd(3 * bytes);
  uint32_t qmem = 0;
  ASSERT_OK(AddQmem(session, 3 * bytes, fd.get(), &qmem));
  ASSERT_OK(Create(session, {qmem, 0, bytes, 64, 0, 0, 0}));
  for (uint64_t offset = kPage; offset < 2 * bytes; offset += kPage) {
    EXPECT_ERRNO(EEXIST, Create(session, {qmem, 0, offset, 64, 0, 0, 0})) << offset;
  }
  EXPECT_OK(Create(session, {qmem, 0, 0, 64, 0, 0, 0}));
  EXPECT_OK(Create(session, {qmem, 0, 2 * bytes, 64, 0, 0, 0}));
  EXPECT_ERRNO(EBUSY, DeleteQmem(session, qmem));
}

TEST_P(QueueTest, HeaderMustBeZero) {
  Session session(vnpud());
  const UniqueFd fd = MakeSealedMemfd(vnpu_queue_bytes(4, 0));
  uint32_t qmem = 0;
  ASSERT_OK(AddQmem(session, vnpu_queue_bytes(4, 0), fd.get(), &qmem));
  const char one = 1;
  const char zero = 0;
  for (const off_t dirty : {0, 64, 128, 192, 256, 319}) {
    ASSERT_EQ(pwrite(fd.get(), &one, 1, dirty), 1);
    EXPECT_ERRNO(EINVAL, Create(session, {qmem, 0, 0, 4, 0, 0, 0})) << dirty;
    ASSERT_EQ(pwrite(fd.get(), &zero, 1, dirty), 1);
  }
  EXPECT_OK(Create(session, {qmem, 0, 0, 4, 0, 0, 0}));
}

TEST_P(QueueTest, QueuesOfOtherSessions) {
  Session owner(vnpud());
  Session other(vnpud());
  owner.CreateQueue();
  const Queue queue = owner.CreateQueue({.flags = VNPU_QUEUE_DRIVER_SUBMIT});
  vnpu_ioc_queue_query query{};
  query.queue_id = queue.id;
  vnpu_ioc_queue_set set{queue.id, VNPU_QUEUE_ATTR_STOP_ON_FAILURE, 1};
  EXPECT_ERRNO(ENOENT, other.Ioctl(VNPU_IOC_QUEUE_QUERY, &query));
  EXPECT_ERRNO(ENOENT, other.Ioctl(VNPU_IOC_QUEUE_SET, &set));
  EXPECT_ERRNO(ENOENT, Destroy(other, queue.id));
  EXPECT_ERRNO(ENOENT, Destroy(other, queue.id, VNPU_DESTROY_FORCE));
  EXPECT_ERRNO(ENOENT, DeleteQmem(other, queue.qmem_id));
  EXPECT_ERRNO(ENOENT, Create(other, {queue.qmem_id, 0, 0, 64, 0, 0, 0}));
  vnpu_sqe sqe = Nop();
  sqe.queue_id = queue.id;
  EXPECT_ERRNO(EINVAL, other.file().Write(&sqe, sizeof(sqe)));
  EXPECT_ERRNO(ENOENT, Destroy(owner, UINT32_MAX));
  EXPECT_ERRNO(EINVAL, Destroy(owner, queue.id, 2));
}

TEST_P(QueueTest, QueryAndSet) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue({.entries = 16, .priority = 3});
  EXPECT_EQ(session.Run(queue, Nop()), VNPU_OK);
  vnpu_ioc_queue_query query{};
  query.queue_id = queue.id;
  ASSERT_OK(session.Ioctl(VNPU_IOC_QUEUE_QUERY, &query));
  EXPECT_EQ(query.sq_head, 1u);
  EXPECT_EQ(query.sq_tail, 1u);
  EXPECT_EQ(query.cq_head, 1u);
  EXPECT_EQ(query.cq_tail, 1u);
  EXPECT_EQ(query.priority, 3u);
  EXPECT_EQ(query.sq_entries, 16u);
  EXPECT_EQ(query.flags, 0u);
  const auto set = [&](uint32_t attr, uint64_t value) {
    vnpu_ioc_queue_set arg{queue.id, attr, value};
    return session.Ioctl(VNPU_IOC_QUEUE_SET, &arg);
  };
  EXPECT_ERRNO(EINVAL, set(VNPU_QUEUE_ATTR_COUNT, 1));
  EXPECT_ERRNO(EINVAL, set(UINT32_MAX, 1));
  EXPECT_ERRNO(EINVAL, set(VNPU_QUEUE_ATTR_STOP_ON_FAILURE, 2));
  EXPECT_OK(set(VNPU_QUEUE_ATTR_STOP_ON_FAILURE, 1));
  EXPECT_ERRNO(EINVAL, set(VNPU_QUEUE_ATTR_PRIORITY, VNPU_PRIORITIES));
  EXPECT_OK(set(VNPU_QUEUE_ATTR_PRIORITY, 5));
  ASSERT_OK(session.Ioctl(VNPU_IOC_QUEUE_QUERY, &query));
  EXPECT_EQ(query.flags, VNPU_QUEUE_STOP_ON_FAILURE);
  EXPECT_EQ(query.priority, 5u);
}

TEST_P(QueueTest, DestroyWithTasksLeftTakesForce) {
  Session session(vnpud());
  const std::vector<uint32_t> events = session.AllocateEvents(2);
  const Queue queue = session.CreateQueue();
  session.Publish(queue, EventWait(events[0], 1));
  session.Publish(queue, EventWait(events[1], 1));
  EXPECT_ERRNO(EBUSY, Destroy(session, queue.id));
  // When the first wait is over the second one has begun.
  EXPECT_EQ(session.Run(session.CreateQueue(), EventRecord(events[0], 1)), VNPU_OK);
  ASSERT_TRUE(session.WaitHead(queue, 1));
  vnpu_ioc_event_free free_event{events[1], 0};
  EXPECT_ERRNO(EBUSY, session.Ioctl(VNPU_IOC_EVENT_FREE, &free_event)) << "a task waits for it";
  EXPECT_ERRNO(EBUSY, Destroy(session, queue.id));
  EXPECT_ERRNO(EBUSY, DeleteQmem(session, queue.qmem_id));
  EXPECT_OK(Destroy(session, queue.id, VNPU_DESTROY_FORCE));
  EXPECT_OK(session.Ioctl(VNPU_IOC_EVENT_FREE, &free_event));
  EXPECT_OK(DeleteQmem(session, queue.qmem_id));
  EXPECT_ERRNO(ENOENT, Destroy(session, queue.id));
  EXPECT_EQ(Counters().queues, 1u);
}

TEST_P(QueueTest, DestroyedMemoryIsLeftAlone) {
  Session session(vnpud());
  const Queue queue = session.CreateQueue();
  EXPECT_EQ(session.Run(queue, Nop()), VNPU_OK);
  ASSERT_OK(Destroy(session, queue.id));
  // Whatever the client does to the memory now is its own business.
  const uint64_t head = queue.Head();
  std::atomic_ref(queue.header().sq_tail).store(40);
  const uint64_t one = 1;
  ASSERT_EQ(write(session.kick_fd(), &one, sizeof(one)), 8);
  EXPECT_EQ(session.Run(session.CreateQueue(), Nop()), VNPU_OK);
  EXPECT_EQ(queue.Head(), head);
}

TEST_P(QueueTest, SmallestAndLargest) {
  Session session(vnpud());
  for (const uint32_t entries : {VNPU_MIN_SQ_ENTRIES, VNPU_MAX_SQ_ENTRIES}) {
    const Queue queue = session.CreateQueue({.entries = entries, .arg_bytes = 1u << 20});
    const uint64_t tasks = entries * 2 + 3;
    for (uint64_t i = 0; i < tasks; ++i) {
      session.Publish(queue, Nop());
    }
    EXPECT_TRUE(session.WaitHead(queue, tasks));
    session.DestroyQueue(queue);
  }
}

RAW_TEST_SUITE(QueueTest);

}  // namespace
}  // namespace vnpu::raw
