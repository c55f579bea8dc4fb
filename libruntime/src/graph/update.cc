#include "libruntime/src/graph/update.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <vector>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/round_up.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/graph/task.h"
#include "libruntime/src/kernel/launch.h"
#include "libruntime/src/memory/copy.h"

namespace vnpu::runtime {
namespace {

void NoteChange(Model* model, GraphNode* node) {
  node->bits &= static_cast<uint8_t>(~kNodeDisabled);
  if (!node->has(kNodeChanged)) {
    node->bits |= kNodeChanged;
    RootOf(model)->changed.push_back(node);
  }
}

// The kernel task as a node of its own; `storage` holds arguments that do not fit the entry.
aclError KernelNode(const GraphTask& task, const aclmdlRIKernelTaskParams& params, GraphNode* node,
                    std::vector<std::byte>* storage) {
  LaunchTarget target;
  VNPU_RETURN_IF_ERROR(PrepareKernel(params.funcHandle, params.numBlocks, params.cfg,
                                     *task.stream->session, &target));
  const uint32_t size = target.function->arg_size;
  if (params.argsSize < size || (size > 0 && params.args == nullptr)) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "kernel '{}' takes {} bytes of arguments; {} were given", target.function->name,
                size, params.argsSize);
  }
  if (params.isHostArgs > 1) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "isHostArgs is {}; it takes 0 or 1", params.isHostArgs);
  }
  *node = *task.node;
  node->object = target.function;
  node->bits = static_cast<uint8_t>((node->bits & ((1 << GraphNode::kHintShift) - 1)) |
                                    target.hints << GraphNode::kHintShift);
  vnpu_sqe& sqe = node->sqe;
  sqe.flags = static_cast<uint8_t>(target.sqe_flags | (sqe.flags & VNPU_SQE_OVERFLOW));
  sqe.timeout_us = target.timeout_us;
  sqe.kernel = {};
  sqe.kernel.func_id = target.function->func_id;
  sqe.kernel.block_dim = target.blocks;
  sqe.kernel.arg_size = size;
  // What aclmdlRITaskGetParams handed out is a copy of the arguments, like those of the host.
  if (params.isHostArgs == 0 && params.args != task.args && size > 0) {
    const auto address = reinterpret_cast<uint64_t>(params.args);
    if (!task.stream->session->window().Contains(address)) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "the arguments at {} are not memory of the model's device; set isHostArgs to 1",
                  params.args);
    }
    sqe.flags |= VNPU_SQE_DEVICE_ARGS;
    std::memcpy(sqe.kernel.inline_args, &address, sizeof(address));
    node->args = nullptr;
  } else if (size <= VNPU_SQE_INLINE_BYTES) {
    sqe.flags |= VNPU_SQE_INLINE;
    if (size > 0) {
      std::memcpy(sqe.kernel.inline_args, params.args, size);
    }
  } else {
    storage->resize(size);
    std::memcpy(storage->data(), params.args, size);
    node->args = storage->data();
  }
  return ACL_SUCCESS;
}

aclError CheckWord(const GraphTask& task, const void* address) {
  VNPU_REQUIRE_NOT_NULL(address);
  if (reinterpret_cast<uint64_t>(address) % sizeof(uint64_t) != 0) {
    return Fail(ACL_ERROR_RT_ADDR_UNALIGNED, "{} is not aligned to 8 bytes", address);
  }
  return task.stream->session->window().Contains(reinterpret_cast<uint64_t>(address))
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_PARAM_INVALID, "{} is not memory of the model's device", address);
}

aclError SetWrite(GraphTask* task, const aclmdlRIValueWriteTaskParams& params) {
  VNPU_RETURN_IF_ERROR(CheckWord(*task, params.devAddr));
  task->node->sqe.store.va = reinterpret_cast<uint64_t>(params.devAddr);
  task->node->sqe.store.value = params.value;
  return ACL_SUCCESS;
}

aclError SetWait(GraphTask* task, const aclmdlRIValueWaitTaskParams& params) {
  VNPU_RETURN_IF_ERROR(CheckWord(*task, params.devAddr));
  if (params.flag > ACL_STREAM_WAIT_VALUE_NOR) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "flag is {}; it takes ACL_STREAM_WAIT_VALUE_*",
                params.flag);
  }
  task->node->sqe.value.va = reinterpret_cast<uint64_t>(params.devAddr);
  task->node->sqe.value.value = params.value;
  task->node->sqe.value.mode = params.flag;
  return ACL_SUCCESS;
}

aclError SetKernel(GraphTask* task, const aclmdlRIKernelTaskParams& params) {
  GraphNode fresh;
  std::vector<std::byte> storage;
  VNPU_RETURN_IF_ERROR(KernelNode(*task, params, &fresh, &storage));
  return AdoptTask(&RootOf(task->model)->program, task->stream, fresh, task->node);
}

// Groups may have been changed by streams that the device has not come to yet.
void AddGroups(const Model& model, std::vector<GraphNode*>* nodes) {
  for (const TaskGroup* const group : model.groups) {
    nodes->insert(nodes->end(), group->nodes.begin(), group->nodes.end());
  }
  for (const auto& task : model.cond_tasks) {
    for (const Model* const body : task->bodies) {
      AddGroups(*body, nodes);
    }
  }
}

aclError CheckReady(const GraphTask& task) {
  return RootOf(task.model)->state.load() == ModelState::kReady
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_MODEL_UPDATE_FAILED,
                    "the task's model is not complete; end its capture or building first");
}

}  // namespace

aclError AdoptTask(Program* program, GraphStream* graph, const GraphNode& from, GraphNode* to) {
  uint32_t arg_offset = 0;
  std::byte* args = to->args;
  if (HasImageArgs(from)) {
    const uint32_t size = from.sqe.kernel.arg_size;
    if (HasImageArgs(*to) && to->arg_room >= size) {
      arg_offset = to->sqe.kernel.arg_offset;
    } else {
      arg_offset = TakeSpareArgs(program, size);
      if (arg_offset == ~0u) {
        return Fail(ACL_ERROR_RT_MODEL_UPDATE_FAILED,
                    "the model has no room for {} bytes of arguments in place of {}", size,
                    to->arg_room);
      }
      args = TakeArgs(graph, size);
      to->arg_room = static_cast<uint32_t>(RoundUp(size, 8));
    }
    std::memcpy(args, from.args, size);
  }
  constexpr auto kFlags = static_cast<uint8_t>((1 << GraphNode::kHintShift) - 1);
  const uint32_t queue_id = to->sqe.queue_id;
  const uint32_t seq = to->sqe.seq;
  to->sqe = from.sqe;
  to->sqe.queue_id = queue_id;
  to->sqe.seq = seq;
  if (HasImageArgs(from)) {
    to->sqe.kernel.arg_offset = arg_offset;
  }
  to->args = args;
  to->object = from.object;
  to->bits = static_cast<uint8_t>((to->bits & kFlags) | (from.bits & ~kFlags));
  return ACL_SUCCESS;
}

aclError SetTaskParams(GraphTask* task, const aclmdlRITaskParams& params) {
  VNPU_RETURN_IF_ERROR(CheckReady(*task));
  Model* const root = RootOf(task->model);
  const std::lock_guard lock(root->mutex);
  if (params.type != TypeOf(*task->node)) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "type is {}, the task's is {}",
                static_cast<int>(params.type), static_cast<int>(TypeOf(*task->node)));
  }
  aclError error = ACL_SUCCESS;
  switch (params.type) {
    case ACL_MODEL_RI_TASK_KERNEL:
      error = SetKernel(task, params.kernelTaskParams);
      break;
    case ACL_MODEL_RI_TASK_VALUE_WRITE:
      error = SetWrite(task, params.valueWriteTaskParams);
      break;
    case ACL_MODEL_RI_TASK_VALUE_WAIT:
      error = SetWait(task, params.valueWaitTaskParams);
      break;
    default:
      return Fail(ACL_ERROR_RT_TASK_TYPE_NOT_SUPPORT,
                  "kernels, value writes and value waits take parameters; this is another task");
  }
  if (error == ACL_SUCCESS) {
    NoteChange(task->model, task->node);
  }
  return error;
}

aclError DisableTask(GraphTask* task) {
  VNPU_RETURN_IF_ERROR(CheckReady(*task));
  switch (task->node->kind) {
    case NodeKind::kTask:
    case NodeKind::kKernel:
    case NodeKind::kValueWrite:
    case NodeKind::kValueWait:
    case NodeKind::kUpdate:
    case NodeKind::kHostCall:
    case NodeKind::kModel:
      break;
    default:
      return Fail(ACL_ERROR_RT_TASK_TYPE_NOT_SUPPORT,
                  "tasks that order others, of events and conditions, cannot be left out");
  }
  const std::lock_guard lock(RootOf(task->model)->mutex);
  NoteChange(task->model, task->node);
  task->node->bits |= kNodeDisabled;
  return ACL_SUCCESS;
}

aclError UpdateModel(Model* model) {
  Model* const root = RootOf(model);
  const std::lock_guard lock(root->mutex);
  if (root->state.load() != ModelState::kReady) {
    return Fail(ACL_ERROR_RT_MODEL_UPDATE_FAILED,
                "the model is not complete; end its capture or building first");
  }
  if (root->changed.empty()) {
    return ACL_SUCCESS;
  }
  {
    // Another copy would be made of what they have not changed yet.
    const std::lock_guard launches(root->program.lock);
    if (!root->program.updates.idle()) {
      return Fail(ACL_ERROR_RT_MODEL_UPDATE_FAILED,
                  "aclrtTaskUpdateAsync changes tasks of the model in a stream that has not come "
                  "there; synchronise that stream first");
    }
  }
  std::vector<GraphNode*>& changed = root->changed;
  AddGroups(*root, &changed);
  if (!UpdateProgram(&root->program, changed, root->nested.load() != 0)) {
    return Fail(ACL_ERROR_RT_MODEL_UPDATE_FAILED,
                "the model is executed with {} different sets of parameters, or as a part of other "
                "models; synchronise a stream that executes it first",
                root->program.copies);
  }
  for (GraphNode* const node : changed) {
    node->bits &= static_cast<uint8_t>(~kNodeChanged);
  }
  changed.clear();
  return ACL_SUCCESS;
}

}  // namespace vnpu::runtime
