#ifndef VNPU_DRIVER_BASE_TIME_H_
#define VNPU_DRIVER_BASE_TIME_H_

#include <cstdint>
#include <ctime>

namespace vnpu::driver {

inline uint64_t NowNs(clockid_t clock = CLOCK_MONOTONIC) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_BASE_TIME_H_
