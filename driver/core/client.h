// The process that opened a file.
#ifndef VNPU_DRIVER_CORE_CLIENT_H_
#define VNPU_DRIVER_CORE_CLIENT_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "driver/base/unique_fd.h"

namespace vnpu::driver {

struct Client {
  pid_t pid = 0;  // process, in the driver's pid namespace
  uid_t uid = 0;
  gid_t gid = 0;
  UniqueFd pidfd;
  std::string comm;
};

// The process that thread `tid` belongs to, or -ESRCH.
pid_t ProcessOfThread(pid_t tid);

// Identifies the process of thread `tid` and takes a pidfd of it. Returns 0 or -errno.
int IdentifyClient(pid_t tid, uid_t uid, gid_t gid, Client* client);

// The permitted capabilities of a process, 0 when they cannot be read.
uint64_t PermittedCapabilities(pid_t pid);

// True when a fatal signal waits for thread `tid`. A thread inside a FUSE request does not die of
// it before it gets its answer, so nothing else tells.
bool IsDying(pid_t tid);

// Duplicates descriptor `number` of the process behind `pidfd`. Returns 0, -EBADF, or -EACCES (with
// the reason in the log) when the system does not let this process.
int DuplicateFrom(int pidfd, int number, UniqueFd* fd);

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_CORE_CLIENT_H_
