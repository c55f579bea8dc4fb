#include "libruntime/src/device/chip.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace vnpu::runtime {
namespace {

constexpr uint64_t kKibi = 1024;
constexpr uint64_t kMebi = 1024 * kKibi;

// Memories of one core of the Atlas A2 series; clock and L2 differ by chip.
constexpr Chip A2(std::string_view name, uint32_t mhz, uint64_t l2) {
  return {.name = name,
          .architecture = 2201,
          .core_version = "AIC-C-220",
          .core_mhz = mhz,
          .l2_bytes = l2,
          .unified_buffer_bytes = 192 * kKibi,
          .l1_bytes = 512 * kKibi,
          .l0a_bytes = 64 * kKibi,
          .l0b_bytes = 64 * kKibi,
          .l0c_bytes = 128 * kKibi,
          .bias_table_bytes = 1 * kKibi,
          .hbm = true};
}

constexpr Chip Series(std::string_view name, uint32_t architecture, bool hbm) {
  return {.name = name, .architecture = architecture, .hbm = hbm};
}

// The first entry that a name begins with counts.
constexpr std::array kChips = {
    A2("Ascend910B1", 1850, 192 * kMebi), A2("Ascend910B2", 1800, 192 * kMebi),
    A2("Ascend910B3", 1800, 192 * kMebi), A2("Ascend910B4-1", 0, 0),
    A2("Ascend910B4", 1500, 96 * kMebi),  A2("Ascend910B", 0, 0),
    Series("Ascend910_93", 2201, true),   Series("Ascend910", 1001, true),
    Series("Ascend310P", 2002, false),    Series("Ascend310B", 3002, false),
    Series("Ascend950", 3510, true),
};

}  // namespace

const Chip* FindChip(std::string_view name) {
  const auto* chip = std::find_if(kChips.begin(), kChips.end(),
                                  [&](const Chip& each) { return name.starts_with(each.name); });
  return chip == kChips.end() ? nullptr : chip;
}

Chip ChipOf(const vnpu_device_info& info) {
  const Chip* chip = FindChip({info.soc_name, strnlen(info.soc_name, sizeof(info.soc_name))});
  return chip != nullptr ? *chip : Chip{};
}

}  // namespace vnpu::runtime
