// The layers of the network as kernels. Each block takes an equal share of the images.
#include "examples/digits/kernels.h"

#include <cmath>

#include "kernel_operator.h"

namespace {

struct Share {
  uint32_t begin;
  uint32_t end;
};

// The part of [0, count) that belongs to the calling block.
__aicore__ inline Share ShareOf(uint32_t count) {
  const uint64_t block = GetBlockIdx();
  const uint64_t blocks = GetBlockNum();
  return {static_cast<uint32_t>(count * block / blocks),
          static_cast<uint32_t>(count * (block + 1) / blocks)};
}

// One row of y = x * weights + bias. Outputs run in the inner loop, so that it vectorises.
__aicore__ inline void DenseRow(__gm__ const float* x, __gm__ const float* weights,
                                __gm__ const float* bias, __gm__ float* y, uint32_t inputs,
                                uint32_t outputs) {
  for (uint32_t output = 0; output < outputs; ++output) y[output] = bias[output];
  for (uint32_t input = 0; input < inputs; ++input) {
    const float value = x[input];
    if (value == 0) continue;
    __gm__ const float* row = weights + static_cast<uint64_t>(input) * outputs;
    for (uint32_t output = 0; output < outputs; ++output) y[output] += value * row[output];
  }
}

}  // namespace

extern "C" __global__ __aicore__ void unpack_pixels(GM_ADDR pixels, GM_ADDR x, uint32_t count,
                                                    float scale) {
  auto* values = reinterpret_cast<__gm__ float*>(x);
  const Share share = ShareOf(count);
  for (uint32_t i = share.begin; i < share.end; ++i) {
    values[i] = static_cast<float>(pixels[i]) * scale;
  }
}

extern "C" __global__ __aicore__ void dense_relu(GM_ADDR x, GM_ADDR weights, GM_ADDR bias,
                                                 GM_ADDR y, uint32_t images, uint32_t inputs,
                                                 uint32_t outputs) {
  const Share share = ShareOf(images);
  for (uint32_t image = share.begin; image < share.end; ++image) {
    const auto* from = reinterpret_cast<__gm__ const float*>(x) + image * inputs;
    auto* to = reinterpret_cast<__gm__ float*>(y) + image * outputs;
    DenseRow(from, reinterpret_cast<__gm__ const float*>(weights),
             reinterpret_cast<__gm__ const float*>(bias), to, inputs, outputs);
    for (uint32_t output = 0; output < outputs; ++output) {
      to[output] = to[output] > 0 ? to[output] : 0;
    }
  }
}

extern "C" __global__ __aicore__ void dense(GM_ADDR x, GM_ADDR weights, GM_ADDR bias, GM_ADDR y,
                                            uint32_t images, uint32_t inputs, uint32_t outputs) {
  const Share share = ShareOf(images);
  for (uint32_t image = share.begin; image < share.end; ++image) {
    DenseRow(reinterpret_cast<__gm__ const float*>(x) + image * inputs,
             reinterpret_cast<__gm__ const float*>(weights),
             reinterpret_cast<__gm__ const float*>(bias),
             reinterpret_cast<__gm__ float*>(y) + image * outputs, inputs, outputs);
  }
}

extern "C" __global__ __aicore__ void softmax_argmax(GM_ADDR logits, GM_ADDR answers,
                                                     uint32_t images, uint32_t classes) {
  const Share share = ShareOf(images);
  for (uint32_t image = share.begin; image < share.end; ++image) {
    const auto* row = reinterpret_cast<__gm__ const float*>(logits) + image * classes;
    uint32_t best = 0;
    for (uint32_t candidate = 1; candidate < classes; ++candidate) {
      if (row[candidate] > row[best]) best = candidate;
    }
    float sum = 0;
    for (uint32_t candidate = 0; candidate < classes; ++candidate) {
      sum += expf(row[candidate] - row[best]);
    }
    auto* answer = reinterpret_cast<__gm__ digits::Answer*>(answers) + image;
    answer->label = static_cast<int32_t>(best);
    answer->probability = 1 / sum;
  }
}

namespace digits {
namespace {

// Kernels take untyped global-memory addresses.
GM_ADDR Address(const void* pointer) { return static_cast<GM_ADDR>(const_cast<void*>(pointer)); }

}  // namespace

aclError LaunchUnpackPixels(Launch launch, const uint8_t* pixels, float* x, uint32_t count,
                            float scale) {
  return unpack_pixels<<<launch.blocks, nullptr, launch.stream>>>(Address(pixels), Address(x),
                                                                  count, scale);
}

aclError LaunchDenseRelu(Launch launch, const float* x, const DeviceLayer& layer, float* y,
                         uint32_t images) {
  return dense_relu<<<launch.blocks, nullptr, launch.stream>>>(Address(x), Address(layer.weights),
                                                               Address(layer.bias), Address(y),
                                                               images, layer.inputs, layer.outputs);
}

aclError LaunchDense(Launch launch, const float* x, const DeviceLayer& layer, float* y,
                     uint32_t images) {
  return dense<<<launch.blocks, nullptr, launch.stream>>>(Address(x), Address(layer.weights),
                                                          Address(layer.bias), Address(y), images,
                                                          layer.inputs, layer.outputs);
}

aclError LaunchSoftmaxArgmax(Launch launch, const float* logits, Answer* answers, uint32_t images,
                             uint32_t classes) {
  return softmax_argmax<<<launch.blocks, nullptr, launch.stream>>>(
      Address(logits), Address(answers), images, classes);
}

}  // namespace digits
