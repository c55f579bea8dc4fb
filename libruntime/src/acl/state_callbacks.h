#ifndef VNPU_LIBRUNTIME_SRC_ACL_STATE_CALLBACKS_H_
#define VNPU_LIBRUNTIME_SRC_ACL_STATE_CALLBACKS_H_

#include "acl/acl_rt.h"

namespace vnpu::runtime {

// Tells the callbacks of aclrtRegDeviceStateCallback.
void NotifyDevice(int32_t device, aclrtDeviceState state);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_ACL_STATE_CALLBACKS_H_
