// Counting what has been given out: per session and, summed, per device.
#ifndef VNPU_DRIVER_CORE_TALLY_H_
#define VNPU_DRIVER_CORE_TALLY_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <utility>

namespace vnpu::driver {

enum class Counted {
  kSessions,
  kDeviceProcesses,
  kQueues,
  kEvents,
  kModules,
  kIrqs,
  kQmems,
  kPmems,
  kReservations,
  kHbmPages,
  kPinnedPages,
  kTablePages,
  kFds,
  kMaps,  // lasting mappings in the driver
  kCount,
};

// Counters that also count into a parent. Thread-safe.
class Tally {
 public:
  explicit Tally(Tally* parent = nullptr) : parent_(parent) {}
  Tally(const Tally&) = delete;
  Tally& operator=(const Tally&) = delete;

  void Add(Counted what, int64_t n) {
    for (Tally* tally = this; tally != nullptr; tally = tally->parent_) {
      tally->values_[static_cast<size_t>(what)].fetch_add(n, std::memory_order_relaxed);
    }
  }
  uint64_t Get(Counted what) const {
    return static_cast<uint64_t>(
        values_[static_cast<size_t>(what)].load(std::memory_order_relaxed));
  }
  uint32_t Get32(Counted what) const { return static_cast<uint32_t>(Get(what)); }

 private:
  Tally* parent_;
  std::array<std::atomic<int64_t>, static_cast<size_t>(Counted::kCount)> values_{};
};

// Counts something for as long as it lives; a member of the thing that is counted.
class Charge {
 public:
  Charge() = default;
  Charge(Tally& tally, Counted what, uint64_t n = 1)
      : tally_(&tally), what_(what), n_(static_cast<int64_t>(n)) {
    tally.Add(what, n_);
  }
  Charge(Charge&& other) noexcept
      : tally_(std::exchange(other.tally_, nullptr)), what_(other.what_), n_(other.n_) {}
  Charge& operator=(Charge&& other) noexcept {
    Drop();
    tally_ = std::exchange(other.tally_, nullptr);
    what_ = other.what_;
    n_ = other.n_;
    return *this;
  }
  ~Charge() { Drop(); }

  // Counts `n` from now on.
  void Set(uint64_t n) {
    const auto now = static_cast<int64_t>(n);
    if (tally_ != nullptr && now != n_) {
      tally_->Add(what_, now - n_);
      n_ = now;
    }
  }

 private:
  void Drop() {
    if (tally_ != nullptr) {
      tally_->Add(what_, -n_);
      tally_ = nullptr;
    }
  }

  Tally* tally_ = nullptr;
  Counted what_ = Counted::kSessions;
  int64_t n_ = 0;
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_CORE_TALLY_H_
