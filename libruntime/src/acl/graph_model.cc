// Executing, naming, destroying and printing models (manual 15).
#include <algorithm>
#include <cstring>
#include <fstream>
#include <mutex>
#include <string>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/graph/execute.h"
#include "libruntime/src/graph/print.h"
#include "libruntime/src/stream/context.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

constexpr size_t kMaxName = 512;  // bytes, with the zero at the end

// Runs `body` with the model.
template <class Body>
aclError WithModel(const char* function, void* handle, Body&& body) {
  return Guard(function, [&]() -> aclError {
    rt::Model* model = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveModel(handle, &model));
    return body(model);
  });
}

aclError WriteFile(const char* path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file) {
    return Fail(ACL_ERROR_RT_FILE_OPEN, "cannot write to '{}'", path);
  }
  file << text << '\n';
  file.close();
  return file ? ACL_SUCCESS : Fail(ACL_ERROR_RT_FILE_WRITE, "cannot write all of '{}'", path);
}

}  // namespace

aclError aclmdlRIExecuteAsync(aclmdlRI modelRI, aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    rt::Model* model = nullptr;
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveModel(modelRI, &model));
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    return rt::ExecuteModel(model, found);
  });
}

aclError aclmdlRIExecute(aclmdlRI modelRI, int32_t timeout) {
  return WithModel(__func__, modelRI, [&](rt::Model* model) -> aclError {
    if (timeout < -1 || timeout == 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "timeout is {}; it takes -1 or milliseconds > 0",
                  timeout);
    }
    return rt::ExecuteModelNow(model, rt::DeadlineIn(timeout));
  });
}

aclError aclmdlRIAbort(aclmdlRI modelRI) {
  return WithModel(__func__, modelRI, [](rt::Model* model) { return rt::AbortModel(model); });
}

aclError aclmdlRIDestroy(aclmdlRI modelRI) {
  return WithModel(__func__, modelRI, [](rt::Model* model) { return rt::DestroyModel(model); });
}

aclError aclmdlRIDestroyRegisterCallback(aclmdlRI modelRI, aclrtCallback func, void* userData) {
  return WithModel(__func__, modelRI, [&](rt::Model* model) -> aclError {
    VNPU_REQUIRE_NOT_NULL(func);
    const std::lock_guard lock(model->mutex);
    const auto same = [&](const rt::DestroyCallback& each) { return each.function == func; };
    if (std::ranges::any_of(model->callbacks, same)) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "the function is registered already");
    }
    model->callbacks.push_back({.function = func, .argument = userData});
    return ACL_SUCCESS;
  });
}

aclError aclmdlRIDestroyUnregisterCallback(aclmdlRI modelRI, aclrtCallback func) {
  return WithModel(__func__, modelRI, [&](rt::Model* model) -> aclError {
    VNPU_REQUIRE_NOT_NULL(func);
    const std::lock_guard lock(model->mutex);
    return std::erase_if(model->callbacks,
                         [&](const auto& each) { return each.function == func; }) > 0
               ? ACL_SUCCESS
               : Fail(ACL_ERROR_RT_PARAM_INVALID, "the function is not registered");
  });
}

aclError aclmdlRISetName(aclmdlRI modelRI, const char* name) {
  return WithModel(__func__, modelRI, [&](rt::Model* model) -> aclError {
    VNPU_REQUIRE_NOT_NULL(name);
    const std::lock_guard lock(model->mutex);
    model->name = name;
    return ACL_SUCCESS;
  });
}

aclError aclmdlRIGetName(aclmdlRI modelRI, uint32_t maxLen, char* name) {
  return WithModel(__func__, modelRI, [&](rt::Model* model) -> aclError {
    VNPU_REQUIRE_NOT_NULL(name);
    if (maxLen == 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "maxLen is 0; it takes 1 or more");
    }
    const std::lock_guard lock(model->mutex);
    const size_t size = std::min({model->name.size(), size_t{maxLen} - 1, kMaxName - 1});
    std::memcpy(name, model->name.data(), size);
    name[size] = '\0';
    return ACL_SUCCESS;
  });
}

aclError aclmdlRIGetId(aclmdlRI modelRI, uint32_t* modelRIId) {
  return WithModel(__func__, modelRI, [&](rt::Model* model) -> aclError {
    VNPU_REQUIRE_NOT_NULL(modelRIId);
    *modelRIId = model->id;
    return ACL_SUCCESS;
  });
}

aclError aclmdlRIDebugJsonPrint(aclmdlRI modelRI, const char* path, uint32_t flags) {
  return WithModel(__func__, modelRI, [&](rt::Model* model) -> aclError {
    VNPU_REQUIRE_NOT_NULL(path);
    if (flags > ACL_MDLRI_DEBUG_JSON_PRINT_VERBOSE) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "flags are {:#x}; they take ACL_MDLRI_DEBUG_JSON_PRINT_SUMMARY or _VERBOSE",
                  flags);
    }
    if (model->capturing()) {
      return Fail(ACL_ERROR_RT_MODEL_CAPTURED,
                  "the model is still captured; call aclmdlRICaptureEnd first");
    }
    return WriteFile(path, rt::ModelAsJson(model, flags == ACL_MDLRI_DEBUG_JSON_PRINT_VERBOSE));
  });
}

aclError aclmdlRIDebugPrint(aclmdlRI modelRI) {
  return WithModel(__func__, modelRI, [](rt::Model* model) -> aclError {
    if (model->capturing()) {
      return Fail(ACL_ERROR_RT_MODEL_CAPTURED,
                  "the model is still captured; call aclmdlRICaptureEnd first");
    }
    rt::Log().info("{}", rt::ModelAsText(model));
    return ACL_SUCCESS;
  });
}
