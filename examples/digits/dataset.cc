#include "examples/digits/dataset.h"

#include <zlib.h>

#include <array>
#include <charconv>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace digits {
namespace {

struct CloseGzip {
  void operator()(gzFile file) const { gzclose(file); }
};
using GzipFile = std::unique_ptr<gzFile_s, CloseGzip>;

[[noreturn]] void Fail(const std::filesystem::path& path, size_t line, const std::string& reason) {
  throw std::runtime_error(path.string() + ", line " + std::to_string(line) + ": " + reason);
}

// Takes the number at the front of text, and the comma after it.
bool TakeNumber(std::string_view& text, uint8_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (text.starts_with(',')) text.remove_prefix(1);
  return true;
}

bool ParseLine(std::string_view text, Dataset& dataset) {
  uint8_t value = 0;
  for (size_t pixel = 0; pixel < kPixels; ++pixel) {
    if (!TakeNumber(text, value) || value > kPixelMax) return false;
    dataset.pixels.push_back(value);
  }
  if (!TakeNumber(text, value) || value >= kClasses) return false;
  dataset.labels.push_back(value);
  return text.empty() || text == "\n" || text == "\r\n";
}

}  // namespace

Dataset LoadDataset(const std::filesystem::path& path) {
  const GzipFile file(gzopen(path.c_str(), "rb"));
  if (!file) throw std::runtime_error("cannot open " + path.string() + ": " + strerror(errno));

  Dataset dataset;
  std::array<char, 1024> text;
  while (gzgets(file.get(), text.data(), static_cast<int>(text.size())) != nullptr) {
    if (!ParseLine(text.data(), dataset)) {
      Fail(path, dataset.size() + 1, "expected 64 pixels from 0 to 16 and a digit");
    }
  }
  int error = Z_OK;
  const char* reason = gzerror(file.get(), &error);
  if (error != Z_OK && error != Z_STREAM_END) Fail(path, dataset.size() + 1, reason);
  if (dataset.size() == 0) throw std::runtime_error(path.string() + " holds no images");
  return dataset;
}

}  // namespace digits
