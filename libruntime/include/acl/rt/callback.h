// Host functions that run when a stream reaches them.
#ifndef VNPU_ACL_RT_CALLBACK_H_
#define VNPU_ACL_RT_CALLBACK_H_

#include "acl/rt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Host functions in a stream (manual 12 Execution control) ------------------------

// Whether the stream waits for the host function.
typedef enum aclrtCallbackBlockType {
  ACL_CALLBACK_NO_BLOCK = 0,
  ACL_CALLBACK_BLOCK = 1,
} aclrtCallbackBlockType;

// A host function with one argument.
typedef void (*aclrtHostFunc)(void* args);

// Has a function called, by the thread that serves the stream, when the stream gets here.
// Asynchronous.
aclError aclrtLaunchCallback(aclrtCallback fn, void* userData, aclrtCallbackBlockType blockType,
                             aclrtStream stream);

// Has a function called, by a thread of the library, when the stream gets here; the stream waits
// for it. Asynchronous.
aclError aclrtLaunchHostFunc(aclrtStream stream, aclrtHostFunc fn, void* args);

// Names the thread that serves a stream's callbacks.
aclError aclrtSubscribeReport(uint64_t threadId, aclrtStream stream);

// Serves the calling thread's streams: waits up to `timeout` milliseconds (-1: for ever) for one
// callback and runs it.
aclError aclrtProcessReport(int32_t timeout);

// Ends a thread's service of a stream.
aclError aclrtUnSubscribeReport(uint64_t threadId, aclrtStream stream);

// Names the thread that serves the host functions of a model's stream.
aclError aclrtSubscribeHostFunc(uint64_t hostFuncThreadId, aclrtStream exeStream);

// Waits up to `timeout` milliseconds (-1: for ever) for one such function and runs it.
aclError aclrtProcessHostFunc(int32_t timeout);

// Ends that service.
aclError aclrtUnSubscribeHostFunc(uint64_t hostFuncThreadId, aclrtStream exeStream);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_RT_CALLBACK_H_
