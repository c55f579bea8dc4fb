// When the device ran the tasks of a stream, if it was asked to note that.
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

// Whether the device notes when the tasks run that are submitted to the stream from now on; at
// first it does not, since reading its clock takes longer than a short kernel does. With 0 the
// times noted so far are gone. ACL_ERROR_INVALID_PARAM for other values than 0 and 1. Any
// thread.
__attribute__((visibility("default"))) aclError vnpuStreamRecordTaskTimes(aclrtStream stream,
                                                                          int32_t record);

// When `count` tasks from number `firstTask` on started and ended, in ticks of the device clock,
// into arrays of the caller. The tasks must be finished and submitted while times were recorded,
// and the device remembers only as many as the stream's queue has entries (1024):
// ACL_ERROR_INVALID_PARAM otherwise. Any thread.
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
