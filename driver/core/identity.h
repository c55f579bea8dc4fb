// What tells a device from all others.
#ifndef VNPU_DRIVER_CORE_IDENTITY_H_
#define VNPU_DRIVER_CORE_IDENTITY_H_

#include <vnpu/ioctl.h>

#include <string_view>

#include "driver/config/config.h"

namespace vnpu::driver {

// UUID and PCI address of device `index`. The UUID is made from the machine, the place of the
// nodes and the index, so it lasts over restarts of the driver.
vnpu_ioc_identity MakeIdentity(const Config& config, uint32_t index);

// The same from a given name of the machine.
vnpu_ioc_identity MakeIdentity(std::string_view machine, const Config& config, uint32_t index);

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_CORE_IDENTITY_H_
