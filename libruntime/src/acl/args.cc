// Argument lists.
#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/kernel/args_list.h"
#include "libruntime/src/kernel/module.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

aclError aclrtKernelArgsInit(aclrtFuncHandle funcHandle, aclrtArgsHandle* argsHandle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(argsHandle);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveFunction(funcHandle, &function));
    rt::ArgsList* list = nullptr;
    VNPU_RETURN_IF_ERROR(rt::MakeArgsList(function, &list));
    *argsHandle = list;
    return ACL_SUCCESS;
  });
}

aclError aclrtKernelArgsInitByUserMem(aclrtFuncHandle funcHandle, aclrtArgsHandle argsHandle,
                                      void* userHostMem, size_t actualArgsSize) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(argsHandle);
    VNPU_REQUIRE_NOT_NULL(userHostMem);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveFunction(funcHandle, &function));
    return rt::PlaceArgsList(function, argsHandle, userHostMem, actualArgsSize);
  });
}

aclError aclrtKernelArgsGetMemSize(aclrtFuncHandle funcHandle, size_t userArgsSize,
                                   size_t* actualArgsSize) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(actualArgsSize);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveFunction(funcHandle, &function));
    *actualArgsSize = rt::ArgsMemoryBytes(*function, userArgsSize);
    return ACL_SUCCESS;
  });
}

aclError aclrtKernelArgsGetHandleMemSize(aclrtFuncHandle funcHandle, size_t* memSize) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(memSize);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveFunction(funcHandle, &function));
    *memSize = sizeof(rt::ArgsList);
    return ACL_SUCCESS;
  });
}

aclError aclrtKernelArgsAppend(aclrtArgsHandle argsHandle, void* param, size_t paramSize,
                               aclrtParamHandle* paramHandle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(param);
    VNPU_REQUIRE_NOT_NULL(paramHandle);
    if (paramSize == 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "paramSize is 0");
    }
    rt::ArgsList* list = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveArgsList(argsHandle, &list));
    rt::ArgsList::Entry* entry = nullptr;
    VNPU_RETURN_IF_ERROR(rt::AppendArg(list, param, paramSize, &entry));
    *paramHandle = entry;
    return ACL_SUCCESS;
  });
}

aclError aclrtKernelArgsAppendPlaceHolder(aclrtArgsHandle argsHandle,
                                          aclrtParamHandle* paramHandle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(paramHandle);
    rt::ArgsList* list = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveArgsList(argsHandle, &list));
    rt::ArgsList::Entry* entry = nullptr;
    VNPU_RETURN_IF_ERROR(rt::AppendPlaceholder(list, &entry));
    *paramHandle = entry;
    return ACL_SUCCESS;
  });
}

aclError aclrtKernelArgsGetPlaceHolderBuffer(aclrtArgsHandle argsHandle,
                                             aclrtParamHandle paramHandle, size_t dataSize,
                                             void** bufferAddr) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(paramHandle);
    VNPU_REQUIRE_NOT_NULL(bufferAddr);
    if (dataSize == 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "dataSize is 0");
    }
    rt::ArgsList* list = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveArgsList(argsHandle, &list));
    return rt::PlaceholderBuffer(list, paramHandle, dataSize, bufferAddr);
  });
}

aclError aclrtKernelArgsParaUpdate(aclrtArgsHandle argsHandle, aclrtParamHandle paramHandle,
                                   void* param, size_t paramSize) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(paramHandle);
    VNPU_REQUIRE_NOT_NULL(param);
    rt::ArgsList* list = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveArgsList(argsHandle, &list));
    return rt::UpdateArg(list, paramHandle, param, paramSize);
  });
}

aclError aclrtKernelArgsFinalize(aclrtArgsHandle argsHandle) {
  return Guard(__func__, [&]() -> aclError {
    rt::ArgsList* list = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveArgsList(argsHandle, &list));
    return rt::FinalizeArgs(list);
  });
}
