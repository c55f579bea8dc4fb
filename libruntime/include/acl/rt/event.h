// Events.
#ifndef VNPU_ACL_RT_EVENT_H_
#define VNPU_ACL_RT_EVENT_H_

#include "acl/rt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Creating and destroying events (manual 07 Event) --------------------------------
// An event marks a point in a stream: the host or other streams wait for it, and it can carry a
// time stamp.

#define ACL_EVENT_SYNC 0x00000001U                     // streams may wait for it
#define ACL_EVENT_CAPTURE_STREAM_PROGRESS 0x00000002U  // follows the progress of a stream
#define ACL_EVENT_TIME_LINE 0x00000008U                // carries a time stamp
#define ACL_EVENT_DEVICE_USE_ONLY 0x00000010U          // used by the device alone
#define ACL_EVENT_EXTERNAL 0x00000020U                 // for updating captured tasks
#define ACL_EVENT_IPC 0x00000040U                      // shared between processes

// Makes an event that streams can wait for and that carries a time stamp. Cannot be reset. Freed
// with aclrtDestroyEvent.
aclError aclrtCreateEvent(aclrtEvent* event);

// Makes an event for the uses that the ACL_EVENT_* bits name. Only an event with ACL_EVENT_SYNC
// can be waited for by streams and reset, and only as many of these exist as the device has;
// ACL_ERROR_RT_NO_EVENT_RESOURCE if it has none left.
aclError aclrtCreateEventWithFlag(aclrtEvent* event, uint32_t flag);

// The same, but the event takes a hardware event only while it is recorded. Each record takes a
// new snapshot of the stream, so the event may be recorded again at once; it cannot be reset,
// nor asked with aclrtQueryEvent or aclrtQueryEventWaitStatus.
aclError aclrtCreateEventExWithFlag(aclrtEvent* event, uint32_t flag);

// Destroys an event without waiting; its resources are freed when the tasks that use it are
// done. No other thread may be using it.
aclError aclrtDestroyEvent(aclrtEvent event);

// ---------- Recording, waiting and resetting in streams -------------------------------------

#define ACL_EVENT_RECORD_DEFAULT 0x0U
#define ACL_EVENT_RECORD_EXTERNAL 0x01U
#define ACL_EVENT_WAIT_DEFAULT 0x0U
#define ACL_EVENT_WAIT_EXTERNAL 0x01U

// Marks the point in the stream behind everything submitted so far. The event is complete when
// the stream gets there. Asynchronous; null is the default stream.
aclError aclrtRecordEvent(aclrtEvent event, aclrtStream stream);

// The same; with ACL_EVENT_RECORD_EXTERNAL, during capture only, for waits outside of the graph.
aclError aclrtRecordEventWithFlag(aclrtEvent event, aclrtStream stream, uint32_t flag);

// Takes the event back to "not recorded" when the stream gets here. Only for events of
// aclrtCreateEventWithFlag with ACL_EVENT_SYNC, and behind the last wait for it. Asynchronous.
aclError aclrtResetEvent(aclrtEvent event, aclrtStream stream);

// Holds the stream here until the event is complete. Several streams may wait for one event.
// Limited by aclrtSetOpWaitTimeout. Asynchronous.
aclError aclrtStreamWaitEvent(aclrtStream stream, aclrtEvent event);

// The same with a limit in seconds (0: none) and, with ACL_EVENT_WAIT_EXTERNAL, during capture
// only, for records outside of the graph.
aclError aclrtStreamWaitEventWithFlag(aclrtStream stream, aclrtEvent event, uint32_t timeout,
                                      uint32_t flag);

// Like aclrtStreamWaitEvent with a limit in seconds; 0 waits for ever. When the limit is reached
// the task fails and synchronizing the stream reports it.
aclError aclrtStreamWaitEventWithTimeout(aclrtStream stream, aclrtEvent event, int32_t timeout);

// Limit in seconds of all later aclrtStreamWaitEvent of the process; 0, the default, is none.
aclError aclrtSetOpWaitTimeout(uint32_t timeout);

// ---------- Asking and waiting on the host --------------------------------------------------

// Whether the point that an event marks has been reached.
typedef enum aclrtEventRecordedStatus {
  ACL_EVENT_RECORDED_STATUS_NOT_READY = 0,
  ACL_EVENT_RECORDED_STATUS_COMPLETE = 1,
} aclrtEventRecordedStatus;

// Whether the waits for an event are over.
typedef enum aclrtEventWaitStatus {
  ACL_EVENT_WAIT_STATUS_COMPLETE = 0,
  ACL_EVENT_WAIT_STATUS_NOT_READY = 1,
  ACL_EVENT_WAIT_STATUS_RESERVED = 0xFFFF,
} aclrtEventWaitStatus;

// Whether an event is complete, as aclrtQueryEvent says it.
typedef enum aclrtEventStatus {
  ACL_EVENT_STATUS_COMPLETE = 0,
  ACL_EVENT_STATUS_NOT_READY = 1,
  ACL_EVENT_STATUS_RESERVED = 2,
} aclrtEventStatus;

// Says without waiting whether the recorded point has been reached. An event that was never
// recorded counts as complete if it is of aclrtCreateEventExWithFlag.
aclError aclrtQueryEventStatus(aclrtEvent event, aclrtEventRecordedStatus* status);

// Says without waiting whether all waits for the event that were submitted are over. Not for
// events of aclrtCreateEventExWithFlag.
aclError aclrtQueryEventWaitStatus(aclrtEvent event, aclrtEventWaitStatus* status);

// Says without waiting whether an event that this thread recorded is complete.
ACL_DEPRECATED_MESSAGE("use aclrtQueryEventStatus")
aclError aclrtQueryEvent(aclrtEvent event, aclrtEventStatus* status);

// Blocks the calling thread until the recorded point has been reached.
aclError aclrtSynchronizeEvent(aclrtEvent event);

// The same with a limit in milliseconds, above 0; -1 waits for ever. Returns
// ACL_ERROR_RT_EVENT_SYNC_TIMEOUT when the limit is reached.
aclError aclrtSynchronizeEventWithTimeout(aclrtEvent event, int32_t timeout);

// ---------- Time, identity and supply -------------------------------------------------------

// Time between two complete events with time stamps, in milliseconds.
aclError aclrtEventElapsedTime(float* ms, aclrtEvent startEvent, aclrtEvent endEvent);

// When an event completed, in microseconds of the device's clock, which starts with the device.
aclError aclrtEventGetTimestamp(aclrtEvent event, uint64_t* timestamp);

// Number of an event on its device.
aclError aclrtGetEventId(aclrtEvent event, uint32_t* eventId);

// Number of hardware events that are free on the current device.
aclError aclrtGetEventAvailNum(uint32_t* eventCount);

// ---------- Events between processes --------------------------------------------------------

#define ACL_IPC_EVENT_HANDLE_SIZE 64U

// An event as another process can open it; to be passed on byte by byte.
typedef struct aclrtIpcEventHandle {
  char reserved[ACL_IPC_EVENT_HANDLE_SIZE];
} aclrtIpcEventHandle;

// Makes an event of aclrtCreateEventExWithFlag with ACL_EVENT_IPC available to others.
aclError aclrtIpcGetEventHandle(aclrtEvent event, aclrtIpcEventHandle* handle);

// Opens another process's event; freed with aclrtDestroyEvent.
aclError aclrtIpcOpenEventHandle(aclrtIpcEventHandle handle, aclrtEvent* event);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_RT_EVENT_H_
