// Faults on demand (VNPU_IOC_FAULT) of one device.
#ifndef VNPU_DRIVER_CORE_FAULT_POINTS_H_
#define VNPU_DRIVER_CORE_FAULT_POINTS_H_

#include <atomic>
#include <cstdint>

namespace vnpu::driver {

// A number of times that something shall fail. Thread-safe.
class FaultPoint {
 public:
  void Arm(uint32_t count) { left_.store(count); }
  // True when it shall fail this time.
  bool Hit() {
    uint32_t left = left_.load();
    while (left != 0 && !left_.compare_exchange_weak(left, left - 1)) {
    }
    return left != 0;
  }

 private:
  std::atomic<uint32_t> left_{0};
};

struct FaultPoints {
  FaultPoint hbm_alloc;
  FaultPoint control;
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_CORE_FAULT_POINTS_H_
