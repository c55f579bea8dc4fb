// Device memory that is allocated and freed in the order of a stream.
#ifndef VNPU_ACL_ACL_RT_MEMORY_SOMA_H_
#define VNPU_ACL_ACL_RT_MEMORY_SOMA_H_

#include "acl/acl_rt.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// The interface declares it so.
// NOLINTBEGIN(misc-misplaced-const)

// ---------- Memory pools ordered by streams (manual 11-10) ----------------------------------

// A memory pool.
typedef void* aclrtMemPool;

// Attributes of a pool: when memory is reused, how much it keeps, how much it uses.
typedef enum aclrtMemPoolAttr {
  ACL_RT_MEM_POOL_REUSE_FOLLOW_EVENT_DEPENDENCIES = 1,
  ACL_RT_MEM_POOL_REUSE_ALLOW_OPPORTUNISTIC = 2,
  ACL_RT_MEM_POOL_REUSE_ALLOW_INTERNAL_DEPENDENCIES = 3,
  ACL_RT_MEM_POOL_ATTR_RELEASE_THRESHOLD = 4,
  ACL_RT_MEM_POOL_ATTR_RESERVED_MEM_CURRENT = 5,
  ACL_RT_MEM_POOL_ATTR_RESERVED_MEM_HIGH = 6,
  ACL_RT_MEM_POOL_ATTR_USED_MEM_CURRENT = 7,
  ACL_RT_MEM_POOL_ATTR_USED_MEM_HIGH = 8,
} aclrtMemPoolAttr;

// What pool to make.
typedef struct aclrtMemPoolProps {
  aclrtMemAllocationType allocType;
  aclrtMemHandleType handleType;
  aclrtMemLocation location;
  size_t maxSize;
  unsigned char reserved[32];
} aclrtMemPoolProps;

// Makes a pool.
aclError aclrtMemPoolCreate(aclrtMemPool* memPool, const aclrtMemPoolProps* poolProps);

// Destroys a pool.
aclError aclrtMemPoolDestroy(const aclrtMemPool memPool);

// Sets an attribute.
aclError aclrtMemPoolSetAttr(aclrtMemPool memPool, aclrtMemPoolAttr attr, void* value);

// Reads an attribute.
aclError aclrtMemPoolGetAttr(aclrtMemPool memPool, aclrtMemPoolAttr attr, void* value);

// Allocates from a pool; usable by tasks behind this place of the stream.
aclError aclrtMemPoolMallocAsync(void** ptr, size_t size, aclrtMemPool memPool, aclrtStream stream);

// Gives memory back to its pool when the stream gets here.
aclError aclrtMemPoolFreeAsync(void* ptr, aclrtStream stream);

// Frees what a pool keeps unused, down to a size.
aclError aclrtMemPoolTrimTo(aclrtMemPool memPool, size_t minBytesToKeep);

// NOLINTEND(misc-misplaced-const)

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_ACL_RT_MEMORY_SOMA_H_
