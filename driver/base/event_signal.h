// Adding 1 to somebody else's eventfd without ever blocking.
#ifndef VNPU_DRIVER_BASE_EVENT_SIGNAL_H_
#define VNPU_DRIVER_BASE_EVENT_SIGNAL_H_

#include <mutex>

#include "driver/base/unique_fd.h"

namespace vnpu::driver {

// write(2) on a client's eventfd blocks when its counter is full, and the client decides about
// O_NONBLOCK; so the kernel is asked to signal it as the completion of an empty read. Where there
// is no Linux AIO, a write that poll(2) says will not block takes its place. Thread-safe.
class EventSignal {
 public:
  EventSignal();
  ~EventSignal();
  EventSignal(const EventSignal&) = delete;
  EventSignal& operator=(const EventSignal&) = delete;

  // A full eventfd is left as it is: whoever waits for it is awake.
  void Signal(int eventfd);

 private:
  bool SignalByAio(int eventfd);

  std::mutex mutex_;
  unsigned long context_ = 0;  // aio_context_t; 0: none
  UniqueFd file_;              // what is read
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_BASE_EVENT_SIGNAL_H_
