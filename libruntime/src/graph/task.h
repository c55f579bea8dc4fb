// Looking at the tasks of models: the objects behind aclmdlRITask.
#ifndef VNPU_LIBRUNTIME_SRC_GRAPH_TASK_H_
#define VNPU_LIBRUNTIME_SRC_GRAPH_TASK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "acl/acl_rt.h"
#include "libruntime/src/graph/model.h"

namespace vnpu::runtime {

// Made when a task is first asked for; ends with the model, or the stream's tasks.
struct alignas(64) GraphTask : SlabObject {
  Model* model = nullptr;
  GraphStream* stream = nullptr;
  GraphNode* node = nullptr;
  // What aclmdlRITaskGetParams hands out.
  aclrtLaunchKernelCfg config{};
  std::array<aclrtLaunchKernelAttr, 4> attributes{};
  std::byte* args = nullptr;  // pinned memory
  uint32_t arg_room = 0;
};

inline constexpr size_t kMaxGraphTasks = 4u << 20;

aclError ResolveTask(void* handle, GraphTask** task);

// The streams of a model as handles; of a built one, its persistent streams.
aclError StreamsOf(Model* model, aclrtStream* streams, uint32_t* count);
// The tasks of such a stream.
aclError TasksOf(void* stream, aclmdlRITask* tasks, uint32_t* count);
void FreeTasksOf(Model* model);

aclmdlRITaskType TypeOf(const GraphNode& node);
aclError TaskParams(GraphTask* task, aclmdlRITaskParams* params);
aclError KernelAttribute(const GraphTask& task, aclrtLaunchKernelAttrId id,
                         aclrtLaunchKernelAttrValue* value);

// Keeps a text with the task that the calling thread has submitted last, to a graph that still
// takes tasks.
aclError DescribeLastTask(std::string text);

// The task whose entry stands at the position of the compiled stream; null: none.
const GraphNode* NodeAt(const GraphStream& graph, uint32_t position);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_GRAPH_TASK_H_
