// Fair shares of a scarce resource of the process: descriptors, mappings.
#ifndef VNPU_DRIVER_BASE_BUDGET_H_
#define VNPU_DRIVER_BASE_BUDGET_H_

#include <atomic>
#include <cstdint>

namespace vnpu::driver {

// Any holder may take up to its small share while something is left; beyond that it may take only
// from the first half of the whole. So one greedy holder never starves the others. Thread-safe.
class Budget {
 public:
  Budget(uint64_t limit, uint64_t small_share) : limit_(limit), small_share_(small_share) {}

  // `held`: what the holder has already. False when it may not take one more.
  bool Take(uint64_t held) {
    const uint64_t limit = held < small_share_ ? limit_ : limit_ / 2;
    if (used_.fetch_add(1, std::memory_order_relaxed) < limit) {
      return true;
    }
    used_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  void Give() { used_.fetch_sub(1, std::memory_order_relaxed); }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  uint64_t limit_;
  uint64_t small_share_;
  std::atomic<uint64_t> used_{0};
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_BASE_BUDGET_H_
