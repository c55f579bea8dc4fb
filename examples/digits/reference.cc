#include "examples/digits/reference.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace digits {
namespace {

std::vector<double> Apply(const Layer& layer, const std::vector<double>& x) {
  std::vector<double> y(layer.outputs);
  for (size_t output = 0; output < y.size(); ++output) {
    double sum = layer.bias[output];
    for (size_t input = 0; input < x.size(); ++input) {
      sum += x[input] * layer.weights[input * layer.outputs + output];
    }
    y[output] = sum;
  }
  return y;
}

Answer Classify(const Network& network, std::span<const uint8_t> pixels) {
  std::vector<double> x(pixels.begin(), pixels.end());
  for (double& value : x) value /= kPixelMax;
  for (const Layer& layer : network.layers) {
    x = Apply(layer, x);
    if (&layer == &network.layers.back()) break;
    for (double& value : x) value = std::max(value, 0.0);
  }
  const auto best = std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const double value : x) sum += std::exp(value - *best);
  return {static_cast<int32_t>(best - x.begin()), static_cast<float>(1 / sum)};
}

}  // namespace

std::vector<Answer> ClassifyOnHost(const Network& network, const Dataset& dataset) {
  std::vector<Answer> answers;
  const std::span<const uint8_t> pixels(dataset.pixels);
  for (size_t image = 0; image < dataset.size(); ++image) {
    answers.push_back(Classify(network, pixels.subspan(image * kPixels, kPixels)));
  }
  return answers;
}

}  // namespace digits
