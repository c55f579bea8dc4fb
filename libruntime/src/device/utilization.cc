#include "libruntime/src/device/utilization.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/driver.h"

namespace vnpu::runtime {
namespace {

constexpr int kSamples = 25;
constexpr auto kBetween = std::chrono::milliseconds(2);

}  // namespace

int32_t PercentBusy(uint64_t in_use, uint64_t samples, uint64_t units, uint64_t busy_ns) {
  if (units == 0) {
    return -1;
  }
  constexpr uint64_t kFull = 100;
  const uint64_t percent =
      std::min(kFull, (in_use * kFull + samples * units / 2) / (samples * units));
  const bool worked = in_use != 0 || busy_ns != 0;
  return static_cast<int32_t>(worked ? std::max<uint64_t>(percent, 1) : percent);
}

// Busy time is booked when a piece of work ends, so one that takes longer than the window shows in
// it too early or too late; what is in use now and then shows it rightly. Busy time tells of work
// that fell between two looks.
aclError MeasureUtilization(Driver& driver, uint32_t index, Utilization* utilization) {
  vnpu_device_info before;
  vnpu_device_info after;
  std::array<uint64_t, VNPU_UNIT_COUNT> in_use{};
  VNPU_RETURN_IF_ERROR(driver.QueryDevice(index, &before));
  for (int sample = 0; sample < kSamples; ++sample) {
    vnpu_ioc_counters counters;
    VNPU_RETURN_IF_ERROR(driver.QueryCounters(index, &counters));
    for (size_t unit = 0; unit < in_use.size(); ++unit) {
      in_use[unit] += counters.units[unit];
    }
    std::this_thread::sleep_for(kBetween);
  }
  VNPU_RETURN_IF_ERROR(driver.QueryDevice(index, &after));
  for (size_t unit = 0; unit < in_use.size(); ++unit) {
    (*utilization)[unit] = PercentBusy(in_use[unit], kSamples, after.units[unit],
                                       after.unit_busy_ns[unit] - before.unit_busy_ns[unit]);
  }
  return ACL_SUCCESS;
}

}  // namespace vnpu::runtime
