#include "libruntime/src/graph/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/event/event.h"
#include "libruntime/src/graph/capture.h"
#include "libruntime/src/graph/nested.h"
#include "libruntime/src/graph/task.h"
#include "libruntime/src/memory/device_memory.h"
#include "libruntime/src/memory/pinned_memory.h"

namespace vnpu::runtime {

constinit Slab<Model, kMaxModels> models;
constinit Slab<Condition, kMaxConditions> conditions;

namespace {

struct LiveModels {
  std::mutex mutex;
  std::set<Model*> models;
};

LiveModels& Live() {
  static auto* const live = new LiveModels;
  return *live;
}

std::atomic<uint32_t> next_model_id{1};

void FreeCondition(Condition* condition) {
  conditions.Retire(condition);
  if (condition->model->session->usable()) {
    condition->model->session->device_memory().Free(condition->address);
  }
  condition->model = nullptr;
  conditions.Free(condition);
}

void FreeGroup(TaskGroup* group) {
  task_groups.Retire(group);
  for (std::byte* const block : group->data) {
    if (group->stream->session->usable()) {
      group->stream->session->pinned_memory().Free(block);
    }
  }
  group->data.clear();
  group->nodes.clear();
  task_groups.Free(group);
}

void FreeStreamOf(GraphStream* graph) {
  if (!graph->persistent) {
    FreeGraphStream(graph);
    return;
  }
  graph->model = nullptr;
  graph->sealed = false;
}

void ReleaseEvents(const std::vector<ExternalUse>& uses) {
  for (const ExternalUse& use : uses) {
    const std::lock_guard lock(use.event->mutex);
    if (use.event->generation() == use.generation && use.event->in_graph.uses > 0) {
      --use.event->in_graph.uses;
    }
  }
}

std::vector<Model*> BodiesOf(const Model& model) {
  std::vector<Model*> bodies;
  for (const auto& task : model.cond_tasks) {
    bodies.insert(bodies.end(), task->bodies.begin(), task->bodies.end());
  }
  return bodies;
}

// What a retired model has. Calls that found it alive may still look at its context.
void Empty(Model* model) {
  for (TaskGroup* const group : model->groups) {
    FreeGroup(group);
  }
  for (GraphStream* const graph : model->streams) {
    FreeStreamOf(graph);
  }
  for (Condition* const condition : model->conditions) {
    FreeCondition(condition);
  }
  model->groups.clear();
  model->streams.clear();
  model->conditions.clear();
  model->cond_tasks.clear();
  model->changed.clear();
  model->callbacks.clear();
  model->open_group = nullptr;
  model->open_group_stream.store(nullptr);
  model->session.reset();
}

void Bury(Model* model) {
  {
    LiveModels& live = Live();
    const std::lock_guard lock(live.mutex);
    live.models.erase(model);
  }
  std::vector<Model*> bodies;
  std::vector<ExternalUse> uses;
  {
    const std::lock_guard lock(model->mutex);
    UnloadProgram(&model->program);
    FreeTasksOf(model);
    bodies = BodiesOf(*model);
    uses = std::exchange(model->event_uses, {});
  }
  // Without the lock: who has an event's takes a model's.
  for (Model* const body : bodies) {
    DropModel(body);
  }
  ReleaseEvents(uses);
  {
    const std::lock_guard lock(model->mutex);
    Empty(model);
  }
  models.Free(model);
}

std::vector<Model*> RootsWhere(const std::function<bool(const Model&)>& chosen) {
  std::vector<Model*> found;
  ForEachModel([&](Model* model) {
    if (model->parent == nullptr && chosen(*model)) {
      found.push_back(model);
    }
  });
  return found;
}

const char* StreamKind(const GraphStream& graph) {
  return graph.persistent ? "stream" : "captured stream";
}

}  // namespace

aclError NewModel(ModelState state, Model* parent, Model** model) {
  Context* context = nullptr;
  VNPU_RETURN_IF_ERROR(CurrentContext(&context));
  Model* const fresh = models.Allocate();
  if (fresh == nullptr) {
    return Fail(ACL_ERROR_RT_NO_MODEL_RESOURCE,
                "too many models ({}); destroy those that are not needed", kMaxModels);
  }
  fresh->state.store(state);
  fresh->capture_number.store(0);
  fresh->capture.refused.store(ACL_SUCCESS);
  fresh->id = next_model_id.fetch_add(1);
  fresh->name.clear();
  fresh->context = context;
  fresh->context_generation = context->generation();
  fresh->session = context->session;
  fresh->session_serial = context->session->serial();
  fresh->built = state == ModelState::kBuilding;
  fresh->jumps = false;
  fresh->nested.store(0);
  fresh->parent = parent;
  models.Publish(fresh);
  LiveModels& live = Live();
  const std::lock_guard lock(live.mutex);
  live.models.insert(fresh);
  *model = fresh;
  return ACL_SUCCESS;
}

aclError ResolveModel(void* handle, Model** model) {
  VNPU_REQUIRE_NOT_NULL(handle);
  Model* const found = models.Resolve(handle);
  if (found == nullptr) [[unlikely]] {
    return Fail(ACL_ERROR_RT_INVALID_HANDLE,
                "{} is not a model, or it was destroyed, or its device was reset", handle);
  }
  Context* context = nullptr;
  VNPU_RETURN_IF_ERROR(CurrentContext(&context));
  if (found->context != context) [[unlikely]] {
    return Fail(ACL_ERROR_RT_MODEL_CONTEXT,
                "the model belongs to another context than this thread's current one");
  }
  *model = found;
  return ACL_SUCCESS;
}

aclError DestroyModel(Model* model) {
  if (model->parent != nullptr) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "the model is the body of a conditional task and ends with that task's model");
  }
  {
    const std::lock_guard lock(model->mutex);
    if (model->capturing()) {
      return Fail(ACL_ERROR_RT_MODEL_CAPTURED,
                  "the model is still captured; call aclmdlRICaptureEnd first");
    }
    VNPU_RETURN_IF_ERROR(CheckNotNested(*model));
    const std::lock_guard launches(model->program.lock);
    if (model->program.loaded && model->session->usable() && !IdleProgram(model->program)) {
      return Fail(ACL_ERROR_RT_MODEL_RUNNING,
                  "the model is being executed; synchronise its streams first");
    }
    if (!models.Retire(model)) {
      return Fail(ACL_ERROR_RT_INVALID_HANDLE, "the model is being destroyed by another thread");
    }
    model->program.loaded = false;
  }
  for (const DestroyCallback& callback : std::exchange(model->callbacks, {})) {
    callback.function(callback.argument);
  }
  Bury(model);
  return ACL_SUCCESS;
}

void DropModel(Model* model) {
  AbandonCapture(model);
  {
    const std::lock_guard launches(model->program.lock);
    if (!models.Retire(model)) {
      return;
    }
    model->program.loaded = false;
  }
  Bury(model);
}

void DropModelsOf(const Session& session) {
  for (Model* const model :
       RootsWhere([&](const Model& each) { return each.session_serial == session.serial(); })) {
    DropModel(model);
  }
}

void DropModelsOf(const Context& context) {
  for (Model* const model :
       RootsWhere([&](const Model& each) { return each.context == &context; })) {
    DropModel(model);
  }
}

void ForEachModel(const std::function<void(Model*)>& visit) {
  LiveModels& live = Live();
  const std::lock_guard lock(live.mutex);
  for (Model* const model : live.models) {
    visit(model);
  }
}

Model* RootOf(Model* model) {
  while (model->parent != nullptr) {
    model = model->parent;
  }
  return model;
}

std::string DescribePlace(const Session& session, uint32_t device_model, uint32_t stream,
                          uint32_t position) {
  Model* root = nullptr;
  ForEachModel([&](Model* model) {
    if (model->session_serial == session.serial() && model->program.loaded &&
        model->program.model_id == device_model) {
      root = model;
    }
  });
  if (root == nullptr) {
    return {};
  }
  std::string text = root->name.empty() ? fmt::format("model {}", root->id)
                                        : fmt::format("model {} ('{}')", root->id, root->name);
  ForEachModel([&](Model* model) {
    if (RootOf(model) != root) {
      return;
    }
    for (const GraphStream* const graph : model->streams) {
      if (graph->image_stream == stream) {
        text += model == root ? fmt::format(", {} {}", StreamKind(*graph), graph->number)
                              : fmt::format(", body {}, stream {}", model->id, graph->number);
        if (const GraphNode* const node = NodeAt(*graph, position); node != nullptr) {
          text += fmt::format(", task {}", node->id);
        }
      }
    }
  });
  return text;
}

}  // namespace vnpu::runtime
