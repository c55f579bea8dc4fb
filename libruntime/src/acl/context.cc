#include "libruntime/src/stream/context.h"

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/device.h"
#include "libruntime/src/device/driver.h"
#include "libruntime/src/stream/system_parameters.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

aclError ResolveContext(void* handle, rt::Context** context) {
  VNPU_REQUIRE_NOT_NULL(handle);
  *context = rt::contexts.Resolve(handle);
  return *context != nullptr
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_INVALID_HANDLE,
                    "{} is not a context, or it was destroyed, or its device was reset", handle);
}

}  // namespace

aclError aclrtCreateContext(aclrtContext* context, int32_t deviceId) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(context);
    rt::Context* fresh = nullptr;
    VNPU_RETURN_IF_ERROR(rt::CreateContext(deviceId, &fresh));
    *context = fresh;
    return ACL_SUCCESS;
  });
}

aclError aclrtDestroyContext(aclrtContext context) {
  return Guard(__func__, [&]() -> aclError {
    rt::Context* found = nullptr;
    VNPU_RETURN_IF_ERROR(ResolveContext(context, &found));
    return rt::DestroyContext(found);
  });
}

aclError aclrtSetCurrentContext(aclrtContext context) {
  return Guard(__func__, [&]() -> aclError {
    rt::Context* found = nullptr;
    VNPU_RETURN_IF_ERROR(ResolveContext(context, &found));
    rt::MakeCurrent(found);
    return ACL_SUCCESS;
  });
}

aclError aclrtGetCurrentContext(aclrtContext* context) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(context);
    rt::Context* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::CurrentContext(&found));
    *context = found;
    return ACL_SUCCESS;
  });
}

aclError aclrtCtxGetCurrentDefaultStream(aclrtStream* stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(stream);
    rt::Context* context = nullptr;
    VNPU_RETURN_IF_ERROR(rt::CurrentContext(&context));
    *stream = context->default_stream;
    return ACL_SUCCESS;
  });
}

aclError aclrtGetPrimaryCtxState(int32_t deviceId, uint32_t* /*flags*/, int32_t* active) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(active);
    std::shared_ptr<rt::Driver> driver;
    VNPU_RETURN_IF_ERROR(rt::Driver::Get(&driver));
    VNPU_RETURN_IF_ERROR(driver->CheckDevice(deviceId));
    *active = rt::PrimaryContextActive(static_cast<uint32_t>(deviceId)) ? 1 : 0;
    return ACL_SUCCESS;
  });
}

aclError aclrtCtxSetSysParamOpt(aclSysParamOpt opt, int64_t value) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(rt::CheckSystemParameter(opt, value));
    rt::Context* context = nullptr;
    VNPU_RETURN_IF_ERROR(rt::CurrentContext(&context));
    const std::lock_guard lock(context->mutex);
    context->parameters[opt] = value;
    return ACL_SUCCESS;
  });
}

aclError aclrtCtxGetSysParamOpt(aclSysParamOpt opt, int64_t* value) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(value);
    VNPU_RETURN_IF_ERROR(rt::CheckSystemParameter(opt));
    rt::Context* context = nullptr;
    VNPU_RETURN_IF_ERROR(rt::CurrentContext(&context));
    const std::lock_guard lock(context->mutex);
    const auto found = context->parameters.find(opt);
    if (found == context->parameters.end()) {
      return Fail(ACL_ERROR_RT_SYSPARAMOPT_NOT_SET,
                  "system parameter {} has not been set in this context", static_cast<int>(opt));
    }
    *value = found->second;
    return ACL_SUCCESS;
  });
}
