// Collection of performance data.
#ifndef VNPU_ACL_ACL_PROF_H_
#define VNPU_ACL_ACL_PROF_H_

#include "acl/acl_base.h"

#define MSVP_PROF_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Collecting data (manual 19-01) --------------------------------------------------

// What to collect, as bits.
#define ACL_PROF_ACL_API 0x0001ULL
#define ACL_PROF_TASK_TIME 0x0002ULL
#define ACL_PROF_AICORE_METRICS 0x0004ULL
#define ACL_PROF_AICPU 0x0008ULL
#define ACL_PROF_L2CACHE 0x0010ULL
#define ACL_PROF_HCCL_TRACE 0x0020ULL
#define ACL_PROF_TRAINING_TRACE 0x0040ULL
#define ACL_PROF_MSPROFTX 0x0080ULL
#define ACL_PROF_RUNTIME_API 0x0100ULL
#define ACL_PROF_GE_API_L0 0x0200ULL
#define ACL_PROF_TASK_TIME_L0 0x0800ULL
#define ACL_PROF_TASK_MEMORY 0x1000ULL
#define ACL_PROF_TASK_TIME_L2 0x2000ULL
#define ACL_PROF_OP_ATTR 0x4000ULL
#define ACL_PROF_TASK_TIME_L3 0x8000ULL
#define ACL_PROF_GE_API_L1 0x01000000ULL
#define ACL_PROF_API_STATS 0x400000000ULL
#define ACL_PROF_AICORE_SHAPE 0x800000000ULL

// What to collect, and where.
typedef struct aclprofConfig aclprofConfig;

// Reserved.
typedef struct aclprofStopConfig aclprofStopConfig;

// Reserved.
typedef struct aclprofAicoreEvents aclprofAicoreEvents;

// Which counters of the cores to collect.
typedef enum aclprofAicoreMetrics {
  ACL_AICORE_ARITHMETIC_UTILIZATION = 0,
  ACL_AICORE_PIPE_UTILIZATION = 1,
  ACL_AICORE_MEMORY_BANDWIDTH = 2,
  ACL_AICORE_L0B_AND_WIDTH = 3,
  ACL_AICORE_RESOURCE_CONFLICT_RATIO = 4,
  ACL_AICORE_MEMORY_UB = 5,
  ACL_AICORE_L2_CACHE = 6,
  ACL_AICORE_PIPE_EXECUTE_UTILIZATION = 7,
  ACL_AICORE_MEMORY_ACCESS = 8,
  ACL_AICORE_NONE = 0xFF,
} aclprofAicoreMetrics;

// Further settings.
typedef enum aclprofConfigType {
  ACL_PROF_ARGS_MIN = 0,
  ACL_PROF_STORAGE_LIMIT = 1,
  ACL_PROF_SYS_HARDWARE_MEM_FREQ = 3,
  ACL_PROF_LLC_MODE = 4,
  ACL_PROF_SYS_IO_FREQ = 5,
  ACL_PROF_SYS_INTERCONNECTION_FREQ = 6,
  ACL_PROF_DVPP_FREQ = 7,
  ACL_PROF_HOST_SYS = 8,
  ACL_PROF_HOST_SYS_USAGE = 9,
  ACL_PROF_HOST_SYS_USAGE_FREQ = 10,
  ACL_PROF_LOW_POWER_FREQ = 11,
  ACL_PROF_SYS_MEM_SERVICEFLOW = 12,
  ACL_PROF_SYS_CPU_FREQ = 13,
  ACL_PROF_OPTYPE = 14,
  ACL_PROF_NTS_METRICS = 15,
  ACL_PROF_PATH = 16,
  ACL_PROF_ARGS_MAX = 17,
} aclprofConfigType;

// Prepares collection into a folder.
aclError aclprofInit(const char* profilerResultPath, size_t length);

// Ends it.
aclError aclprofFinalize(void);

// Makes a configuration; null on failure.
aclprofConfig* aclprofCreateConfig(uint32_t* deviceIdList, uint32_t deviceNums,
                                   aclprofAicoreMetrics aicoreMetrics,
                                   const aclprofAicoreEvents* aicoreEvents,
                                   uint64_t dataTypeConfig);

// Frees a configuration.
aclError aclprofDestroyConfig(const aclprofConfig* profilerConfig);

// Sets a further setting.
aclError aclprofSetConfig(aclprofConfigType configType, const char* config, size_t configLength);

// Starts to collect.
aclError aclprofStart(const aclprofConfig* profilerConfig);

// Stops to collect.
aclError aclprofStop(const aclprofConfig* profilerConfig);

// ---------- Marks set by the application (manual 19-02) -------------------------------------

#ifndef ACL_PROF_TENSOR_DATA_SHAPE_LEN
#define ACL_PROF_TENSOR_DATA_SHAPE_LEN 8
#endif

// What a mark carries.
typedef enum aclprofMessageType {
  ACL_PROF_MESSAGE_TYPE_TENSOR_INFO = 0,
} aclprofMessageType;

// An application that has these structures already defines ACL_PROF_TENSOR_INFO_DEFINED first.
#ifndef ACL_PROF_TENSOR_INFO_DEFINED
#define ACL_PROF_TENSOR_INFO_DEFINED

#define ACL_PROF_EVENT_ATTR_VERSION 1

// A tensor of an operator.
typedef struct aclprofTensor {
  uint32_t type;      // 0 input, 1 output
  uint32_t format;    // aclFormat
  uint32_t dataType;  // aclDataType
  uint32_t shapeDim;  // valid entries of shape
  uint32_t shape[ACL_PROF_TENSOR_DATA_SHAPE_LEN];
} aclprofTensor;

// An operator with its tensors.
typedef struct aclprofTensorInfo {
  uint64_t opNameId;  // from aclprofStr2Id
  uint64_t opTypeId;  // from aclprofStr2Id
  uint32_t resv;
  uint32_t tensorNum;
  uint32_t kernelType;
  uint32_t blockNums;
  void* stream;
  aclprofTensor* tensors;
} aclprofTensorInfo;

// What a range carries.
typedef struct aclprofEventAttributes {
  uint16_t version;
  uint16_t size;
  uint32_t messageType;  // aclprofMessageType
  union Message {
    aclprofTensorInfo* tensorInfo;
  } message;
} aclprofEventAttributes;

#endif  // ACL_PROF_TENSOR_INFO_DEFINED

// Makes a mark; null on failure.
void* aclprofCreateStamp(void);

// Frees a mark.
void aclprofDestroyStamp(void* stamp);

// Gives a mark a text.
aclError aclprofSetStampTraceMessage(void* stamp, const char* msg, uint32_t msgLen);

// Records a moment.
aclError aclprofMark(void* stamp);

// Records a moment of a stream, with a text.
aclError aclprofMarkEx(const char* msg, size_t msgLen, aclrtStream stream);

// Starts a range in the calling thread; ranges nest.
aclError aclprofPush(void* stamp);

// Ends the innermost range of the calling thread.
aclError aclprofPop(void);

// Starts a range that any thread may end.
aclError aclprofRangeStart(void* stamp, uint32_t* rangeId);

// Ends it.
aclError aclprofRangeStop(uint32_t rangeId);

// Starts a range that carries an operator's tensors.
aclError aclprofRangePushEx(aclprofEventAttributes* attr);

// Ends it.
aclError aclprofRangePop(void);

// Number of a text.
uint64_t aclprofStr2Id(const char* message);

// ---------- Subscribing to operator data (manual 19-03) -------------------------------------

#define ACL_PROF_MAX_OP_NAME_LEN 257
#define ACL_PROF_MAX_OP_TYPE_LEN 65

// What to subscribe to.
typedef struct aclprofSubscribeConfig aclprofSubscribeConfig;

// What an entry describes.
typedef enum aclprofSubscribeOpFlag {
  ACL_SUBSCRIBE_OP = 0,
  ACL_SUBSCRIBE_SUBGRAPH = 1,
  ACL_SUBSCRIBE_OP_THREAD = 2,
  ACL_SUBSCRIBE_NONE = 0xFF,
} aclprofSubscribeOpFlag;

// Attributes of an entry.
typedef enum aclprofSubscribeOpAttri {
  ACL_SUBSCRIBE_ATTRI_THREADID = 0,
  ACL_SUBSCRIBE_ATTRI_NONE = 1,
} aclprofSubscribeOpAttri;

// Makes a subscription's configuration; null on failure.
aclprofSubscribeConfig* aclprofCreateSubscribeConfig(int8_t timeInfoSwitch,
                                                     aclprofAicoreMetrics aicoreMetrics, void* fd);

// Frees it.
aclError aclprofDestroySubscribeConfig(const aclprofSubscribeConfig* profSubscribeConfig);

// Subscribes to the operators of a model; entries go to the configuration's pipe.
aclError aclprofModelSubscribe(uint32_t modelId, const aclprofSubscribeConfig* profSubscribeConfig);

// Ends the subscription.
aclError aclprofModelUnSubscribe(uint32_t modelId);

// Size of an entry.
aclError aclprofGetOpDescSize(size_t* opDescSize);

// Number of entries in a buffer.
aclError aclprofGetOpNum(const void* opInfo, size_t opInfoLen, uint32_t* opNumber);

// Length of an operator's type.
aclError aclprofGetOpTypeLen(const void* opInfo, size_t opInfoLen, uint32_t index,
                             size_t* opTypeLen);

// Type of an operator.
aclError aclprofGetOpType(const void* opInfo, size_t opInfoLen, uint32_t index, char* opType,
                          size_t opTypeLen);

// Length of an operator's name.
aclError aclprofGetOpNameLen(const void* opInfo, size_t opInfoLen, uint32_t index,
                             size_t* opNameLen);

// Name of an operator.
aclError aclprofGetOpName(const void* opInfo, size_t opInfoLen, uint32_t index, char* opName,
                          size_t opNameLen);

// When it started, in microseconds.
uint64_t aclprofGetOpStart(const void* opInfo, size_t opInfoLen, uint32_t index);

// When it ended, in microseconds.
uint64_t aclprofGetOpEnd(const void* opInfo, size_t opInfoLen, uint32_t index);

// How long it took, in microseconds.
uint64_t aclprofGetOpDuration(const void* opInfo, size_t opInfoLen, uint32_t index);

// Its model.
size_t aclprofGetModelId(const void* opInfo, size_t opInfoLen, uint32_t index);

// What the entry describes.
aclprofSubscribeOpFlag aclprofGetOpFlag(const void* opInfo, size_t opInfoLen, uint32_t index);

// Value of an attribute of the entry.
const char* aclprofGetOpAttriValue(const void* opInfo, size_t opInfoLen, uint32_t index,
                                   aclprofSubscribeOpAttri attri);

// ---------- Training steps (manual 19-04) ---------------------------------------------------

// A training step.
typedef struct aclprofStepInfo aclprofStepInfo;

// Start or end of a step.
typedef enum aclprofStepTag {
  ACL_STEP_START = 0,
  ACL_STEP_END = 1,
} aclprofStepTag;

// Makes a step; null on failure.
aclprofStepInfo* aclprofCreateStepInfo(void);

// Frees a step.
void aclprofDestroyStepInfo(aclprofStepInfo* stepinfo);

// Marks start or end of a step in a stream.
aclError aclprofGetStepTimestamp(aclprofStepInfo* stepInfo, aclprofStepTag tag, aclrtStream stream);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_ACL_PROF_H_
