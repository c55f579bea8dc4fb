#include "libruntime/src/graph/compile.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/round_up.h"
#include "libruntime/src/callback/graph_call.h"
#include "libruntime/src/event/event.h"
#include "libruntime/src/graph/label.h"
#include "libruntime/src/graph/update.h"

namespace vnpu::runtime {
namespace {

class Compiler {
 public:
  explicit Compiler(Image* image) : image_(*image) {}

  aclError Run(Model* root) {
    Collect(root);
    VNPU_RETURN_IF_ERROR(PlaceExternals());
    for (uint32_t g = 0; g < graphs_.size(); ++g) {
      VNPU_RETURN_IF_ERROR(CompileGraph(g));
    }
    for (Model* const model : graphs_) {
      VNPU_RETURN_IF_ERROR(PlaceLabels(*model));
    }
    Finish();
    for (Model* const model : graphs_) {
      VNPU_RETURN_IF_ERROR(PlaceUpdates(*model));
    }
    return ACL_SUCCESS;
  }

 private:
  // Numbers graphs and streams; the bodies of one task follow one another.
  void Collect(Model* root) {
    graphs_.push_back(root);
    for (size_t g = 0; g < graphs_.size(); ++g) {
      for (const auto& task : graphs_[g]->cond_tasks) {
        first_graph_[task.get()] = static_cast<uint32_t>(graphs_.size());
        graphs_.insert(graphs_.end(), task->bodies.begin(), task->bodies.end());
      }
      for (GraphStream* const graph : graphs_[g]->streams) {
        graph->image_stream = streams_++;
        image_.calls.insert(image_.calls.end(), graph->calls.begin(), graph->calls.end());
      }
    }
  }

  // The numbers of external events stand in front of all arguments.
  aclError PlaceExternals() {
    for (const Model* const model : graphs_) {
      for (const GraphStream* const graph : model->streams) {
        for (uint32_t i = 0; i < graph->size; ++i) {
          VNPU_RETURN_IF_ERROR(PlaceExternal(&graph->node(i)));
        }
      }
    }
    image_.args.resize(image_.externals.size() * sizeof(uint64_t));
    return ACL_SUCCESS;
  }

  aclError PlaceExternal(GraphNode* node) {
    if (node->kind == NodeKind::kModel) {
      auto* const model = static_cast<Model*>(const_cast<void*>(node->object));
      return PlaceModel(&model->program, &node->sqe.execute);
    }
    const bool record = node->kind == NodeKind::kExternalRecord;
    if ((record || node->kind == NodeKind::kExternalWait) &&
        (node->sqe.flags & VNPU_SQE_SEQ_IN_ARGS) != 0) {
      auto* const event = static_cast<Event*>(const_cast<void*>(node->object));
      node->sqe.event.seq = image_.externals.size() * sizeof(uint64_t);
      image_.externals.push_back(
          {.event = event, .generation = event->generation(), .record = record});
    }
    return ACL_SUCCESS;
  }

  // Which copy of a model inside is current does not change any more. The numbers of its external
  // events come with the run around it.
  aclError PlaceModel(Program* inner, vnpu_sqe_execute* execute) {
    const std::lock_guard lock(inner->lock);
    if (!inner->loaded) {
      return Fail(ACL_ERROR_RT_INVALID_HANDLE, "a model that the model runs was destroyed");
    }
    const uint64_t offset = inner->copy[inner->current].offset;
    *execute = {.model_id = inner->model_id,
                .update_bytes = 0,
                .image = offset,
                .update_offset = 0,
                .arg_offset = 0,
                .reserved0 = 0,
                .reserved1 = {}};
    if (!inner->externals.empty()) {
      execute->update_bytes = static_cast<uint32_t>(inner->externals.size() * sizeof(uint64_t));
      execute->update_offset = offset + vnpu_model_args_offset(&inner->layout);
      execute->arg_offset = static_cast<uint32_t>(image_.externals.size() * sizeof(uint64_t));
    }
    image_.externals.insert(image_.externals.end(), inner->externals.begin(),
                            inner->externals.end());
    image_.calls.insert(image_.calls.end(), inner->calls.begin(), inner->calls.end());
    image_.inner.push_back(inner);
    return ACL_SUCCESS;
  }

  aclError CompileGraph(uint32_t number) {
    Model& model = *graphs_[number];
    const Dependencies dependencies(model);
    vnpu_model_graph graph{};
    graph.first_stream = static_cast<uint32_t>(image_.streams.size());
    graph.streams = static_cast<uint32_t>(model.streams.size());
    graph.first_register = registers_;
    graph.registers = dependencies.registers();
    registers_ += graph.registers;
    image_.graphs.push_back(graph);
    for (GraphStream* const stream : model.streams) {
      VNPU_RETURN_IF_ERROR(CompileStream(model, number, dependencies, stream));
    }
    return ACL_SUCCESS;
  }

  aclError CompileStream(const Model& model, uint32_t graph_number,
                         const Dependencies& dependencies, GraphStream* graph) {
    vnpu_model_stream stream{};
    stream.first_entry = static_cast<uint32_t>(image_.entries.size());
    stream.graph = graph_number;
    stream.flags = graph->starts ? VNPU_MODEL_STARTS : 0;
    stream.priority = graph->priority;
    stream_ = graph;
    graph->first_entry = stream.first_entry;
    if (graph == model.streams[0]) {
      StoreConditions(model);
    }
    for (uint32_t i = 0; i < graph->size; ++i) {
      VNPU_RETURN_IF_ERROR(CompileNode(dependencies, i, &graph->node(i)));
    }
    stream.entries = static_cast<uint32_t>(image_.entries.size()) - stream.first_entry;
    graph->entries = stream.entries;
    image_.streams.push_back(stream);
    return ACL_SUCCESS;
  }

  // Conditions that begin with a value get it in front of all tasks.
  void StoreConditions(const Model& model) {
    for (const Condition* const condition : model.conditions) {
      if (condition->assign) {
        vnpu_sqe sqe{};
        sqe.opcode = VNPU_OP_MODEL_STORE;
        sqe.store.va = condition->address;
        sqe.store.value = condition->initial;
        Emit(&sqe);
      }
    }
  }

  aclError CompileNode(const Dependencies& dependencies, uint32_t index, GraphNode* node) {
    switch (node->kind) {
      case NodeKind::kRecord:
        EmitRegister(node, VNPU_OP_MODEL_SIGNAL,
                     dependencies.RecordRegister(stream_->number, index));
        return ACL_SUCCESS;
      case NodeKind::kWait:
        EmitRegister(node, VNPU_OP_MODEL_AWAIT, dependencies.WaitRegister(stream_->number, index));
        return ACL_SUCCESS;
      case NodeKind::kReset:
      case NodeKind::kLabel:
      case NodeKind::kEnd:
        node->entry = static_cast<uint32_t>(image_.entries.size());  // where a label stands
        return ACL_SUCCESS;
      case NodeKind::kHostCall:
        EmitCall(node);
        return ACL_SUCCESS;
      case NodeKind::kActivate:
        VNPU_RETURN_IF_ERROR(FindTarget(*node, &node->sqe.activate.stream));
        break;
      case NodeKind::kSwitch:
        VNPU_RETURN_IF_ERROR(FindTarget(*node, &node->sqe.choice.stream));
        break;
      case NodeKind::kCondition:
        node->sqe.cond.first_graph = first_graph_.at(static_cast<const CondTask*>(node->object));
        break;
      case NodeKind::kGoto:
        VNPU_RETURN_IF_ERROR(ReserveLabels(node));
        break;
      case NodeKind::kUpdate:
        PlaceKernels(node);
        break;
      default:
        break;
    }
    PlaceArgs(node);
    node->entry = Emit(&node->sqe);
    return ACL_SUCCESS;
  }

  // A persistent stream may have come from another model, and its target not.
  aclError FindTarget(const GraphNode& node, uint32_t* stream) const {
    const auto* const target = static_cast<const GraphStream*>(node.object);
    *stream = target->image_stream;
    return target->alive() && target->model == stream_->model
               ? ACL_SUCCESS
               : Fail(ACL_ERROR_RT_STREAM_MODEL,
                      "stream {} starts a stream that is not bound to the model", stream_->number);
  }

  void EmitRegister(GraphNode* node, uint8_t opcode, uint32_t reg) {
    node->entry = GraphNode::kNoEntry;
    if (reg != Dependencies::kNone) {
      node->sqe = {};
      node->sqe.opcode = opcode;
      node->sqe.reg.reg = reg;
      node->entry = Emit(&node->sqe);
    }
  }

  void EmitCall(GraphNode* node) {
    const auto& call = *static_cast<const GraphCall*>(node->object);
    vnpu_sqe answered{};
    answered.opcode = VNPU_OP_EVENT_WAIT;
    answered.flags = VNPU_SQE_SEQ_OF_EVENT;
    answered.event.event_id = call.done.id;
    answered.event.seq = call.reached.id;
    Emit(&answered);
    node->entry = Emit(&node->sqe);
    if (call.blocking) {
      Emit(&answered);
    }
  }

  aclError ReserveLabels(GraphNode* node) {
    auto* const jump = static_cast<GotoTask*>(const_cast<void*>(node->object));
    jump->first_label = static_cast<uint32_t>(image_.labels.size());
    node->sqe.jump.first_label = jump->first_label;
    image_.labels.resize(image_.labels.size() + jump->labels.size());
    return image_.labels.size() <= VNPU_MAX_MODEL_LABELS
               ? ACL_SUCCESS
               : Fail(ACL_ERROR_RT_NO_MODEL_RESOURCE, "the model's jumps name more than {} labels",
                      VNPU_MAX_MODEL_LABELS);
  }

  // Once all entries have their places.
  aclError PlaceLabels(const Model& model) {
    for (const GraphStream* const graph : model.streams) {
      for (const auto& jump : graph->gotos) {
        VNPU_RETURN_IF_ERROR(PlaceLabelsOf(model, *jump));
      }
    }
    return ACL_SUCCESS;
  }

  aclError PlaceLabelsOf(const Model& model, const GotoTask& jump) {
    for (size_t i = 0; i < jump.labels.size(); ++i) {
      const Label& label = *jump.labels[i];
      if (!label.alive() || label.stream == nullptr || label.stream->model != &model) {
        return Fail(ACL_ERROR_RT_PARAM_INVALID,
                    "label {} of a jump was not set in a stream of the model; call "
                    "aclrtSetLabel before aclmdlRIBuildEnd",
                    i);
      }
      const GraphNode& node = label.stream->node(label.node);
      image_.labels[jump.first_label + i] = {.stream = label.stream->image_stream,
                                             .position = node.entry - label.stream->first_entry};
    }
    return ACL_SUCCESS;
  }

  // What a kernel's update chooses from stands in the argument area.
  void PlaceKernels(GraphNode* node) {
    if (node->sqe.opcode != VNPU_OP_KERNEL_UPDATE) {
      return;
    }
    const auto& kernels = static_cast<const TaskUpdate*>(node->object)->kernels;
    const size_t begin = image_.args.size();
    const size_t bytes = kernels.size() * sizeof(uint32_t);
    node->sqe.kernel_update.arg_offset = static_cast<uint32_t>(begin);
    image_.args.resize(begin + RoundUp(bytes, 8));
    std::memcpy(image_.args.data() + begin, kernels.data(), bytes);
  }

  // Once the header is complete.
  aclError PlaceUpdates(const Model& model) {
    for (const GraphStream* const graph : model.streams) {
      for (uint32_t i = 0; !graph->updates.empty() && i < graph->size; ++i) {
        if (graph->node(i).kind == NodeKind::kUpdate) {
          VNPU_RETURN_IF_ERROR(PlaceUpdate(model, &graph->node(i)));
        }
      }
    }
    return ACL_SUCCESS;
  }

  aclError PlaceUpdate(const Model& model, GraphNode* node) {
    const auto& update = *static_cast<const TaskUpdate*>(node->object);
    const GraphStream& stream = *update.stream;
    const bool bound =
        stream.alive() && stream.generation() == update.generation && stream.model == &model;
    const GraphNode* const target = bound ? FindTask(stream, update.task) : nullptr;
    if (target == nullptr) {
      return Fail(ACL_ERROR_RT_STREAM_MODEL,
                  "task {} is to be updated, and is in no stream that is bound to the model",
                  update.task);
    }
    if (node->sqe.opcode == VNPU_OP_KERNEL_UPDATE) {
      node->sqe.kernel_update.offset =
          vnpu_model_entries_offset(&image_.header) + uint64_t{target->entry} * sizeof(vnpu_sqe);
    } else {
      node->sqe.random_update.params = target->sqe.random.params;
    }
    image_.entries[node->entry] = node->sqe;
    return ACL_SUCCESS;
  }

  void PlaceArgs(GraphNode* node) {
    if (!HasImageArgs(*node)) {
      return;
    }
    node->arg_room = static_cast<uint32_t>(RoundUp(node->sqe.kernel.arg_size, 8));
    node->sqe.kernel.arg_offset = static_cast<uint32_t>(image_.args.size());
    const size_t begin = image_.args.size();
    image_.args.resize(begin + node->arg_room);
    std::memcpy(image_.args.data() + begin, node->args, node->sqe.kernel.arg_size);
  }

  uint32_t Emit(vnpu_sqe* sqe) {
    const auto entry = static_cast<uint32_t>(image_.entries.size());
    sqe->queue_id = stream_->image_stream;
    sqe->seq = entry - stream_->first_entry;
    image_.entries.push_back(*sqe);
    return entry;
  }

  void Finish() {
    constexpr uint32_t kSpareArgs = 4096;
    image_.spare_args = kSpareArgs;
    image_.args.resize(image_.args.size() + kSpareArgs);
    vnpu_model_image& header = image_.header;
    header.version = VNPU_MODEL_IMAGE_VERSION;
    header.graphs = static_cast<uint32_t>(image_.graphs.size());
    header.streams = static_cast<uint32_t>(image_.streams.size());
    header.registers = registers_;
    header.labels = static_cast<uint32_t>(image_.labels.size());
    header.entries = static_cast<uint32_t>(image_.entries.size());
    header.arg_bytes = static_cast<uint32_t>(image_.args.size());
  }

  Image& image_;
  std::vector<Model*> graphs_;
  std::map<const CondTask*, uint32_t> first_graph_;
  uint32_t streams_ = 0;
  uint32_t registers_ = 0;
  GraphStream* stream_ = nullptr;  // being compiled
};

}  // namespace

aclError CompileModel(Model* model, Image* image) { return Compiler(image).Run(model); }

aclError CompileAndLoad(Model* model) {
  Image image;
  VNPU_RETURN_IF_ERROR(CompileModel(model, &image));
  VNPU_RETURN_IF_ERROR(LoadProgram(model->session, image, &model->program));
  model->state.store(ModelState::kReady, std::memory_order_release);
  return ACL_SUCCESS;
}

}  // namespace vnpu::runtime
