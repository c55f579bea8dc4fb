// Resources of kernels that the process sets for all its devices (manual 04, aclrtDeviceSetLimit).
#ifndef VNPU_LIBRUNTIME_SRC_DEVICE_PROCESS_LIMITS_H_
#define VNPU_LIBRUNTIME_SRC_DEVICE_PROCESS_LIMITS_H_

#include <cstddef>

#include "acl/acl_rt.h"

namespace vnpu::runtime {

// Rounds the value up as the limit demands; an error for one out of range, for limits of the SIMT
// model, which the devices do not have, and where ASCEND_RT_VISIBLE_DEVICES leaves device 0 out.
// Thread-safe.
aclError SetProcessLimit(aclrtDeviceLimit limit, size_t value);
// The errors of SetProcessLimit alone.
aclError CheckProcessLimit(aclrtDeviceLimit limit, size_t value);
aclError GetProcessLimit(aclrtDeviceLimit limit, size_t* value);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_DEVICE_PROCESS_LIMITS_H_
