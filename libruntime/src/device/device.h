// The devices of this process: which are open, how often they were set, their default contexts.
#ifndef VNPU_LIBRUNTIME_SRC_DEVICE_DEVICE_H_
#define VNPU_LIBRUNTIME_SRC_DEVICE_DEVICE_H_

#include <cstdint>
#include <memory>

#include "acl/acl_base.h"

namespace vnpu::runtime {

class Session;
struct Context;

// aclrtSetDevice: counts, opens the device if needed, makes its default context current.
aclError SetDevice(int32_t device);

// aclrtResetDevice: counts down; with the last count, or `force`, everything of the device goes.
aclError ResetDevice(int32_t device, bool force);

// Explicit contexts keep a device open too.
aclError RetainDevice(int32_t device, std::shared_ptr<Session>* session);
void ReleaseDevice(uint32_t device, const std::shared_ptr<Session>& session);

// Ends all sessions. For aclFinalize.
void CloseAllDevices();

// The session of an open device; null: not open. One that is being closed may be found.
std::shared_ptr<Session> SessionOfDevice(uint32_t device);

// The session whose window holds the address; null: host memory.
std::shared_ptr<Session> SessionOfAddress(uint64_t address);

// Whether the device's default context exists.
bool PrimaryContextActive(uint32_t device);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_DEVICE_DEVICE_H_
