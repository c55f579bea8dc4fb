// Address ranges, physical memory and their sharing between processes.
#ifndef VNPU_ACL_RT_VIRTUAL_MEMORY_H_
#define VNPU_ACL_RT_VIRTUAL_MEMORY_H_

#include "acl/rt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Address ranges and physical memory (manual 11-04) -------------------------------

// How physical memory is held.
typedef enum aclrtMemAllocationType {
  ACL_MEM_ALLOCATION_TYPE_PINNED = 0,
} aclrtMemAllocationType;

// What a handle can be exported as.
typedef enum aclrtMemHandleType {
  ACL_MEM_HANDLE_TYPE_NONE = 0,
  ACL_MEM_HANDLE_TYPE_POSIX = 2,
} aclrtMemHandleType;

// What physical memory to allocate.
typedef struct aclrtPhysicalMemProp {
  aclrtMemHandleType handleType;
  aclrtMemAllocationType allocationType;
  aclrtMemAttr memAttr;
  aclrtMemLocation location;
  uint64_t reserve;
} aclrtPhysicalMemProp;

// Which granularity is asked for.
typedef enum aclrtMemGranularityOptions {
  ACL_RT_MEM_ALLOC_GRANULARITY_MINIMUM = 0,
  ACL_RT_MEM_ALLOC_GRANULARITY_RECOMMENDED = 1,
  ACL_RT_MEM_ALLOC_GRANULARITY_UNDEF = 0xFFFF,
} aclrtMemGranularityOptions;

// Reserves a range of addresses without memory.
aclError aclrtReserveMemAddress(void** virPtr, size_t size, size_t alignment, void* expectPtr,
                                uint64_t flags);

// The same at a given address, for memory that no kernel accesses past the L2 cache. `size` is a
// multiple of 1 GiB.
aclError aclrtReserveMemAddressNoUCMemory(void** virPtr, size_t size, size_t alignment,
                                          void* expectPtr, uint64_t flags);

// Gives a reserved range back.
aclError aclrtReleaseMemAddress(void* virPtr);

// Allocates physical memory without an address.
aclError aclrtMallocPhysical(aclrtDrvMemHandle* handle, size_t size,
                             const aclrtPhysicalMemProp* prop, uint64_t flags);

// Frees it.
aclError aclrtFreePhysical(aclrtDrvMemHandle handle);

// Maps physical memory into a reserved range.
aclError aclrtMapMem(void* virPtr, size_t size, size_t offset, aclrtDrvMemHandle handle,
                     uint64_t flags);

// Maps it without any access right.
aclError aclrtMemMapNoAccess(void* virPtr, size_t size, size_t offset, aclrtDrvMemHandle handle,
                             uint64_t flags);

// Takes a mapping back.
aclError aclrtUnmapMem(void* virPtr);

// Multiple that sizes of physical memory must be.
aclError aclrtMemGetAllocationGranularity(aclrtPhysicalMemProp* prop,
                                          aclrtMemGranularityOptions option, size_t* granularity);

// Finds the physical memory behind an address.
aclError aclrtMemRetainAllocationHandle(void* virPtr, aclrtDrvMemHandle* handle);

// Says what physical memory it is.
aclError aclrtMemGetAllocationPropertiesFromHandle(aclrtDrvMemHandle handle,
                                                   aclrtPhysicalMemProp* prop);

// Start and size of the block of device or pinned memory, or of the mapped physical memory, around
// an address. The size is at least what was asked for.
aclError aclrtMemGetAddressRange(void* ptr, void** pbase, size_t* psize);

// ---------- Access rights -------------------------------------------------------------------

// Access rights.
typedef enum aclrtMemAccessFlags {
  ACL_RT_MEM_ACCESS_FLAGS_NONE = 0,
  ACL_RT_MEM_ACCESS_FLAGS_READ = 1,
  ACL_RT_MEM_ACCESS_FLAGS_READWRITE = 3,
} aclrtMemAccessFlags;

// Rights of one location.
typedef struct aclrtMemAccessDesc {
  aclrtMemAccessFlags flags;
  aclrtMemLocation location;
  uint8_t rsv[12];
} aclrtMemAccessDesc;

// Sets the access rights of a mapped range.
aclError aclrtMemSetAccess(void* virPtr, size_t size, aclrtMemAccessDesc* desc, size_t count);

// Reads them.
aclError aclrtMemGetAccess(void* virPtr, aclrtMemLocation* location, uint64_t* flag);

// ---------- Choosing the link to remote memory ----------------------------------------------

#define ACL_RT_MEM_LINK_IDX_0 0U  // SIO
#define ACL_RT_MEM_LINK_IDX_1 1U  // HCCS

// Links between devices.
typedef enum aclrtMemLinkType {
  ACL_RT_MEM_ACCESS_LINK_SIO = 0,
  ACL_RT_MEM_ACCESS_LINK_HCCS = 1,
  ACL_RT_MEM_ACCESS_UB_ONE_PORT_PATH = 2,
  ACL_RT_MEM_ACCESS_UB_MULTI_PORT_PATH = 3,
} aclrtMemLinkType;

// Maps at `virPtrDst` what is mapped at `virPtrSrc`, over a chosen link. Both are starts of
// reserved ranges of `size` bytes. Each piece is unmapped on its own, with aclrtUnmapMem.
aclError aclrtMemMapSelectedLink(void* virPtrDst, size_t size, void* virPtrSrc, uint32_t linkIdx);

// Advises which link imported physical memory is reached over; to be called before it is mapped.
aclError aclrtMemMapSetLink(aclrtDrvMemHandle handle, aclrtMemLinkType adviceLink);

// ---------- Sharing physical memory between processes ---------------------------------------

#define ACL_RT_VMM_EXPORT_FLAG_DEFAULT 0x0UL
#define ACL_RT_VMM_EXPORT_FLAG_DISABLE_PID_VALIDATION 0x1UL

// Reach of an exported handle.
typedef enum aclrtMemSharedHandleType {
  ACL_MEM_SHARE_HANDLE_TYPE_DEFAULT = 1,
  ACL_MEM_SHARE_HANDLE_TYPE_FABRIC = 2,
} aclrtMemSharedHandleType;

// Physical memory as another server can import it.
typedef struct aclrtMemFabricHandle {
  uint8_t data[128];
} aclrtMemFabricHandle;

// Makes physical memory available to other processes, once: to those named afterwards, or with
// ACL_RT_VMM_EXPORT_FLAG_DISABLE_PID_VALIDATION to who has the handle. `handleType` is
// ACL_MEM_HANDLE_TYPE_NONE. The handle ends when this process has freed the memory, which itself
// lasts until the last process has.
aclError aclrtMemExportToShareableHandle(aclrtDrvMemHandle handle, aclrtMemHandleType handleType,
                                         uint64_t flags, uint64_t* shareableHandle);

// Opens another process's memory, once, for a device that is set; to be mapped and freed like one's
// own. ACL_ERROR_RT_NO_PERMISSION if this process is not named. Memory of another device can be
// mapped by a device that has peer access.
aclError aclrtMemImportFromShareableHandle(uint64_t shareableHandle, int32_t deviceId,
                                           aclrtDrvMemHandle* handle);

// Names processes that may open it, in addition to those named before, as aclrtDeviceGetBareTgid
// tells their numbers.
aclError aclrtMemSetPidToShareableHandle(uint64_t shareableHandle, int32_t* pid, size_t pidNum);

// The same for a handle of the given reach.
aclError aclrtMemExportToShareableHandleV2(aclrtDrvMemHandle handle, uint64_t flags,
                                           aclrtMemSharedHandleType shareType,
                                           void* shareableHandle);

// Opens such a handle.
aclError aclrtMemImportFromShareableHandleV2(void* shareableHandle,
                                             aclrtMemSharedHandleType shareType, uint64_t flags,
                                             aclrtDrvMemHandle* handle);

// Names the processes that may open it.
aclError aclrtMemSetPidToShareableHandleV2(void* shareableHandle,
                                           aclrtMemSharedHandleType shareType, int32_t* pid,
                                           size_t pidNum);

// ---------- Sharing device memory by key (manual 11-07 IPC) ---------------------------------

#define ACL_RT_IPC_MEM_EXPORT_FLAG_DEFAULT 0x0UL
#define ACL_RT_IPC_MEM_EXPORT_FLAG_DISABLE_PID_VALIDATION 0x1UL
#define ACL_RT_IPC_MEM_IMPORT_FLAG_DEFAULT 0x0UL
#define ACL_RT_IPC_MEM_IMPORT_FLAG_ENABLE_PEER_ACCESS 0x1UL
#define ACL_RT_IPC_MEM_ATTR_ACCESS_LINK_SIO 0
#define ACL_RT_IPC_MEM_ATTR_ACCESS_LINK_HCCS 1
#define ACL_RT_IPC_MEM_ATTR_ACCESS_LINK_UB_ONE_PORT_PATH 2
#define ACL_RT_IPC_MEM_ATTR_ACCESS_LINK_UB_MULTI_PORT_PATH 3

// Attributes of shared memory.
typedef enum aclrtIpcMemAttrType {
  ACL_RT_IPC_MEM_ATTR_ACCESS_LINK = 0,
} aclrtIpcMemAttrType;

// Makes device memory of aclrtMalloc available to other processes under a key: to those named
// afterwards, or with ACL_RT_IPC_MEM_EXPORT_FLAG_DISABLE_PID_VALIDATION to who has the key. `len`
// is
// 65. ACL_ERROR_RT_ADDR_UNALIGNED if its pages hold other memory, too.
aclError aclrtIpcMemGetExportKey(void* devPtr, size_t size, char* key, size_t len, uint64_t flags);

// Opens another process's memory for the current device and returns its address here. Memory of
// another device takes peer access, or ACL_RT_IPC_MEM_IMPORT_FLAG_ENABLE_PEER_ACCESS, which gives
// it. ACL_ERROR_RT_NO_PERMISSION if this process is not named.
aclError aclrtIpcMemImportByKey(void** devPtr, const char* key, uint64_t flags);

// Ends the sharing; to be called on both sides, last by the one that exported. What others have
// open stays until they close it.
aclError aclrtIpcMemClose(const char* key);

// Names processes that may open it, as aclrtMemSetPidToShareableHandle does.
aclError aclrtIpcMemSetImportPid(const char* key, int32_t* pid, size_t num);

// Sets an attribute of shared memory.
aclError aclrtIpcMemSetAttr(const char* key, aclrtIpcMemAttrType type, uint64_t attr);

// Names the processes of several servers that may open it.
aclError aclrtIpcMemImportPidInterServer(const char* key, aclrtServerPid* serverPids, size_t num);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_RT_VIRTUAL_MEMORY_H_
