// Models that are tasks of other models.
#ifndef VNPU_LIBRUNTIME_SRC_GRAPH_NESTED_H_
#define VNPU_LIBRUNTIME_SRC_GRAPH_NESTED_H_

#include "libruntime/src/graph/model.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {

// Makes the execution of a ready model a task of the stream, which is captured or persistent. Until
// that task is gone the model can neither be destroyed nor taken apart.
aclError NestModel(Model* model, Stream* stream);
// The task is gone.
void LeaveNested(const NestedModel& nested);
// Fails for a model that others run.
aclError CheckNotNested(const Model& model);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_GRAPH_NESTED_H_
