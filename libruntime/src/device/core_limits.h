// How many cores a kernel may run on at once (manual 03, dev_guide 08).
#ifndef VNPU_LIBRUNTIME_SRC_DEVICE_CORE_LIMITS_H_
#define VNPU_LIBRUNTIME_SRC_DEVICE_CORE_LIMITS_H_

#include <vnpu/abi.h>

#include <cstdint>

namespace vnpu::runtime {

// Of AI cores (which mixed kernels run on too) and vector cores; 0: no limit.
struct CoreLimits {
  uint16_t cube = 0;
  uint16_t vector = 0;
  bool operator==(const CoreLimits&) const = default;
};

// The limit of a kernel for `unit` (enum vnpu_unit): the stream's own, else the process's; 0: none.
inline uint16_t LimitFor(CoreLimits stream, CoreLimits process, uint32_t unit) {
  switch (unit) {
    case VNPU_UNIT_AI_CORE:
    case VNPU_UNIT_MIX:
      return stream.cube != 0 ? stream.cube : process.cube;
    case VNPU_UNIT_VECTOR_CORE:
      return stream.vector != 0 ? stream.vector : process.vector;
    default:
      return 0;
  }
}

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_DEVICE_CORE_LIMITS_H_
