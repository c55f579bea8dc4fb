// Models that are built of persistent streams (manual 15), and what such streams can do (manual
// 06).
#ifndef VNPU_LIBRUNTIME_SRC_GRAPH_BUILD_H_
#define VNPU_LIBRUNTIME_SRC_GRAPH_BUILD_H_

#include <cstdint>

#include "acl/acl_rt.h"
#include "libruntime/src/graph/model.h"

namespace vnpu::runtime {

// Makes a new stream, which nobody else knows yet, persistent: it keeps its tasks.
aclError MakePersistent(Stream* stream);

aclError BindStream(Model* model, Stream* stream, bool starts);
aclError UnbindStream(Model* model, Stream* stream);
// The stream has all of its tasks.
aclError EndTasks(Model* model, Stream* stream);
// The model can be executed.
aclError EndBuild(Model* model);

// Forgets the tasks of a persistent stream, so that it can be given others.
aclError CleanTasks(Stream* stream);
// The end of a persistent stream.
void DropPersistent(Stream* stream);

// Of streams that are bound to one model: `target` starts, and with a condition `stream` ends.
aclError AddActivate(Stream* stream, Stream* target);
struct StreamSwitch {
  void* left = nullptr;
  void* right = nullptr;
  aclrtCondition condition = ACL_RT_EQUAL;
  uint32_t width = 0;  // bytes
};
aclError AddSwitch(Stream* stream, const StreamSwitch& choice, Stream* target);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_GRAPH_BUILD_H_
