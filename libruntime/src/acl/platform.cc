// Facts about the chip as text.
#include <fmt/format.h>

#include <cstring>
#include <string>

#include "acl/acl_platform.h"
#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/chip.h"
#include "libruntime/src/device/driver.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

std::string NumberIfKnown(uint64_t number) { return number == 0 ? "" : std::to_string(number); }

// Empty: not known.
std::string PlatformFact(aclplatformDevInfo type, const vnpu_device_info& info,
                         const rt::Chip& chip) {
  switch (type) {
    case ACL_PLATFORM_AICORE_CNT:
    case ACL_PLATFORM_CUBE_CORE_CNT:
      return std::to_string(info.units[VNPU_UNIT_AI_CORE]);
    case ACL_PLATFORM_VECTOR_CORE_CNT:
      return std::to_string(info.units[VNPU_UNIT_VECTOR_CORE]);
    case ACL_PLATFORM_MEMORY_SIZE:
      return std::to_string(info.hbm_total);
    case ACL_PLATFORM_AICORE_UB_SIZE:
      return NumberIfKnown(chip.unified_buffer_bytes);
    case ACL_PLATFORM_L2_SIZE:
      return NumberIfKnown(chip.l2_bytes);
    case ACL_PLATFORM_CUBE_FREQ:
    case ACL_PLATFORM_VEC_FREQ:
      return NumberIfKnown(chip.core_mhz);
    case ACL_PLATFORM_BT_SIZE:
      return NumberIfKnown(chip.bias_table_bytes);
    case ACL_PLATFORM_L0_A_SIZE:
      return NumberIfKnown(chip.l0a_bytes);
    case ACL_PLATFORM_L0_B_SIZE:
      return NumberIfKnown(chip.l0b_bytes);
    case ACL_PLATFORM_L0_C_SIZE:
      return NumberIfKnown(chip.l0c_bytes);
    case ACL_PLATFORM_L1_SIZE:
      return NumberIfKnown(chip.l1_bytes);
    case ACL_PLATFORM_SOC_VERSION:
      return {info.soc_name, strnlen(info.soc_name, sizeof(info.soc_name))};
    case ACL_PLATFORM_AIC_VERSION:
      return std::string(chip.core_version);
    case ACL_PLATFORM_NPU_ARCH:
      return NumberIfKnown(chip.architecture);
    case ACL_PLATFORM_MEMORY_TYPE:
      return chip.hbm ? std::to_string(HBM) : "";
  }
  return "";
}

}  // namespace

aclError aclplatformGetDeviceInfo(aclplatformDevInfo infoType, char* value, uint32_t maxLen) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(value);
    if (infoType < ACL_PLATFORM_AICORE_CNT || infoType > ACL_PLATFORM_MEMORY_TYPE) {
      return Fail(ACL_ERROR_INVALID_PARAM, "unknown property {}", static_cast<int>(infoType));
    }
    vnpu_device_info info;
    VNPU_RETURN_IF_ERROR(rt::DescribeDevice(0, &info));
    const std::string text = PlatformFact(infoType, info, rt::ChipOf(info));
    if (text.empty()) {
      return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT, "property {} of the {} is not known",
                  static_cast<int>(infoType), info.soc_name);
    }
    if (text.size() >= maxLen) {
      return Fail(ACL_ERROR_INVALID_PARAM, "maxLen is {}; this value takes {} bytes", maxLen,
                  text.size() + 1);
    }
    std::memcpy(value, text.c_str(), text.size() + 1);
    return ACL_SUCCESS;
  });
}
