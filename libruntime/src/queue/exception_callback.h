// The callbacks that the application registered for failed tasks.
#ifndef VNPU_LIBRUNTIME_SRC_QUEUE_EXCEPTION_CALLBACK_H_
#define VNPU_LIBRUNTIME_SRC_QUEUE_EXCEPTION_CALLBACK_H_

#include <cstdint>

#include "acl/acl_rt.h"

namespace vnpu::runtime {
class Session;
class SubmitQueue;
struct Function;
}  // namespace vnpu::runtime

// What the callback's argument points to; read by the aclrtGet...FromExceptionInfo functions.
struct rtExceptionInfo {
  uint32_t task_id;
  uint32_t stream_id;
  uint32_t thread_id;  // that noticed the failure
  uint32_t device_id;
  uint32_t error_code;
  // Of kernels; null: another task, or the image is unloaded.
  vnpu::runtime::Function* function;
  void* args;  // null: overwritten meanwhile
  uint32_t arg_bytes;
};

namespace vnpu::runtime {

// The callback of aclrtSetExceptionInfoCallback; null: none. Any thread, as what follows.
void SetExceptionCallback(aclrtExceptionInfoCallback callback);
// Further ones, each once.
void AddExceptionCallback(aclrtExceptionInfoCallback callback);
void RemoveExceptionCallback(aclrtExceptionInfoCallback callback);

// A task that failed. `func_id` is UINT32_MAX where it was no kernel.
struct ExceptionReport {
  const SubmitQueue& queue;
  uint64_t task = 0;
  aclError code = ACL_SUCCESS;
  uint32_t func_id = UINT32_MAX;
};

// Calls the callbacks from the calling thread, which holds no lock.
void ReportException(const ExceptionReport& report);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_QUEUE_EXCEPTION_CALLBACK_H_
