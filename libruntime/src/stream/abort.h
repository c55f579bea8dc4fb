// Ending the tasks of streams before their time.
#ifndef VNPU_LIBRUNTIME_SRC_STREAM_ABORT_H_
#define VNPU_LIBRUNTIME_SRC_STREAM_ABORT_H_

#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {

// Stops what runs and drops what waits; returns when that is done. Other threads' waits for these
// tasks end with ACL_ERROR_RT_STREAM_ABORT. The stream takes tasks again.
aclError AbortStream(Stream* stream);

// Stops the task that runs. It fails with ACL_ERROR_RT_STREAM_ABORT, the others go on.
aclError StopStream(Stream* stream);

// AbortStream for all streams of a session at once. Contexts that had stopped on a failure take
// tasks again.
aclError AbortDevice(Session& session, Deadline deadline);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_STREAM_ABORT_H_
