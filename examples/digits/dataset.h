// The images and their true digits.
#ifndef EXAMPLES_DIGITS_DATASET_H_
#define EXAMPLES_DIGITS_DATASET_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace digits {

inline constexpr size_t kPixels = 64;
inline constexpr uint8_t kPixelMax = 16;
inline constexpr size_t kClasses = 10;

struct Dataset {
  std::vector<uint8_t> pixels;  // kPixels an image, each 0 to kPixelMax
  std::vector<uint8_t> labels;  // one an image, below kClasses

  size_t size() const { return labels.size(); }
};

// Reads a gzip-compressed table: one image a line, kPixels pixels and the label, comma separated.
// Throws std::runtime_error with file, line and reason when it cannot be read so.
Dataset LoadDataset(const std::filesystem::path& path);

}  // namespace digits

#endif  // EXAMPLES_DIGITS_DATASET_H_
