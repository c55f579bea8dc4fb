// Graphs of tasks, captured from streams or built.
#ifndef VNPU_ACL_RT_GRAPH_H_
#define VNPU_ACL_RT_GRAPH_H_

#include "acl/rt/kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Capturing a stream into a graph (manual 15 Model instances) ---------------------
// A model instance (aclmdlRI) is a graph of tasks that is built once and executed many times.

// Which calls of other threads a capture forbids.
typedef enum aclmdlRICaptureMode {
  ACL_MODEL_RI_CAPTURE_MODE_GLOBAL = 0,
  ACL_MODEL_RI_CAPTURE_MODE_THREAD_LOCAL = 1,
  ACL_MODEL_RI_CAPTURE_MODE_RELAXED = 2,
} aclmdlRICaptureMode;

// Whether a stream is being captured.
typedef enum aclmdlRICaptureStatus {
  ACL_MODEL_RI_CAPTURE_STATUS_NONE = 0,
  ACL_MODEL_RI_CAPTURE_STATUS_ACTIVE = 1,
  ACL_MODEL_RI_CAPTURE_STATUS_INVALIDATED = 2,
} aclmdlRICaptureStatus;

// From here on the stream's tasks are recorded instead of run.
aclError aclmdlRICaptureBegin(aclrtStream stream, aclmdlRICaptureMode mode);

// The same into an existing graph.
aclError aclmdlRICaptureToModelRIBegin(aclrtStream stream, aclmdlRI modelRI,
                                       aclmdlRICaptureMode mode);

// Whether a stream is being captured, and into which graph.
aclError aclmdlRICaptureGetInfo(aclrtStream stream, aclmdlRICaptureStatus* status,
                                aclmdlRI* modelRI);

// Ends the capture and returns the graph; freed with aclmdlRIDestroy.
aclError aclmdlRICaptureEnd(aclrtStream stream, aclmdlRI* modelRI);

// Exchanges the calling thread's capture mode.
aclError aclmdlRICaptureThreadExchangeMode(aclmdlRICaptureMode* mode);

// Starts a group of tasks that can be updated later.
aclError aclmdlRICaptureTaskGrpBegin(aclrtStream stream);

// Ends the group.
aclError aclmdlRICaptureTaskGrpEnd(aclrtStream stream, aclrtTaskGrp* handle);

// Starts to replace the tasks of a group.
aclError aclmdlRICaptureTaskUpdateBegin(aclrtStream stream, aclrtTaskGrp handle);

// Ends the replacement.
aclError aclmdlRICaptureTaskUpdateEnd(aclrtStream stream);

// ---------- Building a graph from streams ---------------------------------------------------

// Starts an empty graph.
aclError aclmdlRIBuildBegin(aclmdlRI* modelRI, uint32_t flag);

// Makes a stream part of a graph.
aclError aclmdlRIBindStream(aclmdlRI modelRI, aclrtStream stream, uint32_t flag);

// Marks the end of a graph's tasks in a stream.
aclError aclmdlRIEndTask(aclmdlRI modelRI, aclrtStream stream);

// Ends the building.
aclError aclmdlRIBuildEnd(aclmdlRI modelRI, void* reserve);

// Takes a stream out of a graph.
aclError aclmdlRIUnbindStream(aclmdlRI modelRI, aclrtStream stream);

// ---------- Executing and destroying --------------------------------------------------------

// Runs a graph and waits, up to `timeout` milliseconds; -1 waits for ever.
aclError aclmdlRIExecute(aclmdlRI modelRI, int32_t timeout);

// Runs a graph when the stream gets here.
aclError aclmdlRIExecuteAsync(aclmdlRI modelRI, aclrtStream stream);

// Stops a running graph.
aclError aclmdlRIAbort(aclmdlRI modelRI);

// Destroys a graph.
aclError aclmdlRIDestroy(aclmdlRI modelRI);

// Has a function called when a graph is destroyed.
aclError aclmdlRIDestroyRegisterCallback(aclmdlRI modelRI, aclrtCallback func, void* userData);

// Removes it.
aclError aclmdlRIDestroyUnregisterCallback(aclmdlRI modelRI, aclrtCallback func);

// ---------- Names and debugging -------------------------------------------------------------

#define ACL_MDLRI_DEBUG_JSON_PRINT_SUMMARY 0x0UL
#define ACL_MDLRI_DEBUG_JSON_PRINT_VERBOSE 0x1UL

// Names a graph.
aclError aclmdlRISetName(aclmdlRI modelRI, const char* name);

// Writes the name, empty if there is none, into `maxLen` bytes.
aclError aclmdlRIGetName(aclmdlRI modelRI, uint32_t maxLen, char* name);

// Number of a graph.
aclError aclmdlRIGetId(aclmdlRI modelRI, uint32_t* modelRIId);

// Writes a graph to a file as JSON.
aclError aclmdlRIDebugJsonPrint(aclmdlRI modelRI, const char* path, uint32_t flags);

// Prints a graph.
ACL_DEPRECATED_MESSAGE("use aclmdlRIDebugJsonPrint") aclError aclmdlRIDebugPrint(aclmdlRI modelRI);

// ---------- Looking at and changing tasks ---------------------------------------------------

// Kinds of tasks.
typedef enum aclmdlRITaskType {
  ACL_MODEL_RI_TASK_DEFAULT = 0,
  ACL_MODEL_RI_TASK_KERNEL = 1,
  ACL_MODEL_RI_TASK_EVENT_RECORD = 2,
  ACL_MODEL_RI_TASK_EVENT_WAIT = 3,
  ACL_MODEL_RI_TASK_EVENT_RESET = 4,
  ACL_MODEL_RI_TASK_VALUE_WRITE = 5,
  ACL_MODEL_RI_TASK_VALUE_WAIT = 6,
} aclmdlRITaskType;

// Parameters of a kernel task.
typedef struct aclmdlRIKernelTaskParams {
  aclrtFuncHandle funcHandle;
  aclrtLaunchKernelCfg* cfg;
  void* args;
  uint32_t isHostArgs;
  size_t argsSize;
  uint32_t numBlocks;
  uint32_t rsv[10];
} aclmdlRIKernelTaskParams;

// Parameters of an event record.
typedef struct aclmdlRIEventRecordTaskParams {
  aclrtEvent event;
  uint32_t eventFlag;
  uint32_t recordFlag;
} aclmdlRIEventRecordTaskParams;

// Parameters of an event wait.
typedef struct aclmdlRIEventWaitTaskParams {
  aclrtEvent event;
  uint32_t eventFlag;
  uint32_t waitFlag;
} aclmdlRIEventWaitTaskParams;

// Parameters of an event reset.
typedef struct aclmdlRIEventResetTaskParams {
  aclrtEvent event;
  uint32_t eventFlag;
  uint32_t resetFlag;
} aclmdlRIEventResetTaskParams;

// Parameters of aclrtValueWrite.
typedef struct aclmdlRIValueWriteTaskParams {
  void* devAddr;
  uint64_t value;
} aclmdlRIValueWriteTaskParams;

// Parameters of aclrtValueWait.
typedef struct aclmdlRIValueWaitTaskParams {
  void* devAddr;
  uint64_t value;
  uint32_t flag;
} aclmdlRIValueWaitTaskParams;

// Parameters of a task; the type says which member is meant.
typedef struct aclmdlRITaskParams {
  aclmdlRITaskType type;
  uint32_t rsv0[3];
  aclrtTaskGrp taskGrp;
  void* opInfoPtr;
  size_t opInfoSize;
  uint8_t rsv1[32];
  union {
    uint8_t rsv2[128];
    struct aclmdlRIKernelTaskParams kernelTaskParams;
    struct aclmdlRIEventRecordTaskParams eventRecordTaskParams;
    struct aclmdlRIEventWaitTaskParams eventWaitTaskParams;
    struct aclmdlRIEventResetTaskParams eventResetTaskParams;
    struct aclmdlRIValueWriteTaskParams valueWriteTaskParams;
    struct aclmdlRIValueWaitTaskParams valueWaitTaskParams;
  };
} aclmdlRITaskParams;

// Streams of a graph. With null for the array only the number is returned.
aclError aclmdlRIGetStreams(aclmdlRI modelRI, aclrtStream* streams, uint32_t* numStreams);

// Tasks of a stream of a graph, in the same way.
aclError aclmdlRIGetTasksByStream(aclrtStream stream, aclmdlRITask* tasks, uint32_t* numTasks);

// Kind of a task.
aclError aclmdlRITaskGetType(aclmdlRITask task, aclmdlRITaskType* type);

// Place of a task in its sequence.
aclError aclmdlRITaskGetSeqId(aclmdlRITask task, uint32_t* id);

// Parameters of a task.
aclError aclmdlRITaskGetParams(aclmdlRITask task, aclmdlRITaskParams* params);

// Changes them; in force after aclmdlRIUpdate.
aclError aclmdlRITaskSetParams(aclmdlRITask task, aclmdlRITaskParams* params);

// A launch setting of a kernel task.
aclError aclmdlRIKernelTaskGetAttribute(aclmdlRITask task, aclrtLaunchKernelAttrId attrId,
                                        aclrtLaunchKernelAttrValue* attrValue);

// Leaves a task out of the graph.
aclError aclmdlRITaskDisable(aclmdlRITask task);

// Puts changes of tasks in force.
aclError aclmdlRIUpdate(aclmdlRI modelRI);

// ---------- Conditions ----------------------------------------------------------------------

// A condition in a graph.
typedef void* aclmdlRICondHandle;

// How a condition gets its value.
typedef enum aclmdlRICondHandleFlag {
  ACL_MODEL_RI_COND_HANDLE_ASSIGN_DEFAULT = 1,
} aclmdlRICondHandleFlag;

// Kinds of conditional tasks.
typedef enum aclmdlRICondTaskType {
  ACL_MODEL_RI_COND_TYPE_IF = 0,
  ACL_MODEL_RI_COND_TYPE_WHILE = 1,
  ACL_MODEL_RI_COND_TYPE_SWITCH = 2,
} aclmdlRICondTaskType;

// A conditional task with the graphs to choose from.
typedef struct tagAclmdlRICondTaskParams {
  aclmdlRICondHandle handle;
  aclmdlRICondTaskType type;
  uint32_t size;
  aclmdlRI* modelRIArray;
} aclmdlRICondTaskParams;

// Makes a condition in a graph.
aclError aclmdlRICondHandleCreate(aclmdlRI modelRI, uint32_t defaultLaunchValue,
                                  aclmdlRICondHandleFlag flag, aclmdlRICondHandle* handle);

// Where the value of a condition lies in device memory.
aclError aclmdlRICondHandleGetCondPtr(aclmdlRICondHandle handle, uint64_t** ptr);

// Puts a conditional task into a stream.
aclError aclmdlRIAddCondTask(aclmdlRICondTaskParams params, aclrtStream stream, uint32_t flags);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_RT_GRAPH_H_
