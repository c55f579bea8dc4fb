// Launches of the kernels. Each appends one task to the stream and returns at once; the value is
// the error code of the launch. All pointers are device memory.
#ifndef EXAMPLES_DIGITS_KERNELS_H_
#define EXAMPLES_DIGITS_KERNELS_H_

#include <cstdint>

#include "acl/acl.h"
#include "examples/digits/answer.h"

namespace digits {

// Where a kernel runs.
struct Launch {
  uint32_t blocks;
  aclrtStream stream;
};

// One layer's parameters in device memory.
struct DeviceLayer {
  const float* weights;  // inputs rows of outputs
  const float* bias;     // outputs
  uint32_t inputs;
  uint32_t outputs;
};

// x[i] = pixels[i] * scale, for count pixels.
aclError LaunchUnpackPixels(Launch launch, const uint8_t* pixels, float* x, uint32_t count,
                            float scale);

// y = max(x * weights + bias, 0), for x of images rows.
aclError LaunchDenseRelu(Launch launch, const float* x, const DeviceLayer& layer, float* y,
                         uint32_t images);

// y = x * weights + bias, for x of images rows.
aclError LaunchDense(Launch launch, const float* x, const DeviceLayer& layer, float* y,
                     uint32_t images);

// answers[i] = the most probable class of row i and its softmax, for images rows of classes.
aclError LaunchSoftmaxArgmax(Launch launch, const float* logits, Answer* answers, uint32_t images,
                             uint32_t classes);

}  // namespace digits

#endif  // EXAMPLES_DIGITS_KERNELS_H_
