// Kernels with arithmetic that the model repeats.
#include "kernel_operator.h"

// data[i] += k
extern "C" __global__ __aicore__ void model_add(uint32_t* data, uint32_t count, uint32_t k) {
  for (uint32_t i = GetBlockIdx(); i < count; i += GetBlockNum()) data[i] += k;
}

// dst[i] = dst[i] * 5 + src[i] ^ k, on vector cores
extern "C" __global__ __vector__ void model_mix(uint32_t* dst, const uint32_t* src, uint32_t count,
                                                uint32_t k) {
  for (uint32_t i = GetBlockIdx(); i < count; i += GetBlockNum()) {
    dst[i] = (dst[i] * 5 + src[i]) ^ k;
  }
}

// More arguments than a task entry holds.
extern "C" __global__ __aicore__ void model_affine(uint32_t* data, uint64_t count, uint64_t a,
                                                   uint64_t b, uint64_t c, uint64_t d) {
  for (uint64_t i = GetBlockIdx(); i < count; i += GetBlockNum()) {
    data[i] = static_cast<uint32_t>(data[i] * a + i * b + c + d);
  }
}

struct ModelScale {
  uint32_t factor;
  uint32_t offset;
};
// The numbers are data that the runtime places.
extern "C" __global__ __aicore__ void model_scale(uint32_t* data, const ModelScale* scale,
                                                  uint32_t count) {
  for (uint32_t i = GetBlockIdx(); i < count; i += GetBlockNum()) {
    data[i] = data[i] * scale->factor + scale->offset;
  }
}

extern "C" __global__ __aicpu__ uint32_t model_reverse(uint32_t* data, uint32_t count) {
  for (uint32_t i = 0; i < count / 2; ++i) {
    const uint32_t swapped = data[i];
    data[i] = data[count - 1 - i];
    data[count - 1 - i] = swapped;
  }
  return 0;
}

extern "C" __global__ __aicore__ void model_divide(uint32_t* data, uint32_t by) {
  data[0] = data[0] / by;
}
