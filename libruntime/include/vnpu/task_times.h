// When the device ran the tasks of a stream.
#ifndef VNPU_TASK_TIMES_H_
#define VNPU_TASK_TIMES_H_

#include <stdint.h>

#include "acl/acl_base.h"

#ifdef __cplusplus
extern "C" {
#endif

// The number that the next task of a stream gets; everything submitted so far has a smaller one.
// Each submission takes one number. 0 for a stream that does not exist. Any thread.
__attribute__((visibility("default"))) uint64_t vnpuStreamGetTaskCount(aclrtStream stream);

// When `count` tasks from number `firstTask` on started and ended, in ticks of the device clock,
// into arrays of the caller. The tasks must be finished, and the device remembers only as many as
// the stream's queue has entries (1024): ACL_ERROR_INVALID_PARAM otherwise. Any thread.
__attribute__((visibility("default"))) aclError vnpuStreamGetTaskTimes(aclrtStream stream,
                                                                       uint64_t firstTask,
                                                                       uint64_t count,
                                                                       uint64_t* startTicks,
                                                                       uint64_t* endTicks);

// Ticks a second of the device clock; 0 for a device that is not set. Any thread.
__attribute__((visibility("default"))) uint64_t vnpuDeviceClockHz(int32_t deviceId);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_TASK_TIMES_H_
