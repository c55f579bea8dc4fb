#include "libruntime/src/graph/nested.h"

#include <mutex>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/graph/capture.h"
#include "libruntime/src/graph/group.h"

namespace vnpu::runtime {

aclError NestModel(Model* model, Stream* stream) {
  if ((stream->session->features() & VNPU_FEATURE_MODEL_CALLS) == 0) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "the driver is too old for models in models; update it");
  }
  const NestedModel nested{.model = model, .generation = model->generation()};
  {
    const std::lock_guard lock(model->mutex);
    if (!model->alive() || model->state.load() != ModelState::kReady) {
      return Fail(ACL_ERROR_RT_INVALID_HANDLE, "the model was destroyed by another thread");
    }
    model->nested.fetch_add(1);
  }
  bool placed = false;
  const aclError error = Submit(stream, 0, 0, [&](Slot& slot) {
    GraphStream* const graph = PlaceOf(*stream);
    slot.sqe->opcode = graph != nullptr ? VNPU_OP_MODEL_EXECUTE : VNPU_OP_NOP;
    if (graph != nullptr) {
      placed = true;
      graph->nested.push_back(nested);
      slot.kind = NodeKind::kModel;
      slot.object = model;
    }
  });
  if (placed) {
    return error;
  }
  LeaveNested(nested);
  return error != ACL_SUCCESS ? error : FailCaptureEnded();
}

void LeaveNested(const NestedModel& nested) {
  if (nested.model->alive() && nested.model->generation() == nested.generation) {
    nested.model->nested.fetch_sub(1);
  }
}

aclError CheckNotNested(const Model& model) {
  return model.nested.load() == 0
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_MODEL_RUNNING,
                    "{} task(s) of other models run the model; destroy those models first",
                    model.nested.load());
}

}  // namespace vnpu::runtime
