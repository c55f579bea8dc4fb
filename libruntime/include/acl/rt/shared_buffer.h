// Buffers that are passed through queues.
#ifndef VNPU_ACL_RT_SHARED_BUFFER_H_
#define VNPU_ACL_RT_SHARED_BUFFER_H_

#include "acl/rt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Shared buffers (manual 20) ------------------------------------------------------

// Allocates a shared buffer.
aclError aclrtAllocBuf(aclrtMbuf* buf, size_t size);

// Frees a shared buffer.
aclError aclrtFreeBuf(aclrtMbuf buf);

// Address and capacity of its data.
aclError aclrtGetBufData(const aclrtMbuf buf, void** dataPtr, size_t* size);

// Says how many bytes are valid.
aclError aclrtSetBufDataLen(aclrtMbuf buf, size_t len);

// Number of valid bytes.
aclError aclrtGetBufDataLen(aclrtMbuf buf, size_t* len);

// Copies into its private area.
aclError aclrtSetBufUserData(aclrtMbuf buf, const void* dataPtr, size_t size, size_t offset);

// Copies out of its private area.
aclError aclrtGetBufUserData(const aclrtMbuf buf, void* dataPtr, size_t size, size_t offset);

// Makes a further reference to the same data.
aclError aclrtCopyBufRef(const aclrtMbuf buf, aclrtMbuf* newBuf);

// Appends a buffer to a chain.
aclError aclrtAppendBufChain(aclrtMbuf headBuf, aclrtMbuf buf);

// Buffer number `index` of a chain.
aclError aclrtGetBufFromChain(aclrtMbuf headBuf, uint32_t index, aclrtMbuf* buf);

// Number of buffers of a chain.
aclError aclrtGetBufChainNum(aclrtMbuf headBuf, uint32_t* num);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_RT_SHARED_BUFFER_H_
