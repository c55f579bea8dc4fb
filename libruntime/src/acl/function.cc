// Asking about kernels.
#include <vnpu/abi.h>

#include <cstring>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/kernel/module.h"
#include "libruntime/src/stream/context.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

int64_t KernelType(uint32_t unit) {
  switch (unit) {
    case VNPU_UNIT_VECTOR_CORE:
      return ACL_KERNEL_TYPE_VECTOR;
    case VNPU_UNIT_MIX:
      return ACL_KERNEL_TYPE_MIX;
    case VNPU_UNIT_AI_CPU:
      return ACL_KERNEL_TYPE_AICPU;
    default:
      return ACL_KERNEL_TYPE_AICORE;
  }
}

bool RunsOnVectorCores(const rt::Function& function) {
  return function.unit == VNPU_UNIT_VECTOR_CORE || function.unit == VNPU_UNIT_MIX;
}

// AI cores in bits 16 to 31, vector cores in bits 0 to 15.
int64_t CoreRatio(const rt::Function& function) {
  switch (function.unit) {
    case VNPU_UNIT_MIX:
      return int64_t{function.cube_ratio} << 16 | function.vector_ratio;
    case VNPU_UNIT_VECTOR_CORE:
      return 1;
    case VNPU_UNIT_AI_CORE:
      return int64_t{1} << 16;
    default:
      return 0;
  }
}

}  // namespace

aclError aclrtGetFuncBySymbol(const void* symbol, aclrtFuncHandle* funcHandle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(symbol);
    VNPU_REQUIRE_NOT_NULL(funcHandle);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::FindFunctionBySymbol(symbol, &function));
    *funcHandle = function;
    return ACL_SUCCESS;
  });
}

aclError aclrtGetFunctionName(aclrtFuncHandle funcHandle, uint32_t maxLen, char* name) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(name);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveFunction(funcHandle, &function));
    if (function->name.size() >= maxLen) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "the name has {} characters, maxLen is {}",
                  function->name.size(), maxLen);
    }
    std::memcpy(name, function->name.c_str(), function->name.size() + 1);
    return ACL_SUCCESS;
  });
}

aclError aclrtGetFunctionAddr(aclrtFuncHandle funcHandle, void** aicAddr, void** aivAddr) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(aicAddr);
    VNPU_REQUIRE_NOT_NULL(aivAddr);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveFunction(funcHandle, &function));
    auto* const address = reinterpret_cast<void*>(function->address);
    *aicAddr = function->unit == VNPU_UNIT_VECTOR_CORE ? nullptr : address;
    *aivAddr = RunsOnVectorCores(*function) ? address : nullptr;
    return ACL_SUCCESS;
  });
}

aclError aclrtGetFunctionSize(aclrtFuncHandle funcHandle, size_t* aicSize, size_t* aivSize) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(aicSize);
    VNPU_REQUIRE_NOT_NULL(aivSize);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveFunction(funcHandle, &function));
    *aicSize = function->unit == VNPU_UNIT_VECTOR_CORE ? 0 : function->code_size;
    *aivSize = RunsOnVectorCores(*function) ? function->code_size : 0;
    return ACL_SUCCESS;
  });
}

aclError aclrtGetFunctionAttribute(aclrtFuncHandle funcHandle, aclrtFuncAttribute attrType,
                                   int64_t* attrValue) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(attrValue);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveFunction(funcHandle, &function));
    switch (attrType) {
      case ACL_FUNC_ATTR_KERNEL_TYPE:
        *attrValue = KernelType(function->unit);
        return ACL_SUCCESS;
      case ACL_FUNC_ATTR_KERNEL_RATIO:
        *attrValue = CoreRatio(*function);
        return ACL_SUCCESS;
      case ACL_FUNC_ATTR_KERNEL_SCHED_MODE:
        *attrValue = 0;  // blocks start as cores get free
        return ACL_SUCCESS;
      default:
        return Fail(ACL_ERROR_RT_PARAM_INVALID, "kernels have no attribute {}",
                    static_cast<int>(attrType));
    }
  });
}

aclError aclrtFunctionGetBinary(const aclrtFuncHandle funcHandle, aclrtBinHandle* binHandle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(binHandle);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveFunction(funcHandle, &function));
    *binHandle = function->module;
    return ACL_SUCCESS;
  });
}

aclError aclrtFunctionGetParamCount(const void* func, size_t* paramCount) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(paramCount);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveFunction(func, &function));
    *paramCount = function->param_count;
    return ACL_SUCCESS;
  });
}

aclError aclrtFunctionGetParamInfo(const void* func, size_t paramIndex, size_t* paramOffset,
                                   size_t* paramSize) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(paramOffset);
    VNPU_REQUIRE_NOT_NULL(paramSize);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveFunction(func, &function));
    if (paramIndex >= function->params.size()) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "kernel '{}' has {} parameters; index is {}",
                  function->name, function->param_count, paramIndex);
    }
    *paramOffset = function->params[paramIndex].offset;
    *paramSize = function->params[paramIndex].size;
    return ACL_SUCCESS;
  });
}

aclError aclrtFunctionGetAvailDynUbufPerBlock(void* func, uint32_t flags, size_t* dynamicUbufSize) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(dynamicUbufSize);
    if (flags != 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "flags is {}; it takes 0", flags);
    }
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveFunction(func, &function));
    *dynamicUbufSize = 0;  // as for every kernel that is not SIMT
    return ACL_SUCCESS;
  });
}

aclError aclrtGetHardwareSyncAddr(void** addr) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(addr);
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::CurrentSession(&session));
    uint64_t address = 0;
    VNPU_RETURN_IF_ERROR(session->SyncArea(&address));
    *addr = reinterpret_cast<void*>(address);
    return ACL_SUCCESS;
  });
}
