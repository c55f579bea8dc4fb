// Memory files: making our own, checking those of a client.
#ifndef VNPU_DRIVER_BASE_MEMFD_H_
#define VNPU_DRIVER_BASE_MEMFD_H_

#include <cstdint>

#include "driver/base/unique_fd.h"

namespace vnpu::driver {

// A sparse memory file of `bytes`, of fixed size for ever. Returns 0 or -errno.
int CreateMemfd(const char* name, uint64_t bytes, UniqueFd* fd);

// Checks that `fd` is a memory file of at least `bytes` that can never shrink and never raises
// SIGBUS (no huge-page file); with `immutable`, that nobody can write to it either. -EBADF: not a
// memory file of that kind, -EINVAL: too short.
int CheckMemfd(int fd, uint64_t bytes, bool immutable = false);

// Check that `fd` is an eventfd or an io_uring; 0 or -EBADF.
int CheckEventfd(int fd);
int CheckUring(int fd);

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_BASE_MEMFD_H_
