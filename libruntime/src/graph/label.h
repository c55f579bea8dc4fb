// Labels: places in streams of models that jumps name (manual 10).
#ifndef VNPU_LIBRUNTIME_SRC_GRAPH_LABEL_H_
#define VNPU_LIBRUNTIME_SRC_GRAPH_LABEL_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "libruntime/src/graph/model.h"

namespace vnpu::runtime {

struct alignas(64) Label : SlabObject {
  Context* context = nullptr;
  uint32_t context_generation = 0;
  GraphStream* stream = nullptr;  // null: not set
  uint32_t node = 0;              // of the stream
};

struct alignas(64) LabelList : SlabObject {
  std::vector<Label*> labels;
};

inline constexpr size_t kMaxLabels = 65535;
extern Slab<Label, kMaxLabels> labels;
extern Slab<LabelList, kMaxLabels> label_lists;

aclError NewLabel(Label** label);
aclError DestroyLabel(Label* label);
aclError ResolveLabel(void* handle, Label** label);
// At the end of what the stream, which is bound to a model, has so far.
aclError SetLabel(Label* label, Stream* stream);

aclError NewLabelList(aclrtLabel* members, size_t count, LabelList** list);
aclError DestroyLabelList(LabelList* list);

// A jump to the label whose index stands at `index`, which is 4 bytes of device memory.
aclError AddGoto(Stream* stream, void* index, uint32_t count, const LabelList& list);

// The labels in the stream's tasks are not set any more.
void ForgetLabels(const GraphStream* graph);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_GRAPH_LABEL_H_
