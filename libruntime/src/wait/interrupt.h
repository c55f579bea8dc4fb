// What a thread blocks on: an io_uring that the device posts into, or, where io_uring is refused,
// an eventfd.
#ifndef VNPU_LIBRUNTIME_SRC_WAIT_INTERRUPT_H_
#define VNPU_LIBRUNTIME_SRC_WAIT_INTERRUPT_H_

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace vnpu::runtime {

// Belongs to the thread that made it.
class Interrupt {
 public:
  virtual ~Interrupt() = default;

  virtual int fd() const = 0;
  virtual uint32_t kind() const = 0;  // enum vnpu_irq_kind
  virtual uint64_t user_data() const { return 0; }

  // Blocks until the device interrupts or `limit` is over. First adds 1 to the eventfd `kick`
  // (-1: none), in the same system call where that is possible.
  virtual void Wait(std::chrono::nanoseconds limit, int kick) = 0;

  // write(2) by the ring; -ENOSYS where there is none. Bytes or -errno.
  virtual ssize_t Write(int fd, const void* data, size_t bytes);
};

// Null with errno set when the kernel refuses.
std::unique_ptr<Interrupt> MakeUringInterrupt();
std::unique_ptr<Interrupt> MakeEventfdInterrupt();

// Adds 1 to an eventfd.
void SignalEventfd(int fd);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_WAIT_INTERRUPT_H_
