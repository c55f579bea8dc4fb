// Control commands: the table, and what every command is checked for.
#ifndef VNPU_DRIVER_CORE_IOCTL_H_
#define VNPU_DRIVER_CORE_IOCTL_H_

#include <vnpu/ioctl.h>

#include <cstdint>
#include <span>

#include "driver/core/file.h"
#include "driver/core/request.h"

namespace vnpu::driver {

enum IoctlNodes : uint32_t { kOnManager = 1, kOnDevice = 2, kOnBoth = 3 };

enum class IoctlPermission {
  kAny,
  kOpener,            // the process that opened the file: the command carries descriptors
  kPrivileged,        // root, or the user that the driver runs as
  kPrivilegedOpener,  // both of them
};

enum IoctlFlags : uint32_t {
  kIoctlQuick = 1,          // microseconds; may run in the glue's thread
  kIoctlNeedsSession = 2,   // -ENXIO without
  kIoctlNeedsDevice = 4,    // -EIO when the device process is gone
  kIoctlAnswersErrors = 8,  // the structure goes back with an error too
  kIoctlBeforeVersion = 16,
};

// A command being executed. `arg` is the client's structure, already copied.
struct IoctlCall {
  File& file;
  Request& request;
  void* arg;

  template <typename T>
  T* as() const {
    return static_cast<T*>(arg);
  }
  Driver& driver() const { return file.driver(); }
  Session& session() const { return *file.state().session; }
  // The descriptor that stands `index`-th in the structure.
  int TakeFd(unsigned index, int number, UniqueFd* fd) const {
    return request.fds != nullptr ? request.fds->Take(index, number, fd) : -EBADF;
  }
};

struct IoctlEntry {
  uint32_t command;
  const char* name;
  uint32_t nodes;  // of IoctlNodes
  IoctlPermission permission;
  uint32_t flags;  // of IoctlFlags
  int (*handler)(const IoctlCall& call);
};

std::span<const IoctlEntry> IoctlTable();
// nullptr: unknown command.
const IoctlEntry* FindIoctl(uint32_t command);

// Checks and executes a command: 0 or -errno. request.data is the structure on the way in and out.
int DispatchIoctl(File& file, Request& request);

// Handlers, by subject.
int IoctlVersion(const IoctlCall& call);
int IoctlDeviceQuery(const IoctlCall& call);
int IoctlIdentity(const IoctlCall& call);
int IoctlManager(const IoctlCall& call);
int IoctlProcess(const IoctlCall& call);
int IoctlCounters(const IoctlCall& call);
int IoctlReset(const IoctlCall& call);
int IoctlFault(const IoctlCall& call);
int IoctlSelf(const IoctlCall& call);
int IoctlFirmware(const IoctlCall& call);
int IoctlFirmwareUpgrade(const IoctlCall& call);
int IoctlSession(const IoctlCall& call);
int IoctlPin(const IoctlCall& call);
int IoctlPmemHost(const IoctlCall& call);
int IoctlQmemAdd(const IoctlCall& call);
int IoctlIrqAdd(const IoctlCall& call);
int IoctlModuleLoad(const IoctlCall& call);
int IoctlSubmit(const IoctlCall& call);
int IoctlModelCreate(const IoctlCall& call);

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_CORE_IOCTL_H_
