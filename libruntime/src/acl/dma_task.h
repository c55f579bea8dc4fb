// What the functions for tasks of VNPU_FEATURE_DMA_TASKS share.
#ifndef VNPU_LIBRUNTIME_SRC_ACL_DMA_TASK_H_
#define VNPU_LIBRUNTIME_SRC_ACL_DMA_TASK_H_

#include <vnpu/queue.h>

#include "libruntime/src/base/error.h"
#include "libruntime/src/device/session.h"

namespace vnpu::runtime {

// Fails when the driver is older than such tasks.
inline aclError RequireDmaTasks(const Session& session) {
  return (session.features() & VNPU_FEATURE_DMA_TASKS) != 0
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                    "the driver does not know this kind of task; update it");
}

// The numbers of vnpu_type for an aclDataType that has one; VNPU_TYPE_COUNT for others.
inline uint32_t TypeOf(aclDataType type) {
  switch (type) {
    case ACL_INT8:
      return VNPU_TYPE_INT8;
    case ACL_INT16:
      return VNPU_TYPE_INT16;
    case ACL_INT32:
      return VNPU_TYPE_INT32;
    case ACL_UINT32:
      return VNPU_TYPE_UINT32;
    case ACL_INT64:
      return VNPU_TYPE_INT64;
    case ACL_UINT64:
      return VNPU_TYPE_UINT64;
    case ACL_FLOAT16:
      return VNPU_TYPE_FP16;
    case ACL_BF16:
      return VNPU_TYPE_BF16;
    case ACL_FLOAT:
      return VNPU_TYPE_FP32;
    default:
      return VNPU_TYPE_COUNT;
  }
}

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_ACL_DMA_TASK_H_
