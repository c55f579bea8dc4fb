// Time limits, random numbers, updates and overflow states of tasks.
#ifndef VNPU_ACL_RT_TASK_H_
#define VNPU_ACL_RT_TASK_H_

#include "acl/rt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Time limits of kernels (manual 12 Execution control) ----------------------------

// Smallest step of the time limit of kernels, in microseconds.
aclError aclrtGetOpTimeOutInterval(uint64_t* interval);

// Time limit of kernels of the process, in seconds.
aclError aclrtSetOpExecuteTimeOut(uint32_t timeout);

// The same in milliseconds.
aclError aclrtSetOpExecuteTimeOutWithMs(uint32_t timeout);

// The same in microseconds; returns the limit after rounding.
aclError aclrtSetOpExecuteTimeOutV2(uint64_t timeout, uint64_t* actualTimeout);

// The limit in milliseconds.
aclError aclrtGetOpExecuteTimeout(uint32_t* const timeoutMs);

// ---------- The task submitted last (manual 12, 24) -----------------------------------------

// Number of the task that the calling thread submitted last.
aclError aclrtGetThreadLastTaskId(uint32_t* taskId);

// Attaches operator information to that task, for captured graphs.
aclError aclrtCacheLastTaskOpInfo(const void* const infoPtr, const size_t infoSize);

// Attaches text to that task.
aclError aclrtCacheLastTaskExtendInfo(const char* const extendInfoPtr, const size_t infoSize);

// Puts a mark for profiling into a stream.
aclError aclrtProfTrace(void* userdata, int32_t length, aclrtStream stream);

// ---------- Random numbers (manual 12) ------------------------------------------------------

// A number, or the device address of one.
typedef struct aclrtRandomParaInfo {
  uint8_t isAddr;
  uint8_t valueOrAddr[8];
  uint8_t size;  // bytes of the number
  uint8_t rsv[6];
} aclrtRandomParaInfo;

// Parameters of a dropout mask.
typedef struct aclrtDropoutBitmaskInfo {
  aclrtRandomParaInfo dropoutRation;
} aclrtDropoutBitmaskInfo;

// Parameters of a uniform distribution.
typedef struct aclrtUniformDisInfo {
  aclrtRandomParaInfo min;
  aclrtRandomParaInfo max;
} aclrtUniformDisInfo;

// Parameters of a normal distribution.
typedef struct aclrtNormalDisInfo {
  aclrtRandomParaInfo mean;
  aclrtRandomParaInfo stddev;
} aclrtNormalDisInfo;

// Distributions.
typedef enum aclrtRandomNumFuncType {
  ACL_RT_RANDOM_NUM_FUNC_TYPE_DROPOUT_BITMASK = 0,
  ACL_RT_RANDOM_NUM_FUNC_TYPE_UNIFORM_DIS = 1,
  ACL_RT_RANDOM_NUM_FUNC_TYPE_NORMAL_DIS = 2,
  ACL_RT_RANDOM_NUM_FUNC_TYPE_TRUNCATED_NORMAL_DIS = 3,
} aclrtRandomNumFuncType;

// A distribution with its parameters.
typedef struct aclrtRandomNumFuncParaInfo {
  aclrtRandomNumFuncType funcType;
  union {
    aclrtDropoutBitmaskInfo dropoutBitmaskInfo;
    aclrtUniformDisInfo uniformDisInfo;
    aclrtNormalDisInfo normalDisInfo;
  } paramInfo;
} aclrtRandomNumFuncParaInfo;

// What random numbers to make, and where.
typedef struct aclrtRandomNumTaskInfo {
  aclDataType dataType;
  aclrtRandomNumFuncParaInfo randomNumFuncParaInfo;
  void* randomParaAddr;
  void* randomResultAddr;
  void* randomCounterAddr;
  aclrtRandomParaInfo randomSeed;
  aclrtRandomParaInfo randomNum;
  uint8_t rsv[8];
} aclrtRandomNumTaskInfo;

// Makes random numbers when the stream gets here.
aclError aclrtRandomNumAsync(const aclrtRandomNumTaskInfo* taskInfo, const aclrtStream stream,
                             void* reserve);

// ---------- Changing a submitted task (manual 12) -------------------------------------------

// Kinds of tasks that can be changed.
typedef enum aclrtUpdateTaskAttrId {
  ACL_RT_UPDATE_RANDOM_TASK = 1,
  ACL_RT_UPDATE_AIC_AIV_TASK = 2,
} aclrtUpdateTaskAttrId;

// New parameters of a random number task.
typedef struct aclrtRandomTaskUpdateAttr {
  void* srcAddr;
  size_t size;
  uint32_t rsv[4];
} aclrtRandomTaskUpdateAttr;

// New function and number of blocks of a kernel task.
typedef struct aclrtAicAivTaskUpdateAttr {
  void* binHandle;
  void* funcEntryAddr;
  void* blockDimAddr;
  uint32_t rsv[4];
} aclrtAicAivTaskUpdateAttr;

// New parameters; the kind of task says which member is meant.
typedef union aclrtUpdateTaskAttrVal {
  aclrtRandomTaskUpdateAttr randomTaskAttr;
  aclrtAicAivTaskUpdateAttr aicAivTaskAttr;
} aclrtUpdateTaskAttrVal;

// What to change.
typedef struct aclrtTaskUpdateInfo {
  aclrtUpdateTaskAttrId id;
  aclrtUpdateTaskAttrVal val;
} aclrtTaskUpdateInfo;

// Changes a task of `taskStream` when `execStream` gets here.
aclError aclrtTaskUpdateAsync(aclrtStream taskStream, uint32_t taskId, aclrtTaskUpdateInfo* info,
                              aclrtStream execStream);

// ---------- Floating-point overflow (manual 04, 05) -----------------------------------------

// What a result that is too large becomes.
typedef enum aclrtFloatOverflowMode {
  ACL_RT_OVERFLOW_MODE_SATURATION = 0,
  ACL_RT_OVERFLOW_MODE_INFNAN = 1,
  ACL_RT_OVERFLOW_MODE_UNDEF = 2,
} aclrtFloatOverflowMode;

// Sets that for the current device.
aclError aclrtSetDeviceSatMode(aclrtFloatOverflowMode mode);

// Reads it.
aclError aclrtGetDeviceSatMode(aclrtFloatOverflowMode* mode);

// Copies the overflow state of the current device to device memory when the stream gets here.
aclError aclrtGetOverflowStatus(void* outputAddr, size_t outputSize, aclrtStream stream);

// Clears it when the stream gets here.
aclError aclrtResetOverflowStatus(aclrtStream stream);

// Copies the overflow state of floating-point operations to device memory.
aclError aclrtGetFloatOverflowStatus(void* outputAddr, uint64_t outputSize, aclrtStream stream);

// Clears it.
aclError aclrtResetFloatOverflowStatus(aclrtStream stream);

// Copies the overflow state that a check mode sees to device memory.
aclError aclrtNpuGetFloatOverFlowStatus(void* outputAddr, uint64_t outputSize, uint32_t checkMode,
                                        aclrtStream stream);

// Clears it.
aclError aclrtNpuClearFloatOverFlowStatus(uint32_t checkMode, aclrtStream stream);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_RT_TASK_H_
