// Kinds of tasks in graphs.
#ifndef VNPU_LIBRUNTIME_SRC_GRAPH_NODE_KIND_H_
#define VNPU_LIBRUNTIME_SRC_GRAPH_NODE_KIND_H_

#include <cstdint>

namespace vnpu::runtime {

// With the object that a node of the kind is about.
enum class NodeKind : uint8_t {
  kTask,    // an entry without more to it
  kKernel,  // Function
  kValueWrite,
  kValueWait,
  kRecord,          // Event
  kWait,            // Event; GraphWait says for which record
  kReset,           // Event
  kExternalRecord,  // Event: one that others than the graph see; so the next two
  kExternalWait,
  kExternalReset,
  kCondition,  // CondTask
  kLabel,      // Label
  kGoto,       // GotoTask
  kActivate,   // GraphStream
  kSwitch,     // GraphStream
  kEnd,        // of a stream's tasks
  kUpdate,     // TaskUpdate
  kHostCall,   // GraphCall
  kModel,      // Model that is run
  kMemory,     // memory of a pool, allocated or freed
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_GRAPH_NODE_KIND_H_
