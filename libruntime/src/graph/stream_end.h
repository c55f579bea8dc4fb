// What a stream leaves in graphs when it ends.
#ifndef VNPU_LIBRUNTIME_SRC_GRAPH_STREAM_END_H_
#define VNPU_LIBRUNTIME_SRC_GRAPH_STREAM_END_H_

#include "libruntime/src/base/guard.h"
#include "libruntime/src/graph/build.h"
#include "libruntime/src/graph/capture.h"
#include "libruntime/src/graph/group.h"

namespace vnpu::runtime {

// Before the stream's end. A stream that is captured can only be forced; its capture then fails.
inline aclError LeaveGraphs(Stream* stream, bool force) {
  if (stream->has(kDiverted) || stream->has(kUpdating)) [[unlikely]] {
    VNPU_RETURN_IF_ERROR(LeaveCapture(stream, force));
    DropGroupUpdate(stream);
    DropPersistent(stream);
  }
  return ACL_SUCCESS;
}

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_GRAPH_STREAM_END_H_
