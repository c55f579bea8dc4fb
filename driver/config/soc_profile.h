// What the known chips have.
#ifndef VNPU_DRIVER_CONFIG_SOC_PROFILE_H_
#define VNPU_DRIVER_CONFIG_SOC_PROFILE_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace vnpu::driver {

struct SocProfile {
  std::string_view name;
  uint32_t ai_cores;
  uint32_t vector_cores;
  uint32_t ai_cpus;
  uint32_t dma_channels;
  uint64_t hbm_bytes;
};

std::span<const SocProfile> SocProfiles();

// nullptr: no such chip.
const SocProfile* FindSocProfile(std::string_view name);

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_CONFIG_SOC_PROFILE_H_
