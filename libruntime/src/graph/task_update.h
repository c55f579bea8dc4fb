// aclrtTaskUpdateAsync: tasks of built models that are changed by what stands in device memory when
// a stream gets there (manual 12).
#ifndef VNPU_LIBRUNTIME_SRC_GRAPH_TASK_UPDATE_H_
#define VNPU_LIBRUNTIME_SRC_GRAPH_TASK_UPDATE_H_

#include <cstdint>

#include "acl/acl_base.h"

namespace vnpu::runtime {

struct Module;
struct Stream;

// A task of a stream that is bound to a model.
struct TaskName {
  Stream* stream = nullptr;
  uint32_t task = 0;  // as aclrtGetThreadLastTaskId calls it
};

// Kernel and blocks become those whose numbers stand at the addresses.
aclError UpdateKernelTask(const TaskName& name, Module* module, const void* number,
                          const void* blocks, Stream* exec);

// Results, counter, seed and count become those of the aclrtRandomNumTaskInfo at the address.
aclError UpdateRandomTask(const TaskName& name, const void* source, Stream* exec);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_GRAPH_TASK_UPDATE_H_
