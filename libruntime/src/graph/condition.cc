#include "libruntime/src/graph/condition.h"

#include <memory>
#include <mutex>
#include <utility>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/graph/capture.h"
#include "libruntime/src/memory/copy_engine.h"
#include "libruntime/src/memory/device_memory.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {
namespace {

aclError CheckCount(aclmdlRICondTaskType type, uint32_t count) {
  switch (type) {
    case ACL_MODEL_RI_COND_TYPE_IF:
      return count == 1 || count == 2
                 ? ACL_SUCCESS
                 : Fail(ACL_ERROR_RT_PARAM_INVALID, "size is {}; an if has 1 or 2 bodies", count);
    case ACL_MODEL_RI_COND_TYPE_WHILE:
      return count == 1 ? ACL_SUCCESS
                        : Fail(ACL_ERROR_RT_PARAM_INVALID, "size is {}; a while has 1 body", count);
    case ACL_MODEL_RI_COND_TYPE_SWITCH:
      return count >= 1 && count < VNPU_MAX_MODEL_GRAPHS
                 ? ACL_SUCCESS
                 : Fail(ACL_ERROR_RT_PARAM_INVALID, "size is {}; a switch has 1 to {} bodies",
                        count, VNPU_MAX_MODEL_GRAPHS - 1);
  }
  return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown type {}", static_cast<int>(type));
}

uint32_t KindOf(aclmdlRICondTaskType type) {
  switch (type) {
    case ACL_MODEL_RI_COND_TYPE_IF:
      return VNPU_MODEL_IF;
    case ACL_MODEL_RI_COND_TYPE_WHILE:
      return VNPU_MODEL_WHILE;
    default:
      return VNPU_MODEL_CASE;
  }
}

aclError MakeBodies(Model* parent, uint32_t count, CondTask* task) {
  for (uint32_t i = 0; i < count; ++i) {
    Model* body = nullptr;
    const aclError error = NewModel(ModelState::kEmpty, parent, &body);
    if (error != ACL_SUCCESS) {
      for (Model* const made : task->bodies) {
        DropModel(made);
      }
      return error;
    }
    task->bodies.push_back(body);
  }
  return ACL_SUCCESS;
}

}  // namespace

aclError NewCondition(Model* model, uint32_t initial, bool assign, Condition** condition) {
  const std::lock_guard lock(model->mutex);
  if (!model->capturing() && model->state.load() != ModelState::kEmpty) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "conditions are made while the model is captured; it has all of its tasks");
  }
  Condition* const fresh = conditions.Allocate();
  if (fresh == nullptr) {
    return Fail(ACL_ERROR_RT_NO_MODEL_RESOURCE, "too many conditions ({})", kMaxConditions);
  }
  Session& session = *model->session;
  fresh->address = 0;
  aclError error = session.device_memory().Allocate({.size = sizeof(uint64_t)}, &fresh->address);
  if (error == ACL_SUCCESS) {
    error = session.copies().Fill(fresh->address, sizeof(uint64_t), initial, sizeof(uint32_t));
    const uint64_t upper = fresh->address + sizeof(uint32_t);
    error = error != ACL_SUCCESS ? error : session.copies().Fill(upper, sizeof(uint32_t), 0, 1);
  }
  if (error != ACL_SUCCESS) {
    if (fresh->address != 0) {
      session.device_memory().Free(fresh->address);
    }
    conditions.Free(fresh);
    return error;
  }
  fresh->model = model;
  fresh->initial = initial;
  fresh->assign = assign;
  conditions.Publish(fresh);
  model->conditions.push_back(fresh);
  *condition = fresh;
  return ACL_SUCCESS;
}

aclError ResolveCondition(void* handle, Condition** condition) {
  VNPU_REQUIRE_NOT_NULL(handle);
  *condition = conditions.Resolve(handle);
  return *condition != nullptr ? ACL_SUCCESS
                               : Fail(ACL_ERROR_RT_INVALID_HANDLE,
                                      "{} is not a condition, or its model was destroyed", handle);
}

aclError AddCondTask(Stream* stream, Condition* condition, aclmdlRICondTaskType type,
                     uint32_t count, aclmdlRI* bodies) {
  VNPU_RETURN_IF_ERROR(CheckCount(type, count));
  Model* const model = CaptureOf(stream);
  if (model == nullptr) {
    return Fail(ACL_ERROR_RT_STREAM_NOT_CAPTURED,
                "conditional tasks are for streams that are captured");
  }
  if (RootOf(condition->model) != RootOf(model)) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "the condition belongs to another model");
  }
  auto task = std::make_unique<CondTask>();
  task->condition = condition;
  task->type = type;
  VNPU_RETURN_IF_ERROR(MakeBodies(model, count, task.get()));
  const aclError error = Submit(stream, 0, 0, [&](Slot& slot) {
    slot.kind = NodeKind::kCondition;
    slot.object = task.get();
    slot.sqe->opcode = VNPU_OP_MODEL_COND;
    slot.sqe->cond.va = condition->address;
    slot.sqe->cond.kind = KindOf(type);
    slot.sqe->cond.graphs = count;
  });
  if (error != ACL_SUCCESS) {
    for (Model* const body : task->bodies) {
      DropModel(body);
    }
    return error;
  }
  for (uint32_t i = 0; i < count; ++i) {
    bodies[i] = task->bodies[i];
  }
  const std::lock_guard lock(model->mutex);
  model->cond_tasks.push_back(std::move(task));
  return ACL_SUCCESS;
}

}  // namespace vnpu::runtime
