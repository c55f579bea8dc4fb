#include "examples/digits/network.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>

#include "examples/digits/dataset.h"

namespace digits {
namespace {

constexpr uint32_t kMaxWidth = 4096;

struct Header {
  size_t layers = 0;
  int scale = 0;
  size_t held_out_every = 0;
};

void Require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(what);
}

void ExpectWord(std::istream& file, const std::string& expected) {
  std::string word;
  file >> word;
  if (!file || word != expected) {
    throw std::runtime_error("expected '" + expected + "', found '" + word + "'");
  }
}

Header ReadHeader(std::istream& file) {
  Header header;
  ExpectWord(file, "digits-mlp");
  ExpectWord(file, "1");
  ExpectWord(file, "layers");
  file >> header.layers;
  ExpectWord(file, "scale");
  file >> header.scale;
  ExpectWord(file, "held-out-every");
  file >> header.held_out_every;
  Require(header.layers > 0 && header.scale > 0, "layers and scale must be positive");
  Require(header.held_out_every > 1, "held-out-every must be at least 2");
  return header;
}

std::vector<float> ReadScaled(std::istream& file, size_t count, int scale) {
  std::vector<float> values(count);
  for (float& value : values) {
    int stored = 0;
    file >> stored;
    value = static_cast<float>(stored) / static_cast<float>(scale);
  }
  Require(static_cast<bool>(file), "a weight is missing or no integer");
  return values;
}

Layer ReadLayer(std::istream& file, int scale) {
  Layer layer;
  ExpectWord(file, "layer");
  file >> layer.inputs >> layer.outputs;
  Require(file && layer.inputs > 0 && layer.inputs <= kMaxWidth && layer.outputs > 0 &&
              layer.outputs <= kMaxWidth,
          "a layer has 1 to 4096 inputs and outputs");
  layer.bias = ReadScaled(file, layer.outputs, scale);
  layer.weights = ReadScaled(file, size_t{layer.inputs} * layer.outputs, scale);
  return layer;
}

Network ReadNetwork(std::istream& file) {
  const Header header = ReadHeader(file);
  Network network;
  network.held_out_every = header.held_out_every;
  size_t width = kPixels;
  for (size_t index = 0; index < header.layers; ++index) {
    network.layers.push_back(ReadLayer(file, header.scale));
    Require(network.layers.back().inputs == width, "a layer does not fit the one before it");
    width = network.layers.back().outputs;
  }
  Require(width == kClasses, "the last layer must have 10 outputs");
  return network;
}

}  // namespace

Network LoadNetwork(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot open " + path.string() + ": " + strerror(errno));
  try {
    return ReadNetwork(file);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(path.string() + ": " + error.what());
  }
}

}  // namespace digits
