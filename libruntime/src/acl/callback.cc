// Host functions in streams.
#include "libruntime/src/base/guard.h"
#include "libruntime/src/callback/host_calls.h"

namespace rt = vnpu::runtime;
using rt::CallKind;
using rt::Fail;
using rt::Guard;

namespace {

aclError Subscribe(CallKind kind, uint64_t thread, aclrtStream stream) {
  rt::Stream* found = nullptr;
  VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
  return found->session->host_calls().Subscribe(kind, thread, found);
}

aclError Unsubscribe(CallKind kind, uint64_t thread, aclrtStream stream) {
  rt::Stream* found = nullptr;
  VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
  return found->session->host_calls().Unsubscribe(kind, thread, found);
}

aclError Serve(CallKind kind, int32_t timeout) {
  if (timeout < -1 || timeout == 0) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "timeout is {}; it takes -1 or milliseconds > 0",
                timeout);
  }
  if (rt::HostCalls::InCall()) {
    return Fail(ACL_ERROR_RT_THREAD_SUBSCRIBE, "called from a host function of a stream");
  }
  const std::shared_ptr<rt::CallServer> server = rt::ServerOfThisThread(kind);
  const std::shared_ptr<rt::Session> session = server != nullptr ? server->session.lock() : nullptr;
  if (session == nullptr) {
    // Threads begin to serve before they are subscribed, and go on for a while afterwards.
    return rt::FailAsExpected(
        ACL_ERROR_RT_THREAD_SUBSCRIBE,
        "this thread serves no stream; subscribe it, by its pthread_self(), first");
  }
  bool served = false;
  VNPU_RETURN_IF_ERROR(session->host_calls().ServeOne(*server, rt::DeadlineIn(timeout), &served));
  return served ? ACL_SUCCESS
                : rt::FailAsExpected(ACL_ERROR_RT_REPORT_TIMEOUT,
                                     fmt::format("no callback came due within {} ms", timeout));
}

}  // namespace

aclError aclrtLaunchCallback(aclrtCallback fn, void* userData, aclrtCallbackBlockType blockType,
                             aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(fn);
    if (blockType != ACL_CALLBACK_NO_BLOCK && blockType != ACL_CALLBACK_BLOCK) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "blockType is {}; it takes ACL_CALLBACK_NO_BLOCK or ACL_CALLBACK_BLOCK",
                  static_cast<int>(blockType));
    }
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    return found->session->host_calls().Launch(CallKind::kReport, found, fn, userData,
                                               blockType == ACL_CALLBACK_BLOCK);
  });
}

aclError aclrtLaunchHostFunc(aclrtStream stream, aclrtHostFunc fn, void* args) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(fn);
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    return found->session->host_calls().Launch(CallKind::kHostFunc, found, fn, args,
                                               /*blocking=*/true);
  });
}

aclError aclrtSubscribeReport(uint64_t threadId, aclrtStream stream) {
  return Guard(__func__, [&] { return Subscribe(CallKind::kReport, threadId, stream); });
}

aclError aclrtProcessReport(int32_t timeout) {
  return Guard(__func__, [&] { return Serve(CallKind::kReport, timeout); });
}

aclError aclrtUnSubscribeReport(uint64_t threadId, aclrtStream stream) {
  return Guard(__func__, [&] { return Unsubscribe(CallKind::kReport, threadId, stream); });
}

aclError aclrtSubscribeHostFunc(uint64_t hostFuncThreadId, aclrtStream exeStream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(exeStream);
    return Subscribe(CallKind::kHostFunc, hostFuncThreadId, exeStream);
  });
}

aclError aclrtProcessHostFunc(int32_t timeout) {
  return Guard(__func__, [&] { return Serve(CallKind::kHostFunc, timeout); });
}

aclError aclrtUnSubscribeHostFunc(uint64_t hostFuncThreadId, aclrtStream exeStream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(exeStream);
    return Unsubscribe(CallKind::kHostFunc, hostFuncThreadId, exeStream);
  });
}
