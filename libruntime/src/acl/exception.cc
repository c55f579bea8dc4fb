// Failed kernels in detail, and errors of the hardware, which a virtual device does not have.
#include <cstring>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/device.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/kernel/module.h"
#include "libruntime/src/queue/exception_callback.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

aclError OpenDevice(int32_t device, std::shared_ptr<rt::Session>* session) {
  *session = device < 0 ? nullptr : rt::SessionOfDevice(static_cast<uint32_t>(device));
  return *session != nullptr ? ACL_SUCCESS
                             : Fail(ACL_ERROR_RT_INVALID_DEVICEID,
                                    "device {} is not in use; call aclrtSetDevice first", device);
}

}  // namespace

aclError aclrtBinarySetExceptionCallback(aclrtBinHandle binHandle,
                                         aclrtOpExceptionCallback callback, void* userData) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(callback);
    rt::Module* module = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveModule(binHandle, &module));
    const std::lock_guard lock(module->mutex);
    module->exception_callback = callback;
    module->exception_argument = userData;
    return ACL_SUCCESS;
  });
}

aclError aclrtGetArgsFromExceptionInfo(const aclrtExceptionInfo* info, void** devArgsPtr,
                                       uint32_t* devArgsLen) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(info);
    VNPU_REQUIRE_NOT_NULL(devArgsPtr);
    VNPU_REQUIRE_NOT_NULL(devArgsLen);
    if (info->function == nullptr) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "the task that failed is no kernel, or its image was unloaded");
    }
    if (info->args == nullptr && info->arg_bytes > 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "later launches have taken the place of the arguments; synchronise earlier");
    }
    *devArgsPtr = info->args;
    *devArgsLen = info->arg_bytes;
    return ACL_SUCCESS;
  });
}

aclError aclrtGetFuncHandleFromExceptionInfo(const aclrtExceptionInfo* info,
                                             aclrtFuncHandle* func) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(info);
    VNPU_REQUIRE_NOT_NULL(func);
    if (info->function == nullptr) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "the task that failed is no kernel, or its image was unloaded");
    }
    *func = info->function;
    return ACL_SUCCESS;
  });
}

aclError aclrtGetMemUceInfo(int32_t deviceId, aclrtMemUceInfo* memUceInfoArray, size_t arraySize,
                            size_t* retSize) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(memUceInfoArray);
    VNPU_REQUIRE_NOT_NULL(retSize);
    if (arraySize == 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "the array has no element");
    }
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(OpenDevice(deviceId, &session));
    *retSize = 0;  // the memory is the host's, which corrects its errors or ends the process
    return ACL_SUCCESS;
  });
}

aclError aclrtMemUceRepair(int32_t deviceId, aclrtMemUceInfo* memUceInfoArray, size_t arraySize) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(memUceInfoArray);
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(OpenDevice(deviceId, &session));
    return arraySize == 0 ? ACL_SUCCESS
                          : Fail(ACL_ERROR_RT_PARAM_INVALID,
                                 "device {} has no memory errors, and {:#x} is none", deviceId,
                                 reinterpret_cast<uint64_t>(memUceInfoArray[0].addr));
  });
}

aclError aclrtGetErrorVerbose(int32_t deviceId, aclrtErrorInfo* errorInfo) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(errorInfo);
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(OpenDevice(deviceId, &session));
    std::memset(errorInfo, 0, sizeof(*errorInfo));
    errorInfo->errorType = session->CheckAlive() ? ACL_RT_NO_ERROR : ACL_RT_ERROR_OTHERS;
    return ACL_SUCCESS;
  });
}

aclError aclrtRepairError(int32_t deviceId, const aclrtErrorInfo* errorInfo) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(errorInfo);
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(OpenDevice(deviceId, &session));
    if (errorInfo->errorType == ACL_RT_NO_ERROR) {
      return ACL_SUCCESS;
    }
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "a device whose process is gone is not repaired; call aclrtResetDeviceForce, then "
                "aclrtSetDevice");
  });
}
