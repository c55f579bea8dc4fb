// Notifies and counting notifies: the objects behind aclrtNotify and aclrtCntNotify.
//
// A notify belongs to the device that it was made on, whose streams wait for it. Streams of other
// devices of the process may record it: it is shared with their sessions when they first do.
#ifndef VNPU_LIBRUNTIME_SRC_NOTIFY_NOTIFY_H_
#define VNPU_LIBRUNTIME_SRC_NOTIFY_NOTIFY_H_

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "libruntime/src/base/slab.h"
#include "libruntime/src/notify/notify_seat.h"

namespace vnpu::runtime {

enum class NotifyType : uint8_t { kSignal, kCounting };

struct alignas(64) Notify : SlabObject {
  std::mutex mutex;  // guards what follows
  NotifyType type = NotifyType::kSignal;
  bool imported = false;
  bool any_process = false;  // as it was exported
  bool exported = false;
  NotifySeat home;                 // in the session that it was made in, or opened in
  std::vector<NotifySeat> guests;  // in sessions of other devices of this process
};

// In the current context's session.
aclError NewNotify(NotifyType type, Notify** notify);
aclError ImportNotify(const NotifyKey& key, Notify** notify);
aclError DestroyNotify(Notify* notify);
// The live notify of a handle, of this type.
aclError ResolveNotify(void* handle, NotifyType type, Notify** notify);

// mode: enum vnpu_notify_record.
aclError RecordNotify(Notify* notify, Stream* stream, uint32_t mode, uint64_t value);
// mode: enum vnpu_notify_wait; timeout_us 0: none.
aclError WaitNotify(Notify* notify, Stream* stream, uint32_t mode, uint64_t value, bool clear,
                    uint32_t timeout_us);
// Sets the counter to 0 before it returns.
aclError ResetNotify(Notify* notify);
aclError NotifyId(Notify* notify, uint32_t* id);

aclError ExportNotify(Notify* notify, bool any_process, NotifyKey* key);
aclError AllowImport(Notify* notify, std::span<const int32_t> pids);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_NOTIFY_NOTIFY_H_
