// A notify of the driver as one session knows it, and how it is shared between sessions.
#ifndef VNPU_LIBRUNTIME_SRC_NOTIFY_NOTIFY_SEAT_H_
#define VNPU_LIBRUNTIME_SRC_NOTIFY_NOTIFY_SEAT_H_

#include <vnpu/ioctl.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "acl/acl_base.h"
#include "libruntime/src/event/event_pool.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {

// What another session needs to open a notify.
using NotifyKey = std::array<uint8_t, VNPU_NOTIFY_KEY_BYTES>;

struct NotifySeat {
  std::shared_ptr<Session> session;
  uint32_t id = 0;               // VNPU_IOC_NOTIFY_*
  std::vector<TaskPoint> tasks;  // the last of each queue that names the notify
};

// A notify of the session's own.
aclError MakeSeat(std::shared_ptr<Session> session, NotifySeat* seat);
// One that another session, perhaps of another process, has shared. `kind`: enum vnpu_notify_kind.
aclError OpenSeat(std::shared_ptr<Session> session, const NotifyKey& key, uint32_t kind,
                  NotifySeat* seat);
// Frees the notify, now or when the tasks that name it are done. Never waits.
void LeaveSeat(NotifySeat seat);

// The key that others open the notify with; with `any_process` they need no further permission.
aclError ShareSeat(const NotifySeat& seat, uint32_t kind, bool any_process, NotifyKey* key);

// Tasks in a stream of the seat's session, as attempts of SubmitWhenRoom. timeout_us 0: none.
aclError SubmitRecord(NotifySeat* seat, Stream* stream, uint32_t mode, uint64_t value,
                      Submitted* submitted = nullptr);
aclError SubmitWait(NotifySeat* seat, Stream* stream, uint32_t mode, uint64_t value, uint32_t flags,
                    uint32_t timeout_us);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_NOTIFY_NOTIFY_SEAT_H_
