#include "libruntime/src/stream/context.h"

#include <vector>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/callback/host_calls.h"
#include "libruntime/src/device/device.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/graph/model.h"
#include "libruntime/src/stream/state_callbacks.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {

constinit Slab<Context, kMaxContexts> contexts;
constinit Slab<Stream, kMaxStreams> streams;

namespace {

std::atomic<int32_t> default_device{-1};

// All live contexts, for the end of a session.
struct AllContexts {
  std::mutex mutex;
  std::unordered_set<Context*> contexts;
};

AllContexts& AllLiveContexts() {
  static auto* const live = new AllContexts;
  return *live;
}

// Ends the life of a context whose streams are gone.
void Bury(Context* context) {
  {
    AllContexts& live = AllLiveContexts();
    const std::lock_guard lock(live.mutex);
    live.contexts.erase(context);
  }
  context->default_stream = nullptr;
  context->session.reset();
  contexts.Free(context);
}

// Ends the lives of all streams of a retired context.
void DropStreams(Context* context, Deadline deadline) {
  std::vector<Stream*> doomed;
  {
    const std::lock_guard lock(context->mutex);
    doomed.assign(context->streams.begin(), context->streams.end());
    context->streams.clear();
  }
  for (Stream* stream : doomed) {
    DropStream(stream, deadline);
  }
}

}  // namespace

aclError NewContext(std::shared_ptr<Session> session, bool primary, Context** context) {
  Context* fresh = contexts.Allocate();
  if (fresh == nullptr) {
    return Fail(ACL_ERROR_RT_RESOURCE_ALLOC_FAIL,
                "too many contexts ({}); destroy those that are not needed", kMaxContexts);
  }
  fresh->device = session->index();
  fresh->primary = primary;
  fresh->session = std::move(session);
  fresh->stopped.store(ACL_SUCCESS);
  fresh->stop_on_failure = false;
  fresh->captures = 0;
  fresh->parameters.clear();
  constexpr uint32_t kHighest = 0;
  const aclError error = NewStream(fresh, kHighest, /*flags=*/0, &fresh->default_stream);
  if (error != ACL_SUCCESS) {
    fresh->session.reset();
    contexts.Free(fresh);
    return error;
  }
  {
    AllContexts& live = AllLiveContexts();
    const std::lock_guard lock(live.mutex);
    live.contexts.insert(fresh);
  }
  contexts.Publish(fresh);
  *context = fresh;
  return ACL_SUCCESS;
}

aclError CreateContext(int32_t device, Context** context) {
  std::shared_ptr<Session> session;
  VNPU_RETURN_IF_ERROR(RetainDevice(device, &session));
  const aclError error = NewContext(session, /*primary=*/false, context);
  if (error != ACL_SUCCESS) {
    ReleaseDevice(static_cast<uint32_t>(device), session);
    return error;
  }
  MakeCurrent(*context);
  NotifyCreated((*context)->default_stream);
  return ACL_SUCCESS;
}

aclError DestroyContext(Context* context) {
  if (context->primary) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "the default context of a device cannot be destroyed; call aclrtResetDevice");
  }
  if (HostCalls::InCall()) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "a host function that a stream calls cannot destroy contexts");
  }
  NotifyDestroyingAllOf(context);
  if (!contexts.Retire(context)) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "the context is being destroyed by another thread");
  }
  DropStreams(context, std::nullopt);
  DropModelsOf(*context);
  const std::shared_ptr<Session> session = context->session;
  const uint32_t device = context->device;
  Bury(context);
  ReleaseDevice(device, session);
  return ACL_SUCCESS;
}

void DropContextsOf(Session& session, Deadline deadline) {
  std::vector<Context*> doomed;
  {
    AllContexts& live = AllLiveContexts();
    const std::lock_guard lock(live.mutex);
    for (Context* context : live.contexts) {
      if (context->session.get() == &session) {
        doomed.push_back(context);
      }
    }
  }
  for (Context* context : doomed) {
    if (contexts.Retire(context)) {
      DropStreams(context, deadline);
      Bury(context);
    }
  }
}

void ForEachStreamOf(const Session& session, const std::function<void(Stream*)>& visit) {
  AllContexts& live = AllLiveContexts();
  const std::lock_guard lock(live.mutex);
  for (Context* context : live.contexts) {
    if (context->session.get() == &session) {
      const std::lock_guard context_lock(context->mutex);
      for (Stream* stream : context->streams) {
        visit(stream);
      }
    }
  }
}

namespace internal {

thread_local constinit Current current;

aclError AdoptDefaultDevice() {
  const int32_t device = default_device.load();
  if (device >= 0) {
    return SetDevice(device);
  }
  return Fail(ACL_ERROR_RT_CONTEXT_NULL, "{}",
              current.context == nullptr
                  ? "this thread has no context; call aclrtSetDevice or aclrtSetCurrentContext"
                  : "this thread's context is gone: destroyed, or its device was reset; call "
                    "aclrtSetDevice or aclrtSetCurrentContext");
}

aclError FailForeignStream(const void* handle) {
  if (streams.Resolve(handle) == nullptr) {
    return FailStaleStream(handle);
  }
  return Fail(ACL_ERROR_RT_STREAM_CONTEXT,
              "the stream belongs to another context than this thread's current one; call "
              "aclrtSetCurrentContext or aclrtSetDevice first");
}

}  // namespace internal

void MakeCurrent(Context* context) {
  internal::current = {.context = context, .generation = context->generation()};
}

aclError CurrentSession(std::shared_ptr<Session>* session) {
  Context* context = nullptr;
  VNPU_RETURN_IF_ERROR(CurrentContext(&context));
  *session = context->session;
  return ACL_SUCCESS;
}

void SetDefaultDevice(int32_t device) { default_device.store(device); }

}  // namespace vnpu::runtime
