// The embedded transport (uapi/vnpu/transport.h).
#ifndef VNPU_DRIVER_GLUE_EMBEDDED_H_
#define VNPU_DRIVER_GLUE_EMBEDDED_H_

#include "driver/core/driver.h"

namespace vnpu::driver {

// Serves the socket `fd` until it closes, its client dies, or `signal_fd` (signalfd) is readable.
// Returns 0 or -errno.
int ServeEmbedded(Driver* driver, int fd, int signal_fd);

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_GLUE_EMBEDDED_H_
