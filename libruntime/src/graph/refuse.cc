// What captures forbid, and to whom.
#include <utility>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/graph/capture.h"

namespace vnpu::runtime {
namespace {

thread_local constinit aclmdlRICaptureMode thread_mode = ACL_MODEL_RI_CAPTURE_MODE_GLOBAL;

// Whether the mode of a capture forbids the calling thread what is not safe.
bool Forbids(const Capture& capture) {
  if (capture.thread == ThisThread()) {
    return capture.mode != ACL_MODEL_RI_CAPTURE_MODE_RELAXED &&
           thread_mode != ACL_MODEL_RI_CAPTURE_MODE_RELAXED;
  }
  return capture.mode == ACL_MODEL_RI_CAPTURE_MODE_GLOBAL &&
         thread_mode == ACL_MODEL_RI_CAPTURE_MODE_GLOBAL;
}

}  // namespace

aclmdlRICaptureMode ExchangeThreadMode(aclmdlRICaptureMode mode) {
  return std::exchange(thread_mode, mode);
}

aclError CheckUnsafeAsync(Stream* stream) {
  if (Model* const model = CaptureOf(stream); model != nullptr) {
    RefuseCapture(model, ACL_ERROR_RT_CAPTURE_MODE_BLOCK_ASYNC);
    return Fail(ACL_ERROR_RT_CAPTURE_MODE_BLOCK_ASYNC,
                "a captured copy with host memory takes pinned memory, of aclrtMallocHost");
  }
  return captures_under_way.load(std::memory_order_relaxed) == 0
             ? ACL_SUCCESS
             : internal::RefuseUnsafe("a copy with host memory that is not pinned",
                                      ACL_ERROR_RT_CAPTURE_MODE_BLOCK_ASYNC);
}

namespace internal {

aclError RefuseUnsafe(const char* what, aclError code) {
  bool refused = false;
  ForEachModel([&](Model* model) {
    if (model->capturing() && Forbids(model->capture)) {
      RefuseCapture(model, code);
      refused = true;
    }
  });
  return !refused ? ACL_SUCCESS
                  : Fail(code,
                         "{} is forbidden by the mode of a capture, which has failed now; call "
                         "aclmdlRICaptureThreadExchangeMode with the relaxed mode first",
                         what);
}

aclError RefuseDeviceWait(const Session& session) {
  bool refused = false;
  ForEachModel([&](Model* model) {
    if (model->capturing() && model->session_serial == session.serial()) {
      RefuseCapture(model, ACL_ERROR_RT_STREAM_CAPTURED);
      refused = true;
    }
  });
  return !refused ? ACL_SUCCESS
                  : Fail(ACL_ERROR_RT_STREAM_CAPTURED,
                         "a stream of the device is captured, and its tasks do not run: the "
                         "device cannot be waited for. The capture has failed");
}

aclError RefuseImplicit(const Stream* stream) {
  ForEachModel([&](Model* model) {
    if (model->capturing() && model->context == stream->context) {
      RefuseCapture(model, ACL_ERROR_RT_STREAM_CAPTURE_IMPLICIT);
    }
  });
  return Fail(ACL_ERROR_RT_STREAM_CAPTURE_IMPLICIT,
              "the default stream cannot be used while streams of its context are captured; use "
              "another stream. The capture has failed");
}

aclError RefuseStreamWait(Stream* stream, const char* what, bool* nothing_to_do) {
  if (stream->has(kNoImplicit)) {
    return RefuseImplicit(stream);
  }
  Model* const model = CaptureOf(stream);
  if (model == nullptr) {
    *nothing_to_do = true;
    return ACL_SUCCESS;
  }
  RefuseCapture(model, ACL_ERROR_RT_STREAM_CAPTURED);
  return Fail(ACL_ERROR_RT_STREAM_CAPTURED,
              "the stream is captured and its tasks do not run: it cannot be {}. The capture has "
              "failed",
              what);
}

}  // namespace internal

}  // namespace vnpu::runtime
