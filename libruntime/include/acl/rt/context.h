// Contexts.
#ifndef VNPU_ACL_RT_CONTEXT_H_
#define VNPU_ACL_RT_CONTEXT_H_

#include "acl/rt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Contexts (manual 05 Context) ----------------------------------------------------
// A context owns the streams and events made in it. Each thread has one current context;
// aclrtSetDevice makes the device's default context current.

// Makes a context with a default stream on a device and makes it the thread's current one.
// Threads may share it. Freed with aclrtDestroyContext.
aclError aclrtCreateContext(aclrtContext* context, int32_t deviceId);

// Destroys a context made by aclrtCreateContext, with its streams. A device's default context
// cannot be destroyed.
aclError aclrtDestroyContext(aclrtContext context);

// Makes a context, and thereby its device, current in the calling thread.
aclError aclrtSetCurrentContext(aclrtContext context);

// The calling thread's current context; ACL_ERROR_RT_CONTEXT_NULL if it has none.
aclError aclrtGetCurrentContext(aclrtContext* context);

// The default stream of the current context. It belongs to the context; null in place of a
// stream means the same stream.
aclError aclrtCtxGetCurrentDefaultStream(aclrtStream* stream);

// Says whether a device's default context exists: `active` is 1 or 0. `flags` is reserved, pass
// null.
aclError aclrtGetPrimaryCtxState(int32_t deviceId, uint32_t* flags, int32_t* active);

// ---------- Parameters of the current context -----------------------------------------------

// Sets a parameter for the current context.
aclError aclrtCtxSetSysParamOpt(aclSysParamOpt opt, int64_t value);

// Reads a parameter of the current context; an error if it was never set.
aclError aclrtCtxGetSysParamOpt(aclSysParamOpt opt, int64_t* value);

// Device address where kernels mark overflows in saturation mode.
aclError aclrtCtxGetFloatOverflowAddr(void** overflowAddr);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_RT_CONTEXT_H_
