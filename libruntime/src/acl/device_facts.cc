// What a device is and how it is doing: identity, load, capabilities.
#include <strings.h>

#include <cctype>
#include <cstring>
#include <string_view>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/chip.h"
#include "libruntime/src/device/driver.h"
#include "libruntime/src/device/utilization.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

constexpr int32_t kPciBusIdBytes = sizeof("0000:00:00.0");

aclError IdentityOf(int32_t device, vnpu_ioc_identity* identity) {
  std::shared_ptr<rt::Driver> driver;
  VNPU_RETURN_IF_ERROR(rt::Driver::Get(&driver));
  VNPU_RETURN_IF_ERROR(driver->CheckDevice(device));
  VNPU_RETURN_IF_ERROR(driver->QueryIdentity(static_cast<uint32_t>(device), identity));
  identity->pci_bus_id[sizeof(identity->pci_bus_id) - 1] = 0;
  return ACL_SUCCESS;
}

// Form "0000:81:00.0", as digits and separators go.
bool IsPciBusId(std::string_view text) {
  constexpr std::string_view kForm = "xxxx:xx:xx.x";
  if (text.size() != kForm.size()) {
    return false;
  }
  for (size_t i = 0; i < kForm.size(); ++i) {
    const bool right = kForm[i] == 'x' ? std::isxdigit(static_cast<unsigned char>(text[i])) != 0
                                       : text[i] == kForm[i];
    if (!right) {
      return false;
    }
  }
  return true;
}

// What is there in software, whatever the chip.
constexpr aclCannAttr kSoftwareFeatures[] = {
    ACL_CANN_ATTR_INF_NAN,  // cores compute as IEEE 754 says
};

}  // namespace

aclError aclrtGetDeviceUtilizationRate(int32_t deviceId, aclrtUtilizationInfo* utilizationInfo) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(utilizationInfo);
    std::shared_ptr<rt::Driver> driver;
    VNPU_RETURN_IF_ERROR(rt::Driver::Get(&driver));
    VNPU_RETURN_IF_ERROR(driver->CheckDevice(deviceId));
    rt::Utilization rates{};
    VNPU_RETURN_IF_ERROR(rt::MeasureUtilization(*driver, static_cast<uint32_t>(deviceId), &rates));
    utilizationInfo->cubeUtilization = rates[VNPU_UNIT_AI_CORE];
    utilizationInfo->vectorUtilization = rates[VNPU_UNIT_VECTOR_CORE];
    utilizationInfo->aicpuUtilization = rates[VNPU_UNIT_AI_CPU];
    utilizationInfo->memoryUtilization = -1;  // not told, as the manual says
    return ACL_SUCCESS;
  });
}

aclError aclrtDeviceGetUuid(int32_t deviceId, aclrtUuid* uuid) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(uuid);
    vnpu_ioc_identity identity;
    VNPU_RETURN_IF_ERROR(IdentityOf(deviceId, &identity));
    static_assert(sizeof(uuid->bytes) == sizeof(identity.uuid));
    std::memcpy(uuid->bytes, identity.uuid, sizeof(uuid->bytes));
    return ACL_SUCCESS;
  });
}

aclError aclrtDeviceGetPCIBusId(int32_t deviceId, char* pciBusId, int32_t len) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(pciBusId);
    if (len < kPciBusIdBytes) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "len is {}; a PCI bus id takes {} bytes", len,
                  kPciBusIdBytes);
    }
    vnpu_ioc_identity identity;
    VNPU_RETURN_IF_ERROR(IdentityOf(deviceId, &identity));
    std::memcpy(pciBusId, identity.pci_bus_id, kPciBusIdBytes - 1);
    pciBusId[kPciBusIdBytes - 1] = 0;
    return ACL_SUCCESS;
  });
}

aclError aclrtDeviceGetByPCIBusId(const char* pciBusId, int32_t* deviceId) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(pciBusId);
    VNPU_REQUIRE_NOT_NULL(deviceId);
    if (!IsPciBusId({pciBusId, strnlen(pciBusId, kPciBusIdBytes)})) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "'{:.32}' is no PCI bus id; one reads domain:bus:device.function, such as "
                  "0000:81:00.0",
                  pciBusId);
    }
    std::shared_ptr<rt::Driver> driver;
    VNPU_RETURN_IF_ERROR(rt::Driver::Get(&driver));
    for (uint32_t i = 0; i < driver->device_count(); ++i) {
      vnpu_ioc_identity identity;
      VNPU_RETURN_IF_ERROR(driver->QueryIdentity(i, &identity));
      if (strncasecmp(identity.pci_bus_id, pciBusId, sizeof(identity.pci_bus_id)) == 0) {
        *deviceId = static_cast<int32_t>(i);
        return ACL_SUCCESS;
      }
    }
    return Fail(ACL_ERROR_RT_INVALID_DEVICEID, "no device of this process is at {}", pciBusId);
  });
}

aclError aclrtGetDeviceCapability(int32_t deviceId, aclrtDevFeatureType devFeatureType,
                                  int32_t* value) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(value);
    vnpu_device_info info;
    VNPU_RETURN_IF_ERROR(rt::DescribeDevice(deviceId, &info));
    switch (devFeatureType) {
      case ACL_FEATURE_TSCPU_TASK_UPDATE_SUPPORT_AIC_AIV:
      case ACL_FEATURE_SYSTEM_MEMQ_EVENT_CROSS_DEV:
        *value = ACL_DEV_FEATURE_NOT_SUPPORT;
        return ACL_SUCCESS;
      default:
        return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown feature {}",
                    static_cast<int>(devFeatureType));
    }
  });
}

aclError aclGetDeviceCapability(uint32_t deviceId, aclDeviceInfo deviceInfo, int64_t* value) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(value);
    vnpu_device_info info;
    VNPU_RETURN_IF_ERROR(rt::DescribeDevice(deviceId, &info));
    switch (deviceInfo) {
      case ACL_DEVICE_INFO_AI_CORE_NUM:
        *value = info.units[VNPU_UNIT_AI_CORE];
        return ACL_SUCCESS;
      case ACL_DEVICE_INFO_VECTOR_CORE_NUM:
        *value = info.units[VNPU_UNIT_VECTOR_CORE];
        return ACL_SUCCESS;
      case ACL_DEVICE_INFO_L2_SIZE: {
        const rt::Chip chip = rt::ChipOf(info);
        if (chip.l2_bytes == 0) {
          return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT, "the L2 size of the {} is not known",
                      info.soc_name);
        }
        *value = static_cast<int64_t>(chip.l2_bytes);
        return ACL_SUCCESS;
      }
      default:
        return Fail(ACL_ERROR_INVALID_PARAM, "unknown hardware resource {}",
                    static_cast<int>(deviceInfo));
    }
  });
}

aclError aclGetCannAttributeList(const aclCannAttr** cannAttrList, size_t* num) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(cannAttrList);
    VNPU_REQUIRE_NOT_NULL(num);
    *cannAttrList = kSoftwareFeatures;
    *num = std::size(kSoftwareFeatures);
    return ACL_SUCCESS;
  });
}

aclError aclGetCannAttribute(aclCannAttr cannAttr, int32_t* value) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(value);
    if (cannAttr < ACL_CANN_ATTR_INF_NAN || cannAttr > ACL_CANN_ATTR_JIT_COMPILE) {
      return Fail(ACL_ERROR_INVALID_PARAM, "unknown software feature {}",
                  static_cast<int>(cannAttr));
    }
    *value = 0;
    for (const aclCannAttr feature : kSoftwareFeatures) {
      *value = feature == cannAttr ? 1 : *value;
    }
    return ACL_SUCCESS;
  });
}

aclError aclrtCheckArchCompatibility(const char* socVersion, int32_t* canCompatible) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(socVersion);
    VNPU_REQUIRE_NOT_NULL(canCompatible);
    const rt::Chip* wanted = rt::FindChip(socVersion);
    if (wanted == nullptr) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "'{:.32}' is no known chip", socVersion);
    }
    vnpu_device_info info;
    VNPU_RETURN_IF_ERROR(rt::DescribeDevice(0, &info));
    *canCompatible = rt::ChipOf(info).architecture == wanted->architecture ? 1 : 0;
    return ACL_SUCCESS;
  });
}
