// Conditional tasks: if, while and switch, decided on the device (manual 15).
#ifndef VNPU_LIBRUNTIME_SRC_GRAPH_CONDITION_H_
#define VNPU_LIBRUNTIME_SRC_GRAPH_CONDITION_H_

#include <cstdint>

#include "acl/acl_rt.h"
#include "libruntime/src/graph/model.h"

namespace vnpu::runtime {

// A condition of a model that is captured; it lives as long as the model.
aclError NewCondition(Model* model, uint32_t initial, bool assign, Condition** condition);
aclError ResolveCondition(void* handle, Condition** condition);

// Puts a conditional task into a captured stream and makes a model for each of its bodies.
aclError AddCondTask(Stream* stream, Condition* condition, aclmdlRICondTaskType type,
                     uint32_t count, aclmdlRI* bodies);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_GRAPH_CONDITION_H_
