#include "driver/session/events.h"

#include <atomic>
#include <cerrno>

namespace vnpu::driver {

int SessionEvents::Alloc(vnpu_ioc_event_alloc* arg) {
  if (arg->flags != 0 || arg->count == 0 || arg->count > VNPU_EVENT_BATCH) {
    return -EINVAL;
  }
  uint32_t got = 0;
  for (; got < arg->count; ++got) {
    const std::optional<uint32_t> id = events_.Insert(Charge(context_->tally(), Counted::kEvents));
    if (!id) {
      break;
    }
    vnpu_event_reg& reg = context_->mem->events[*id];
    std::atomic_ref(reg.seq).store(0);
    std::atomic_ref(reg.timestamp).store(0);
    arg->event_id[got] = *id;
  }
  arg->count = got;
  return got > 0 ? 0 : -ENOSPC;
}

int SessionEvents::Free(const vnpu_ioc_event_free& arg) {
  if (arg.reserved != 0) {
    return -EINVAL;
  }
  if (events_.Find(arg.event_id) == nullptr) {
    return -ENOENT;
  }
  firmware::ControlRequest request{};
  request.op = firmware::ControlOp::kEventFree;
  request.event.event_id = arg.event_id;
  const int error = context_->Call(request);
  if (error == 0) {
    events_.Erase(arg.event_id);
  }
  return error;
}

}  // namespace vnpu::driver
