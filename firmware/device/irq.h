// Interrupts to the client: eventfds, and completion entries posted into the client's io_uring.
#ifndef VNPU_FIRMWARE_DEVICE_IRQ_H_
#define VNPU_FIRMWARE_DEVICE_IRQ_H_

#include <liburing.h>
#include <vnpu/ioctl.h>

#include <array>
#include <cstdint>
#include <optional>

#include "firmware/device/fd.h"

namespace vnpu::firmware {

// Not thread-safe: called with the scheduler's lock held.
class IrqTable {
 public:
  IrqTable() = default;
  ~IrqTable();
  IrqTable(const IrqTable&) = delete;
  IrqTable& operator=(const IrqTable&) = delete;

  // Creates the ring that posts to clients' rings, if the system lets us. Before any Add.
  void SetUpRing();

  // 0 or -errno; -EOPNOTSUPP: an io_uring target, but this process may not have a ring itself.
  int Add(uint32_t irq_id, uint32_t kind, uint64_t user_data, Fd fd);
  int Remove(uint32_t irq_id);
  void Post(uint32_t irq_id);
  void PostAll();
  // One more than the highest id in use.
  uint32_t limit() const { return limit_; }

 private:
  struct Target {
    Fd fd;
    uint32_t kind = VNPU_IRQ_EVENTFD;
    uint64_t user_data = 0;
  };

  void PostToRing(const Target& target);

  std::array<Target, VNPU_MAX_IRQS> targets_;
  uint32_t limit_ = 0;
  std::optional<io_uring> ring_;
};

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_DEVICE_IRQ_H_
