// Changing the tasks of a model that can be executed.
#ifndef VNPU_LIBRUNTIME_SRC_GRAPH_UPDATE_H_
#define VNPU_LIBRUNTIME_SRC_GRAPH_UPDATE_H_

#include "acl/acl_rt.h"
#include "libruntime/src/graph/model.h"

namespace vnpu::runtime {

struct GraphTask;

// Whether the node's arguments stand in the image's argument area.
inline bool HasImageArgs(const GraphNode& node) {
  return node.sqe.opcode == VNPU_OP_KERNEL && node.sqe.kernel.arg_size > 0 &&
         (node.sqe.flags & (VNPU_SQE_INLINE | VNPU_SQE_DEVICE_ARGS)) == 0;
}

// Makes `to`, a node of `graph`, do what `from` does. With the mutex of the model held, whose root
// has the program. Fails when the image has no room for the arguments.
aclError AdoptTask(Program* program, GraphStream* graph, const GraphNode& from, GraphNode* to);

// aclmdlRITaskSetParams and aclmdlRITaskDisable: in force after UpdateModel.
aclError SetTaskParams(GraphTask* task, const aclmdlRITaskParams& params);
aclError DisableTask(GraphTask* task);
// For launches to come; runs under way keep what they have.
aclError UpdateModel(Model* model);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_GRAPH_UPDATE_H_
