// Devices: choosing, waiting, asking, peers.
#ifndef VNPU_ACL_RT_DEVICE_H_
#define VNPU_ACL_RT_DEVICE_H_

#include "acl/rt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Choosing a device (manual 04 Device) --------------------------------------------

// Which side the program runs on.
typedef enum aclrtRunMode {
  ACL_DEVICE = 0,
  ACL_HOST = 1,
} aclrtRunMode;

// Task schedulers of a device.
typedef enum aclrtTsId {
  ACL_TS_ID_AICORE = 0,
  ACL_TS_ID_AIVECTOR = 1,
  ACL_TS_ID_RESERVED = 2,
} aclrtTsId;

// Makes a device the calling thread's, and the device's default context, which all threads of
// the process share, its current context. The first call of a process starts the device for it.
// `deviceId` is 0 to aclrtGetDeviceCount - 1. Each call counts as one user for aclrtResetDevice.
aclError aclrtSetDevice(int32_t deviceId);

// Takes back one aclrtSetDevice of any thread. The last one waits for the tasks in the default
// context and frees it with all of its streams. What was created explicitly is to be destroyed
// before.
aclError aclrtResetDevice(int32_t deviceId);

// Waits for the tasks in the default context and frees it with its streams, however often
// aclrtSetDevice was called. Also brings a device back whose tasks crashed. An error for a
// device that is already reset.
aclError aclrtResetDeviceForce(int32_t deviceId);

// The device of the calling thread's current context; an error if there is none.
aclError aclrtGetDevice(int32_t* deviceId);

// Number of devices that the process can use. Needs no device to be set.
aclError aclrtGetDeviceCount(uint32_t* count);

// ACL_HOST in a program that runs beside the device, ACL_DEVICE in one that runs on it.
aclError aclrtGetRunMode(aclrtRunMode* runMode);

// Chooses the task scheduler.
aclError aclrtSetTsDevice(aclrtTsId tsId);

// ---------- Waiting for a device ------------------------------------------------------------

// Waits for all tasks of the current context's device that this process submitted. Returns the
// error of a task that failed meanwhile.
aclError aclrtSynchronizeDevice(void);

// The same with a limit in milliseconds, above 0; -1 waits for ever. Returns
// ACL_ERROR_RT_STREAM_SYNC_TIMEOUT when the limit is reached.
aclError aclrtSynchronizeDeviceWithTimeout(int32_t timeout);

// ---------- Device state and properties -----------------------------------------------------

// Health of a device.
typedef enum aclrtDeviceStatus {
  ACL_RT_DEVICE_STATUS_NORMAL = 0,
  ACL_RT_DEVICE_STATUS_ABNORMAL = 1,
  ACL_RT_DEVICE_STATUS_END = 0xFFFF,
} aclrtDeviceStatus;

// Reserved.
typedef struct aclrtUtilizationExtendInfo aclrtUtilizationExtendInfo;

// Load of a device's units in percent.
typedef struct aclrtUtilizationInfo {
  int32_t cubeUtilization;
  int32_t vectorUtilization;
  int32_t aicpuUtilization;
  int32_t memoryUtilization;
  aclrtUtilizationExtendInfo* utilizationExtend;
} aclrtUtilizationInfo;

// Says whether a device is usable. `deviceId` is 0 to aclrtGetDeviceCount - 1; the device need
// not be set.
aclError aclrtQueryDeviceStatus(int32_t deviceId, aclrtDeviceStatus* deviceStatus);

// Load of a device's units in percent, by all processes, watched for 50 ms. -1: the device has no
// such unit, and for the memory.
aclError aclrtGetDeviceUtilizationRate(int32_t deviceId, aclrtUtilizationInfo* utilizationInfo);

#define ACL_HOST_DEVICE_CONNECT_TYPE_PCIE 0
#define ACL_HOST_DEVICE_CONNECT_TYPE_HCCS 1
#define ACL_HOST_DEVICE_CONNECT_TYPE_UB 2
#define ACL_DEVICE_FORM_FACTOR_POD 0
#define ACL_DEVICE_FORM_FACTOR_A_K 1
#define ACL_DEVICE_FORM_FACTOR_A_X 2
#define ACL_DEVICE_FORM_FACTOR_PCIE_CARD 3

// Properties of a device: core numbers, limits of launches, sizes, place.
typedef enum aclrtDevAttr {
  ACL_DEV_ATTR_AICPU_CORE_NUM = 1,
  ACL_DEV_ATTR_AICORE_CORE_NUM = 101,
  ACL_DEV_ATTR_CUBE_CORE_NUM = 102,
  ACL_DEV_ATTR_VECTOR_CORE_NUM = 201,
  ACL_DEV_ATTR_WARP_SIZE = 202,
  ACL_DEV_ATTR_MAX_THREAD_PER_VECTOR_CORE = 203,
  ACL_DEV_ATTR_LOCAL_MEM_PER_VECTOR_CORE ACL_DEPRECATED_MESSAGE(
      "use ACL_DEV_ATTR_UBUF_PER_VECTOR_CORE") = 204,
  ACL_DEV_ATTR_UBUF_PER_VECTOR_CORE = 204,
  ACL_DEV_ATTR_MAX_GRID_DIM_X = 205,
  ACL_DEV_ATTR_MAX_GRID_DIM_Y = 206,
  ACL_DEV_ATTR_MAX_GRID_DIM_Z = 207,
  ACL_DEV_ATTR_MAX_BLOCK_PER_GRID = 208,
  ACL_DEV_ATTR_MAX_THREADS_PER_BLOCK = 209,
  ACL_DEV_ATTR_MAX_BLOCK_DIM_X = 210,
  ACL_DEV_ATTR_MAX_BLOCK_DIM_Y = 211,
  ACL_DEV_ATTR_MAX_BLOCK_DIM_Z = 212,
  ACL_DEV_ATTR_TOTAL_GLOBAL_MEM_SIZE = 301,
  ACL_DEV_ATTR_L2_CACHE_SIZE = 302,
  ACL_DEV_ATTR_SMP_ID = 401,
  ACL_DEV_ATTR_PHY_CHIP_ID = 402,
  ACL_DEV_ATTR_SUPER_POD_DEVIDE_ID = 403,
  ACL_DEV_ATTR_SUPER_POD_DEVICE_ID = 403,
  ACL_DEV_ATTR_SUPER_POD_SERVER_ID = 404,
  ACL_DEV_ATTR_SUPER_POD_ID = 405,
  ACL_DEV_ATTR_CUST_OP_PRIVILEGE = 406,
  ACL_DEV_ATTR_MAINBOARD_ID = 407,
  ACL_DEV_ATTR_HD_CONNECT_TYPE = 408,
  ACL_DEV_ATTR_DEVICE_FORM_FACTOR = 409,
  ACL_DEV_ATTR_IS_VIRTUAL = 501,
  ACL_DEV_ATTR_NPU_ARCH = 601,
} aclrtDevAttr;

// Value of one property of a device.
aclError aclrtGetDeviceInfo(uint32_t deviceId, aclrtDevAttr attr, int64_t* value);

// Lowest and highest priority of streams. A smaller number is a higher priority.
aclError aclrtDeviceGetStreamPriorityRange(int32_t* leastPriority, int32_t* greatestPriority);

#define ACL_DEV_FEATURE_SUPPORT 0x00000001
#define ACL_DEV_FEATURE_NOT_SUPPORT 0x00000000

// Features that a device may have.
typedef enum aclrtDevFeatureType {
  ACL_FEATURE_TSCPU_TASK_UPDATE_SUPPORT_AIC_AIV = 1,
  ACL_FEATURE_SYSTEM_MEMQ_EVENT_CROSS_DEV = 21,
} aclrtDevFeatureType;

// Identity of a device, unique and lasting.
typedef struct aclrtUuid {
  char bytes[16];
} aclrtUuid;

// Says whether a device has a feature: ACL_DEV_FEATURE_SUPPORT or not.
aclError aclrtGetDeviceCapability(int32_t deviceId, aclrtDevFeatureType devFeatureType,
                                  int32_t* value);

// Identity of a device.
aclError aclrtDeviceGetUuid(int32_t deviceId, aclrtUuid* uuid);

// Writes a device's PCI address (domain:bus:device.function) into `len` bytes, at least 13.
aclError aclrtDeviceGetPCIBusId(int32_t deviceId, char* pciBusId, int32_t len);

// Finds the device with a PCI address.
aclError aclrtDeviceGetByPCIBusId(const char* pciBusId, int32_t* deviceId);

// Process id of the caller as the functions take it that name the processes to share with.
aclError aclrtDeviceGetBareTgid(int32_t* pid);

// ---------- Device numbers: user, logical and physical --------------------------------------

// The logical number of a device that the process knows by its own.
aclError aclrtGetLogicDevIdByUserDevId(const int32_t userDevid, int32_t* const logicDevId);

// The reverse.
aclError aclrtGetUserDevIdByLogicDevId(const int32_t logicDevId, int32_t* const userDevid);

// The logical number of a physical device.
aclError aclrtGetLogicDevIdByPhyDevId(const int32_t phyDevId, int32_t* const logicDevId);

// The reverse.
aclError aclrtGetPhyDevIdByLogicDevId(const int32_t logicDevId, int32_t* const phyDevId);

// The process's own number of a physical device.
aclError aclrtGetUserDevIdByPhyDevId(const int32_t phyDevId, int32_t* const userDevId);

// The reverse.
aclError aclrtGetPhyDevIdByUserDevId(const int32_t userDevId, int32_t* const phyDevId);

// ---------- Several devices: peer access, topology and atomics ------------------------------

// Says whether two devices, which must not be one, can exchange data: 1 or 0. Needs no device to be
// set.
aclError aclrtDeviceCanAccessPeer(int32_t* canAccessPeer, int32_t deviceId, int32_t peerDeviceId);

// Lets the current device reach the memory of `peerDeviceId`, another one, with kernels and copies,
// at the addresses that it has there; not the other direction. `flags` is 0. The peer may be set
// later. Ends with aclrtDeviceDisablePeerAccess and with the reset of the current device; a second
// call changes nothing.
aclError aclrtDeviceEnablePeerAccess(int32_t peerDeviceId, uint32_t flags);

// Ends that; tasks that still use the peer's memory fail. Changes nothing if there was no access.
aclError aclrtDeviceDisablePeerAccess(int32_t peerDeviceId);

// Says whether `deviceId` has access to the memory of `peerDeviceId` now: 1 or 0.
aclError aclrtDevicePeerAccessStatus(int32_t deviceId, int32_t peerDeviceId, int32_t* status);

// How two devices are connected.
#define ACL_RT_DEVS_TOPOLOGY_HCCS 0x01ULL
#define ACL_RT_DEVS_TOPOLOGY_PIX 0x02ULL
#define ACL_RT_DEVS_TOPOLOGY_PIB 0x04ULL
#define ACL_RT_DEVS_TOPOLOGY_PHB 0x08ULL
#define ACL_RT_DEVS_TOPOLOGY_SYS 0x10ULL
#define ACL_RT_DEVS_TOPOLOGY_SIO 0x20ULL
#define ACL_RT_DEVS_TOPOLOGY_HCCS_SW 0x40ULL

// How two devices are connected: one of the bits above. Needs no device to be set.
aclError aclrtGetDevicesTopo(uint32_t deviceId, uint32_t otherDeviceId, uint64_t* value);

// Operand kinds of an atomic operation, as bits.
typedef enum aclrtAtomicOperationCapability {
  ACL_RT_ATOMIC_CAPABILITY_SIGNED = 1,
  ACL_RT_ATOMIC_CAPABILITY_UNSIGNED = 2,
  ACL_RT_ATOMIC_CAPABILITY_REDUCATION = 4,
  ACL_RT_ATOMIC_CAPABILITY_REDUCTION = 4,
  ACL_RT_ATOMIC_CAPABILITY_SCALAR8 = 8,
  ACL_RT_ATOMIC_CAPABILITY_SCALAR16 = 16,
  ACL_RT_ATOMIC_CAPABILITY_SCALAR32 = 32,
  ACL_RT_ATOMIC_CAPABILITY_SCALAR64 = 64,
  ACL_RT_ATOMIC_CAPABILITY_SCALAR128 = 128,
  ACL_RT_ATOMIC_CAPABILITY_VECTOR32X4 = 0x100,
} aclrtAtomicOperationCapability;

// Atomic operations.
typedef enum aclrtAtomicOperation {
  ACL_RT_ATOMIC_OPERATION_INTEGER_ADD = 0,
  ACL_RT_ATOMIC_OPERATION_INTEGER_MIN = 1,
  ACL_RT_ATOMIC_OPERATION_INTEGER_MAX = 2,
  ACL_RT_ATOMIC_OPERATION_INTEGER_INCREMENT = 3,
  ACL_RT_ATOMIC_OPERATION_INTEGER_DECREMENT = 4,
  ACL_RT_ATOMIC_OPERATION_AND = 5,
  ACL_RT_ATOMIC_OPERATION_OR = 6,
  ACL_RT_ATOMIC_OPERATION_XOR = 7,
  ACL_RT_ATOMIC_OPERATION_EXCHANGE = 8,
  ACL_RT_ATOMIC_OPERATION_CAS = 9,
  ACL_RT_ATOMIC_OPERATION_FLOAT_ADD = 10,
  ACL_RT_ATOMIC_OPERATION_FLOAT_MIN = 11,
  ACL_RT_ATOMIC_OPERATION_FLOAT_MAX = 12,
  ACL_RT_ATOMIC_OPERATION_DMA_ADD = 30,
  ACL_RT_ATOMIC_OPERATION_DMA_MIN = 31,
  ACL_RT_ATOMIC_OPERATION_DMA_MAX = 32,
  ACL_RT_ATOMIC_OPERATION_SIMD_SCALAR_ADD = 40,
  ACL_RT_ATOMIC_OPERATION_SIMD_SCALAR_MIN = 41,
  ACL_RT_ATOMIC_OPERATION_SIMD_SCALAR_MAX = 42,
  ACL_RT_ATOMIC_OPERATION_SIMD_SCALAR_CAS = 43,
  ACL_RT_ATOMIC_OPERATION_SIMD_SCALAR_EXCH = 44,
} aclrtAtomicOperation;

// Which of `count` operations are atomic between a device and the host: for each the operand kinds,
// bits of aclrtAtomicOperationCapability; 0: not atomic.
aclError aclrtDeviceGetHostAtomicCapabilities(uint32_t* capabilities,
                                              const aclrtAtomicOperation* operations,
                                              const uint32_t count, int32_t deviceId);

// The same between two devices.
aclError aclrtDeviceGetP2PAtomicCapabilities(uint32_t* capabilities,
                                             const aclrtAtomicOperation* operations,
                                             const uint32_t count, int32_t srcDeviceId,
                                             int32_t dstDeviceId);

// ---------- Limits of the process on a device -----------------------------------------------

// Resources that a process may limit on a device.
typedef enum aclrtDeviceLimit {
  ACL_RT_DEV_LIMIT_SIMT_STACK_SIZE = 0,
  ACL_RT_DEV_LIMIT_SIMT_DVG_WARP_STACK_SIZE = 1,
  ACL_RT_DEV_LIMIT_SIMD_STACK_SIZE = 2,
  ACL_RT_DEV_LIMIT_SIMD_PRINTF_FIFO_SIZE_PER_CORE = 3,
  ACL_RT_DEV_LIMIT_SIMT_PRINTF_FIFO_SIZE = 4,
} aclrtDeviceLimit;

// Sets a limit of the process, the same for all devices; it holds for devices that are set
// afterwards. `value` is in bytes and is rounded up. Stack of a core: up to 192 KiB, at least 32
// KiB. Printf memory of a core: 1 KiB to 64 MiB. Limits of the SIMT model are not supported.
aclError aclrtDeviceSetLimit(aclrtDeviceLimit limit, size_t value);

// Reads it.
aclError aclrtDeviceGetLimit(aclrtDeviceLimit limit, size_t* value);

// ---------- Device state callbacks ----------------------------------------------------------

// What is about to happen, or has happened, to a device.
typedef enum aclrtDeviceState {
  ACL_RT_DEVICE_STATE_SET_PRE = 0,
  ACL_RT_DEVICE_STATE_SET_POST = 1,
  ACL_RT_DEVICE_STATE_RESET_PRE = 2,
  ACL_RT_DEVICE_STATE_RESET_POST = 3,
} aclrtDeviceState;

// Called when a device is set or reset.
typedef void (*aclrtDeviceStateCallback)(int32_t deviceId, aclrtDeviceState state, void* args);

// Registers a callback under a name; null as callback removes it.
aclError aclrtRegDeviceStateCallback(const char* regName, aclrtDeviceStateCallback callback,
                                     void* args);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_RT_DEVICE_H_
