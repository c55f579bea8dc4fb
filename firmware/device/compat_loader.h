// Loads the compat part (firmware/compat/compat.h).
#ifndef VNPU_FIRMWARE_DEVICE_COMPAT_LOADER_H_
#define VNPU_FIRMWARE_DEVICE_COMPAT_LOADER_H_

#include <string>

#include "firmware/compat/compat.h"

namespace vnpu::firmware {

// The table of the plug-in that descriptor `fd` is open on; it stays loaded. nullptr: `*why` says
// why. Its constructors run.
const vnpu_compat* LoadCompat(int fd, std::string* why);

// `vnpu-device --self-test`: loads the plug-in, runs its self-test under the filter of device code
// and writes a SelfTestReport (control.h) to the control descriptor. The exit code.
int RunSelfTest();

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_DEVICE_COMPAT_LOADER_H_
