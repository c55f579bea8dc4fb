// Event registers of one session.
#ifndef VNPU_DRIVER_SESSION_EVENTS_H_
#define VNPU_DRIVER_SESSION_EVENTS_H_

#include <vnpu/ioctl.h>

#include "driver/base/id_table.h"
#include "driver/session/context.h"

namespace vnpu::driver {

// As uapi/vnpu/ioctl.h describes the commands. Used by one thread at a time.
class SessionEvents {
 public:
  explicit SessionEvents(SessionContext* context)
      : context_(context), events_(0, VNPU_MAX_EVENTS) {}

  int Alloc(vnpu_ioc_event_alloc* arg);
  int Free(const vnpu_ioc_event_free& arg);

 private:
  SessionContext* context_;
  IdTable<Charge> events_;
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_SESSION_EVENTS_H_
