// Looking at the tasks of models, and changing them (manual 15); what applications say of them
// (24).
#include <algorithm>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/graph/task.h"
#include "libruntime/src/graph/update.h"

namespace rt = vnpu::runtime;
using rt::Guard;

namespace {

// Runs `body` with the task.
template <class Body>
aclError WithTask(const char* function, void* handle, Body&& body) {
  return Guard(function, [&]() -> aclError {
    rt::GraphTask* task = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveTask(handle, &task));
    return body(task);
  });
}

}  // namespace

aclError aclmdlRIGetStreams(aclmdlRI modelRI, aclrtStream* streams, uint32_t* numStreams) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(numStreams);
    rt::Model* model = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveModel(modelRI, &model));
    return rt::StreamsOf(model, streams, numStreams);
  });
}

aclError aclmdlRIGetTasksByStream(aclrtStream stream, aclmdlRITask* tasks, uint32_t* numTasks) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(numTasks);
    return rt::TasksOf(stream, tasks, numTasks);
  });
}

aclError aclmdlRITaskGetType(aclmdlRITask task, aclmdlRITaskType* type) {
  return WithTask(__func__, task, [&](rt::GraphTask* found) -> aclError {
    VNPU_REQUIRE_NOT_NULL(type);
    *type = rt::TypeOf(*found->node);
    return ACL_SUCCESS;
  });
}

aclError aclmdlRITaskGetSeqId(aclmdlRITask task, uint32_t* id) {
  return WithTask(__func__, task, [&](rt::GraphTask* found) -> aclError {
    VNPU_REQUIRE_NOT_NULL(id);
    *id = found->node->id;
    return ACL_SUCCESS;
  });
}

aclError aclmdlRITaskGetParams(aclmdlRITask task, aclmdlRITaskParams* params) {
  return WithTask(__func__, task, [&](rt::GraphTask* found) -> aclError {
    VNPU_REQUIRE_NOT_NULL(params);
    return rt::TaskParams(found, params);
  });
}

aclError aclmdlRITaskSetParams(aclmdlRITask task, aclmdlRITaskParams* params) {
  return WithTask(__func__, task, [&](rt::GraphTask* found) -> aclError {
    VNPU_REQUIRE_NOT_NULL(params);
    return rt::SetTaskParams(found, *params);
  });
}

aclError aclmdlRIKernelTaskGetAttribute(aclmdlRITask task, aclrtLaunchKernelAttrId attrId,
                                        aclrtLaunchKernelAttrValue* attrValue) {
  return WithTask(__func__, task, [&](rt::GraphTask* found) -> aclError {
    VNPU_REQUIRE_NOT_NULL(attrValue);
    return rt::KernelAttribute(*found, attrId, attrValue);
  });
}

aclError aclmdlRITaskDisable(aclmdlRITask task) {
  return WithTask(__func__, task, [](rt::GraphTask* found) { return rt::DisableTask(found); });
}

aclError aclrtCacheLastTaskExtendInfo(const char* const extendInfoPtr, const size_t infoSize) {
  return Guard(__func__, [&]() -> aclError {
    constexpr size_t kMost = 4096;
    VNPU_REQUIRE_NOT_NULL(extendInfoPtr);
    if (infoSize == 0) {
      return rt::Fail(ACL_ERROR_RT_PARAM_INVALID, "infoSize is 0; it takes 1 or more");
    }
    return rt::DescribeLastTask({extendInfoPtr, std::min(infoSize, kMost)});
  });
}

aclError aclmdlRIUpdate(aclmdlRI modelRI) {
  return Guard(__func__, [&]() -> aclError {
    rt::Model* model = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveModel(modelRI, &model));
    return rt::UpdateModel(model);
  });
}
