#include "libruntime/src/event/event_pool.h"

#include <vnpu/ioctl.h>

#include <algorithm>
#include <cerrno>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/queue/submit_queue.h"

namespace vnpu::runtime {

bool TaskPoint::done() const { return queue == nullptr || queue->head() > task; }

aclError EventPool::Acquire(EventRegister* reg) {
  const std::lock_guard lock(mutex_);
  constexpr size_t kLooks = 8;  // at the registers that rest the longest
  const auto end = free_.begin() + static_cast<ptrdiff_t>(std::min(free_.size(), kLooks));
  auto found = std::find_if(free_.begin(), end, [](const EventRegister& r) { return r.quiet(); });
  if (found == end) {
    const size_t resting = free_.size();
    VNPU_RETURN_IF_ERROR(Refill());
    found = free_.begin() + static_cast<ptrdiff_t>(resting);
  }
  *reg = *found;
  free_.erase(found);
  ++in_use_;
  return ACL_SUCCESS;
}

void EventPool::Release(const EventRegister& reg) {
  const std::lock_guard lock(mutex_);
  free_.push_back(reg);
  --in_use_;
}

uint32_t EventPool::available() const {
  const std::lock_guard lock(mutex_);
  return VNPU_MAX_EVENTS - in_use_;
}

const vnpu_event_reg& EventPool::Register(uint32_t id) const { return session_.mem().events[id]; }

aclError EventPool::Refill() {
  vnpu_ioc_event_alloc request{};
  request.count = VNPU_EVENT_BATCH;
  const int result = session_.Call(VNPU_IOC_EVENT_ALLOC, request);
  if (result == -ENOSPC || (result == 0 && request.count == 0)) {
    return Fail(ACL_ERROR_RT_NO_EVENT_RESOURCE,
                "all {} events of the device are in use; destroy events that are not needed",
                VNPU_MAX_EVENTS);
  }
  if (result < 0) {
    return FailErrno(-result, "the driver gives no events");
  }
  for (uint32_t i = 0; i < std::min(request.count, VNPU_EVENT_BATCH); ++i) {
    if (request.event_id[i] >= VNPU_MAX_EVENTS) {
      return Fail(ACL_ERROR_RT_DRV_INTERNAL_ERROR, "the driver gave an event id out of range");
    }
    free_.push_back({.id = request.event_id[i], .seq = 0, .last_record = {}, .last_reset = {}});
  }
  return ACL_SUCCESS;
}

}  // namespace vnpu::runtime
