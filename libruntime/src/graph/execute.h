// Running models.
#ifndef VNPU_LIBRUNTIME_SRC_GRAPH_EXECUTE_H_
#define VNPU_LIBRUNTIME_SRC_GRAPH_EXECUTE_H_

#include "libruntime/src/graph/model.h"
#include "libruntime/src/wait/wait.h"

namespace vnpu::runtime {

// Puts a run into the stream. A failing task of the run is the stream's error.
aclError ExecuteModel(Model* model, Stream* stream);
// Runs it in the default stream of the calling thread's context, and waits.
aclError ExecuteModelNow(Model* model, Deadline deadline);
// Ends the run that is under way and those that wait for it, not those that were not reached yet.
aclError AbortModel(Model* model);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_GRAPH_EXECUTE_H_
