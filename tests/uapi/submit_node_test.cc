// What only a node can do: blocking and non-blocking files, poll(2), signals, io_uring.
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <functional>
#include <thread>

#include "tests/uapi/support/fixture.h"

namespace vnpu::raw {
namespace {

constexpr ssize_t kSqe = sizeof(vnpu_sqe);

class SubmitNodeTest : public NodeTest {
 protected:
  // A queue of four whose head task waits for an event, full but for `room`.
  void StartFull(Session* session, size_t room) {
    queue_ = session->CreateQueue({.entries = 4, .flags = VNPU_QUEUE_DRIVER_SUBMIT});
    gate_ = session->CreateQueue();
    event_ = session->AllocateEvents(1).front();
    std::vector<vnpu_sqe> sqes(4 - room, Entry());
    sqes[0] = EventWait(event_, 1);
    sqes[0].queue_id = queue_.id;
    ASSERT_EQ(session->file().Write(sqes.data(), sqes.size() * kSqe),
              static_cast<ssize_t>(sqes.size()) * kSqe);
  }
  void Open(Session* session) { EXPECT_EQ(session->Run(gate_, EventRecord(event_, 1)), VNPU_OK); }
  vnpu_sqe Entry() const {
    vnpu_sqe sqe = Nop(VNPU_SQE_CQE);
    sqe.queue_id = queue_.id;
    return sqe;
  }

  Queue queue_;
  Queue gate_;
  uint32_t event_ = 0;
};

// Waits until `thread` sleeps in the kernel (state S or D).
void WaitUntilAsleep(pid_t tid) {
  EXPECT_TRUE(Eventually(kPatience, [=] {
    const std::string stat = ReadFile("/proc/self/task/" + std::to_string(tid) + "/stat");
    const size_t end = stat.rfind(") ");
    return end != std::string::npos && (stat[end + 2] == 'S' || stat[end + 2] == 'D');
  }));
}

// A thread that blocks in one call; its number is known once it runs.
class Blocked {
 public:
  explicit Blocked(std::function<ssize_t()> call)
      : thread_([this, call = std::move(call)] {
          tid_.store(gettid());
          result_ = call();
          done_.store(true);
        }) {
    EXPECT_TRUE(Eventually(kPatience, [this] { return tid_.load() != 0; }));
    WaitUntilAsleep(tid_.load());
  }
  bool done() const { return done_.load(); }
  pthread_t handle() { return thread_.native_handle(); }
  ssize_t Join() {
    thread_.join();
    return result_;
  }

 private:
  std::atomic<pid_t> tid_{0};
  std::atomic<bool> done_{false};
  ssize_t result_ = 0;
  std::thread thread_;
};

TEST_F(SubmitNodeTest, NonBlockingFiles) {
  Session session(vnpud().Open("davinci0", O_RDWR | O_NONBLOCK));
  StartFull(&session, 1);
  const std::vector<vnpu_sqe> two(2, Entry());
  vnpu_cqe cqe{};
  EXPECT_ERRNO(EAGAIN, session.file().Read(&cqe, sizeof(cqe)));
  EXPECT_EQ(session.file().Write(two.data(), 2 * kSqe), kSqe);
  EXPECT_ERRNO(EAGAIN, session.file().Write(two.data(), 2 * kSqe));
  Open(&session);
  ASSERT_TRUE(session.WaitHead(queue_, 4));
  // Completions that nobody has read take room as well: none is ever lost.
  EXPECT_EQ(session.file().Write(two.data(), 2 * kSqe), kSqe);
  std::vector<vnpu_cqe> cqes(8);
  EXPECT_GE(session.file().Read(cqes.data(), cqes.size() * sizeof(cqe)),
            static_cast<ssize_t>(3 * sizeof(cqe)));
  EXPECT_EQ(session.file().Write(two.data(), 2 * kSqe), 2 * kSqe);
}

TEST_F(SubmitNodeTest, BlockingWriteGoesOnWhenThereIsRoom) {
  Session session(vnpud());
  StartFull(&session, 0);
  const vnpu_sqe entry = Entry();
  Blocked writer([&] { return session.file().Write(&entry, kSqe); });
  EXPECT_FALSE(writer.done());
  EXPECT_EQ(session.file().PollNow() & POLLOUT, 0);
  Open(&session);
  EXPECT_EQ(writer.Join(), kSqe);
  EXPECT_TRUE(session.WaitHead(queue_, 5));
}

TEST_F(SubmitNodeTest, BlockingReadWaitsForACompletion) {
  Session session(vnpud());
  StartFull(&session, 2);
  vnpu_cqe cqe{};
  Blocked reader([&] { return session.file().Read(&cqe, sizeof(cqe)); });
  EXPECT_FALSE(reader.done());
  Open(&session);
  EXPECT_EQ(reader.Join(), static_cast<ssize_t>(sizeof(cqe)));
  EXPECT_EQ(cqe.task, 1u);
  EXPECT_EQ(cqe.status, VNPU_OK);
}

TEST_F(SubmitNodeTest, SignalsInterruptBlockedCalls) {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  ASSERT_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
  Session session(vnpud());
  StartFull(&session, 0);
  const vnpu_sqe entry = Entry();
  vnpu_cqe cqe{};
  Blocked reader([&] { return session.file().Read(&cqe, sizeof(cqe)); });
  Blocked writer([&] { return session.file().Write(&entry, kSqe); });
  EXPECT_EQ(pthread_kill(reader.handle(), SIGUSR1), 0);
  EXPECT_EQ(pthread_kill(writer.handle(), SIGUSR1), 0);
  EXPECT_ERRNO(EINTR, reader.Join());
  EXPECT_ERRNO(EINTR, writer.Join());
  Open(&session);
  EXPECT_TRUE(session.WaitHead(queue_, 4));
  EXPECT_EQ(session.file().Write(&entry, kSqe), kSqe);
  EXPECT_TRUE(session.WaitHead(queue_, 5)) << "what was interrupted was not appended";
}

TEST_F(SubmitNodeTest, PollWakesUpForCompletionsAndRoom) {
  Session session(vnpud());
  StartFull(&session, 0);
  pollfd readable{session.file().fd(), POLLIN, 0};
  pollfd writable{session.file().fd(), POLLOUT, 0};
  EXPECT_EQ(poll(&readable, 1, 0), 0);
  EXPECT_EQ(poll(&writable, 1, 0), 0);
  const int limit = static_cast<int>(kPatience.count()) * TimeScale();
  Blocked for_completion([&] { return poll(&readable, 1, limit); });
  Blocked for_room([&] { return poll(&writable, 1, limit); });
  Open(&session);
  EXPECT_EQ(for_completion.Join(), 1);
  EXPECT_EQ(for_room.Join(), 1);
  EXPECT_NE(readable.revents & POLLIN, 0);
  EXPECT_NE(writable.revents & POLLOUT, 0);
}

TEST_F(SubmitNodeTest, LossOfTheDeviceEndsBlockedCalls) {
  Session session(vnpud());
  StartFull(&session, 0);
  const vnpu_sqe entry = Entry();
  vnpu_cqe cqe{};
  pollfd hang_up{session.file().fd(), 0, 0};
  const int limit = static_cast<int>(kPatience.count()) * TimeScale();
  Blocked reader([&] { return session.file().Read(&cqe, sizeof(cqe)); });
  Blocked writer([&] { return session.file().Write(&entry, kSqe); });
  Blocked poller([&] { return poll(&hang_up, 1, limit); });
  ASSERT_EQ(kill(session.device_pid(), SIGKILL), 0);
  EXPECT_EQ(reader.Join(), static_cast<ssize_t>(sizeof(cqe)));
  EXPECT_EQ(cqe.queue_id, VNPU_NO_QUEUE) << "an event of the device itself";
  EXPECT_EQ(cqe.status, VNPU_E_DEVICE_LOST);
  EXPECT_ERRNO(EIO, writer.Join());
  EXPECT_EQ(poller.Join(), 1);
  EXPECT_NE(hang_up.revents & (POLLERR | POLLHUP), 0);
  EXPECT_EQ(session.State(), VNPU_SESSION_LOST);
  EXPECT_ERRNO(EIO, session.file().Read(&cqe, sizeof(cqe)));
}

TEST_F(SubmitNodeTest, AnyIoUringProgramCanSubmit) {
  io_uring ring;
  const int error = io_uring_queue_init(64, &ring, 0);
  if (error != 0) {
    GTEST_SKIP() << "io_uring is refused: " << ErrorName(error);
  }
  {
    Session session(vnpud());
    queue_ = session.CreateQueue({.entries = 256, .flags = VNPU_QUEUE_DRIVER_SUBMIT});
    constexpr int kWrites = 32;
    const vnpu_sqe entry = Entry();
    for (int i = 0; i < kWrites; ++i) {
      io_uring_prep_write(io_uring_get_sqe(&ring), session.file().fd(), &entry, kSqe, 0);
    }
    std::vector<vnpu_cqe> cqes(kWrites);
    EXPECT_EQ(io_uring_submit_and_wait(&ring, kWrites), kWrites);
    for (int i = 0; i < kWrites; ++i) {
      io_uring_cqe* cqe = nullptr;
      ASSERT_EQ(io_uring_wait_cqe(&ring, &cqe), 0);
      EXPECT_EQ(cqe->res, kSqe);
      io_uring_cqe_seen(&ring, cqe);
    }
    EXPECT_TRUE(session.WaitHead(queue_, kWrites));
    // And a poll and a read by the same ring.
    io_uring_prep_poll_add(io_uring_get_sqe(&ring), session.file().fd(), POLLIN);
    io_uring_cqe* cqe = nullptr;
    ASSERT_EQ(io_uring_submit_and_wait(&ring, 1), 1);
    ASSERT_EQ(io_uring_wait_cqe(&ring, &cqe), 0);
    EXPECT_NE(cqe->res & POLLIN, 0);
    io_uring_cqe_seen(&ring, cqe);
    io_uring_prep_read(io_uring_get_sqe(&ring), session.file().fd(), cqes.data(),
                       kWrites * sizeof(vnpu_cqe), 0);
    ASSERT_EQ(io_uring_submit_and_wait(&ring, 1), 1);
    ASSERT_EQ(io_uring_wait_cqe(&ring, &cqe), 0);
    EXPECT_EQ(cqe->res, static_cast<int>(kWrites * sizeof(vnpu_cqe)));
    io_uring_cqe_seen(&ring, cqe);
    EXPECT_EQ(cqes.back().task, kWrites - 1u);
  }
  io_uring_queue_exit(&ring);
}

}  // namespace
}  // namespace vnpu::raw
