// Task groups: captured tasks that are replaced by submitting others (manual 15, guide 04-03).
#ifndef VNPU_LIBRUNTIME_SRC_GRAPH_GROUP_H_
#define VNPU_LIBRUNTIME_SRC_GRAPH_GROUP_H_

#include "libruntime/src/graph/model.h"

namespace vnpu::runtime {

// An update that a stream collects: between aclmdlRICaptureTaskUpdateBegin and -End.
struct GroupUpdate {
  TaskGroup* group = nullptr;
  GraphStream* scratch = nullptr;  // the new tasks
};

// The tasks that the captured stream gets from here on are a group.
aclError BeginGroup(Stream* stream);
aclError EndGroup(Stream* stream, TaskGroup** group);

// The tasks that the stream gets from here on replace those of the group.
aclError BeginGroupUpdate(Stream* stream, TaskGroup* group);
// Puts the replacement into the stream: it takes place when the stream gets there.
aclError EndGroupUpdate(Stream* stream);
// Forgets an update that was begun; the stream ends.
void DropGroupUpdate(Stream* stream);

aclError ResolveGroup(void* handle, TaskGroup** group);

// The nodes that take the stream's tasks; null: its queue does. With the stream's lock held.
GraphStream* PlaceOf(const Stream& stream);

// For submission, with the stream's lock held: codes only.
aclError EnterGroup(TaskGroup* group, GraphNode* node);
aclError CheckReplacement(const GroupUpdate& update, const GraphNode& node);
// Says why, without the lock.
[[gnu::cold]] aclError FailGroupTask(aclError code);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_GRAPH_GROUP_H_
