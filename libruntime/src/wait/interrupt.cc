#include "libruntime/src/wait/interrupt.h"

#include <liburing.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <vnpu/ioctl.h>

#include <cerrno>

#include "libruntime/src/base/fork.h"
#include "libruntime/src/base/unique_fd.h"

namespace vnpu::runtime {
namespace {

constexpr uint64_t kIrqTag = 1;
constexpr uint64_t kWriteTag = 2;
constexpr uint64_t kKickTag = 3;
const uint64_t kKickValue = 1;

class UringInterrupt : public Interrupt {
 public:
  UringInterrupt() = default;
  UringInterrupt(const UringInterrupt&) = delete;
  UringInterrupt& operator=(const UringInterrupt&) = delete;
  ~UringInterrupt() override {
    if (ready_ && !ForkedWhileOpen()) {  // a child does not have the ring mapped
      io_uring_queue_exit(&ring_);
    }
  }

  // 0 or -errno.
  int Init() {
    constexpr unsigned kEntries = 16;
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    int result = io_uring_queue_init_params(kEntries, &ring_, &params);
    if (result == -EINVAL) {  // before Linux 6.1
      params = {};
      result = io_uring_queue_init_params(kEntries, &ring_, &params);
    }
    ready_ = result == 0;
    return result;
  }

  int fd() const override { return ring_.ring_fd; }
  uint32_t kind() const override { return VNPU_IRQ_URING; }
  uint64_t user_data() const override { return kIrqTag; }

  void Wait(std::chrono::nanoseconds limit, int kick) override {
    if (kick >= 0) {
      io_uring_sqe* entry = io_uring_get_sqe(&ring_);
      io_uring_prep_write(entry, kick, &kKickValue, sizeof(kKickValue), 0);
      io_uring_sqe_set_data64(entry, kKickTag);
      entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
    }
    __kernel_timespec time{.tv_sec = limit.count() / 1'000'000'000,
                           .tv_nsec = limit.count() % 1'000'000'000};
    io_uring_cqe* completion = nullptr;
    io_uring_submit_and_wait_timeout(&ring_, &completion, 1, &time, nullptr);
    Drain(nullptr);
  }

  ssize_t Write(int fd, const void* data, size_t bytes) override {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    io_uring_prep_write(entry, fd, data, static_cast<unsigned>(bytes), static_cast<uint64_t>(-1));
    io_uring_sqe_set_data64(entry, kWriteTag);
    // FUSE refuses every attempt that may not block. Inline, io_uring then asks poll, hears "ready"
    // and tries again, 128 times, before a worker thread does the write.
    entry->flags |= IOSQE_ASYNC;
    int result = -EINPROGRESS;
    while (result == -EINPROGRESS) {
      const int entered = io_uring_submit_and_wait(&ring_, 1);
      if (entered < 0 && entered != -EINTR) {
        return entered;
      }
      Drain(&result);
    }
    return result;
  }

 private:
  // Consumes what is there: interrupts are forgotten (the waiter looks at its queue), a write's
  // result is kept.
  void Drain(int* write_result) {
    io_uring_cqe* completion = nullptr;
    while (io_uring_peek_cqe(&ring_, &completion) == 0) {
      if (completion->user_data == kWriteTag && write_result != nullptr) {
        *write_result = completion->res;
      }
      io_uring_cqe_seen(&ring_, completion);
    }
  }

  io_uring ring_{};
  bool ready_ = false;
};

class EventfdInterrupt : public Interrupt {
 public:
  EventfdInterrupt() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  bool valid() const { return fd_.valid(); }
  int fd() const override { return fd_.get(); }
  uint32_t kind() const override { return VNPU_IRQ_EVENTFD; }

  void Wait(std::chrono::nanoseconds limit, int kick) override {
    if (kick >= 0) {
      SignalEventfd(kick);
    }
    const timespec time{.tv_sec = limit.count() / 1'000'000'000,
                        .tv_nsec = limit.count() % 1'000'000'000};
    pollfd state{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (ppoll(&state, 1, &time, nullptr) > 0) {
      uint64_t count = 0;
      [[maybe_unused]] const ssize_t got = read(fd_.get(), &count, sizeof(count));
    }
  }

 private:
  UniqueFd fd_;
};

}  // namespace

ssize_t Interrupt::Write(int /*fd*/, const void* /*data*/, size_t /*bytes*/) { return -ENOSYS; }

std::unique_ptr<Interrupt> MakeUringInterrupt() {
  auto interrupt = std::make_unique<UringInterrupt>();
  const int result = interrupt->Init();
  if (result < 0) {
    errno = -result;
    return nullptr;
  }
  return interrupt;
}

std::unique_ptr<Interrupt> MakeEventfdInterrupt() {
  auto interrupt = std::make_unique<EventfdInterrupt>();
  return interrupt->valid() ? std::move(interrupt) : nullptr;
}

[[gnu::hot]] void SignalEventfd(int fd) {
  ssize_t written = 0;
  do {
    written = write(fd, &kKickValue, sizeof(kKickValue));
  } while (written < 0 && errno == EINTR);
}

}  // namespace vnpu::runtime
