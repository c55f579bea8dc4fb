#include "driver/base/event_signal.h"

#include <linux/aio_abi.h>
#include <poll.h>
#include <sys/syscall.h>

#include <cstdint>
#include <ctime>

#include "driver/base/memfd.h"

namespace vnpu::driver {

EventSignal::EventSignal() {
  if (CreateMemfd("vnpu-signal", 4096, &file_) == 0) {
    aio_context_t context = 0;
    if (syscall(SYS_io_setup, 8, &context) == 0) {
      context_ = context;
    }
  }
}

EventSignal::~EventSignal() {
  if (context_ != 0) {
    syscall(SYS_io_destroy, context_);
  }
}

bool EventSignal::SignalByAio(int eventfd) {
  const std::lock_guard lock(mutex_);
  if (context_ == 0) {
    return false;
  }
  char nothing = 0;
  iocb control{};
  control.aio_lio_opcode = IOCB_CMD_PREAD;
  control.aio_fildes = static_cast<uint32_t>(file_.get());
  control.aio_buf = reinterpret_cast<uintptr_t>(&nothing);
  control.aio_nbytes = 0;
  control.aio_flags = IOCB_FLAG_RESFD;
  control.aio_resfd = static_cast<uint32_t>(eventfd);
  iocb* list[] = {&control};
  if (syscall(SYS_io_submit, context_, 1, list) != 1) {
    return false;
  }
  io_event event{};
  timespec no_wait{};
  syscall(SYS_io_getevents, context_, 1, 1, &event, &no_wait);
  return true;
}

void EventSignal::Signal(int eventfd) {
  if (SignalByAio(eventfd)) {
    return;
  }
  pollfd writable{eventfd, POLLOUT, 0};
  if (poll(&writable, 1, 0) == 1 && (writable.revents & POLLOUT) != 0) {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(eventfd, &one, sizeof(one));
  }
}

}  // namespace vnpu::driver
