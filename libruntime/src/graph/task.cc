#include "libruntime/src/graph/task.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <unordered_map>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/event/event.h"
#include "libruntime/src/graph/update.h"
#include "libruntime/src/kernel/launch.h"
#include "libruntime/src/memory/pinned_memory.h"

namespace vnpu::runtime {
namespace {

constinit Slab<GraphTask, kMaxGraphTasks> graph_tasks;

// Where the node's arguments are; null: it has none, or they are in device memory.
const std::byte* ArgsOf(const GraphNode& node) {
  if ((node.sqe.flags & VNPU_SQE_INLINE) != 0) {
    return reinterpret_cast<const std::byte*>(node.sqe.kernel.inline_args);
  }
  return HasImageArgs(node) ? node.args : nullptr;
}

// Hands out a copy that the device reaches too.
aclError ShowArgs(GraphTask* task, void** args) {
  const GraphNode& node = *task->node;
  const uint32_t size = node.sqe.kernel.arg_size;
  if ((node.sqe.flags & VNPU_SQE_DEVICE_ARGS) != 0) {
    std::memcpy(args, node.sqe.kernel.inline_args, sizeof(*args));
    return ACL_SUCCESS;
  }
  if (size == 0) {
    *args = nullptr;
    return ACL_SUCCESS;
  }
  PinnedMemory& memory = task->stream->session->pinned_memory();
  if (task->arg_room < size) {
    std::byte* fresh = nullptr;
    VNPU_RETURN_IF_ERROR(memory.Allocate(size, &fresh));
    if (task->args != nullptr) {
      memory.Free(task->args);
    }
    task->args = fresh;
    task->arg_room = size;
  }
  std::memcpy(task->args, ArgsOf(node), size);
  *args = task->args;
  return ACL_SUCCESS;
}

aclError ShowKernel(GraphTask* task, aclmdlRIKernelTaskParams* params) {
  const GraphNode& node = *task->node;
  params->funcHandle = const_cast<void*>(node.object);
  params->argsSize = node.sqe.kernel.arg_size;
  params->numBlocks = node.sqe.kernel.block_dim;
  params->isHostArgs = 0;
  size_t count = 0;
  const auto add = [&](aclrtLaunchKernelAttrId id) {
    aclrtLaunchKernelAttr& attribute = task->attributes.at(count);
    attribute = {};
    attribute.id = id;
    return KernelAttribute(*task, id, &attribute.value) == ACL_SUCCESS ? ++count : count;
  };
  add(ACL_RT_LAUNCH_KERNEL_ATTR_SCHEM_MODE);
  add(ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT_US);
  add(ACL_RT_LAUNCH_KERNEL_ATTR_DATA_DUMP);
  add(ACL_RT_LAUNCH_KERNEL_ATTR_ENABLE_PROFILING);
  task->config.attrs = task->attributes.data();
  task->config.numAttrs = count;
  params->cfg = &task->config;
  return ShowArgs(task, &params->args);
}

void ShowEvent(const GraphNode& node, aclrtEvent* event, uint32_t* event_flag, uint32_t* flag) {
  auto* const found = static_cast<Event*>(const_cast<void*>(node.object));
  *event = found;
  *event_flag = found->alive() ? found->flags : 0;
  *flag = (node.sqe.flags & VNPU_SQE_SEQ_IN_ARGS) != 0 ? 1 : 0;
}

aclError TooSmall(uint32_t given, uint32_t needed) {
  return Fail(ACL_ERROR_RT_INSUFFICIENT_INPUT_ARRAY, "the array has room for {}, {} are needed",
              given, needed);
}

// A handle of aclmdlRIGetStreams.
aclError ResolveGraphStream(void* handle, GraphStream** graph) {
  VNPU_REQUIRE_NOT_NULL(handle);
  if (Stream* const stream = streams.Resolve(handle); stream != nullptr) {
    const std::lock_guard lock(stream->lock);
    *graph = stream->graph;
  } else {
    *graph = graph_streams.Resolve(handle);
  }
  return *graph != nullptr && (*graph)->model != nullptr
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_STREAM_MODEL,
                    "{} is no stream of a model; call aclmdlRIGetStreams for those", handle);
}

// With the model's mutex held.
aclError MakeTask(Model* model, GraphStream* graph, GraphNode* node, GraphTask** task) {
  *task = graph_tasks.Allocate();
  if (*task == nullptr) {
    return Fail(ACL_ERROR_RT_NO_MODEL_RESOURCE, "too many tasks are looked at ({})",
                kMaxGraphTasks);
  }
  (*task)->model = model;
  (*task)->stream = graph;
  (*task)->node = node;
  (*task)->args = nullptr;
  (*task)->arg_room = 0;
  graph_tasks.Publish(*task);
  model->tasks.push_back(*task);
  return ACL_SUCCESS;
}

}  // namespace

aclError ResolveTask(void* handle, GraphTask** task) {
  VNPU_REQUIRE_NOT_NULL(handle);
  *task = graph_tasks.Resolve(handle);
  return *task != nullptr ? ACL_SUCCESS
                          : Fail(ACL_ERROR_RT_INVALID_HANDLE,
                                 "{} is not a task, or its model was destroyed", handle);
}

aclError StreamsOf(Model* model, aclrtStream* streams, uint32_t* count) {
  const std::lock_guard lock(model->mutex);
  const auto needed = static_cast<uint32_t>(model->streams.size());
  if (streams != nullptr) {
    if (*count < needed) {
      return TooSmall(*count, needed);
    }
    for (uint32_t i = 0; i < needed; ++i) {
      GraphStream* const graph = model->streams[i];
      streams[i] = graph->persistent ? static_cast<void*>(graph->stream) : graph;
    }
  }
  *count = needed;
  return ACL_SUCCESS;
}

aclError TasksOf(void* stream, aclmdlRITask* tasks, uint32_t* count) {
  GraphStream* graph = nullptr;
  VNPU_RETURN_IF_ERROR(ResolveGraphStream(stream, &graph));
  Model* const model = graph->model;
  const std::lock_guard lock(model->mutex);
  if (tasks == nullptr) {
    *count = graph->size;
    return ACL_SUCCESS;
  }
  if (*count < graph->size) {
    return TooSmall(*count, graph->size);
  }
  std::unordered_map<const GraphNode*, GraphTask*> known;
  for (GraphTask* const task : model->tasks) {
    known.emplace(task->node, task);
  }
  for (uint32_t i = 0; i < graph->size; ++i) {
    GraphTask*& task = known[&graph->node(i)];
    if (task == nullptr) {
      VNPU_RETURN_IF_ERROR(MakeTask(model, graph, &graph->node(i), &task));
    }
    tasks[i] = task;
  }
  *count = graph->size;
  return ACL_SUCCESS;
}

void FreeTasksOf(Model* model) {
  for (GraphTask* const task : model->tasks) {
    graph_tasks.Retire(task);
    if (task->args != nullptr && model->session->usable()) {
      model->session->pinned_memory().Free(task->args);
    }
    task->args = nullptr;
    graph_tasks.Free(task);
  }
  model->tasks.clear();
}

aclmdlRITaskType TypeOf(const GraphNode& node) {
  switch (node.kind) {
    case NodeKind::kKernel:
      return static_cast<const Function*>(node.object)->unit == VNPU_UNIT_AI_CPU
                 ? ACL_MODEL_RI_TASK_DEFAULT
                 : ACL_MODEL_RI_TASK_KERNEL;
    case NodeKind::kRecord:
    case NodeKind::kExternalRecord:
      return ACL_MODEL_RI_TASK_EVENT_RECORD;
    case NodeKind::kWait:
    case NodeKind::kExternalWait:
      return ACL_MODEL_RI_TASK_EVENT_WAIT;
    case NodeKind::kReset:
    case NodeKind::kExternalReset:
      return ACL_MODEL_RI_TASK_EVENT_RESET;
    case NodeKind::kValueWrite:
      return ACL_MODEL_RI_TASK_VALUE_WRITE;
    case NodeKind::kValueWait:
      return ACL_MODEL_RI_TASK_VALUE_WAIT;
    default:
      return ACL_MODEL_RI_TASK_DEFAULT;
  }
}

aclError TaskParams(GraphTask* task, aclmdlRITaskParams* params) {
  const std::lock_guard lock(task->model->mutex);
  const GraphNode& node = *task->node;
  std::memset(params, 0, sizeof(*params));
  params->type = TypeOf(node);
  for (TaskGroup* const group : task->model->groups) {
    if (node.has(kNodeGrouped) && std::ranges::find(group->nodes, &node) != group->nodes.end()) {
      params->taskGrp = group;
    }
  }
  switch (params->type) {
    case ACL_MODEL_RI_TASK_KERNEL:
      return ShowKernel(task, &params->kernelTaskParams);
    case ACL_MODEL_RI_TASK_EVENT_RECORD:
      ShowEvent(node, &params->eventRecordTaskParams.event,
                &params->eventRecordTaskParams.eventFlag,
                &params->eventRecordTaskParams.recordFlag);
      break;
    case ACL_MODEL_RI_TASK_EVENT_WAIT:
      ShowEvent(node, &params->eventWaitTaskParams.event, &params->eventWaitTaskParams.eventFlag,
                &params->eventWaitTaskParams.waitFlag);
      break;
    case ACL_MODEL_RI_TASK_EVENT_RESET:
      ShowEvent(node, &params->eventResetTaskParams.event, &params->eventResetTaskParams.eventFlag,
                &params->eventResetTaskParams.resetFlag);
      params->eventResetTaskParams.resetFlag = 0;
      break;
    case ACL_MODEL_RI_TASK_VALUE_WRITE:
      params->valueWriteTaskParams = {.devAddr = reinterpret_cast<void*>(node.sqe.store.va),
                                      .value = node.sqe.store.value};
      break;
    case ACL_MODEL_RI_TASK_VALUE_WAIT:
      params->valueWaitTaskParams = {.devAddr = reinterpret_cast<void*>(node.sqe.value.va),
                                     .value = node.sqe.value.value,
                                     .flag = node.sqe.value.mode};
      break;
    default:
      break;
  }
  return ACL_SUCCESS;
}

aclError KernelAttribute(const GraphTask& task, aclrtLaunchKernelAttrId id,
                         aclrtLaunchKernelAttrValue* value) {
  const GraphNode& node = *task.node;
  if (TypeOf(node) != ACL_MODEL_RI_TASK_KERNEL) {
    return Fail(ACL_ERROR_RT_TASK_TYPE_NOT_SUPPORT, "the task is no kernel");
  }
  const uint32_t hints = static_cast<uint32_t>(node.bits) >> GraphNode::kHintShift;
  std::memset(value, 0, sizeof(*value));
  switch (id) {
    case ACL_RT_LAUNCH_KERNEL_ATTR_SCHEM_MODE:
      value->schemMode = (node.sqe.flags & VNPU_SQE_BATCH) != 0 ? 1 : 0;
      return ACL_SUCCESS;
    case ACL_RT_LAUNCH_KERNEL_ATTR_DYN_UBUF_SIZE:
      return ACL_SUCCESS;
    case ACL_RT_LAUNCH_KERNEL_ATTR_DATA_DUMP:
      value->isDataDump = (hints & kHintDataDump) != 0 ? 1 : 0;
      return ACL_SUCCESS;
    case ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT:
      value->timeout = static_cast<uint16_t>(node.sqe.timeout_us / 1'000'000);
      return ACL_SUCCESS;
    case ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT_US:
      value->timeoutUs.timeoutLow = node.sqe.timeout_us;
      return ACL_SUCCESS;
    case ACL_RT_LAUNCH_KERNEL_ATTR_ENABLE_PROFILING:
      value->enableProfiling = (hints & kHintProfiling) != 0 ? 1 : 0;
      return ACL_SUCCESS;
    default:
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "attribute {} cannot be asked for",
                  static_cast<int>(id));
  }
}

const GraphNode* NodeAt(const GraphStream& graph, uint32_t position) {
  const uint32_t entry = graph.first_entry + position;
  for (uint32_t i = 0; i < graph.size; ++i) {
    const GraphNode& node = graph.node(i);
    if (node.entry == entry && node.kind != NodeKind::kReset && node.kind != NodeKind::kLabel &&
        node.kind != NodeKind::kEnd) {
      return &node;
    }
  }
  return nullptr;
}

}  // namespace vnpu::runtime
