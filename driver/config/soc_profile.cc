#include "driver/config/soc_profile.h"

#include <algorithm>
#include <array>

namespace vnpu::driver {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;

// Core counts and memory sizes are those the vendor's tools report for the chip; the number of DMA
// channels is ours, as many copies as run at once.
constexpr std::array kProfiles = {
    SocProfile{"Ascend910B1", 24, 48, 6, 8, 64 * kGiB},
    SocProfile{"Ascend910B2", 24, 48, 6, 8, 64 * kGiB},
    SocProfile{"Ascend910B2C", 24, 48, 6, 8, 64 * kGiB},
    SocProfile{"Ascend910B3", 20, 40, 6, 8, 64 * kGiB},
    SocProfile{"Ascend910B4", 20, 40, 6, 8, 32 * kGiB},
    SocProfile{"Ascend910B4-1", 20, 40, 6, 8, 64 * kGiB},
    SocProfile{"Ascend910A", 32, 32, 14, 8, 32 * kGiB},
    SocProfile{"Ascend310P1", 10, 8, 7, 4, 24 * kGiB},
    SocProfile{"Ascend310P3", 8, 7, 7, 4, 24 * kGiB},
    SocProfile{"Ascend310B1", 1, 1, 3, 2, 12 * kGiB},
};

}  // namespace

std::span<const SocProfile> SocProfiles() { return kProfiles; }

const SocProfile* FindSocProfile(std::string_view name) {
  const auto* it = std::find_if(kProfiles.begin(), kProfiles.end(),
                                [name](const SocProfile& p) { return p.name == name; });
  return it == kProfiles.end() ? nullptr : it;
}

}  // namespace vnpu::driver
