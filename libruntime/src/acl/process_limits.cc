#include "libruntime/src/device/process_limits.h"

#include "libruntime/src/base/guard.h"

namespace rt = vnpu::runtime;
using rt::Guard;

aclError aclrtDeviceSetLimit(aclrtDeviceLimit limit, size_t value) {
  return Guard(__func__, [&] { return rt::SetProcessLimit(limit, value); });
}

aclError aclrtDeviceGetLimit(aclrtDeviceLimit limit, size_t* value) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(value);
    return rt::GetProcessLimit(limit, value);
  });
}
