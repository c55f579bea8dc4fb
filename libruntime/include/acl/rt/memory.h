// Device memory and pinned host memory.
#ifndef VNPU_ACL_RT_MEMORY_H_
#define VNPU_ACL_RT_MEMORY_H_

#include "acl/rt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Device memory (manual 11-01) ----------------------------------------------------

// Which pages to take. Huge pages are of 2 MiB or 1 GiB; P2P is memory that other devices copy
// from.
typedef enum aclrtMemMallocPolicy {
  ACL_MEM_MALLOC_HUGE_FIRST = 0,   // above 1 MiB huge pages, ordinary ones if there are none
  ACL_MEM_MALLOC_HUGE_ONLY = 1,    // huge pages or an error
  ACL_MEM_MALLOC_NORMAL_ONLY = 2,  // ordinary pages or an error
  ACL_MEM_MALLOC_HUGE_FIRST_P2P = 3,
  ACL_MEM_MALLOC_HUGE_ONLY_P2P = 4,
  ACL_MEM_MALLOC_NORMAL_ONLY_P2P = 5,
  ACL_MEM_MALLOC_HUGE1G_ONLY = 6,  // pages of 1 GiB or an error
  ACL_MEM_MALLOC_HUGE1G_ONLY_P2P = 7,
  ACL_MEM_TYPE_LOW_BAND_WIDTH = 0x100,
  ACL_MEM_TYPE_HIGH_BAND_WIDTH = 0x1000,
  ACL_MEM_ACCESS_USER_SPACE_READONLY = 0x100000,
} aclrtMemMallocPolicy;

// Allocates device memory on the current device, aligned to 64 bytes. `size` is above 0 and
// rounded up to a multiple of 32, with 32 bytes to spare. The content is undefined. A policy
// that does not exist counts as huge pages from 2 MiB up and ordinary ones below. Returns at
// once, without waiting for any stream; ACL_ERROR_RT_MEMORY_ALLOCATION if there is not enough.
// Freed with aclrtFree.
aclError aclrtMalloc(void** devPtr, size_t size, aclrtMemMallocPolicy policy);

// Like aclrtMalloc, without the 32 bytes to spare.
aclError aclrtMallocAlign32(void** devPtr, size_t size, aclrtMemMallocPolicy policy);

// Like aclrtMalloc, always cached; `policy` is one of ACL_MEM_MALLOC_HUGE_FIRST, HUGE_ONLY,
// NORMAL_ONLY and HUGE1G_ONLY.
aclError aclrtMallocCached(void** devPtr, size_t size, aclrtMemMallocPolicy policy);

// Frees what aclrtMalloc and its kin returned, at once: the caller sees to it that no task still
// uses it. An error if `devPtr` is null or not the start of an allocation.
aclError aclrtFree(void* devPtr);

// Like aclrtFree, but waits for the device first.
aclError aclrtFreeWithDevSync(void* devPtr);

// What a value of an allocation's configuration means.
typedef enum aclrtMallocAttrType {
  ACL_RT_MEM_ATTR_RSV = 0,
  ACL_RT_MEM_ATTR_MODULE_ID = 1,
  ACL_RT_MEM_ATTR_DEVICE_ID = 2,
  ACL_RT_MEM_ATTR_VA_FLAG = 3,
} aclrtMallocAttrType;

// A value; the attribute says which member is meant.
typedef union aclrtMallocAttrValue {
  uint16_t moduleId;
  uint32_t deviceId;
  uint32_t vaFlag;
  uint8_t rsv[8];
} aclrtMallocAttrValue;

// One attribute of an allocation.
typedef struct aclrtMallocAttribute {
  aclrtMallocAttrType attr;
  aclrtMallocAttrValue value;
} aclrtMallocAttribute;

// Attributes of an allocation.
typedef struct aclrtMallocConfig {
  aclrtMallocAttribute* attrs;
  size_t numAttrs;
} aclrtMallocConfig;

// Like aclrtMalloc with attributes; policies may be combined with a bandwidth and with read-only
// access. `cfg` may be null.
aclError aclrtMallocWithCfg(void** devPtr, size_t size, aclrtMemMallocPolicy policy,
                            aclrtMallocConfig* cfg);

// Allocates memory that the task scheduler can use. `cfg` may be null.
aclError aclrtMallocForTaskScheduler(void** devPtr, size_t size, aclrtMemMallocPolicy policy,
                                     aclrtMallocConfig* cfg);

// Writes cached data back and drops it from the cache. Not needed where caches are coherent.
aclError aclrtMemFlush(void* devPtr, size_t size);

// Drops cached data. Not needed where caches are coherent.
aclError aclrtMemInvalidate(void* devPtr, size_t size);

// ---------- How much memory, and of which kind ----------------------------------------------

// Memory that one component uses.
typedef struct aclrtMemUsageInfo {
  char name[32];
  uint64_t curMemSize;
  uint64_t memPeakSize;
  size_t reserved[8];
} aclrtMemUsageInfo;

// Page sizes.
enum aclrtMemPgType {
  NORMAL_PAGE_TYPE = 0,
  HUGE_PAGE_TYPE = 1,
  HUGE1G_PAGE_TYPE = 2,
};

// Media, with and without access by other devices.
enum aclrtMemType {
  HBM_TYPE = 0,
  DDR_TYPE = 1,
  P2P_HBM_TYPE = 2,
  P2P_DDR_TYPE = 3,
};

// The kind of memory that a page size and a medium make together.
struct MemAttrMapping {
  uint32_t pgType;
  uint32_t memType;
  bool isHostAlloc;
  aclrtMemAttr memAttr;
};

// Free and total memory of one kind on the current device, without what the system keeps. 0 for
// a kind that the device does not have; kinds of HBM mean DDR on a device without HBM.
aclError aclrtGetMemInfo(aclrtMemAttr attr, size_t* free, size_t* total);

// Memory use of up to `inputNum` components, largest first.
aclError aclrtGetMemUsageInfo(int32_t deviceId, aclrtMemUsageInfo* memUsageInfo, size_t inputNum,
                              size_t* outputNum);

#define ACL_RT_MEM_TYPE_DEV (0X2U)
#define ACL_RT_MEM_TYPE_DVPP (0X8U)
#define ACL_RT_MEM_TYPE_RSVD (0X10U)

// Says whether all addresses of a list are of the kinds ACL_RT_MEM_TYPE_*: 1 or 0.
aclError aclrtCheckMemType(void** addrList, uint32_t size, uint32_t memType, uint32_t* checkResult,
                           uint32_t reserve);

// Where an address lies.
typedef struct aclrtPtrAttributes {
  aclrtMemLocation location;
  uint32_t pageSize;
  uint32_t rsv[4];
} aclrtPtrAttributes;

// Finds out where an address lies, on the host or on which device.
aclError aclrtPointerGetAttributes(const void* ptr, aclrtPtrAttributes* attributes);

// ---------- Pinned host memory (manual 11-02) -----------------------------------------------

// Allocates pinned host memory, aligned to 64 bytes, that the device copies from and to without
// staging. `size` is above 0; the content is undefined. Freed with aclrtFreeHost.
aclError aclrtMallocHost(void** hostPtr, size_t size);

// Frees what aclrtMallocHost returned, at once: the caller sees to it that no task still uses
// it.
aclError aclrtFreeHost(void* hostPtr);

// Like aclrtMallocHost with attributes; `cfg` may be null.
aclError aclrtMallocHostWithCfg(void** ptr, uint64_t size, aclrtMallocConfig* cfg);

// Like aclrtFreeHost, but waits for the device first.
aclError aclrtFreeHostWithDevSync(void* hostPtr);

// ---------- Registering the application's own memory ----------------------------------------

// Flags of aclrtHostRegisterV2.
#define ACL_HOST_REG_MAPPED 0x2UL
#define ACL_HOST_REG_IOMEMORY 0x4UL
#define ACL_HOST_REG_READONLY 0x8UL
#define ACL_HOST_REG_PINNED 0x10000000UL

// What registering does.
typedef enum aclrtHostRegisterType {
  ACL_HOST_REGISTER_MAPPED = 0,
  ACL_HOST_REGISTER_IOMEMORY = 4,
  ACL_HOST_REGISTER_READONLY = 8,
} aclrtHostRegisterType;

// Units of a device that may access host memory.
typedef enum aclrtHacType {
  ACL_RT_HAC_TYPE_STARS = 0,
  ACL_RT_HAC_TYPE_AICPU = 1,
  ACL_RT_HAC_TYPE_AIC = 2,
  ACL_RT_HAC_TYPE_AIV = 3,
  ACL_RT_HAC_TYPE_PCIEDMA = 4,
  ACL_RT_HAC_TYPE_RDMA = 5,
  ACL_RT_HAC_TYPE_SDMA = 6,
  ACL_RT_HAC_TYPE_DVPP = 7,
  ACL_RT_HAC_TYPE_UDMA = 8,
  ACL_RT_HAC_TYPE_CCU = 9,
} aclrtHacType;

// Whether a unit can access registered host memory.
typedef enum aclrtHostMemMapCapability {
  ACL_RT_HOST_MEM_MAP_NOT_SUPPORTED = 0,
  ACL_RT_HOST_MEM_MAP_SUPPORTED = 1,
} aclrtHostMemMapCapability;

// Makes host memory accessible to the device and returns its device address.
aclError aclrtHostRegister(void* ptr, uint64_t size, aclrtHostRegisterType type, void** devPtr);

// Registers host memory as ACL_HOST_REG_* flags say.
aclError aclrtHostRegisterV2(void* ptr, uint64_t size, uint32_t flag);

// Takes that back.
aclError aclrtHostUnregister(void* ptr);

// Device address of registered host memory.
aclError aclrtHostGetDevicePointer(void* pHost, void** pDevice, uint32_t flag);

// Says whether a unit of a device can access registered host memory.
aclError aclrtHostMemMapCapabilities(uint32_t deviceId, aclrtHacType hacType,
                                     aclrtHostMemMapCapability* capabilities);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_RT_MEMORY_H_
