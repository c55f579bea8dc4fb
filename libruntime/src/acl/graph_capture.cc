// Capturing streams into models (manual 15).
#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/graph/capture.h"
#include "libruntime/src/graph/condition.h"
#include "libruntime/src/graph/group.h"
#include "libruntime/src/stream/context.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

aclError CheckMode(aclmdlRICaptureMode mode) {
  return mode >= ACL_MODEL_RI_CAPTURE_MODE_GLOBAL && mode <= ACL_MODEL_RI_CAPTURE_MODE_RELAXED
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown mode {}", static_cast<int>(mode));
}

}  // namespace

aclError aclmdlRICaptureBegin(aclrtStream stream, aclmdlRICaptureMode mode) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(CheckMode(mode));
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    return rt::BeginCapture(found, mode, nullptr);
  });
}

aclError aclmdlRICaptureToModelRIBegin(aclrtStream stream, aclmdlRI modelRI,
                                       aclmdlRICaptureMode mode) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(CheckMode(mode));
    rt::Stream* found = nullptr;
    rt::Model* model = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    VNPU_RETURN_IF_ERROR(rt::ResolveModel(modelRI, &model));
    return rt::BeginCapture(found, mode, model);
  });
}

aclError aclmdlRICaptureGetInfo(aclrtStream stream, aclmdlRICaptureStatus* status,
                                aclmdlRI* modelRI) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(status);
    VNPU_REQUIRE_NOT_NULL(modelRI);
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    rt::Model* model = nullptr;
    VNPU_RETURN_IF_ERROR(rt::CaptureInfo(found, status, &model));
    *modelRI = model;
    return ACL_SUCCESS;
  });
}

aclError aclmdlRICaptureEnd(aclrtStream stream, aclmdlRI* modelRI) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(modelRI);
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    rt::Model* model = nullptr;
    VNPU_RETURN_IF_ERROR(rt::EndCapture(found, &model));
    *modelRI = model;
    return ACL_SUCCESS;
  });
}

aclError aclmdlRICaptureThreadExchangeMode(aclmdlRICaptureMode* mode) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(mode);
    VNPU_RETURN_IF_ERROR(CheckMode(*mode));
    *mode = rt::ExchangeThreadMode(*mode);
    return ACL_SUCCESS;
  });
}

aclError aclmdlRICaptureTaskGrpBegin(aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    return rt::BeginGroup(found);
  });
}

aclError aclmdlRICaptureTaskGrpEnd(aclrtStream stream, aclrtTaskGrp* handle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(handle);
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    rt::TaskGroup* group = nullptr;
    VNPU_RETURN_IF_ERROR(rt::EndGroup(found, &group));
    *handle = group;
    return ACL_SUCCESS;
  });
}

aclError aclmdlRICaptureTaskUpdateBegin(aclrtStream stream, aclrtTaskGrp handle) {
  return Guard(__func__, [&]() -> aclError {
    rt::Stream* found = nullptr;
    rt::TaskGroup* group = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    VNPU_RETURN_IF_ERROR(rt::ResolveGroup(handle, &group));
    return rt::BeginGroupUpdate(found, group);
  });
}

aclError aclmdlRICaptureTaskUpdateEnd(aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    return rt::EndGroupUpdate(found);
  });
}

aclError aclmdlRICondHandleCreate(aclmdlRI modelRI, uint32_t defaultLaunchValue,
                                  aclmdlRICondHandleFlag flag, aclmdlRICondHandle* handle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(handle);
    const auto bits = static_cast<uint32_t>(flag);
    if (bits > ACL_MODEL_RI_COND_HANDLE_ASSIGN_DEFAULT) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "flag is {:#x}; it takes ACL_MODEL_RI_COND_HANDLE_ASSIGN_DEFAULT or 0", bits);
    }
    rt::Model* model = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveModel(modelRI, &model));
    rt::Condition* condition = nullptr;
    VNPU_RETURN_IF_ERROR(rt::NewCondition(model, defaultLaunchValue, bits != 0, &condition));
    *handle = condition;
    return ACL_SUCCESS;
  });
}

aclError aclmdlRICondHandleGetCondPtr(aclmdlRICondHandle handle, uint64_t** ptr) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(ptr);
    rt::Condition* condition = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveCondition(handle, &condition));
    *ptr = reinterpret_cast<uint64_t*>(condition->address);
    return ACL_SUCCESS;
  });
}

aclError aclmdlRIAddCondTask(aclmdlRICondTaskParams params, aclrtStream stream, uint32_t flags) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(params.modelRIArray);
    if (flags != 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "flags are {:#x}; they must be 0", flags);
    }
    rt::Stream* found = nullptr;
    rt::Condition* condition = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    VNPU_RETURN_IF_ERROR(rt::ResolveCondition(params.handle, &condition));
    return rt::AddCondTask(found, condition, params.type, params.size, params.modelRIArray);
  });
}
