// Streams and labels.
#ifndef VNPU_ACL_RT_STREAM_H_
#define VNPU_ACL_RT_STREAM_H_

#include "acl/rt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Creating and destroying streams (manual 06 Stream) ------------------------------
// Tasks of one stream run in the order in which they were submitted; streams run independently.

#define ACL_STREAM_FAST_LAUNCH 0x00000001U      // resources are taken at creation
#define ACL_STREAM_FAST_SYNC 0x00000002U        // synchronizing polls instead of sleeping
#define ACL_STREAM_PERSISTENT 0x00000004U       // tasks are kept, to be bound to a model
#define ACL_STREAM_HUGE 0x00000008U             // room for more tasks
#define ACL_STREAM_CPU_SCHEDULE 0x00000010U     // carries AI CPU scheduling tasks
#define ACL_STREAM_DEVICE_USE_ONLY 0x00000020U  // used by the device alone

// Makes a stream of the highest priority in the current context. Returns
// ACL_ERROR_RT_NO_STREAM_RESOURCE when the device has none left. Freed with aclrtDestroyStream.
aclError aclrtCreateStream(aclrtStream* stream);

// Makes a stream with a priority of aclrtDeviceGetStreamPriorityRange (0 is the highest) and
// ACL_STREAM_* flags.
aclError aclrtCreateStreamWithConfig(aclrtStream* stream, uint32_t priority, uint32_t flag);

// Waits for the stream's tasks, then destroys it. The stream must be of the current context, and
// no other thread may be using it.
aclError aclrtDestroyStream(aclrtStream stream);

// Destroys a stream without waiting; tasks that have not finished are dropped.
aclError aclrtDestroyStreamForce(aclrtStream stream);

// ---------- Stream configuration objects (manual 24) ----------------------------------------

// Settings of a configuration object.
typedef enum aclrtStreamConfigAttr {
  ACL_RT_STREAM_WORK_ADDR_PTR = 0,
  ACL_RT_STREAM_WORK_SIZE = 1,
  ACL_RT_STREAM_FLAG = 2,
  ACL_RT_STREAM_PRIORITY = 3,
} aclrtStreamConfigAttr;

// Configuration of a stream to be made.
typedef struct aclrtStreamConfigHandle {
  void* workptr;
  size_t workSize;
  size_t flag;
  uint32_t priority;
} aclrtStreamConfigHandle;

// Makes a configuration with the defaults; null on failure.
aclrtStreamConfigHandle* aclrtCreateStreamConfigHandle(void);

// Frees a configuration.
aclError aclrtDestroyStreamConfigHandle(aclrtStreamConfigHandle* handle);

// Sets one value of a configuration.
aclError aclrtSetStreamConfigOpt(aclrtStreamConfigHandle* handle, aclrtStreamConfigAttr attr,
                                 const void* attrValue, size_t valueSize);

// Makes a stream as configured.
aclError aclrtCreateStreamV2(aclrtStream* stream, const aclrtStreamConfigHandle* handle);

// ---------- Waiting and asking --------------------------------------------------------------

// Whether a stream has unfinished tasks.
typedef enum aclrtStreamStatus {
  ACL_STREAM_STATUS_COMPLETE = 0,
  ACL_STREAM_STATUS_NOT_READY = 1,
  ACL_STREAM_STATUS_RESERVED = 0xFFFF,
} aclrtStreamStatus;

// Waits for all tasks submitted to a stream. Null is the default stream. Returns the error of a
// task that failed. Returns at once for streams with ACL_STREAM_PERSISTENT, CPU_SCHEDULE or
// DEVICE_USE_ONLY.
aclError aclrtSynchronizeStream(aclrtStream stream);

// The same with a limit in milliseconds, above 0; -1 waits for ever. Returns
// ACL_ERROR_RT_STREAM_SYNC_TIMEOUT when the limit is reached; the tasks go on.
aclError aclrtSynchronizeStreamWithTimeout(aclrtStream stream, int32_t timeout);

// Says without waiting whether all tasks of a stream are done. Null is the default stream.
aclError aclrtStreamQuery(aclrtStream stream, aclrtStreamStatus* status);

// ---------- Properties ----------------------------------------------------------------------

// Attributes of a stream.
typedef enum aclrtStreamAttr {
  ACL_STREAM_ATTR_FAILURE_MODE = 1,
  ACL_STREAM_ATTR_FLOAT_OVERFLOW_CHECK = 2,
  ACL_STREAM_ATTR_USER_CUSTOM_TAG = 3,
  ACL_STREAM_ATTR_CACHE_OP_INFO = 4,
  ACL_STREAM_ATTR_PRIORITY = 5,
} aclrtStreamAttr;

// Value of an attribute; the attribute says which member is meant.
typedef union aclrtStreamAttrValue {
  uint64_t failureMode;
  uint32_t overflowSwitch;
  uint32_t userCustomTag;
  uint32_t cacheOpInfoSwitch;
  uint32_t streamPriority;
  uint32_t reserve[4];
} aclrtStreamAttrValue;

// Number of a stream, unique on its device. Null is the default stream.
aclError aclrtStreamGetId(aclrtStream stream, int32_t* streamId);

// Priority of a stream; a smaller number is a higher priority. Null is the default stream.
aclError aclrtStreamGetPriority(aclrtStream stream, uint32_t* priority);

// The ACL_STREAM_* flags that a stream was made with, 0 if none.
aclError aclrtStreamGetFlags(aclrtStream stream, uint32_t* flags);

// Number of streams that can still be made on the current device.
aclError aclrtGetStreamAvailableNum(uint32_t* streamCount);

// Sets an attribute of a stream.
aclError aclrtSetStreamAttribute(aclrtStream stream, aclrtStreamAttr stmAttrType,
                                 aclrtStreamAttrValue* value);

// Reads an attribute of a stream.
aclError aclrtGetStreamAttribute(aclrtStream stream, aclrtStreamAttr stmAttrType,
                                 aclrtStreamAttrValue* value);

// ---------- Failure and overflow modes ------------------------------------------------------

#define ACL_CONTINUE_ON_FAILURE 0x00000000U  // the default
#define ACL_STOP_ON_FAILURE 0x00000001U  // the rest of the stream is not run and submissions fail

// Says what happens to the tasks behind a failed one. May be set once a stream.
aclError aclrtSetStreamFailureMode(aclrtStream stream, uint64_t mode);

// Switches overflow detection of a stream on (1) or off (0).
aclError aclrtSetStreamOverflowSwitch(aclrtStream stream, uint32_t flag);

// Reads that switch.
aclError aclrtGetStreamOverflowSwitch(aclrtStream stream, uint32_t* flag);

// ---------- Stopping streams ----------------------------------------------------------------

// Stops the running tasks of a stream and drops the waiting ones. Waits on the stream then
// return ACL_ERROR_RT_STREAM_ABORT.
aclError aclrtStreamAbort(aclrtStream stream);

// Stops the running task of a stream and keeps the others.
aclError aclrtStreamStop(aclrtStream stream);

// Removes the tasks of a stream made with ACL_STREAM_PERSISTENT.
aclError aclrtPersistentTaskClean(aclrtStream stream);

// ---------- Activating and switching streams ------------------------------------------------

// How two values are compared.
typedef enum aclrtCondition {
  ACL_RT_EQUAL = 0,
  ACL_RT_NOT_EQUAL = 1,
  ACL_RT_GREATER = 2,
  ACL_RT_GREATER_OR_EQUAL = 3,
  ACL_RT_LESS = 4,
  ACL_RT_LESS_OR_EQUAL = 5,
} aclrtCondition;

// Type of the compared values.
typedef enum aclrtCompareDataType {
  ACL_RT_SWITCH_INT32 = 0,
  ACL_RT_SWITCH_INT64 = 1,
} aclrtCompareDataType;

// Starts another stream when `stream` gets here.
aclError aclrtActiveStream(aclrtStream activeStream, aclrtStream stream);

// Compares two values in device memory and goes on with one of two streams.
aclError aclrtSwitchStream(void* leftValue, aclrtCondition cond, void* rightValue,
                           aclrtCompareDataType dataType, aclrtStream trueStream,
                           aclrtStream falseStream, aclrtStream stream);

// ---------- Stream state callbacks ----------------------------------------------------------

// What has happened, or is about to happen, to a stream.
typedef enum aclrtStreamState {
  ACL_RT_STREAM_STATE_CREATE_POST = 1,
  ACL_RT_STREAM_STATE_DESTROY_PRE = 2,
} aclrtStreamState;

// Called when a stream is made or destroyed.
typedef void (*aclrtStreamStateCallback)(aclrtStream stream, aclrtStreamState state, void* args);

// Registers a callback under a name; null as callback removes it.
aclError aclrtRegStreamStateCallback(const char* regName, aclrtStreamStateCallback callback,
                                     void* args);

// ---------- Labels: jumps between places in streams (manual 10 Label) -----------------------

// Makes a label; at most 65535 in a process.
aclError aclrtCreateLabel(aclrtLabel* label);

// Puts a label at this place of a stream.
aclError aclrtSetLabel(aclrtLabel label, aclrtStream stream);

// Destroys a label.
aclError aclrtDestroyLabel(aclrtLabel label);

// Makes a list of labels to choose from.
aclError aclrtCreateLabelList(aclrtLabel* labels, size_t num, aclrtLabelList* labelList);

// Destroys a list, not its labels.
aclError aclrtDestroyLabelList(aclrtLabelList labelList);

// Goes on at the label whose index stands in device memory at `ptr`.
aclError aclrtSwitchLabelByIndex(void* ptr, uint32_t maxValue, aclrtLabelList labelList,
                                 aclrtStream stream);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_RT_STREAM_H_
