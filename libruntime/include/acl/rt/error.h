// Last errors, exception callbacks, hardware errors and aborts.
#ifndef VNPU_ACL_RT_ERROR_H_
#define VNPU_ACL_RT_ERROR_H_

#include "acl/rt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- The last error (manual 13 Exceptions) -------------------------------------------

// Whose last error is meant.
typedef enum aclrtLastErrLevel {
  ACL_RT_THREAD_LEVEL = 0,
} aclrtLastErrLevel;

// Returns and clears the messages of failed calls, newest first: those of the calling thread, or
// of the process if the configuration says so. Null if there is none. The text is valid until
// the next call.
const char* aclGetRecentErrMsg(void);

// The error code of the calling thread's last failed call, or ACL_SUCCESS. `level` is
// ACL_RT_THREAD_LEVEL.
aclError aclrtPeekAtLastError(aclrtLastErrLevel level);

// The same, and sets it back to ACL_SUCCESS.
aclError aclrtGetLastError(aclrtLastErrLevel level);

// ---------- Callbacks on a failed task ------------------------------------------------------

// Called with what is known about a failed task.
typedef void (*aclrtExceptionInfoCallback)(aclrtExceptionInfo* exceptionInfo);

// The same, with an argument of the application.
typedef void (*aclrtOpExceptionCallback)(aclrtExceptionInfo* exceptionInfo, void* userData);

// Has a function called for each failed task of the process; several may be registered.
aclError aclrtExceptionInfoCallbackRegister(aclrtExceptionInfoCallback callback);

// Removes one.
aclError aclrtExceptionInfoCallbackUnregister(aclrtExceptionInfoCallback callback);

// Sets the only such function.
ACL_DEPRECATED_MESSAGE("use aclrtExceptionInfoCallbackRegister")
aclError aclrtSetExceptionInfoCallback(aclrtExceptionInfoCallback callback);

// Has a function called for each failed kernel of one binary.
aclError aclrtBinarySetExceptionCallback(aclrtBinHandle binHandle,
                                         aclrtOpExceptionCallback callback, void* userData);

// Number of the failed task; 0xFFFFFFFF if unknown.
uint32_t aclrtGetTaskIdFromExceptionInfo(const aclrtExceptionInfo* info);

// Number of its stream; 0xFFFFFFFF if unknown.
uint32_t aclrtGetStreamIdFromExceptionInfo(const aclrtExceptionInfo* info);

// Thread that submitted it; 0xFFFFFFFF if unknown.
uint32_t aclrtGetThreadIdFromExceptionInfo(const aclrtExceptionInfo* info);

// Its device; 0xFFFFFFFF if unknown.
uint32_t aclrtGetDeviceIdFromExceptionInfo(const aclrtExceptionInfo* info);

// Its error code; 0xFFFFFFFF if unknown.
uint32_t aclrtGetErrorCodeFromExceptionInfo(const aclrtExceptionInfo* info);

// Its arguments in device memory.
aclError aclrtGetArgsFromExceptionInfo(const aclrtExceptionInfo* info, void** devArgsPtr,
                                       uint32_t* devArgsLen);

// Its function.
aclError aclrtGetFuncHandleFromExceptionInfo(const aclrtExceptionInfo* info, aclrtFuncHandle* func);

// ---------- Memory errors and repair --------------------------------------------------------

#define ACL_RT_MAX_RECORD_PA_NUM_PER_DEV 20U
#define ACL_RT_MEM_UCE_INFO_MAX_NUM 20

#define MAX_MEM_UCE_INFO_ARRAY_SIZE 128
#define UCE_INFO_RESERVED_SIZE 14

// Device memory with an error that cannot be corrected.
typedef struct aclrtMemUceInfo {
  void* addr;
  size_t len;
  size_t reserved[UCE_INFO_RESERVED_SIZE];
} aclrtMemUceInfo;

// Several such places.
typedef struct aclrtMemUceInfoArray {
  size_t arraySize;
  aclrtMemUceInfo memUceInfoArray[ACL_RT_MEM_UCE_INFO_MAX_NUM];
} aclrtMemUceInfoArray;

// Where an error arose.
typedef enum aclrtErrorType {
  ACL_RT_NO_ERROR = 0,
  ACL_RT_ERROR_MEMORY = 1,
  ACL_RT_ERROR_L2 = 2,
  ACL_RT_ERROR_AICORE = 3,
  ACL_RT_ERROR_LINK = 4,
  ACL_RT_ERROR_L3_PORT = 5,
  ACL_RT_ERROR_OTHERS = 0xFFFF,
} aclrtErrorType;

// Kinds of core errors.
typedef enum aclrtAicoreErrorType {
  ACL_RT_AICORE_ERROR_UNKNOWN = 0,
  ACL_RT_AICORE_ERROR_SW = 1,
  ACL_RT_AICORE_ERROR_HW_LOCAL = 2,
} aclrtAicoreErrorType;

// Details; the type of the error says which member is meant.
typedef union aclrtErrorInfoDetail {
  aclrtMemUceInfoArray uceInfo;
  aclrtAicoreErrorType aicoreErrType;
} aclrtErrorInfoDetail;

// An error of a device.
typedef struct aclrtErrorInfo {
  uint8_t tryRepair;  // whether repair is possible
  uint8_t hasDetail;  // whether detail is filled in
  uint8_t reserved[2];
  aclrtErrorType errorType;
  aclrtErrorInfoDetail detail;
} aclrtErrorInfo;

// Lists a device's memory errors that cannot be corrected.
aclError aclrtGetMemUceInfo(int32_t deviceId, aclrtMemUceInfo* memUceInfoArray, size_t arraySize,
                            size_t* retSize);

// Repairs such memory.
aclError aclrtMemUceRepair(int32_t deviceId, aclrtMemUceInfo* memUceInfoArray, size_t arraySize);

// Describes a device's error.
aclError aclrtGetErrorVerbose(int32_t deviceId, aclrtErrorInfo* errorInfo);

// Recovers from an error that was described.
aclError aclrtRepairError(int32_t deviceId, const aclrtErrorInfo* errorInfo);

// ---------- Aborting the tasks of a device --------------------------------------------------

// Before or behind the abort.
typedef enum aclrtDeviceTaskAbortStage {
  ACL_RT_DEVICE_TASK_ABORT_PRE = 0,
  ACL_RT_DEVICE_TASK_ABORT_POST = 1,
} aclrtDeviceTaskAbortStage;

// Called before and behind an abort.
typedef int32_t (*aclrtDeviceTaskAbortCallback)(int32_t deviceId, aclrtDeviceTaskAbortStage stage,
                                                uint32_t timeout, void* args);

// Stops the running tasks of a device and drops the waiting ones. `timeout` is in milliseconds,
// at most 36 minutes; 0 waits for ever.
aclError aclrtDeviceTaskAbort(int32_t deviceId, uint32_t timeout);

// Registers a callback under a name.
aclError aclrtSetDeviceTaskAbortCallback(const char* regName, aclrtDeviceTaskAbortCallback callback,
                                         void* args);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_RT_ERROR_H_
