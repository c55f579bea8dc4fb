// What is known about the chips that devices are modelled on, beside what the driver tells.
#ifndef VNPU_LIBRUNTIME_SRC_DEVICE_CHIP_H_
#define VNPU_LIBRUNTIME_SRC_DEVICE_CHIP_H_

#include <vnpu/abi.h>

#include <cstdint>
#include <string_view>

namespace vnpu::runtime {

// Sizes in bytes. 0 or empty: not known.
struct Chip {
  std::string_view name = {};          // what the names of the chips begin with
  uint32_t architecture = 0;           // enum aclplatformNpuArch
  std::string_view core_version = {};  // of the AI core
  uint32_t core_mhz = 0;
  uint64_t l2_bytes = 0;
  uint64_t unified_buffer_bytes = 0;
  uint64_t l1_bytes = 0;
  uint64_t l0a_bytes = 0;
  uint64_t l0b_bytes = 0;
  uint64_t l0c_bytes = 0;
  uint64_t bias_table_bytes = 0;
  bool hbm = false;
};

// The chip of that name (such as "Ascend910B1"); nullptr: none such.
const Chip* FindChip(std::string_view name);

// The chip that a device is modelled on; nothing known for a name that is not in the table.
Chip ChipOf(const vnpu_device_info& info);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_DEVICE_CHIP_H_
