// Time limits of kernels whose launch names none (manual 12).
#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/kernel/launch.h"

namespace rt = vnpu::runtime;
using rt::Guard;

namespace {

// Limits are multiples of this, 254 at most, which are the 1091 s that the manual gives as the
// default and the longest limit of these devices.
constexpr uint64_t kIntervalUs = 4'295'276;
constexpr uint64_t kMostIntervals = 254;
static_assert(kIntervalUs * kMostIntervals == rt::kMaxKernelTimeoutUs);

// The limit that a wish of so many microseconds comes to; 0 wishes for the longest.
uint32_t LimitFor(uint64_t microseconds) {
  const uint64_t intervals = microseconds / kIntervalUs + (microseconds % kIntervalUs != 0 ? 1 : 0);
  const bool longest = microseconds == 0 || intervals > kMostIntervals;
  return static_cast<uint32_t>((longest ? kMostIntervals : intervals) * kIntervalUs);
}

aclError SetTimeout(uint64_t microseconds) {
  rt::SetDefaultKernelTimeout(LimitFor(microseconds));
  return ACL_SUCCESS;
}

}  // namespace

aclError aclrtSetOpExecuteTimeOut(uint32_t timeout) {
  return Guard(__func__, [&] { return SetTimeout(uint64_t{timeout} * 1'000'000); });
}

aclError aclrtSetOpExecuteTimeOutWithMs(uint32_t timeout) {
  return Guard(__func__, [&] { return SetTimeout(uint64_t{timeout} * 1'000); });
}

aclError aclrtSetOpExecuteTimeOutV2(uint64_t timeout, uint64_t* actualTimeout) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(actualTimeout);
    VNPU_RETURN_IF_ERROR(SetTimeout(timeout));
    *actualTimeout = LimitFor(timeout);
    return ACL_SUCCESS;
  });
}

aclError aclrtGetOpExecuteTimeout(uint32_t* const timeoutMs) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(timeoutMs);
    *timeoutMs = rt::DefaultKernelTimeout() / 1000;
    return ACL_SUCCESS;
  });
}

aclError aclrtGetOpTimeOutInterval(uint64_t* interval) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(interval);
    *interval = kIntervalUs;
    return ACL_SUCCESS;
  });
}
