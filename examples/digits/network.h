// The trained network, as train.py stores it.
#ifndef EXAMPLES_DIGITS_NETWORK_H_
#define EXAMPLES_DIGITS_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace digits {

// y = x * weights + bias
struct Layer {
  uint32_t inputs = 0;
  uint32_t outputs = 0;
  std::vector<float> weights;  // inputs rows of outputs
  std::vector<float> bias;     // outputs
};

struct Network {
  std::vector<Layer> layers;  // rectified linear units after each but the last
  size_t held_out_every = 0;  // see IsHeldOut

  // Whether the image with this index took no part in the training.
  bool IsHeldOut(size_t image) const { return image % held_out_every == held_out_every - 1; }
};

// Reads the file that data/README.txt describes. Throws std::runtime_error when it is not so, or
// when the layers do not fit together from kPixels inputs to kClasses outputs.
Network LoadNetwork(const std::filesystem::path& path);

}  // namespace digits

#endif  // EXAMPLES_DIGITS_NETWORK_H_
