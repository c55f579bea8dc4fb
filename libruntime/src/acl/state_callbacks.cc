// Callbacks on the states of devices and streams.
#include "libruntime/src/acl/state_callbacks.h"

#include "libruntime/src/base/guard.h"
#include "libruntime/src/stream/state_callbacks.h"

namespace rt = vnpu::runtime;
using rt::Guard;

namespace {

rt::NamedCallbacks<aclrtDeviceStateCallback>& DeviceCallbacks() {
  static auto* const callbacks = new rt::NamedCallbacks<aclrtDeviceStateCallback>;
  return *callbacks;
}

}  // namespace

namespace vnpu::runtime {

void NotifyDevice(int32_t device, aclrtDeviceState state) {
  DeviceCallbacks().ForEach([&](aclrtDeviceStateCallback callback, void* argument) {
    callback(device, state, argument);
  });
}

}  // namespace vnpu::runtime

aclError aclrtRegDeviceStateCallback(const char* regName, aclrtDeviceStateCallback callback,
                                     void* args) {
  return Guard(__func__, [&] { return DeviceCallbacks().Register(regName, callback, args); });
}

aclError aclrtRegStreamStateCallback(const char* regName, aclrtStreamStateCallback callback,
                                     void* args) {
  return Guard(__func__, [&] { return rt::StreamCallbacks().Register(regName, callback, args); });
}
