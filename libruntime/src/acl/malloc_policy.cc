#include "libruntime/src/acl/malloc_policy.h"

#include <vnpu/abi.h>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/round_up.h"

namespace vnpu::runtime {

MemoryRequest RequestOf(uint64_t size, aclrtMemMallocPolicy policy) {
  constexpr uint32_t kBandwidth = ACL_MEM_TYPE_LOW_BAND_WIDTH | ACL_MEM_TYPE_HIGH_BAND_WIDTH;
  constexpr uint32_t kReadOnly = ACL_MEM_ACCESS_USER_SPACE_READONLY;
  const auto bits = static_cast<uint32_t>(policy);
  MemoryRequest request{.size = size};
  request.read_only = (bits & kReadOnly) != 0;
  // Before padding: whole pages can be shared.
  request.own_pages = size % VNPU_PAGE_SIZE == 0;
  switch (bits & ~(kBandwidth | kReadOnly)) {
    case ACL_MEM_MALLOC_HUGE_FIRST:
    case ACL_MEM_MALLOC_HUGE_FIRST_P2P:
      request.pages = PagePolicy::kHugeFirst;
      break;
    case ACL_MEM_MALLOC_HUGE_ONLY:
    case ACL_MEM_MALLOC_HUGE_ONLY_P2P:
      request.pages = PagePolicy::kHugeOnly;
      break;
    case ACL_MEM_MALLOC_NORMAL_ONLY:
    case ACL_MEM_MALLOC_NORMAL_ONLY_P2P:
      request.pages = PagePolicy::kNormal;
      break;
    case ACL_MEM_MALLOC_HUGE1G_ONLY:
    case ACL_MEM_MALLOC_HUGE1G_ONLY_P2P:
      request.pages = PagePolicy::kGiant;
      break;
    default:  // no policy at all
      request.pages = size >= VNPU_HUGE_PAGE_SIZE ? PagePolicy::kHugeOnly : PagePolicy::kNormal;
      break;
  }
  return request;
}

uint64_t PaddedSize(const MemoryRequest& request, const char* soc_name) {
  constexpr uint64_t kUnit = 32;
  if (request.size > UINT64_MAX / 2) {
    return request.size;  // more than any device has
  }
  const bool padded = request.pages != PagePolicy::kGiant && !IsAscend950(soc_name);
  return RoundUp(request.size, kUnit) + (padded ? kUnit : 0);
}

aclError ReadMallocConfig(const aclrtMallocConfig* config, MemoryPlace place, uint32_t device,
                          uint32_t* component) {
  if (config == nullptr) {
    return ACL_SUCCESS;
  }
  if (config->numAttrs > 0 && config->attrs == nullptr) {
    return Fail(ACL_ERROR_INVALID_PARAM, "the configuration has {} attributes at null",
                config->numAttrs);
  }
  for (size_t i = 0; i < config->numAttrs; ++i) {
    const aclrtMallocAttribute& attribute = config->attrs[i];
    switch (attribute.attr) {
      case ACL_RT_MEM_ATTR_RSV:
        break;
      case ACL_RT_MEM_ATTR_MODULE_ID:
        *component = attribute.value.moduleId;
        break;
      case ACL_RT_MEM_ATTR_DEVICE_ID:
        if (attribute.value.deviceId != device) {
          return Fail(ACL_ERROR_RT_PARAM_INVALID,
                      "the configuration asks for device {}, the current one is {}",
                      attribute.value.deviceId, device);
        }
        break;
      case ACL_RT_MEM_ATTR_VA_FLAG:
        // Pinned memory always has one address on host and device.
        if (place != MemoryPlace::kHost || attribute.value.vaFlag > 1) {
          return Fail(ACL_ERROR_RT_PARAM_INVALID, "VA flag {}: 0 or 1, and for host memory only",
                      attribute.value.vaFlag);
        }
        break;
      default:
        return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown attribute {}",
                    static_cast<int>(attribute.attr));
    }
  }
  return ACL_SUCCESS;
}

}  // namespace vnpu::runtime
