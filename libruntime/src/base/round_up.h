#ifndef VNPU_LIBRUNTIME_SRC_BASE_ROUND_UP_H_
#define VNPU_LIBRUNTIME_SRC_BASE_ROUND_UP_H_

#include <cstdint>

namespace vnpu::runtime {

// The next multiple of `step` (not 0); `size + step` must not wrap.
constexpr uint64_t RoundUp(uint64_t size, uint64_t step) { return (size + step - 1) / step * step; }

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_BASE_ROUND_UP_H_
