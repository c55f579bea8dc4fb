// What libacl_rt.so offers beyond the acl interface.
#ifndef VNPU_VNPU_H_
#define VNPU_VNPU_H_

#include <stdint.h>

#include "acl/acl_base.h"

#ifdef __cplusplus
extern "C" {
#endif

// How the device is reached: "device node /dev/vnpu/davinci0", or "embedded: " and the reason.
// Null when the device does not exist (aclGetRecentErrMsg says why). Valid until the next call.
// Any thread.
__attribute__((visibility("default"))) const char* vnpuGetTransport(int32_t deviceId);

// The calling thread's device, and the number of its use: each aclrtSetDevice after a reset begins
// a use with a higher number, and what was loaded in an earlier one is gone. Any thread.
__attribute__((visibility("default"))) aclError vnpuGetDeviceUse(int32_t* deviceId, uint64_t* use);

// The handle of a kernel of the host program (vnpu/host_image.h) on the calling thread's device,
// where the image is loaded once in each use. Any thread.
struct vnpu_host_image;
__attribute__((visibility("default"))) aclError vnpuGetHostKernel(struct vnpu_host_image* image,
                                                                  const char* name, void** kernel);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_VNPU_H_
