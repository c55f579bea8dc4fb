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

#include "acl/acl_rt.h"
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

struct GraphStream;
struct Model;

// With which flag the functions that take one were first called (manual 07).
enum class ExternalFlag : uint8_t { kUnknown, kDefault, kExternal };

// What graphs know of an event.
struct EventInGraph {
  uint64_t capture = 0;  // number of the capture that has its last record; 0: none
  Model* model = nullptr;
  GraphStream* stream = nullptr;  // and where the record is
  uint32_t node = 0;
  uint32_t uses = 0;      // by models, which name its register
  bool by_model = false;  // the last record is that of a run: its queue does not tell when
  ExternalFlag record_flag = ExternalFlag::kUnknown;
  ExternalFlag wait_flag = ExternalFlag::kUnknown;
};

struct alignas(64) Event : SlabObject {
  std::mutex mutex;  // guards what follows; nobody who holds it waits for a task
  EventKind kind = EventKind::kDefault;
  uint32_t flags = 0;
  std::shared_ptr<Session> session;
  bool has_register = false;
  bool recorded = false;  // and not reset since
  EventRegister reg;
  Submitted record;               // the last one
  std::vector<Submitted> waits;   // of streams for this event; those that are over may be missing
  std::shared_ptr<IpcEvent> ipc;  // with ACL_EVENT_IPC, instead of the register
  EventInGraph in_graph;

  // With ACL_EVENT_EXTERNAL: a switch that tasks put on and off any number of times, so that those
  // of a model can be carried out again. Its numbers stay: register >= on_seq() means recorded.
  bool is_switch() const { return (flags & ACL_EVENT_EXTERNAL) != 0; }
  uint64_t on_seq() const { return reg.seq; }
  uint64_t off_seq() const { return reg.seq - 1; }
};

inline constexpr size_t kMaxEvents = 262144;
extern Slab<Event, kMaxEvents> events;

aclError NewEvent(EventKind kind, uint32_t flags, Event** event);
// One of another process, for the current device.
aclError OpenIpcEvent(const NotifyKey& key, Event** event);
aclError ExportIpcEvent(Event* event, NotifyKey* key);
aclError DestroyEvent(Event* event);
aclError ResolveEvent(void* handle, Event** event);

aclError RecordEvent(Event* event, Stream* stream, bool external = false);
aclError ResetEvent(Event* event, Stream* stream);
// timeout_us 0: none.
// `external`, here and above: for a captured stream, and the model's runs take part in what others
// do with the event.
aclError StreamWaitEvent(Stream* stream, Event* event, uint32_t timeout_us, bool external = false);

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
