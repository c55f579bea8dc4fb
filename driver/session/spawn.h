// Starting a program with nothing but what it needs.
#ifndef VNPU_DRIVER_SESSION_SPAWN_H_
#define VNPU_DRIVER_SESSION_SPAWN_H_

#include <sched.h>
#include <sys/types.h>

#include <cstdint>

namespace vnpu::driver {

struct SpawnOptions {
  const char* program;             // path
  int control_fd;                  // becomes descriptor 3
  int compat_fd = -1;              // becomes descriptor 4; -1: none
  const char* argument = nullptr;  // on the command line; nullptr: none
  uid_t uid;                       // used when this process is root
  gid_t gid;
  // Capabilities that the program keeps, as far as this process has them.
  uint64_t kept_capabilities;
  cpu_set_t affinity;
};

// Starts the program: descriptors 0 (null), 1 and 2 (stderr of this process), 3 and 4 alone, a
// session of its own, no capabilities but those named, no core files, no way to gain privileges;
// killed when the calling thread ends. Returns the pid or -errno. Exit status 127: the program
// could not be executed.
pid_t Spawn(const SpawnOptions& options);

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_SESSION_SPAWN_H_
