// Device memory allocators that the application brings along.
#ifndef VNPU_ACL_ACL_RT_ALLOCATOR_H_
#define VNPU_ACL_ACL_RT_ALLOCATOR_H_

#include "acl/acl_base.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Allocators supplied by the application (manual 11-08) ---------------------------
// A description collects the application's object and its four functions; registering it makes a
// stream use them.

// Allocates a block on the device; null on failure.
typedef void* (*aclrtAllocatorAllocFunc)(aclrtAllocator allocator, size_t size);

// Gives a block back.
typedef void (*aclrtAllocatorFreeFunc)(aclrtAllocator allocator, aclrtAllocatorBlock block);

// Allocates a block, at the given address if that can be done.
typedef void* (*aclrtAllocatorAllocAdviseFunc)(aclrtAllocator allocator, size_t size,
                                               aclrtAllocatorAddr address);

// Device address of a block.
typedef void* (*aclrtAllocatorGetAddrFromBlockFunc)(aclrtAllocatorBlock block);

// Makes an empty description; null on failure.
aclrtAllocatorDesc aclrtAllocatorCreateDesc(void);

// Frees a description, not the allocator.
aclError aclrtAllocatorDestroyDesc(aclrtAllocatorDesc allocatorDesc);

// Sets the object that is handed to the four functions.
aclError aclrtAllocatorSetObjToDesc(aclrtAllocatorDesc allocatorDesc, aclrtAllocator allocator);

// Sets the allocating function.
aclError aclrtAllocatorSetAllocFuncToDesc(aclrtAllocatorDesc allocatorDesc,
                                          aclrtAllocatorAllocFunc func);

// Sets the freeing function.
aclError aclrtAllocatorSetFreeFuncToDesc(aclrtAllocatorDesc allocatorDesc,
                                         aclrtAllocatorFreeFunc func);

// Sets the function that allocates at an advised address.
aclError aclrtAllocatorSetAllocAdviseFuncToDesc(aclrtAllocatorDesc allocatorDesc,
                                                aclrtAllocatorAllocAdviseFunc func);

// Sets the function that finds a block's address.
aclError aclrtAllocatorSetGetAddrFromBlockFuncToDesc(aclrtAllocatorDesc allocatorDesc,
                                                     aclrtAllocatorGetAddrFromBlockFunc func);

// Makes a stream use the described allocator.
aclError aclrtAllocatorRegister(aclrtStream stream, aclrtAllocatorDesc allocatorDesc);

// Finds the allocator that a stream uses.
aclError aclrtAllocatorGetByStream(aclrtStream stream, aclrtAllocatorDesc* allocatorDesc,
                                   aclrtAllocator* allocator, aclrtAllocatorAllocFunc* allocFunc,
                                   aclrtAllocatorFreeFunc* freeFunc,
                                   aclrtAllocatorAllocAdviseFunc* allocAdviseFunc,
                                   aclrtAllocatorGetAddrFromBlockFunc* getAddrFromBlockFunc);

// Makes a stream stop using its allocator; to be called before the allocator goes away.
aclError aclrtAllocatorUnregister(aclrtStream stream);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_ACL_RT_ALLOCATOR_H_
