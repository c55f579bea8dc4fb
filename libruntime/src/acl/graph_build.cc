// Models of persistent streams (manual 15), jumps between streams (06) and labels (10).
#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/graph/build.h"
#include "libruntime/src/graph/label.h"
#include "libruntime/src/stream/context.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

// The manual's ACL_MODEL_STREAM_FLAG_HEAD and _DEFAULT, which the interface's headers do not
// define.
constexpr uint32_t kFlagHead = 0;
constexpr uint32_t kFlagDefault = 0x7fffffff;

// A model and a stream of it.
aclError Resolve(void* model, void* stream, rt::Model** found_model, rt::Stream** found_stream) {
  VNPU_REQUIRE_NOT_NULL(stream);
  VNPU_RETURN_IF_ERROR(rt::ResolveModel(model, found_model));
  return rt::ResolveStream(stream, found_stream);
}

}  // namespace

aclError aclmdlRIBuildBegin(aclmdlRI* modelRI, uint32_t flag) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(modelRI);
    if (flag != 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "flag is {:#x}; it must be 0", flag);
    }
    rt::Model* model = nullptr;
    VNPU_RETURN_IF_ERROR(rt::NewModel(rt::ModelState::kBuilding, nullptr, &model));
    *modelRI = model;
    return ACL_SUCCESS;
  });
}

aclError aclmdlRIBindStream(aclmdlRI modelRI, aclrtStream stream, uint32_t flag) {
  return Guard(__func__, [&]() -> aclError {
    if (flag != kFlagHead && flag != kFlagDefault) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "flag is {:#x}; it takes {:#x} (the stream starts with the model) or {:#x}", flag,
                  kFlagHead, kFlagDefault);
    }
    rt::Model* model = nullptr;
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(Resolve(modelRI, stream, &model, &found));
    return rt::BindStream(model, found, flag == kFlagHead);
  });
}

aclError aclmdlRIEndTask(aclmdlRI modelRI, aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    rt::Model* model = nullptr;
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(Resolve(modelRI, stream, &model, &found));
    return rt::EndTasks(model, found);
  });
}

aclError aclmdlRIBuildEnd(aclmdlRI modelRI, void* reserve) {
  return Guard(__func__, [&]() -> aclError {
    if (reserve != nullptr) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "reserve is {}; it must be null", reserve);
    }
    rt::Model* model = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveModel(modelRI, &model));
    return rt::EndBuild(model);
  });
}

aclError aclmdlRIUnbindStream(aclmdlRI modelRI, aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    rt::Model* model = nullptr;
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(Resolve(modelRI, stream, &model, &found));
    return rt::UnbindStream(model, found);
  });
}

aclError aclrtPersistentTaskClean(aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(stream);
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    return rt::CleanTasks(found);
  });
}

aclError aclrtActiveStream(aclrtStream activeStream, aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(activeStream);
    rt::Stream* target = nullptr;
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(activeStream, &target));
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    return rt::AddActivate(found, target);
  });
}

aclError aclrtSwitchStream(void* leftValue, aclrtCondition cond, void* rightValue,
                           aclrtCompareDataType dataType, aclrtStream trueStream,
                           aclrtStream falseStream, aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(leftValue);
    VNPU_REQUIRE_NOT_NULL(rightValue);
    VNPU_REQUIRE_NOT_NULL(trueStream);
    if (cond < ACL_RT_EQUAL || cond > ACL_RT_LESS_OR_EQUAL || falseStream != nullptr ||
        (dataType != ACL_RT_SWITCH_INT32 && dataType != ACL_RT_SWITCH_INT64)) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "cond is {}, dataType {}, falseStream {}: values of aclrtCondition and "
                  "aclrtCompareDataType, and null",
                  static_cast<int>(cond), static_cast<int>(dataType), falseStream);
    }
    rt::Stream* target = nullptr;
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(trueStream, &target));
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    return rt::AddSwitch(found,
                         {.left = leftValue,
                          .right = rightValue,
                          .condition = cond,
                          .width = dataType == ACL_RT_SWITCH_INT32 ? 4u : 8u},
                         target);
  });
}

aclError aclrtCreateLabel(aclrtLabel* label) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(label);
    rt::Label* fresh = nullptr;
    VNPU_RETURN_IF_ERROR(rt::NewLabel(&fresh));
    *label = fresh;
    return ACL_SUCCESS;
  });
}

aclError aclrtSetLabel(aclrtLabel label, aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    rt::Label* found_label = nullptr;
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveLabel(label, &found_label));
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    return rt::SetLabel(found_label, found);
  });
}

aclError aclrtDestroyLabel(aclrtLabel label) {
  return Guard(__func__, [&]() -> aclError {
    rt::Label* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveLabel(label, &found));
    return rt::DestroyLabel(found);
  });
}

aclError aclrtCreateLabelList(aclrtLabel* labels, size_t num, aclrtLabelList* labelList) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(labels);
    VNPU_REQUIRE_NOT_NULL(labelList);
    rt::LabelList* list = nullptr;
    VNPU_RETURN_IF_ERROR(rt::NewLabelList(labels, num, &list));
    *labelList = list;
    return ACL_SUCCESS;
  });
}

namespace {

aclError ResolveList(void* handle, rt::LabelList** list) {
  VNPU_REQUIRE_NOT_NULL(handle);
  *list = rt::label_lists.Resolve(handle);
  if (*list == nullptr) {
    return Fail(ACL_ERROR_RT_INVALID_HANDLE, "{} is not a list of labels, or it was destroyed",
                handle);
  }
  return ACL_SUCCESS;
}

}  // namespace

aclError aclrtDestroyLabelList(aclrtLabelList labelList) {
  return Guard(__func__, [&]() -> aclError {
    rt::LabelList* list = nullptr;
    VNPU_RETURN_IF_ERROR(ResolveList(labelList, &list));
    return rt::DestroyLabelList(list);
  });
}

aclError aclrtSwitchLabelByIndex(void* ptr, uint32_t maxValue, aclrtLabelList labelList,
                                 aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(ptr);
    rt::LabelList* list = nullptr;
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(ResolveList(labelList, &list));
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    return rt::AddGoto(found, ptr, maxValue, *list);
  });
}
