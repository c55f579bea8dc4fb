// What a thread that runs device code may ask of the kernel.
#ifndef VNPU_FIRMWARE_DEVICE_SANDBOX_H_
#define VNPU_FIRMWARE_DEVICE_SANDBOX_H_

#include <sys/types.h>

namespace vnpu::firmware {

// Restricts the calling thread for good: no files, no memory mapping, no programs, no sockets; a
// forbidden call raises SIGSYS. process_vm_readv/writev reach `client` alone. False (errno) when
// the kernel has no seccomp filters.
bool EnterSandbox(pid_t client);

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_DEVICE_SANDBOX_H_
