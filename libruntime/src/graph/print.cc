#include "libruntime/src/graph/print.h"

#include <fmt/format.h>

#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "libruntime/src/device/session.h"
#include "libruntime/src/graph/label.h"
#include "libruntime/src/graph/task.h"
#include "libruntime/src/graph/update.h"
#include "libruntime/src/kernel/module.h"

namespace vnpu::runtime {
namespace {

using Json = nlohmann::ordered_json;

const char* OpcodeName(uint8_t opcode) {
  switch (opcode) {
    case VNPU_OP_COPY:
      return "copy";
    case VNPU_OP_MEMSET:
      return "memset";
    case VNPU_OP_NOTIFY_RECORD:
      return "notify record";
    case VNPU_OP_NOTIFY_WAIT:
      return "notify wait";
    case VNPU_OP_REDUCE:
      return "reduce";
    case VNPU_OP_RANDOM:
      return "random";
    default:
      return "other";
  }
}

const char* KindName(const GraphNode& node) {
  switch (node.kind) {
    case NodeKind::kTask:
      return OpcodeName(node.sqe.opcode);
    case NodeKind::kKernel:
      return "kernel";
    case NodeKind::kValueWrite:
      return "value write";
    case NodeKind::kValueWait:
      return "value wait";
    case NodeKind::kRecord:
      return "event record";
    case NodeKind::kWait:
      return "event wait";
    case NodeKind::kReset:
      return "event reset";
    case NodeKind::kExternalRecord:
      return "external event record";
    case NodeKind::kExternalWait:
      return "external event wait";
    case NodeKind::kExternalReset:
      return "external event reset";
    case NodeKind::kCondition:
      return "condition";
    case NodeKind::kLabel:
      return "label";
    case NodeKind::kGoto:
      return "switch by index";
    case NodeKind::kActivate:
      return "active stream";
    case NodeKind::kSwitch:
      return "switch stream";
    case NodeKind::kEnd:
      return "end";
    case NodeKind::kUpdate:
      return node.sqe.opcode == VNPU_OP_RANDOM_UPDATE ? "random update" : "kernel update";
    case NodeKind::kHostCall:
      return "host function";
    case NodeKind::kModel:
      return "model";
    case NodeKind::kMemory:
      return "memory";
  }
  return "other";
}

const char* ConditionName(aclmdlRICondTaskType type) {
  switch (type) {
    case ACL_MODEL_RI_COND_TYPE_IF:
      return "if";
    case ACL_MODEL_RI_COND_TYPE_WHILE:
      return "while";
    default:
      return "switch";
  }
}

std::string Hex(const void* data, size_t size) {
  const auto* const bytes = static_cast<const uint8_t*>(data);
  std::string text;
  for (size_t i = 0; i < size; ++i) {
    text += fmt::format("{:02x}", bytes[i]);
  }
  return text;
}

void AddKernel(const GraphNode& node, bool verbose, Json* task) {
  const auto& function = *static_cast<const Function*>(node.object);
  (*task)["kernel"] = function.name;
  (*task)["blocks"] = node.sqe.kernel.block_dim;
  if (!verbose) {
    return;
  }
  (*task)["argsSize"] = node.sqe.kernel.arg_size;
  if ((node.sqe.flags & VNPU_SQE_DEVICE_ARGS) != 0) {
    uint64_t address = 0;
    std::memcpy(&address, node.sqe.kernel.inline_args, sizeof(address));
    (*task)["argsAddress"] = fmt::format("{:#x}", address);
  } else if (HasImageArgs(node)) {
    (*task)["args"] = Hex(node.args, node.sqe.kernel.arg_size);
  } else {
    (*task)["args"] = Hex(node.sqe.kernel.inline_args, node.sqe.kernel.arg_size);
  }
}

// The record that the wait at that node is for; null: another node, or the record has yet to come.
const GraphNode* RecordOf(const GraphStream& graph, uint32_t index) {
  for (const GraphWait& wait : graph.waits) {
    if (wait.node == index && wait.from != nullptr) {
      return &wait.from->node(wait.record);
    }
  }
  return nullptr;
}

// The task that the node changes, as long as it is there.
void AddUpdate(const GraphNode& node, Json* task) {
  const auto& update = *static_cast<const TaskUpdate*>(node.object);
  const bool there = update.stream->alive() && update.stream->generation() == update.generation;
  if (const GraphNode* const target = there ? FindTask(*update.stream, update.task) : nullptr;
      target != nullptr) {
    (*task)["updates"] = target->id;
  }
}

// What the application has said of the node: JSON, by its word.
void AddDescription(const GraphStream& graph, uint32_t index, Json* task) {
  if (const auto found = graph.descriptions.find(index); found != graph.descriptions.end()) {
    Json parsed = Json::parse(found->second, nullptr, /*allow_exceptions=*/false);
    (*task)["extendInfo"] = parsed.is_discarded() ? Json(found->second) : std::move(parsed);
  }
}

// The tasks at which the labels stand, as far as they still do.
Json LabelsAsJson(const GraphStream& graph, const GotoTask& jump) {
  Json labels = Json::array();
  for (const Label* const label : jump.labels) {
    if (label->alive() && label->stream != nullptr && label->stream->model == graph.model) {
      labels.push_back(label->stream->node(label->node).id);
    }
  }
  return labels;
}

Json TaskAsJson(const GraphStream& graph, uint32_t index, bool verbose) {
  const GraphNode& node = graph.node(index);
  Json task;
  task["id"] = node.id;
  task["type"] = KindName(node);
  if (node.has(kNodeDisabled)) {
    task["disabled"] = true;
  }
  Json after = Json::array();
  if (index > 0) {
    after.push_back(graph.node(index - 1).id);
  }
  if (const GraphNode* const record = RecordOf(graph, index); record != nullptr) {
    after.push_back(record->id);
  }
  task["after"] = std::move(after);
  if (node.kind == NodeKind::kKernel) {
    AddKernel(node, verbose, &task);
  } else if (node.kind == NodeKind::kCondition) {
    const auto& condition = *static_cast<const CondTask*>(node.object);
    task["condition"] = ConditionName(condition.type);
    Json bodies = Json::array();
    for (const Model* const body : condition.bodies) {
      bodies.push_back(body->id);
    }
    task["bodies"] = std::move(bodies);
  } else if (node.kind == NodeKind::kModel) {
    task["bodies"] = Json::array({static_cast<const Model*>(node.object)->id});
  } else if (node.kind == NodeKind::kActivate || node.kind == NodeKind::kSwitch) {
    task["stream"] = static_cast<const GraphStream*>(node.object)->number;
  } else if (node.kind == NodeKind::kUpdate) {
    AddUpdate(node, &task);
  } else if (node.kind == NodeKind::kGoto) {
    task["labels"] = LabelsAsJson(graph, *static_cast<const GotoTask*>(node.object));
  }
  AddDescription(graph, index, &task);
  return task;
}

std::string TitleOf(const GraphNode& node) {
  return node.kind == NodeKind::kKernel ? static_cast<const Function*>(node.object)->name
                                        : std::string(KindName(node));
}

class Writer {
 public:
  explicit Writer(bool verbose) : verbose_(verbose) {}

  // The graph, and those of its bodies behind it.
  void Add(Model* model) {
    const std::lock_guard lock(model->mutex);
    Json graph;
    graph["id"] = model->id;
    graph["name"] = model->name;
    graph["device"] = model->session->index();
    Json streams = Json::array();
    for (const GraphStream* const stream : model->streams) {
      streams.push_back(StreamAsJson(*model, *stream));
    }
    graph["streams"] = std::move(streams);
    if (model->program.loaded) {
      graph["imageBytes"] = vnpu_model_image_bytes(&model->program.layout);
      graph["deviceBytes"] = model->program.mapping.bytes();
    }
    Trace({{"ph", "M"},
           {"name", "process_name"},
           {"pid", model->id},
           {"args", {{"name", fmt::format("model {} {}", model->id, model->name)}}}});
    graphs_.push_back(std::move(graph));
    for (const auto& task : model->cond_tasks) {
      for (Model* const body : task->bodies) {
        Add(body);
      }
    }
    for (const GraphStream* const stream : model->streams) {
      for (const NestedModel& nested : stream->nested) {
        if (nested.model->alive() && added_.insert(nested.model).second) {
          Add(nested.model);
        }
      }
    }
  }

  std::string Text() && {
    Json all;
    all["traceEvents"] = std::move(events_);
    all["models"] = std::move(graphs_);
    // Texts of the application may not be UTF-8.
    return all.dump(1, ' ', false, Json::error_handler_t::replace);
  }

 private:
  Json StreamAsJson(const Model& model, const GraphStream& stream) {
    Json json;
    json["id"] = stream.number;
    json["priority"] = stream.priority;
    json["starts"] = stream.starts;
    Json tasks = Json::array();
    for (uint32_t i = 0; i < stream.size; ++i) {
      tasks.push_back(TaskAsJson(stream, i, verbose_));
      TraceTask(model, stream, i, tasks.back());
    }
    json["tasks"] = std::move(tasks);
    return json;
  }

  // The order of tasks takes the place of their time.
  void TraceTask(const Model& model, const GraphStream& stream, uint32_t index, const Json& task) {
    const GraphNode& node = stream.node(index);
    Trace({{"ph", "X"},
           {"name", TitleOf(node)},
           {"cat", KindName(node)},
           {"pid", model.id},
           {"tid", stream.number},
           {"ts", node.id},
           {"dur", 1},
           {"args", task}});
    for (const GraphWait& wait : stream.waits) {
      if (wait.node != index || wait.from == nullptr) {
        continue;
      }
      const GraphNode& record = wait.from->node(wait.record);
      const uint32_t flow = next_flow_++;
      Trace({{"ph", "s"},
             {"name", "event"},
             {"cat", "event"},
             {"id", flow},
             {"pid", model.id},
             {"tid", wait.from->number},
             {"ts", record.id}});
      Trace({{"ph", "f"},
             {"bp", "e"},
             {"name", "event"},
             {"cat", "event"},
             {"id", flow},
             {"pid", model.id},
             {"tid", stream.number},
             {"ts", node.id}});
    }
  }

  void Trace(Json event) { events_.push_back(std::move(event)); }

  const bool verbose_;
  std::set<const Model*> added_;  // models that others run
  Json events_ = Json::array();
  Json graphs_ = Json::array();
  uint32_t next_flow_ = 1;
};

}  // namespace

std::string ModelAsJson(Model* model, bool verbose) {
  Writer writer(verbose);
  writer.Add(model);
  return std::move(writer).Text();
}

std::string ModelAsText(Model* model) {
  const std::lock_guard lock(model->mutex);
  std::string text = fmt::format("model {} '{}' on device {}: {} stream(s)\n", model->id,
                                 model->name, model->session->index(), model->streams.size());
  for (const GraphStream* const stream : model->streams) {
    for (uint32_t i = 0; i < stream->size; ++i) {
      const GraphNode& node = stream->node(i);
      const GraphNode* const record = RecordOf(*stream, i);
      text += fmt::format("  device {}, stream {}, task {}: {}{}\n", model->session->index(),
                          stream->number, node.id, TitleOf(node),
                          record != nullptr ? fmt::format(" of task {}", record->id) : "");
    }
  }
  return text;
}

}  // namespace vnpu::runtime
