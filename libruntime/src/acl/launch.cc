#include "libruntime/src/kernel/launch.h"

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/stream/stream.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

[[gnu::hot]] aclError aclrtLaunchKernel(aclrtFuncHandle funcHandle, uint32_t numBlocks,
                                        const void* argsData, size_t argsSize, aclrtStream stream) {
  return Guard(__func__, [&] {
    return rt::LaunchFromDevice(funcHandle, numBlocks, argsData, argsSize, nullptr, stream);
  });
}

aclError aclrtLaunchKernelV2(aclrtFuncHandle funcHandle, uint32_t numBlocks, const void* argsData,
                             size_t argsSize, aclrtLaunchKernelCfg* cfg, aclrtStream stream) {
  return Guard(__func__, [&] {
    return rt::LaunchFromDevice(funcHandle, numBlocks, argsData, argsSize, cfg, stream);
  });
}

aclError aclrtLaunchKernelWithConfig(aclrtFuncHandle funcHandle, uint32_t numBlocks,
                                     aclrtStream stream, aclrtLaunchKernelCfg* cfg,
                                     aclrtArgsHandle argsHandle, void* reserve) {
  return Guard(__func__, [&]() -> aclError {
    if (reserve != nullptr) {
      return Fail(ACL_ERROR_INVALID_PARAM, "reserve is not null");
    }
    rt::LaunchTarget target;
    VNPU_RETURN_IF_ERROR(rt::PrepareLaunch(funcHandle, numBlocks, cfg, stream, &target));
    rt::ArgsList* list = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveArgsList(argsHandle, &list));
    return rt::LaunchWithList(target, *list);
  });
}

aclError aclrtLaunchKernelWithHostArgs(aclrtFuncHandle funcHandle, uint32_t numBlocks,
                                       aclrtStream stream, aclrtLaunchKernelCfg* cfg,
                                       void* hostArgs, size_t argsSize,
                                       aclrtPlaceHolderInfo* placeHolderArray,
                                       size_t placeHolderNum) {
  return Guard(__func__, [&]() -> aclError {
    rt::LaunchTarget target;
    VNPU_RETURN_IF_ERROR(rt::PrepareLaunch(funcHandle, numBlocks, cfg, stream, &target));
    if (argsSize > 0 || target.function->arg_size > 0) {
      VNPU_REQUIRE_NOT_NULL(hostArgs);
    }
    if (placeHolderNum > 0) {
      VNPU_REQUIRE_NOT_NULL(placeHolderArray);
    }
    return rt::LaunchWithPlaceholders(target, hostArgs, argsSize, placeHolderArray, placeHolderNum);
  });
}

aclError aclrtLaunchKernelWithArgsArray(void* func, uint32_t numBlocks, aclrtStream stream,
                                        aclrtLaunchKernelCfg* cfg, void** args) {
  return Guard(__func__, [&]() -> aclError {
    const void* kernel = func;
    if (rt::functions.Resolve(func) == nullptr && func != nullptr) {  // a __global__ function
      rt::Function* found = nullptr;
      VNPU_RETURN_IF_ERROR(rt::FindFunctionBySymbol(func, &found));
      kernel = found;
    }
    rt::LaunchTarget target;
    VNPU_RETURN_IF_ERROR(rt::PrepareLaunch(kernel, numBlocks, cfg, stream, &target));
    return rt::LaunchWithArray(target, args);
  });
}

aclError aclrtGetThreadLastTaskId(uint32_t* taskId) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(taskId);
    uint64_t task = 0;
    if (!rt::LastTask(&task)) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "this thread has not submitted a task yet");
    }
    *taskId = static_cast<uint32_t>(task);
    return ACL_SUCCESS;
  });
}
