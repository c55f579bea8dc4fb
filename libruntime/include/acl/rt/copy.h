// Copying, filling and reducing memory.
#ifndef VNPU_ACL_RT_COPY_H_
#define VNPU_ACL_RT_COPY_H_

#include "acl/rt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Copying (manual 11-03) ----------------------------------------------------------

// Direction of a copy.
typedef enum aclrtMemcpyKind {
  ACL_MEMCPY_HOST_TO_HOST = 0,
  ACL_MEMCPY_HOST_TO_DEVICE = 1,
  ACL_MEMCPY_DEVICE_TO_HOST = 2,
  ACL_MEMCPY_DEVICE_TO_DEVICE = 3,
  ACL_MEMCPY_DEFAULT = 4,                // as the addresses say
  ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE = 5,  // the source may be reused when the call returns
  ACL_MEMCPY_INNER_DEVICE_TO_DEVICE = 6,
  ACL_MEMCPY_INTER_DEVICE_TO_DEVICE = 7,
} aclrtMemcpyKind;

// Copies `count` bytes, at most `destMax`, and returns when it is done; no stream is waited for.
// The addresses decide about the direction, and a combination that cannot be copied is an error.
// Between devices, peer access must be enabled.
aclError aclrtMemcpy(void* dst, size_t destMax, const void* src, size_t count,
                     aclrtMemcpyKind kind);

// Copies when the stream gets here. With pinned host memory (aclrtMallocHost) the call returns
// at once and the memory stays in use until the stream is synchronized; with pageable host
// memory it returns when the copy is done. ACL_MEMCPY_HOST_TO_HOST is not supported:
// ACL_ERROR_RT_FEATURE_NOT_SUPPORT.
aclError aclrtMemcpyAsync(void* dst, size_t destMax, const void* src, size_t count,
                          aclrtMemcpyKind kind, aclrtStream stream);

// Like aclrtMemcpyAsync.
ACL_DEPRECATED_MESSAGE("use aclrtMemcpyAsync")
aclError aclrtMemcpyAsyncWithCondition(void* dst, size_t destMax, const void* src, size_t count,
                                       aclrtMemcpyKind kind, aclrtStream stream);

// Copies a rectangle of `height` rows of `width` bytes; a pitch is the distance between rows.
aclError aclrtMemcpy2d(void* dst, size_t dpitch, const void* src, size_t spitch, size_t width,
                       size_t height, aclrtMemcpyKind kind);

// The same when the stream gets here.
aclError aclrtMemcpy2dAsync(void* dst, size_t dpitch, const void* src, size_t spitch, size_t width,
                            size_t height, aclrtMemcpyKind kind, aclrtStream stream);

// Copies between addresses that stand in memory at `*dst` and `*src`, plus offsets.
aclError aclrtMemcpyAsyncWithOffset(void** dst, size_t destMax, size_t dstDataOffset,
                                    const void** src, size_t count, size_t srcDataOffset,
                                    aclrtMemcpyKind kind, aclrtStream stream);

// ---------- Copying in batches --------------------------------------------------------------

// Where the sources and destinations of some copies lie.
typedef struct aclrtMemcpyBatchAttr {
  aclrtMemLocation dstLoc;
  aclrtMemLocation srcLoc;
  uint8_t rsv[16];
} aclrtMemcpyBatchAttr;

// Makes several copies between host and device; `failIndex` names the copy that was wrong.
aclError aclrtMemcpyBatch(void** dsts, size_t* destMaxs, void** srcs, size_t* sizes,
                          size_t numBatches, aclrtMemcpyBatchAttr* attrs, size_t* attrsIndexes,
                          size_t numAttrs, size_t* failIndex);

// The same without naming it.
aclError aclrtMemcpyBatchV2(void** dsts, size_t* destMaxs, void** srcs, size_t* sizes,
                            size_t numBatches, aclrtMemcpyBatchAttr* attrs, size_t* attrsIndexes,
                            size_t numAttrs);

// Makes several copies when the stream gets here.
aclError aclrtMemcpyBatchAsync(void** dsts, size_t* destMaxs, void** srcs, size_t* sizes,
                               size_t numBatches, aclrtMemcpyBatchAttr* attrs, size_t* attrsIndexes,
                               size_t numAttrs, size_t* failIndex, aclrtStream stream);

// The same without naming the copy that was wrong.
aclError aclrtMemcpyBatchAsyncV2(void** dsts, size_t* destMaxs, void** srcs, size_t* sizes,
                                 size_t numBatches, aclrtMemcpyBatchAttr* attrs,
                                 size_t* attrsIndexes, size_t numAttrs, aclrtStream stream);

// ---------- Copying by descriptor -----------------------------------------------------------

// Size of a copy descriptor.
aclError aclrtGetMemcpyDescSize(aclrtMemcpyKind kind, size_t* descSize);

// Fills in a copy descriptor.
aclError aclrtSetMemcpyDesc(void* desc, aclrtMemcpyKind kind, void* srcAddr, void* dstAddr,
                            size_t count, void* config);

// Makes the copy that a descriptor in device memory describes when the stream gets here.
aclError aclrtMemcpyAsyncWithDesc(void* desc, aclrtMemcpyKind kind, aclrtStream stream);

// ---------- Filling -------------------------------------------------------------------------

// Sets `count` bytes, at most `maxCount`, of device memory or of memory from aclrtMallocHost to
// the lowest byte of `value`, and returns when it is done; no stream is waited for.
aclError aclrtMemset(void* devPtr, size_t maxCount, int32_t value, size_t count);

// The same when the stream gets here.
aclError aclrtMemsetAsync(void* devPtr, size_t maxCount, int32_t value, size_t count,
                          aclrtStream stream);

// Sets `N` 32-bit words, at most `memSize` bytes.
aclError aclrtMemsetD32(void* ptr, size_t memSize, uint32_t value, size_t N);

// The same when the stream gets here.
aclError aclrtMemsetD32Async(void* ptr, size_t memSize, uint32_t value, size_t N,
                             aclrtStream stream);

// ---------- Reducing into memory (manual 12) ------------------------------------------------

// Operations of a reduction.
typedef enum aclrtReduceKind {
  ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM = 10,
  ACL_RT_MEMCPY_SDMA_AUTOMATIC_MAX = 11,
  ACL_RT_MEMCPY_SDMA_AUTOMATIC_MIN = 12,
  ACL_RT_MEMCPY_SDMA_AUTOMATIC_EQUAL = 13,
} aclrtReduceKind;

// Combines `count` bytes of `src` into `dst` when the stream gets here.
aclError aclrtReduceAsync(void* dst, const void* src, uint64_t count, aclrtReduceKind kind,
                          aclDataType type, aclrtStream stream, void* reserve);

// ---------- Device variables (manual 11-11) -------------------------------------------------

// Device address of a variable.
aclError aclrtGetSymbolAddress(const void* symbol, void** devPtr);

// Size of a variable.
aclError aclrtGetSymbolSize(const void* symbol, size_t* size);

// Copies from a device variable.
aclError aclrtMemcpyFromSymbol(void* dst, size_t dstMax, const void* symbol, size_t count,
                               size_t offset, aclrtMemcpyKind kind);

// The same when the stream gets here.
aclError aclrtMemcpyFromSymbolAsync(void* dst, size_t dstMax, const void* symbol, size_t count,
                                    size_t offset, aclrtMemcpyKind kind, aclrtStream stream);

// Copies to a device variable.
aclError aclrtMemcpyToSymbol(const void* symbol, const void* src, size_t count, size_t offset,
                             aclrtMemcpyKind kind);

// The same when the stream gets here.
aclError aclrtMemcpyToSymbolAsync(const void* symbol, const void* src, size_t count, size_t offset,
                                  aclrtMemcpyKind kind, aclrtStream stream);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_RT_COPY_H_
