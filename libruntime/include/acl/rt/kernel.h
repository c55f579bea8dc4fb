// Loading device code, looking up functions, building arguments, launching.
#ifndef VNPU_ACL_RT_KERNEL_H_
#define VNPU_ACL_RT_KERNEL_H_

#include "acl/rt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// The interface declares it so.
// NOLINTBEGIN(google-explicit-constructor)

// ---------- Loading device code (manual 14 Kernels) -----------------------------------------

#define ACL_RT_BINARY_MAGIC_ELF_AICORE 0x43554245U
#define ACL_RT_BINARY_MAGIC_ELF_VECTOR_CORE 0x41415246U
#define ACL_RT_BINARY_MAGIC_ELF_CUBE_CORE 0x41494343U

// What an option of loading means.
typedef enum aclrtBinaryLoadOptionType {
  ACL_RT_BINARY_LOAD_OPT_LAZY_LOAD = 1,
  ACL_RT_BINARY_LOAD_OPT_LAZY_MAGIC = 2,  // former name of ACL_RT_BINARY_LOAD_OPT_MAGIC
  ACL_RT_BINARY_LOAD_OPT_MAGIC = 2,
  ACL_RT_BINARY_LOAD_OPT_CPU_KERNEL_MODE = 3,
} aclrtBinaryLoadOptionType;

// Value of an option; the option says which member is meant.
typedef union aclrtBinaryLoadOptionValue {
  uint32_t isLazyLoad;    // 1: not copied to the device yet
  uint32_t magic;         // ACL_RT_BINARY_MAGIC_ELF_*
  int32_t cpuKernelMode;  // 0 to 2: how AI CPU code is registered
  uint32_t rsv[4];
} aclrtBinaryLoadOptionValue;

// One option of loading.
typedef struct aclrtBinaryLoadOption {
  aclrtBinaryLoadOptionType type;
  aclrtBinaryLoadOptionValue value;
} aclrtBinaryLoadOption;

// Options of loading.
typedef struct aclrtBinaryLoadOptions {
  aclrtBinaryLoadOption* options;
  size_t numOpt;
} aclrtBinaryLoadOptions;

// Loads device code from a file with an absolute path for the current context's device.
// `options` may be null. ACL_ERROR_RT_FILE_OPEN if the file cannot be read. Unloaded with
// aclrtBinaryUnLoad.
aclError aclrtBinaryLoadFromFile(const char* binPath, aclrtBinaryLoadOptions* options,
                                 aclrtBinHandle* binHandle);

// Loads device code from `length` bytes of host memory, which are copied.
aclError aclrtBinaryLoadFromData(const void* data, size_t length,
                                 const aclrtBinaryLoadOptions* options, aclrtBinHandle* binHandle);

// Describes device code in `dataLen` bytes of host memory, which stay the caller's and must live
// as long as the description. Null on failure; freed with aclrtDestroyBinary.
aclrtBinary aclrtCreateBinary(const void* data, size_t dataLen);

// Frees the description, neither the memory nor what was loaded from it.
aclError aclrtDestroyBinary(aclrtBinary binary);

// Loads the described device code for the current context's device.
aclError aclrtBinaryLoad(const aclrtBinary binary, aclrtBinHandle* binHandle);

// Unloads device code; its functions are no longer valid. To be called in the context that it
// was loaded in, when no task uses it any more.
aclError aclrtBinaryUnLoad(aclrtBinHandle binHandle);

// Where loaded code lies on the device; null while it is not there yet.
aclError aclrtBinaryGetDevAddress(const aclrtBinHandle binHandle, void** binAddr, size_t* binSize);

// Device address and size of a variable; one of the two may be null.
aclError aclrtBinaryGetGlobal(aclrtBinHandle binHandle, const char* name, void** dptr,
                              size_t* size);

// ---------- Functions -----------------------------------------------------------------------

// Attributes of a function.
typedef enum aclrtFuncAttribute {
  ACL_FUNC_ATTR_KERNEL_TYPE = 1,
  ACL_FUNC_ATTR_KERNEL_RATIO = 2,
  ACL_FUNC_ATTR_KERNEL_SCHED_MODE = 3,
} aclrtFuncAttribute;

// Cores that a function runs on.
typedef enum aclrtKernelType {
  ACL_KERNEL_TYPE_AICORE = 0,
  ACL_KERNEL_TYPE_CUBE = 1,
  ACL_KERNEL_TYPE_VECTOR = 2,
  ACL_KERNEL_TYPE_MIX = 3,
  ACL_KERNEL_TYPE_AICPU = 100,
} aclrtKernelType;

// Finds a function by name. ACL_ERROR_RT_KERNEL_LOOKUP if the binary has none of this name. The
// handle lives as long as the binary.
aclError aclrtBinaryGetFunction(const aclrtBinHandle binHandle, const char* kernelName,
                                aclrtFuncHandle* funcHandle);

// Finds a function by the number that the binary gives it. The handle lives as long as the
// binary.
aclError aclrtBinaryGetFunctionByEntry(aclrtBinHandle binHandle, uint64_t funcEntry,
                                       aclrtFuncHandle* funcHandle);

// Finds a function by its host symbol, in programs that embed their device code. The handle is
// valid for the current device.
aclError aclrtGetFuncBySymbol(const void* symbol, aclrtFuncHandle* funcHandle);

// Registers a function of AI CPU code loaded with aclrtBinaryLoadFromData.
aclError aclrtRegisterCpuFunc(const aclrtBinHandle handle, const char* funcName,
                              const char* kernelName, aclrtFuncHandle* funcHandle);

// Writes the name of a function, with its final zero, into `maxLen` bytes; an error if there is
// no room.
aclError aclrtGetFunctionName(aclrtFuncHandle funcHandle, uint32_t maxLen, char* name);

// Where a function starts on AI or cube cores and on vector cores; null if not there.
aclError aclrtGetFunctionAddr(aclrtFuncHandle funcHandle, void** aicAddr, void** aivAddr);

// Size of its code on AI or cube cores and on vector cores.
aclError aclrtGetFunctionSize(aclrtFuncHandle funcHandle, size_t* aicSize, size_t* aivSize);

// Value of an attribute.
aclError aclrtGetFunctionAttribute(aclrtFuncHandle funcHandle, aclrtFuncAttribute attrType,
                                   int64_t* attrValue);

// The binary that a function is from.
aclError aclrtFunctionGetBinary(const aclrtFuncHandle funcHandle, aclrtBinHandle* binHandle);

// Number of parameters of a function (an aclrtFuncHandle).
aclError aclrtFunctionGetParamCount(const void* func, size_t* paramCount);

// Offset of a parameter in the argument area and its size. `paramIndex` is below the number of
// parameters.
aclError aclrtFunctionGetParamInfo(const void* func, size_t paramIndex, size_t* paramOffset,
                                   size_t* paramSize);

// Largest dynamic unified buffer of a block; 0 unless the function is SIMT code. `flags` is 0.
aclError aclrtFunctionGetAvailDynUbufPerBlock(void* func, uint32_t flags, size_t* dynamicUbufSize);

// Device address for synchronization between cube and vector cores.
aclError aclrtGetHardwareSyncAddr(void** addr);

// ---------- Argument lists ------------------------------------------------------------------

// Starts an argument list for one launch in memory of the library, which frees it. A list is for
// one thread at a time.
aclError aclrtKernelArgsInit(aclrtFuncHandle funcHandle, aclrtArgsHandle* argsHandle);

// Starts an argument list in the caller's host memory: `argsHandle` has
// aclrtKernelArgsGetHandleMemSize bytes, `userHostMem` has aclrtKernelArgsGetMemSize bytes. Both
// must live until the launch.
aclError aclrtKernelArgsInitByUserMem(aclrtFuncHandle funcHandle, aclrtArgsHandle argsHandle,
                                      void* userHostMem, size_t actualArgsSize);

// Memory that a list needs; `userArgsSize` is the sum of the argument sizes, each rounded up to
// 8.
aclError aclrtKernelArgsGetMemSize(aclrtFuncHandle funcHandle, size_t userArgsSize,
                                   size_t* actualArgsSize);

// Memory that the handle of a list needs.
aclError aclrtKernelArgsGetHandleMemSize(aclrtFuncHandle funcHandle, size_t* memSize);

// Copies the next argument from host memory to the list. `paramHandle` receives a handle for
// aclrtKernelArgsParaUpdate.
aclError aclrtKernelArgsAppend(aclrtArgsHandle argsHandle, void* param, size_t paramSize,
                               aclrtParamHandle* paramHandle);

// Makes the next argument the device address of a buffer that travels with the list.
aclError aclrtKernelArgsAppendPlaceHolder(aclrtArgsHandle argsHandle,
                                          aclrtParamHandle* paramHandle);

// Host address where the caller fills in that buffer, after all arguments are appended. The
// memory belongs to the list.
aclError aclrtKernelArgsGetPlaceHolderBuffer(aclrtArgsHandle argsHandle,
                                             aclrtParamHandle paramHandle, size_t dataSize,
                                             void** bufferAddr);

// Gives an appended argument another value of the same size.
aclError aclrtKernelArgsParaUpdate(aclrtArgsHandle argsHandle, aclrtParamHandle paramHandle,
                                   void* param, size_t paramSize);

// Says that the list is complete; required before the launch.
aclError aclrtKernelArgsFinalize(aclrtArgsHandle argsHandle);

// ---------- Launching -----------------------------------------------------------------------

// Cores to run on.
typedef enum aclrtEngineType {
  ACL_RT_ENGINE_TYPE_AIC = 0,
  ACL_RT_ENGINE_TYPE_AIV = 1,
} aclrtEngineType;

// What a setting of a launch means.
typedef enum aclrtLaunchKernelAttrId {
  ACL_RT_LAUNCH_KERNEL_ATTR_SCHEM_MODE = 1,
  ACL_RT_LAUNCH_KERNEL_ATTR_LOCAL_MEMORY_SIZE ACL_DEPRECATED_MESSAGE(
      "use ACL_RT_LAUNCH_KERNEL_ATTR_DYN_UBUF_SIZE") = 2,
  ACL_RT_LAUNCH_KERNEL_ATTR_DYN_UBUF_SIZE = 2,
  ACL_RT_LAUNCH_KERNEL_ATTR_ENGINE_TYPE = 3,
  ACL_RT_LAUNCH_KERNEL_ATTR_BLOCKDIM_OFFSET = 4,
  ACL_RT_LAUNCH_KERNEL_ATTR_BLOCK_TASK_PREFETCH = 5,
  ACL_RT_LAUNCH_KERNEL_ATTR_DATA_DUMP = 6,
  ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT = 7,     // seconds
  ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT_US = 8,  // microseconds
  ACL_RT_LAUNCH_KERNEL_ATTR_ENABLE_PROFILING = 9,
} aclrtLaunchKernelAttrId;

// Microseconds in two halves.
typedef struct aclrtTimeoutUs {
  uint32_t timeoutLow;
  uint32_t timeoutHigh;
} aclrtTimeoutUs;

// Value of a setting; the setting says which member is meant.
typedef union aclrtLaunchKernelAttrValue {
  uint8_t schemMode;  // 0: blocks start as cores are free; 1: all at once
  ACL_DEPRECATED_MESSAGE("use dynUBufSize") uint32_t localMemorySize;
  uint32_t dynUBufSize;
  aclrtEngineType engineType;
  uint32_t blockDimOffset;
  uint8_t isBlockTaskPrefetch;
  uint8_t isDataDump;
  uint16_t timeout;  // seconds, 0 is none
  aclrtTimeoutUs timeoutUs;
  uint8_t enableProfiling;
  uint32_t rsv[4];
} aclrtLaunchKernelAttrValue;

// One setting of a launch.
typedef struct aclrtLaunchKernelAttr {
  aclrtLaunchKernelAttrId id;
  aclrtLaunchKernelAttrValue value;
} aclrtLaunchKernelAttr;

// Settings of a launch.
typedef struct aclrtLaunchKernelCfg {
  aclrtLaunchKernelAttr* attrs;
  size_t numAttrs;
} aclrtLaunchKernelCfg;

// A buffer that travels with the arguments; both offsets count from the start of hostArgs.
typedef struct aclrtPlaceHolderInfo {
  uint32_t addrOffset;  // where its device address is written
  uint32_t dataOffset;  // where its data lie
} aclrtPlaceHolderInfo;

// Runs a function in `numBlocks` blocks with the arguments that lie in device memory at
// `argsData`, which stays in use until the task is done. Asynchronous, as all launches: success
// means submitted, and synchronizing the stream reports a failure. Null is the default stream.
aclError aclrtLaunchKernel(aclrtFuncHandle funcHandle, uint32_t numBlocks, const void* argsData,
                           size_t argsSize, aclrtStream stream);

// The same with settings; `cfg` may be null.
aclError aclrtLaunchKernelV2(aclrtFuncHandle funcHandle, uint32_t numBlocks, const void* argsData,
                             size_t argsSize, aclrtLaunchKernelCfg* cfg, aclrtStream stream);

// Runs a function with a finished argument list, which is copied. `cfg` may be null, `reserve`
// is null.
aclError aclrtLaunchKernelWithConfig(aclrtFuncHandle funcHandle, uint32_t numBlocks,
                                     aclrtStream stream, aclrtLaunchKernelCfg* cfg,
                                     aclrtArgsHandle argsHandle, void* reserve);

// Runs a function with arguments from host memory, which are copied, so that the memory is free
// when the call returns. `placeHolderArray` names the addresses in it to be replaced.
aclError aclrtLaunchKernelWithHostArgs(aclrtFuncHandle funcHandle, uint32_t numBlocks,
                                       aclrtStream stream, aclrtLaunchKernelCfg* cfg,
                                       void* hostArgs, size_t argsSize,
                                       aclrtPlaceHolderInfo* placeHolderArray,
                                       size_t placeHolderNum);

// Runs a function (an aclrtFuncHandle, or its host symbol) with one host pointer an argument in
// the order of the parameters. The values are copied. `cfg` may be null.
aclError aclrtLaunchKernelWithArgsArray(void* func, uint32_t numBlocks, aclrtStream stream,
                                        aclrtLaunchKernelCfg* cfg, void** args);

// Device compilers bring their own dim3. In C++ dimensions that are left out are 1.
#ifndef __BISHENG_CCEC__
typedef struct dim3 {
  uint32_t x;
  uint32_t y;
  uint32_t z;
#if defined(__cplusplus) && __cplusplus >= 201103L
  constexpr dim3(uint32_t width = 1, uint32_t height = 1, uint32_t depth = 1)
      : x(width), y(height), z(depth) {}
#elif defined(__cplusplus)
  dim3(uint32_t width = 1, uint32_t height = 1, uint32_t depth = 1)
      : x(width), y(height), z(depth) {}
#endif
} dim3;
#endif

// Runs a SIMT function on a grid of thread blocks, arguments as above.
aclError aclrtLaunchSIMTKernelWithArgsArray(void* func, dim3 gridDim, dim3 blockDim,
                                            size_t dynUbufSize, aclrtStream stream,
                                            aclrtLaunchKernelCfg* cfg, void** args);

// The same with arguments from host memory.
aclError aclrtLaunchSIMTKernelWithHostArgs(void* func, dim3 gridDim, dim3 blockDim,
                                           size_t dynUbufSize, aclrtStream stream,
                                           aclrtLaunchKernelCfg* cfg, void* hostArgs,
                                           size_t argsSize, aclrtPlaceHolderInfo* placeHolderArray,
                                           size_t placeHolderNum);

// NOLINTEND(google-explicit-constructor)

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_RT_KERNEL_H_
