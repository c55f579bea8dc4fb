#include "libruntime/src/graph/task_update.h"

#include <vnpu/queue.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/graph/model.h"
#include "libruntime/src/kernel/module.h"
#include "libruntime/src/memory/copy.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {
namespace {

// The two ends of an update. With the model's mutex held.
struct Ends {
  std::unique_lock<std::mutex> lock;
  Model* model = nullptr;
  GraphStream* stream = nullptr;
  GraphNode* node = nullptr;
  GraphStream* exec = nullptr;  // a stream of the model that is still built; null: another one
};

GraphStream* NodesOf(Stream* stream) {
  const std::lock_guard lock(stream->lock);
  return stream->graph;
}

// Which tasks an update is for.
using Fits = bool (*)(const GraphNode&);

bool IsCoreKernel(const GraphNode& node) {
  return node.kind == NodeKind::kKernel &&
         static_cast<const Function*>(node.object)->unit != VNPU_UNIT_AI_CPU;
}

bool IsRandom(const GraphNode& node) {
  return node.kind == NodeKind::kTask && node.sqe.opcode == VNPU_OP_RANDOM;
}

[[gnu::cold]] aclError FailUnbound() {
  return Fail(ACL_ERROR_RT_STREAM_MODEL,
              "the task's stream is not bound to a model; call aclmdlRIBindStream first");
}

// With the model's mutex held.
aclError FindTarget(const TaskName& name, const Model& model, Fits fits, Ends* ends) {
  if (ends->stream->model != &model) {
    return FailUnbound();
  }
  if ((model.session->features() & VNPU_FEATURE_TASK_UPDATE) == 0) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT_UPDATE_OP,
                "the driver does not update tasks; update it");
  }
  const std::lock_guard tasks(name.stream->lock);
  ends->node = FindTask(*ends->stream, name.task);
  if (ends->node == nullptr) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "the stream has no task {}; take what aclrtGetThreadLastTaskId says behind the "
                "task's submission",
                name.task);
  }
  if (!fits(*ends->node)) {
    return Fail(ACL_ERROR_RT_TASK_TYPE_NOT_SUPPORT,
                "task {} is not of the kind that is to be updated: a kernel for AI cores or vector "
                "cores, or random numbers",
                name.task);
  }
  return !ends->node->has(kNodeDisabled)
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_MODEL_UPDATE_FAILED,
                    "task {} is disabled; aclmdlRITaskSetParams enables it", name.task);
}

// The update is a task of the model itself, or of a queue.
aclError CheckExec(Stream* exec, const Model& model, Ends* ends) {
  if (exec->session_serial != model.session_serial) {
    return Fail(ACL_ERROR_RT_STREAM_CONTEXT, "the streams are of different devices");
  }
  if (!exec->has(kDiverted) && !exec->has(kUpdating)) {
    return model.state.load() == ModelState::kReady
               ? ACL_SUCCESS
               : Fail(ACL_ERROR_RT_MODEL_UPDATE_FAILED,
                      "the model is not complete; call aclmdlRIBuildEnd first, or update the task "
                      "in a stream of the model");
  }
  ends->exec = NodesOf(exec);
  if (ends->exec == nullptr || !ends->exec->persistent) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "tasks are updated in streams that are not captured, nor update a task group");
  }
  return ends->exec->model == &model
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_STREAM_MODEL,
                    "a persistent stream updates tasks of the model that it is bound to");
}

aclError FindEnds(const TaskName& name, Fits fits, Stream* exec, Ends* ends) {
  ends->stream = NodesOf(name.stream);
  const bool persistent = ends->stream != nullptr && ends->stream->persistent;
  Model* const model = persistent ? ends->stream->model : nullptr;
  if (model == nullptr) {
    FailUnbound();
    return ACL_ERROR_RT_STREAM_MODEL;  // a constant, for checkers that do not look into Fail
  }
  ends->model = model;
  ends->lock = std::unique_lock(model->mutex);
  VNPU_RETURN_IF_ERROR(FindTarget(name, *model, fits, ends));
  return CheckExec(exec, *model, ends);
}

// The update as a task of the model.
template <class Fill>
aclError AddToModel(const Ends& ends, const TaskName& name, std::vector<uint32_t> kernels,
                    Stream* exec, Fill&& fill) {
  auto update = std::make_unique<TaskUpdate>();
  update->stream = ends.stream;
  update->generation = ends.stream->generation();
  update->task = name.task;
  update->kernels = std::move(kernels);
  VNPU_RETURN_IF_ERROR(Submit(exec, 0, 0, [&](Slot& slot) {
    slot.kind = NodeKind::kUpdate;
    slot.object = update.get();
    fill(slot.sqe);
  }));
  ends.exec->updates.push_back(std::move(update));
  return ACL_SUCCESS;
}

// From here on the copy of the image is used, and tasks are being changed, until the stream has
// been here.
void NoteUse(Program* program, uint32_t copy, Stream* exec, const Slot& slot) {
  const std::lock_guard lock(program->lock);
  program->copy[copy].Note(exec->queue, slot.index);
  program->updates.Note(exec->queue, slot.index);
}

template <class Fill>
aclError SubmitKernelUpdate(const Ends& ends, std::span<const uint32_t> kernels, Stream* exec,
                            Fill&& fill) {
  Program& program = ends.model->program;
  const auto bytes = static_cast<uint32_t>(kernels.size_bytes());
  for (const uint32_t copy : CopiesInUse(&program)) {
    VNPU_RETURN_IF_ERROR(Submit(exec, bytes, 0, [&](Slot& slot) {
      std::memcpy(slot.args, kernels.data(), bytes);
      NoteUse(&program, copy, exec, slot);
      fill(slot.sqe);
      slot.sqe->kernel_update.model_id = program.model_id;
      slot.sqe->kernel_update.offset = program.copy[copy].offset +
                                       vnpu_model_entries_offset(&program.layout) +
                                       uint64_t{ends.node->entry} * sizeof(vnpu_sqe);
      slot.sqe->kernel_update.arg_offset = slot.arg_offset;
    }));
  }
  return ACL_SUCCESS;
}

aclError CheckAddress(const void* address, size_t alignment, const Stream& stream) {
  VNPU_RETURN_IF_ERROR(CheckReachable(address, stream));
  return reinterpret_cast<uint64_t>(address) % alignment == 0
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_ADDR_UNALIGNED, "{} is not aligned to {} bytes", address,
                    alignment);
}

}  // namespace

aclError UpdateKernelTask(const TaskName& name, Module* module, const void* number,
                          const void* blocks, Stream* exec) {
  // Before the model is locked: it looks for the session of the address, and sessions that end lock
  // models.
  VNPU_RETURN_IF_ERROR(CheckAddress(number, sizeof(uint64_t), *exec));
  VNPU_RETURN_IF_ERROR(CheckAddress(blocks, sizeof(uint32_t), *exec));
  Ends ends;
  VNPU_RETURN_IF_ERROR(FindEnds(name, IsCoreKernel, exec, &ends));
  if (module->session != exec->session) {
    return Fail(ACL_ERROR_RT_INVALID_HANDLE, "the image was loaded on another device");
  }
  std::vector<uint32_t> kernels;
  VNPU_RETURN_IF_ERROR(FindKernelIds(module, &kernels));
  const auto fill = [&, count = static_cast<uint32_t>(kernels.size())](vnpu_sqe* sqe) {
    sqe->opcode = VNPU_OP_KERNEL_UPDATE;
    sqe->kernel_update.kernels = count;
    sqe->kernel_update.kernel_va = reinterpret_cast<uint64_t>(number);
    sqe->kernel_update.blocks_va = reinterpret_cast<uint64_t>(blocks);
  };
  return ends.exec != nullptr ? AddToModel(ends, name, std::move(kernels), exec, fill)
                              : SubmitKernelUpdate(ends, kernels, exec, fill);
}

aclError UpdateRandomTask(const TaskName& name, const void* source, Stream* exec) {
  // The fields that are replaced follow one another as they do in the interface.
  constexpr size_t kFirst = offsetof(aclrtRandomNumTaskInfo, randomResultAddr);
  static_assert(offsetof(aclrtRandomNumTaskInfo, randomCounterAddr) - kFirst ==
                offsetof(vnpu_random_update, counter));
  static_assert(offsetof(aclrtRandomNumTaskInfo, randomSeed) - kFirst ==
                offsetof(vnpu_random_update, seed));
  static_assert(offsetof(aclrtRandomNumTaskInfo, randomNum) - kFirst ==
                offsetof(vnpu_random_update, count));
  static_assert(offsetof(aclrtRandomParaInfo, valueOrAddr) == offsetof(vnpu_packed_value, value));
  static_assert(offsetof(aclrtRandomParaInfo, size) == offsetof(vnpu_packed_value, size));
  VNPU_RETURN_IF_ERROR(CheckAddress(source, sizeof(uint64_t), *exec));
  Ends ends;
  VNPU_RETURN_IF_ERROR(FindEnds(name, IsRandom, exec, &ends));
  const auto fill = [&](vnpu_sqe* sqe) {
    sqe->opcode = VNPU_OP_RANDOM_UPDATE;
    sqe->random_update.params = ends.node->sqe.random.params;
    sqe->random_update.source = reinterpret_cast<uint64_t>(source) + kFirst;
  };
  if (ends.exec != nullptr) {
    return AddToModel(ends, name, {}, exec, fill);
  }
  Program& program = ends.model->program;
  return Submit(exec, 0, 0, [&](Slot& slot) {
    NoteUse(&program, program.current, exec, slot);
    fill(slot.sqe);
  });
}

}  // namespace vnpu::runtime
