// Events and graphs: what records, waits and resets mean in streams whose tasks go into a model,
// and what they do to streams that wait for an event that is captured.
#ifndef VNPU_LIBRUNTIME_SRC_GRAPH_GRAPH_EVENT_H_
#define VNPU_LIBRUNTIME_SRC_GRAPH_GRAPH_EVENT_H_

#include <cstdint>

#include "libruntime/src/event/event.h"

namespace vnpu::runtime {

// All with the event's mutex held.

// A register of the stream's session for the event.
aclError TakeRegister(Event& event, const Stream& stream);

// Of a stream whose tasks go into a model.
aclError RecordInGraph(Event* event, Stream* stream, bool external);
aclError ResetInGraph(Event* event, Stream* stream);
// Of such a stream, or for an event that was recorded in one: the stream joins the capture.
// *done is false when it is an ordinary wait after all.
aclError WaitInGraph(Stream* stream, Event* event, uint32_t timeout_us, bool external, bool* done);

// Fails, and the capture with it, when the event's last record is captured.
aclError CheckNotCaptured(Event* event, const char* what);

// The waits of built streams that came before the records that they are for.
aclError ResolveEarlyWaits(Model* model);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_GRAPH_GRAPH_EVENT_H_
