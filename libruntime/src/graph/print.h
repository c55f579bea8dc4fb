// Models as text and as JSON.
#ifndef VNPU_LIBRUNTIME_SRC_GRAPH_PRINT_H_
#define VNPU_LIBRUNTIME_SRC_GRAPH_PRINT_H_

#include <string>

#include "libruntime/src/graph/model.h"

namespace vnpu::runtime {

// For chrome://tracing and vnpu-ctl graph: docs/runtime.md. `verbose`: with kernels' arguments.
std::string ModelAsJson(Model* model, bool verbose);
// A line for each task.
std::string ModelAsText(Model* model);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_GRAPH_PRINT_H_
