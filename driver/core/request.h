// A client's operation on an open file, from its arrival until its answer.
#ifndef VNPU_DRIVER_CORE_REQUEST_H_
#define VNPU_DRIVER_CORE_REQUEST_H_

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "driver/base/unique_fd.h"

namespace vnpu::driver {

// Where the descriptors that a command names come from.
class FdSource {
 public:
  virtual ~FdSource() = default;
  // The descriptor that the client calls `number`, `index`-th of the command. 0 or -EBADF.
  virtual int Take(unsigned index, int number, UniqueFd* fd) = 0;
};

// Tells a client once that poll(2) would say something new.
class PollNotifier {
 public:
  virtual ~PollNotifier() = default;
  virtual void Notify() = 0;
};

enum class RequestKind { kIoctl, kWrite, kRead, kPoll };

// Made by a glue; answered exactly once.
class Request {
 public:
  Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  virtual ~Request() = default;

  RequestKind kind = RequestKind::kIoctl;
  uint32_t command = 0;                    // ioctl
  uint32_t room = 0;                       // read: bytes that the client can take
  uint32_t poll_events = 0;                // poll: what is asked for
  bool nonblock = false;                   // answer -EAGAIN rather than wait
  pid_t caller = 0;                        // thread or process that asks
  FdSource* fds = nullptr;                 // for commands with descriptors
  std::vector<std::byte> data;             // ioctl: the structure; write: SQEs; read: the answer
  std::unique_ptr<PollNotifier> notifier;  // poll: used later, when nothing holds now

  // Set by the glue, with a call to File::Wake, when the client no longer waits.
  std::atomic<bool> interrupted{false};

  // Answers with a result >= 0 or -errno, and for ioctl and read with `data`.
  virtual void Complete(int result) = 0;
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_CORE_REQUEST_H_
