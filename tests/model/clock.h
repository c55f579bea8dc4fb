// What is known to be over: a vector clock over the lanes in which streams run.
#ifndef VNPU_TESTS_MODEL_CLOCK_H_
#define VNPU_TESTS_MODEL_CLOCK_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace vnpu::model {

// Streams that exist at once, over all threads.
inline constexpr size_t kLanes = 64;

// A task: the `position`th of its lane, from 1 on. Position 0 stands for nothing.
struct Use {
  uint32_t lane = 0;
  uint64_t position = 0;
};

class Clock {
 public:
  bool Covers(Use use) const { return at_[use.lane] >= use.position; }
  uint64_t At(uint32_t lane) const { return at_[lane]; }
  void Set(Use use) { at_[use.lane] = use.position; }
  void Join(const Clock& other) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      at_[lane] = std::max(at_[lane], other.at_[lane]);
    }
  }

 private:
  std::array<uint64_t, kLanes> at_{};
};

}  // namespace vnpu::model

#endif  // VNPU_TESTS_MODEL_CLOCK_H_
