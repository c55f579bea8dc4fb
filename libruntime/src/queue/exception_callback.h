// The callbacks that the application registered for failed tasks.
#ifndef VNPU_LIBRUNTIME_SRC_QUEUE_EXCEPTION_CALLBACK_H_
#define VNPU_LIBRUNTIME_SRC_QUEUE_EXCEPTION_CALLBACK_H_

#include <cstdint>

#include "acl/acl_rt.h"

// What the callback's argument points to; read by the aclrtGet...FromExceptionInfo functions.
struct rtExceptionInfo {
  uint32_t task_id;
  uint32_t stream_id;
  uint32_t thread_id;  // that noticed the failure
  uint32_t device_id;
  uint32_t error_code;
};

namespace vnpu::runtime {

// The callback of aclrtSetExceptionInfoCallback; null: none. Any thread, as what follows.
void SetExceptionCallback(aclrtExceptionInfoCallback callback);
// Further ones. False: there already, or not there.
bool AddExceptionCallback(aclrtExceptionInfoCallback callback);
bool RemoveExceptionCallback(aclrtExceptionInfoCallback callback);

// Calls the callbacks from the calling thread, which holds no lock.
void ReportException(uint32_t device, uint32_t queue, uint64_t task, aclError code);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_QUEUE_EXCEPTION_CALLBACK_H_
