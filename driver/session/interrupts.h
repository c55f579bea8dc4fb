// Interrupt targets that a client registered.
#ifndef VNPU_DRIVER_SESSION_INTERRUPTS_H_
#define VNPU_DRIVER_SESSION_INTERRUPTS_H_

#include <vnpu/ioctl.h>

#include "driver/base/id_table.h"
#include "driver/session/context.h"

namespace vnpu::driver {

struct Irq {
  uint32_t kind = VNPU_IRQ_EVENTFD;  // enum vnpu_irq_kind
  uint64_t user_data = 0;
  HeldFd target;
  Charge charge;
};

// Used by one thread at a time.
class SessionInterrupts {
 public:
  explicit SessionInterrupts(SessionContext* context)
      : context_(context), irqs_(0, VNPU_MAX_IRQS) {}

  // As uapi/vnpu/ioctl.h describes the commands; `features`: what was negotiated.
  int Add(vnpu_ioc_irq_add* arg, UniqueFd fd, uint64_t features);
  int Delete(const vnpu_ioc_irq_del& arg);

  // Interrupts every target, in place of the device that is gone.
  void WakeAll();

 private:
  void WakeRings();

  SessionContext* context_;
  IdTable<Irq> irqs_;
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_SESSION_INTERRUPTS_H_
