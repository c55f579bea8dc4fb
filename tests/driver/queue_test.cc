// Queues: layout rules, submission by write and ioctl, completions by read.
#include <fcntl.h>
#include <poll.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "tests/driver/harness.h"

namespace vnpu::driver {
namespace {

std::vector<vnpu_sqe> Nops(uint32_t queue, size_t count, uint8_t flags = VNPU_SQE_CQE) {
  vnpu_sqe sqe{};
  sqe.opcode = VNPU_OP_NOP;
  sqe.flags = flags;
  sqe.queue_id = queue;
  return std::vector<vnpu_sqe>(count, sqe);
}

class QueueTest : public OnBothTransports {
 protected:
  void Start(const std::string& fault = "") {
    driver_ = StartDriver(GetParam(), {}, fault);
    session_ = std::make_unique<TestSession>(driver_.get());
    ASSERT_EQ(session_->result(), 0);
  }
  int Ioctl(unsigned long command, void* arg) { return session_->file().Ioctl(command, arg); }
  ssize_t Write(const std::vector<vnpu_sqe>& sqes) {
    return session_->file().Write(sqes.data(), sqes.size() * sizeof(vnpu_sqe));
  }
  // Completions until `count` have come.
  std::vector<vnpu_cqe> ReadAll(size_t count) {
    std::vector<vnpu_cqe> all;
    EXPECT_TRUE(Eventually([&] {
      std::vector<vnpu_cqe> some(64);
      const ssize_t got = session_->file().Read(some.data(), some.size() * sizeof(vnpu_cqe));
      if (got > 0) {
        all.insert(all.end(), some.begin(),
                   some.begin() + got / static_cast<long>(sizeof(vnpu_cqe)));
      }
      return all.size() >= count;
    }));
    return all;
  }

  std::unique_ptr<TestDriver> driver_;
  std::unique_ptr<TestSession> session_;
};

TEST_P(QueueTest, WriteRunsAndReadCompletes) {
  Start();
  const uint32_t queue = session_->MakeQueue(16, VNPU_QUEUE_DRIVER_SUBMIT);
  EXPECT_EQ(Write(Nops(queue, 3)), 3 * 64);
  const std::vector<vnpu_cqe> done = ReadAll(3);
  ASSERT_EQ(done.size(), 3u);
  for (size_t i = 0; i < done.size(); ++i) {
    EXPECT_EQ(done[i].task, i);
    EXPECT_EQ(done[i].queue_id, queue);
    EXPECT_EQ(done[i].status, static_cast<uint32_t>(VNPU_OK));
  }
  vnpu_ioc_queue_query query{};
  query.queue_id = queue;
  ASSERT_EQ(Ioctl(VNPU_IOC_QUEUE_QUERY, &query), 0);
  EXPECT_EQ(query.sq_tail, 3u);
  EXPECT_EQ(query.sq_head, 3u);
  EXPECT_EQ(query.cq_head, 3u);
}

TEST_P(QueueTest, OneTaskByIoctl) {
  Start();
  const uint32_t queue = session_->MakeQueue(16, VNPU_QUEUE_DRIVER_SUBMIT);
  for (uint64_t i = 0; i < 3; ++i) {
    vnpu_ioc_submit submit{};
    std::memcpy(submit.sqe, Nops(queue, 1).data(), sizeof(submit.sqe));
    ASSERT_EQ(Ioctl(VNPU_IOC_SUBMIT, &submit), 0);
    EXPECT_EQ(submit.task, i);
  }
  EXPECT_EQ(ReadAll(3).size(), 3u);
}

TEST_P(QueueTest, WriteRefusals) {
  Start();
  const uint32_t own = session_->MakeQueue(16, VNPU_QUEUE_DRIVER_SUBMIT);
  const uint32_t clients = session_->MakeQueue(16, 0);
  char odd[100] = {};
  EXPECT_EQ(session_->file().Write(odd, sizeof(odd)), -EINVAL);
  EXPECT_EQ(Write(Nops(clients, 1)), -EINVAL);
  EXPECT_EQ(Write(Nops(999, 1)), -EINVAL);
  // All or nothing where a queue is wrong.
  std::vector<vnpu_sqe> mixed = Nops(own, 2);
  mixed[1].queue_id = clients;
  EXPECT_EQ(Write(mixed), -EINVAL);
  vnpu_ioc_queue_query query{};
  query.queue_id = own;
  ASSERT_EQ(Ioctl(VNPU_IOC_QUEUE_QUERY, &query), 0);
  EXPECT_EQ(query.sq_tail, 0u);
  vnpu_ioc_submit submit{};
  std::memcpy(submit.sqe, Nops(clients, 1).data(), sizeof(submit.sqe));
  EXPECT_EQ(Ioctl(VNPU_IOC_SUBMIT, &submit), -EINVAL);
  char little[16];
  EXPECT_EQ(session_->file().Read(little, sizeof(little)), -EINVAL);
}

TEST_P(QueueTest, ShortCountWhenFullThenTryAgain) {
  Start("hold");
  const uint32_t queue = session_->MakeQueue(4, VNPU_QUEUE_DRIVER_SUBMIT);
  EXPECT_NE(session_->file().Poll() & POLLOUT, 0);
  EXPECT_EQ(Write(Nops(queue, 6)), 4 * 64);
  EXPECT_EQ(Write(Nops(queue, 1)), -EAGAIN);
  EXPECT_EQ(session_->file().Poll() & (POLLOUT | POLLIN), 0);
  vnpu_cqe cqe{};
  EXPECT_EQ(session_->file().Read(&cqe, sizeof(cqe)), -EAGAIN);
  session_->Unhold();
  EXPECT_TRUE(Eventually([&] { return (session_->file().Poll() & POLLIN) != 0; }));
  // No completion may get lost, so those that wait to be read take room too.
  EXPECT_EQ(Write(Nops(queue, 1)), -EAGAIN);
  EXPECT_EQ(ReadAll(4).size(), 4u);
  EXPECT_EQ(Write(Nops(queue, 1)), 64);
  EXPECT_EQ(ReadAll(1).size(), 1u);
}

TEST_P(QueueTest, ReadTakesWholeCompletions) {
  Start();
  const uint32_t queue = session_->MakeQueue(16, VNPU_QUEUE_DRIVER_SUBMIT);
  ASSERT_EQ(Write(Nops(queue, 2)), 128);
  std::vector<char> room(2 * sizeof(vnpu_cqe) - 1);
  ASSERT_TRUE(Eventually([&] { return (session_->file().Poll() & POLLIN) != 0; }));
  EXPECT_EQ(session_->file().Read(room.data(), room.size()), 32);
}

TEST_P(QueueTest, ManySubmissionsKeepTheirOrder) {
  Start();
  const uint32_t queue = session_->MakeQueue(32, VNPU_QUEUE_DRIVER_SUBMIT);
  constexpr size_t kTasks = 2000;
  size_t sent = 0;
  uint64_t next = 0;
  EXPECT_TRUE(Eventually([&] {
    const ssize_t put = sent < kTasks ? Write(Nops(queue, std::min<size_t>(20, kTasks - sent))) : 0;
    sent += put > 0 ? static_cast<size_t>(put) / 64 : 0;
    std::vector<vnpu_cqe> some(32);
    const ssize_t got = session_->file().Read(some.data(), some.size() * sizeof(vnpu_cqe));
    for (ssize_t i = 0; i < got / 32; ++i) {
      EXPECT_EQ(some[static_cast<size_t>(i)].task, next++);
    }
    return next == kTasks;
  }));
}

VNPU_ON_BOTH_TRANSPORTS(QueueTest);

class QueueLayoutTest : public testing::Test {
 protected:
  QueueLayoutTest() : driver_(StartDriver(Transport::kEmbedded)), session_(driver_.get()) {
    memory_ = MakeMemfd(kBytes, F_SEAL_SHRINK);
    vnpu_ioc_qmem_add add{kBytes, memory_.get(), 0};
    EXPECT_EQ(session_.file().Ioctl(VNPU_IOC_QMEM_ADD, &add), 0);
    qmem_ = add.qmem_id;
  }
  int Create(vnpu_ioc_queue_create create) {
    create.qmem_id = qmem_;
    const int error = session_.file().Ioctl(VNPU_IOC_QUEUE_CREATE, &create);
    queue_ = create.queue_id;
    return error;
  }
  static constexpr uint64_t kBytes = 1u << 20;
  static constexpr uint32_t kFew = VNPU_MIN_SQ_ENTRIES;

  std::unique_ptr<TestDriver> driver_;
  TestSession session_;
  UniqueFd memory_;
  uint32_t qmem_ = 0;
  uint32_t queue_ = 0;
};

TEST_F(QueueLayoutTest, Refusals) {
  EXPECT_EQ(Create({0, 4, 0, 16, 0, 0, 0}), -EINVAL);                       // flags
  EXPECT_EQ(Create({0, 0, 64, 16, 0, 0, 0}), -EINVAL);                      // offset
  EXPECT_EQ(Create({0, 0, 0, 15, 0, 0, 0}), -EINVAL);                       // entries
  EXPECT_EQ(Create({0, 0, 0, 1, 0, 0, 0}), -EINVAL);                        //
  EXPECT_EQ(Create({0, 0, 0, 2 * VNPU_MAX_SQ_ENTRIES, 0, 0, 0}), -EINVAL);  //
  EXPECT_EQ(Create({0, 0, 0, 16, 100, 0, 0}), -EINVAL);                     // argument area
  EXPECT_EQ(Create({0, 0, 0, 16, 0xfffff000, 0, 0}), -EINVAL);              // does not fit
  EXPECT_EQ(Create({0, 0, 0, 16, 0, VNPU_PRIORITIES, 0}), -EINVAL);         // priority
  EXPECT_EQ(Create({0, 0, kBytes, 16, 0, 0, 0}), -EINVAL);                  // outside
  EXPECT_EQ(Create({0, 0, UINT64_MAX - 4095, 16, 0, 0, 0}), -EINVAL);       //
  EXPECT_EQ(Create({0, 0, 0, 16, 0, 0, 0}), 0);
}

TEST_F(QueueLayoutTest, QueuesDoNotOverlap) {
  const uint64_t bytes = vnpu_queue_bytes(kFew, 0);
  ASSERT_EQ(Create({0, 0, bytes, kFew, 0, 0, 0}), 0);
  EXPECT_EQ(Create({0, 0, 0, kFew, 4096, 0, 0}), -EEXIST);
  EXPECT_EQ(Create({0, 0, bytes, kFew, 0, 0, 0}), -EEXIST);
  EXPECT_EQ(Create({0, 0, 2 * bytes - 4096, kFew, 0, 0, 0}), -EEXIST);
  EXPECT_EQ(Create({0, 0, 0, kFew, 0, 0, 0}), 0);
  EXPECT_EQ(Create({0, 0, 2 * bytes, kFew, 0, 0, 0}), 0);
}

TEST_F(QueueLayoutTest, HeaderMustBeZero) {
  const uint64_t dirt = 1;
  ASSERT_EQ(pwrite(memory_.get(), &dirt, sizeof(dirt), offsetof(vnpu_queue_hdr, sq_head)), 8);
  EXPECT_EQ(Create({0, 0, 0, kFew, 0, 0, 0}), -EINVAL);
}

TEST_F(QueueLayoutTest, MemoryIsBusyWhileAQueueIsInIt) {
  ASSERT_EQ(Create({0, 0, 0, kFew, 0, 0, 0}), 0);
  vnpu_ioc_qmem_del del{qmem_, 0};
  EXPECT_EQ(session_.file().Ioctl(VNPU_IOC_QMEM_DEL, &del), -EBUSY);
  vnpu_ioc_queue_destroy destroy{queue_, 0};
  EXPECT_EQ(session_.file().Ioctl(VNPU_IOC_QUEUE_DESTROY, &destroy), 0);
  EXPECT_EQ(session_.file().Ioctl(VNPU_IOC_QUEUE_DESTROY, &destroy), -ENOENT);
  EXPECT_EQ(session_.file().Ioctl(VNPU_IOC_QMEM_DEL, &del), 0);
  EXPECT_EQ(session_.file().Ioctl(VNPU_IOC_QMEM_DEL, &del), -ENOENT);
}

TEST_F(QueueLayoutTest, TooManyQueues) {
  const UniqueFd memory =
      MakeMemfd(vnpu_queue_bytes(kFew, 0) * (VNPU_MAX_QUEUES + 1), F_SEAL_SHRINK);
  vnpu_ioc_qmem_add add{vnpu_queue_bytes(kFew, 0) * (VNPU_MAX_QUEUES + 1), memory.get(), 0};
  ASSERT_EQ(session_.file().Ioctl(VNPU_IOC_QMEM_ADD, &add), 0);
  for (uint64_t i = 0; i <= VNPU_MAX_QUEUES; ++i) {
    vnpu_ioc_queue_create create{add.qmem_id, 0, i * vnpu_queue_bytes(kFew, 0), kFew, 0, 0, 0};
    ASSERT_EQ(session_.file().Ioctl(VNPU_IOC_QUEUE_CREATE, &create),
              i < VNPU_MAX_QUEUES ? 0 : -ENOSPC);
  }
}

TEST_F(QueueLayoutTest, AttributesOfARunningQueue) {
  ASSERT_EQ(Create({0, 0, 0, kFew, 0, 3, 0}), 0);
  vnpu_ioc_queue_set set{queue_, VNPU_QUEUE_ATTR_STOP_ON_FAILURE, 1};
  EXPECT_EQ(session_.file().Ioctl(VNPU_IOC_QUEUE_SET, &set), 0);
  vnpu_ioc_queue_query query{};
  query.queue_id = queue_;
  ASSERT_EQ(session_.file().Ioctl(VNPU_IOC_QUEUE_QUERY, &query), 0);
  EXPECT_EQ(query.flags, VNPU_QUEUE_STOP_ON_FAILURE);
  EXPECT_EQ(query.priority, 3u);
  set.value = 2;
  EXPECT_EQ(session_.file().Ioctl(VNPU_IOC_QUEUE_SET, &set), -EINVAL);
  set = {queue_, VNPU_QUEUE_ATTR_PRIORITY, VNPU_PRIORITIES - 1};
  EXPECT_EQ(session_.file().Ioctl(VNPU_IOC_QUEUE_SET, &set), 0);
  ASSERT_EQ(session_.file().Ioctl(VNPU_IOC_QUEUE_QUERY, &query), 0);
  EXPECT_EQ(query.flags, VNPU_QUEUE_STOP_ON_FAILURE);
  EXPECT_EQ(query.priority, VNPU_PRIORITIES - 1);
  set.value = VNPU_PRIORITIES;
  EXPECT_EQ(session_.file().Ioctl(VNPU_IOC_QUEUE_SET, &set), -EINVAL);
  set = {queue_, VNPU_QUEUE_ATTR_COUNT, 0};
  EXPECT_EQ(session_.file().Ioctl(VNPU_IOC_QUEUE_SET, &set), -EINVAL);
}

}  // namespace
}  // namespace vnpu::driver
