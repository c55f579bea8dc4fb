#include "libruntime/src/graph/group.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/round_up.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/graph/capture.h"
#include "libruntime/src/graph/update.h"
#include "libruntime/src/memory/pinned_memory.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {

constinit Slab<TaskGroup, kMaxTaskGroups> task_groups;

namespace {

bool CanBeReplaced(const GraphNode& node) {
  switch (node.kind) {
    case NodeKind::kKernel:
    case NodeKind::kValueWrite:
      return true;
    case NodeKind::kTask:
      return node.sqe.opcode == VNPU_OP_COPY || node.sqe.opcode == VNPU_OP_MEMSET ||
             node.sqe.opcode == VNPU_OP_REDUCE || node.sqe.opcode == VNPU_OP_RANDOM ||
             node.sqe.opcode == VNPU_OP_NOP;
    default:
      return false;
  }
}

// Copies bytes into a copy of the image, in the order of the stream. Until then the copy counts as
// used, like by a run.
aclError SubmitUpdate(Stream* stream, Program* program, uint32_t copy, uint64_t offset,
                      std::span<const std::byte> bytes) {
  constexpr size_t kMost = VNPU_MAX_UPDATE_BYTES;
  for (size_t done = 0; done < bytes.size(); done += kMost) {
    const auto part = bytes.subspan(done, std::min(kMost, bytes.size() - done));
    const auto size = static_cast<uint32_t>(RoundUp(part.size(), 8));
    VNPU_RETURN_IF_ERROR(Submit(stream, size, 0, [&](Slot& slot) {
      std::memset(slot.args + size - 8, 0, 8);
      std::memcpy(slot.args, part.data(), part.size());
      const std::lock_guard lock(program->lock);
      program->copy[copy].Note(stream->queue, slot.index);
      slot.sqe->opcode = VNPU_OP_MODEL_UPDATE;
      slot.sqe->update.model_id = program->model_id;
      slot.sqe->update.size = size;
      slot.sqe->update.offset = program->copy[copy].offset + offset + done;
      slot.sqe->update.arg_offset = slot.arg_offset;
    }));
  }
  return ACL_SUCCESS;
}

// Arguments before the entry that names them.
aclError SubmitNode(Stream* stream, Program* program, const GraphNode& node) {
  for (const uint32_t copy : CopiesInUse(program)) {
    if (HasImageArgs(node)) {
      VNPU_RETURN_IF_ERROR(
          SubmitUpdate(stream, program, copy,
                       vnpu_model_args_offset(&program->layout) + node.sqe.kernel.arg_offset,
                       {node.args, node.sqe.kernel.arg_size}));
    }
    VNPU_RETURN_IF_ERROR(SubmitUpdate(
        stream, program, copy,
        vnpu_model_entries_offset(&program->layout) + uint64_t{node.entry} * sizeof(vnpu_sqe),
        std::as_bytes(std::span(&node.sqe, 1))));
  }
  return ACL_SUCCESS;
}

struct ScratchDeleter {
  void operator()(GraphStream* graph) const { FreeGraphStream(graph); }
};
using ScratchPtr = std::unique_ptr<GraphStream, ScratchDeleter>;

// Takes the update out of the stream.
std::unique_ptr<GroupUpdate> TakeUpdate(Stream* stream) {
  const std::lock_guard lock(stream->lock);
  stream->attention.fetch_and(static_cast<uint8_t>(~kUpdating));
  return std::unique_ptr<GroupUpdate>(std::exchange(stream->update, nullptr));
}

// With the model's mutex held.
aclError Replace(Stream* stream, TaskGroup* group, const GraphStream& scratch) {
  Program& program = RootOf(group->model)->program;
  for (uint32_t i = 0; i < scratch.size; ++i) {
    GraphNode* const node = group->nodes[i];
    VNPU_RETURN_IF_ERROR(AdoptTask(&program, group->stream, scratch.node(i), node));
    VNPU_RETURN_IF_ERROR(SubmitNode(stream, &program, *node));
  }
  return ACL_SUCCESS;
}

// The data that earlier updates placed is not needed when the last one is over and no run can have
// theirs.
void DropOldData(TaskGroup* group) {
  Program& program = RootOf(group->model)->program;
  const LockedPrograms locked(&program);
  while (group->data.size() > group->data_kept && locked.idle()) {
    group->stream->session->pinned_memory().Free(group->data.front());
    group->data.erase(group->data.begin());
  }
}

void KeepData(TaskGroup* group, GraphStream* scratch) {
  if (!scratch->data_blocks.empty()) {
    group->data_kept = scratch->data_blocks.size();
    group->data.insert(group->data.end(), scratch->data_blocks.begin(), scratch->data_blocks.end());
    scratch->data_blocks.clear();
  }
}

}  // namespace

aclError ResolveGroup(void* handle, TaskGroup** group) {
  VNPU_REQUIRE_NOT_NULL(handle);
  *group = task_groups.Resolve(handle);
  return *group != nullptr ? ACL_SUCCESS
                           : Fail(ACL_ERROR_RT_INVALID_HANDLE,
                                  "{} is not a task group, or its model was destroyed", handle);
}

aclError BeginGroup(Stream* stream) {
  Model* const model = CaptureOf(stream);
  if (model == nullptr) {
    return Fail(ACL_ERROR_RT_STREAM_NOT_CAPTURED,
                "the stream is not captured; call aclmdlRICaptureBegin first");
  }
  const std::lock_guard lock(model->mutex);
  if (model->capture.refused.load() != ACL_SUCCESS) {
    return Fail(ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED,
                "the capture of the stream has failed; end it with aclmdlRICaptureEnd");
  }
  if (model->open_group != nullptr) {
    return Fail(ACL_ERROR_STREAM_TASK_GROUP_STATUS,
                "a task group of the capture is open; call aclmdlRICaptureTaskGrpEnd first");
  }
  TaskGroup* const group = task_groups.Allocate();
  if (group == nullptr) {
    return Fail(ACL_ERROR_RT_NO_MODEL_RESOURCE, "too many task groups ({})", kMaxTaskGroups);
  }
  group->model = model;
  group->stream = stream->graph;
  group->nodes.clear();
  group->data.clear();
  group->data_kept = 0;
  group->updating.store(false);
  model->groups.push_back(group);
  model->open_group = group;
  model->open_group_stream.store(stream->graph);
  return ACL_SUCCESS;
}

aclError EndGroup(Stream* stream, TaskGroup** group) {
  Model* const model = CaptureOf(stream);
  if (model == nullptr) {
    return Fail(ACL_ERROR_RT_STREAM_NOT_CAPTURED, "the stream is not captured");
  }
  const std::lock_guard lock(model->mutex);
  if (model->open_group == nullptr || model->open_group->stream != stream->graph) {
    return Fail(ACL_ERROR_STREAM_TASK_GROUP_STATUS,
                "no task group is open in the stream; call aclmdlRICaptureTaskGrpBegin first");
  }
  const std::lock_guard stream_lock(stream->lock);
  model->open_group_stream.store(nullptr);
  *group = std::exchange(model->open_group, nullptr);
  task_groups.Publish(*group);
  return ACL_SUCCESS;
}

aclError BeginGroupUpdate(Stream* stream, TaskGroup* group) {
  if (stream->has(kDiverted)) {
    return Fail(ACL_ERROR_RT_STREAM_CAPTURED,
                "task groups are updated by streams that are not captured, nor persistent");
  }
  if (group->stream->session->serial() != stream->session_serial) {
    return Fail(ACL_ERROR_RT_STREAM_CONTEXT, "the group is of another device than the stream");
  }
  if (RootOf(group->model)->state.load() != ModelState::kReady) {
    return Fail(ACL_ERROR_RT_MODEL_UPDATE_FAILED,
                "the group's model is still captured; call aclmdlRICaptureEnd first");
  }
  bool idle = false;
  if (stream->has(kUpdating) || !group->updating.compare_exchange_strong(idle, true)) {
    return Fail(ACL_ERROR_STREAM_TASK_GROUP_STATUS,
                "the {} updated already; call aclmdlRICaptureTaskUpdateEnd first",
                idle ? "group is" : "stream updates a group, which is");
  }
  auto update = std::make_unique<GroupUpdate>();
  update->group = group;
  update->scratch = NewGraphStream(stream->session, stream, stream->priority.load());
  if (update->scratch == nullptr) {
    group->updating.store(false);
    return Fail(ACL_ERROR_RT_NO_STREAM_RESOURCE, "too many streams in models");
  }
  update->scratch->data_block_bytes = 4096;
  const std::lock_guard lock(stream->lock);
  stream->update = update.release();
  stream->attention.fetch_or(kUpdating);
  return ACL_SUCCESS;
}

aclError EndGroupUpdate(Stream* stream) {
  if (!stream->has(kUpdating)) {
    return Fail(ACL_ERROR_STREAM_TASK_GROUP_STATUS,
                "the stream updates no task group; call aclmdlRICaptureTaskUpdateBegin first");
  }
  const std::unique_ptr<GroupUpdate> update = TakeUpdate(stream);
  const ScratchPtr scratch(update->scratch);
  TaskGroup* const group = update->group;
  if (!group->alive()) {
    return Fail(ACL_ERROR_RT_INVALID_HANDLE, "the group's model was destroyed meanwhile");
  }
  aclError error = ACL_SUCCESS;
  if (scratch->size != 0 && scratch->size != group->nodes.size()) {
    error = Fail(ACL_ERROR_RT_MODEL_UPDATE_FAILED,
                 "the group has {} task(s), its update {}; the tasks stay as they are",
                 group->nodes.size(), scratch->size);
  } else if (scratch->size != 0) {
    const std::lock_guard lock(RootOf(group->model)->mutex);
    DropOldData(group);
    error = Replace(stream, group, *scratch);
    KeepData(group, scratch.get());
  }
  group->updating.store(false);
  return error;
}

void DropGroupUpdate(Stream* stream) {
  if (!stream->has(kUpdating)) {
    return;
  }
  const std::unique_ptr<GroupUpdate> update = TakeUpdate(stream);
  if (update != nullptr) {
    FreeGraphStream(update->scratch);
    update->group->updating.store(false);
  }
}

aclError EnterGroup(TaskGroup* group, GraphNode* node) {
  if (!CanBeReplaced(*node)) {
    return ACL_ERROR_RT_TASK_TYPE_NOT_SUPPORT;
  }
  node->bits |= kNodeGrouped;
  group->nodes.push_back(node);
  return ACL_SUCCESS;
}

aclError CheckReplacement(const GroupUpdate& update, const GraphNode& node) {
  const std::vector<GraphNode*>& nodes = update.group->nodes;
  const uint32_t index = update.scratch->size;
  return index < nodes.size() && nodes[index]->kind == node.kind &&
                 nodes[index]->sqe.opcode == node.sqe.opcode
             ? ACL_SUCCESS
             : ACL_ERROR_RT_MODEL_UPDATE_FAILED;
}

aclError FailGroupTask(aclError code) {
  return code == ACL_ERROR_RT_TASK_TYPE_NOT_SUPPORT
             ? Fail(code,
                    "task groups take kernels, copies, fills, reductions, random numbers and "
                    "value writes")
             : Fail(code, "the group has no task of this kind at this place");
}

}  // namespace vnpu::runtime
