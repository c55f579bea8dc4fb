// Dumps of operator data.
#ifndef VNPU_ACL_ACL_DUMP_H_
#define VNPU_ACL_ACL_DUMP_H_

#include "acl/acl_base.h"

#define ACL_DUMP_API __attribute__((visibility("default")))
// Weak for programs, so that they may test whether the function is there. A file that defines one
// of the functions defines this as empty first.
#ifndef ACL_DUMP_WEAK
#define ACL_DUMP_WEAK __attribute__((weak))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Receiving dumped data (manual 18 Dump) ------------------------------------------

#define ACL_DUMP_MAX_FILE_PATH_LENGTH 4096

// A piece of a file; the data follow.
typedef struct acldumpChunk {
  char fileName[ACL_DUMP_MAX_FILE_PATH_LENGTH];
  uint32_t bufLen;
  uint32_t isLastChunk;
  int64_t offset;
  int32_t flag;
  uint8_t dataBuf[0];
} acldumpChunk;

// Kinds of dumps.
typedef enum acldumpType {
  AIC_ERR_BRIEF_DUMP = 1,
  AIC_ERR_NORM_DUMP = 2,
  AIC_ERR_DETAIL_DUMP = 3,
  DATA_DUMP = 4,
  OVERFLOW_DUMP = 5,
} acldumpType;

// Has dumped data handed to a function instead of being written.
aclError acldumpRegCallback(int32_t (*const messageCallback)(const acldumpChunk*, int32_t),
                            int32_t flag);

// Takes that back.
void acldumpUnregCallback(void);

// Folder of a kind of dump, or null. The string belongs to the library.
const char* acldumpGetPath(acldumpType dumpType);

// ---------- Operator statistics -------------------------------------------------------------

#define ACL_OP_DUMP_OP_AICORE_ARGS 0x00000001U

// Starts to write statistics of operators to a folder.
aclError aclopStartDumpArgs(uint32_t dumpType, const char* path);

// Ends that.
aclError aclopStopDumpArgs(uint32_t dumpType);

// ---------- Data of a failed operator -------------------------------------------------------

#define ACL_DUMP_MAX_SHAPE_NUM 25

// What a tensor is to its operator.
typedef enum acldumpTensorType {
  ACL_DUMP_TENSOR_INPUT = 0,
  ACL_DUMP_TENSOR_OUTPUT = 1,
  ACL_DUMP_TENSOR_WORKSPACE = 2,
} acldumpTensorType;

// What an address refers to.
typedef enum acldumpTensorAddressType {
  ACL_DUMP_ADDR_PTR = 0,
  ACL_DUMP_ADDR_PTR_PTR = 1,
  ACL_DUMP_ADDR_RAW = 2,
} acldumpTensorAddressType;

// Where a tensor lies.
typedef enum acldumpTensorPlacement {
  ACL_DUMP_PLACEMENT_DEVICE = 0,
  ACL_DUMP_PLACEMENT_HOST = 1,
  ACL_DUMP_PLACEMENT_END = 2,
} acldumpTensorPlacement;

// A tensor of a failed operator.
typedef struct acldumpTensorInfo {
  acldumpTensorType type;
  size_t tensorSize;
  int32_t format;
  int32_t dataType;
  int64_t* tensorAddr;
  acldumpTensorAddressType addrType;
  acldumpTensorPlacement placement;
  uint32_t argsOffset;
  uint32_t shapeNum;
  uint32_t originShapeNum;
  uint64_t shape[ACL_DUMP_MAX_SHAPE_NUM];
  uint64_t originShape[ACL_DUMP_MAX_SHAPE_NUM];
} acldumpTensorInfo;

// Writes tensors beside the dump of a failed operator.
ACL_DUMP_WEAK aclError acldumpSaveExceptionInfo(const char* fileName, const char* userTag,
                                                const acldumpTensorInfo* tensors,
                                                size_t tensorCount);

// Writes the folder of such dumps into `maxLen` bytes.
ACL_DUMP_WEAK aclError acldumpGetExceptionInfoPath(char* path, size_t maxLen);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_ACL_DUMP_H_
