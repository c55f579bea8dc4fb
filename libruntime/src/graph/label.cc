#include "libruntime/src/graph/label.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/memory/copy.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {

constinit Slab<Label, kMaxLabels> labels;
constinit Slab<LabelList, kMaxLabels> label_lists;

namespace {

std::mutex label_mutex;  // guards where labels are set

// The nodes of a stream that is bound to a model that is still built.
aclError BoundStream(Stream* stream, GraphStream** graph) {
  const std::lock_guard lock(stream->lock);
  *graph = stream->graph;
  return *graph != nullptr && (*graph)->persistent && (*graph)->model != nullptr
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_STREAM_MODEL,
                    "the stream is not bound to a model; call aclmdlRIBindStream first");
}

}  // namespace

aclError NewLabel(Label** label) {
  Context* context = nullptr;
  VNPU_RETURN_IF_ERROR(CurrentContext(&context));
  Label* const fresh = labels.Allocate();
  if (fresh == nullptr) {
    return Fail(ACL_ERROR_RT_RESOURCE_ALLOC_FAIL,
                "too many labels ({}); destroy those that are not needed", kMaxLabels);
  }
  fresh->context = context;
  fresh->context_generation = context->generation();
  fresh->stream = nullptr;
  labels.Publish(fresh);
  *label = fresh;
  return ACL_SUCCESS;
}

aclError DestroyLabel(Label* label) {
  if (!labels.Retire(label)) {
    return Fail(ACL_ERROR_RT_INVALID_HANDLE, "the label is being destroyed by another thread");
  }
  label->stream = nullptr;
  labels.Free(label);
  return ACL_SUCCESS;
}

aclError ResolveLabel(void* handle, Label** label) {
  VNPU_REQUIRE_NOT_NULL(handle);
  *label = labels.Resolve(handle);
  if (*label == nullptr) {
    return Fail(ACL_ERROR_RT_INVALID_HANDLE, "{} is not a label, or it was destroyed", handle);
  }
  Context* context = nullptr;
  VNPU_RETURN_IF_ERROR(CurrentContext(&context));
  return (*label)->context == context && (*label)->context_generation == context->generation()
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_LABEL_CONTEXT,
                    "the label belongs to another context than this thread's current one");
}

aclError SetLabel(Label* label, Stream* stream) {
  GraphStream* graph = nullptr;
  VNPU_RETURN_IF_ERROR(BoundStream(stream, &graph));
  const std::lock_guard lock(label_mutex);
  if (label->stream != nullptr) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "the label is set already");
  }
  uint32_t node = 0;
  VNPU_RETURN_IF_ERROR(Submit(stream, 0, 0, [&](Slot& slot) {
    slot.kind = NodeKind::kLabel;
    slot.object = label;
    node = graph->size;
  }));
  label->stream = graph;
  label->node = node;
  return ACL_SUCCESS;
}

aclError NewLabelList(aclrtLabel* members, size_t count, LabelList** list) {
  if (count == 0 || count > kMaxLabels) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "num is {}; it takes 1 to {}", count, kMaxLabels);
  }
  std::vector<Label*> found(count);
  for (size_t i = 0; i < count; ++i) {
    VNPU_RETURN_IF_ERROR(ResolveLabel(members[i], &found[i]));
  }
  LabelList* const fresh = label_lists.Allocate();
  if (fresh == nullptr) {
    return Fail(ACL_ERROR_RT_RESOURCE_ALLOC_FAIL, "too many lists of labels ({})", kMaxLabels);
  }
  fresh->labels = std::move(found);
  label_lists.Publish(fresh);
  *list = fresh;
  return ACL_SUCCESS;
}

aclError DestroyLabelList(LabelList* list) {
  if (!label_lists.Retire(list)) {
    return Fail(ACL_ERROR_RT_INVALID_HANDLE, "the list is being destroyed by another thread");
  }
  list->labels.clear();
  label_lists.Free(list);
  return ACL_SUCCESS;
}

aclError AddGoto(Stream* stream, void* index, uint32_t count, const LabelList& list) {
  if (count == 0 || count > list.labels.size()) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "maxValue is {}; the list has {} label(s)", count,
                list.labels.size());
  }
  if (reinterpret_cast<uint64_t>(index) % sizeof(uint32_t) != 0) {
    return Fail(ACL_ERROR_RT_ADDR_UNALIGNED, "{} is not aligned to 4 bytes", index);
  }
  GraphStream* graph = nullptr;
  VNPU_RETURN_IF_ERROR(BoundStream(stream, &graph));
  VNPU_RETURN_IF_ERROR(CheckReachable(index, *stream));
  auto jump = std::make_unique<GotoTask>();
  jump->labels.assign(list.labels.begin(), list.labels.begin() + count);
  VNPU_RETURN_IF_ERROR(Submit(stream, 0, 0, [&](Slot& slot) {
    slot.kind = NodeKind::kGoto;
    slot.object = jump.get();
    slot.sqe->opcode = VNPU_OP_MODEL_GOTO;
    slot.sqe->jump.va = reinterpret_cast<uint64_t>(index);
    slot.sqe->jump.labels = count;
  }));
  const std::lock_guard lock(graph->model->mutex);
  graph->gotos.push_back(std::move(jump));
  return ACL_SUCCESS;
}

void ForgetLabels(const GraphStream* graph) {
  const std::lock_guard lock(label_mutex);
  for (uint32_t i = 0; i < graph->size; ++i) {
    const GraphNode& node = graph->node(i);
    auto* const label = static_cast<Label*>(const_cast<void*>(node.object));
    if (node.kind == NodeKind::kLabel && label->stream == graph && label->node == i) {
      label->stream = nullptr;
    }
  }
}

}  // namespace vnpu::runtime
