#include "libruntime/src/stream/state_callbacks.h"

#include <vector>

namespace vnpu::runtime {
namespace {

void NotifyState(Stream* stream, aclrtStreamState state) {
  StreamCallbacks().ForEach([&](aclrtStreamStateCallback callback, void* argument) {
    callback(stream, state, argument);
  });
}

}  // namespace

NamedCallbacks<aclrtStreamStateCallback>& StreamCallbacks() {
  static auto* const callbacks = new NamedCallbacks<aclrtStreamStateCallback>;
  return *callbacks;
}

void NotifyCreated(Stream* stream) { NotifyState(stream, ACL_RT_STREAM_STATE_CREATE_POST); }

void NotifyDestroying(Stream* stream) { NotifyState(stream, ACL_RT_STREAM_STATE_DESTROY_PRE); }

void NotifyDestroyingAllOf(Context* context) {
  std::vector<Stream*> doomed;
  if (!StreamCallbacks().empty()) {
    const std::lock_guard lock(context->mutex);
    doomed.assign(context->streams.begin(), context->streams.end());
  }
  for (Stream* stream : doomed) {
    NotifyDestroying(stream);
  }
}

void NotifyDestroyingAllOf(const Session& session) {
  std::vector<Stream*> doomed;
  if (!StreamCallbacks().empty()) {
    ForEachStreamOf(session, [&](Stream* stream) { doomed.push_back(stream); });
  }
  for (Stream* stream : doomed) {
    NotifyDestroying(stream);
  }
}

}  // namespace vnpu::runtime
