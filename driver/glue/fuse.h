// The nodes, as a FUSE mount.
#ifndef VNPU_DRIVER_GLUE_FUSE_H_
#define VNPU_DRIVER_GLUE_FUSE_H_

#include <functional>

#include "driver/core/driver.h"

namespace vnpu::driver {

// Mounts, calls `ready`, and serves until `signal_fd` (signalfd) is readable or the mount is taken
// away. Leaves no session and no mount. Returns 0 or -errno, with one line in the log.
int ServeFuse(Driver* driver, int signal_fd, const std::function<void()>& ready);

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_GLUE_FUSE_H_
