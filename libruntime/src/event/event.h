// Events: the objects behind aclrtEvent.
//
// An event holds a register of the device (event_pool.h) from its first use on. The record, wait
// and reset entries of streams name the register and a sequence number, so a wait stands for the
// record that it was made for, whatever is recorded later.
#ifndef VNPU_LIBRUNTIME_SRC_EVENT_EVENT_H_
#define VNPU_LIBRUNTIME_SRC_EVENT_EVENT_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "libruntime/src/base/slab.h"
#include "libruntime/src/event/event_pool.h"
#include "libruntime/src/event/ipc_event.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {

// By which function the event was made: they differ before the first record.
enum class EventKind : uint8_t {
  kDefault,   // aclrtCreateEvent: a wait needs a record; not recorded means not complete
  kFlags,     // aclrtCreateEventWithFlag: a wait may come before the record; can be reset
  kReusable,  // aclrtCreateEventExWithFlag: not recorded means nothing to wait for
};

struct alignas(64) Event : SlabObject {
  std::mutex mutex;  // guards what follows
  EventKind kind = EventKind::kDefault;
  uint32_t flags = 0;
  std::shared_ptr<Session> session;
  bool has_register = false;
  bool recorded = false;  // and not reset since
  EventRegister reg;
  Submitted record;               // the last one
  std::vector<Submitted> waits;   // of streams for this event; those that are over may be missing
  std::unique_ptr<IpcEvent> ipc;  // with ACL_EVENT_IPC, instead of the register
};

inline constexpr size_t kMaxEvents = 262144;
extern Slab<Event, kMaxEvents> events;

aclError NewEvent(EventKind kind, uint32_t flags, Event** event);
// One of another process, for the current device.
aclError OpenIpcEvent(const NotifyKey& key, Event** event);
aclError ExportIpcEvent(Event* event, NotifyKey* key);
aclError DestroyEvent(Event* event);
aclError ResolveEvent(void* handle, Event** event);

aclError RecordEvent(Event* event, Stream* stream);
aclError ResetEvent(Event* event, Stream* stream);
// timeout_us 0: none.
aclError StreamWaitEvent(Stream* stream, Event* event, uint32_t timeout_us);

// Whether the last record is done.
aclError QueryEvent(Event* event, bool* complete);
// Whether the waits of streams for the event are over.
aclError QueryEventWait(Event* event, bool* complete);
aclError SynchronizeEvent(Event* event, Deadline deadline);

// Time stamp of the last record, device clock.
aclError EventTicks(Event* event, uint64_t* ticks, uint64_t* ticks_per_second);
aclError EventId(Event* event, uint32_t* id);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_EVENT_EVENT_H_
