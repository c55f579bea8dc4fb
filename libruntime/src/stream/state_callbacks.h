// Callbacks when streams are made and destroyed. Called without any lock of the library.
#ifndef VNPU_LIBRUNTIME_SRC_STREAM_STATE_CALLBACKS_H_
#define VNPU_LIBRUNTIME_SRC_STREAM_STATE_CALLBACKS_H_

#include "acl/acl_rt.h"
#include "libruntime/src/base/named_callbacks.h"
#include "libruntime/src/stream/context.h"

namespace vnpu::runtime {

NamedCallbacks<aclrtStreamStateCallback>& StreamCallbacks();

// The stream has just been made.
void NotifyCreated(Stream* stream);
// The stream, or all streams of a context or session, are about to be destroyed.
void NotifyDestroying(Stream* stream);
void NotifyDestroyingAllOf(Context* context);
void NotifyDestroyingAllOf(const Session& session);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_STREAM_STATE_CALLBACKS_H_
