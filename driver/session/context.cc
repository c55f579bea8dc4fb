#include "driver/session/context.h"

#include <poll.h>

#include "driver/core/client.h"

namespace vnpu::driver {

bool SessionContext::Aborted() const {
  pollfd fds[] = {{abort_fd, POLLIN, 0}, {client_fd, POLLIN, 0}};
  return poll(fds, 2, 0) > 0 || IsDying(caller);
}

}  // namespace vnpu::driver
