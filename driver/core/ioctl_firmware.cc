// Commands for the firmware of devices.
#include <spdlog/spdlog.h>

#include <cerrno>

#include "driver/core/ioctl.h"

namespace vnpu::driver {

int IoctlFirmware(const IoctlCall& call) {
  auto* arg = call.as<vnpu_ioc_firmware>();
  Device* device = call.driver().FindDevice(arg->device);
  return device == nullptr ? -EINVAL : device->firmware().List(arg);
}

int IoctlFirmwareUpgrade(const IoctlCall& call) {
  auto* arg = call.as<vnpu_ioc_firmware_upgrade>();
  Device* device = call.driver().FindDevice(arg->device);
  if (device == nullptr || arg->flags != 0) {
    return -EINVAL;
  }
  UniqueFd file;
  if (const int error = call.TakeFd(0, arg->fd, &file); error != 0) {
    return error;
  }
  arg->version[0] = '\0';
  arg->message[0] = '\0';
  const SelfTest test{.program = call.driver().config().device_program};
  const int error = device->firmware().Upgrade(test, file, arg);
  if (error == 0) {
    spdlog::warn("device {}: firmware plug-in {} is active, by process {}", arg->device,
                 arg->version, call.file.client().pid);
  } else {
    spdlog::warn("device {}: firmware plug-in {} of process {} refused: {}", arg->device,
                 arg->version, call.file.client().pid,
                 arg->message[0] != '\0' ? arg->message : std::strerror(-error));
  }
  return error;
}

}  // namespace vnpu::driver
