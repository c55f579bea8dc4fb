// Registration of host memory (manual 11-02).
#include <cstdint>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/host_registry.h"
#include "libruntime/src/stream/context.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

aclError FailReserved(uint32_t flags) {
  return Fail(
      ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
      "registration {:#x}: memory of other devices and read-only mappings are not supported",
      flags);
}

}  // namespace

aclError aclrtHostRegister(void* ptr, uint64_t size, aclrtHostRegisterType type, void** devPtr) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(ptr);
    VNPU_REQUIRE_NOT_NULL(devPtr);
    if (type == ACL_HOST_REGISTER_IOMEMORY || type == ACL_HOST_REGISTER_READONLY) {
      return FailReserved(type);
    }
    if (type != ACL_HOST_REGISTER_MAPPED) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown type {}", static_cast<int>(type));
    }
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::CurrentSession(&session));
    VNPU_RETURN_IF_ERROR(
        session->host_registry().Register(ptr, size, /*mapped=*/true, /*lock=*/false));
    uint64_t address = 0;
    VNPU_RETURN_IF_ERROR(session->host_registry().DevicePointer(ptr, &address));
    *devPtr = reinterpret_cast<void*>(address);
    return ACL_SUCCESS;
  });
}

aclError aclrtHostRegisterV2(void* ptr, uint64_t size, uint32_t flag) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(ptr);
    if ((flag & (ACL_HOST_REG_IOMEMORY | ACL_HOST_REG_READONLY)) != 0) {
      return FailReserved(flag);
    }
    if (flag == 0 || (flag & ~(ACL_HOST_REG_MAPPED | ACL_HOST_REG_PINNED)) != 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown flags {:#x}", flag);
    }
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::CurrentSession(&session));
    return session->host_registry().Register(ptr, size, (flag & ACL_HOST_REG_MAPPED) != 0,
                                             (flag & ACL_HOST_REG_PINNED) != 0);
  });
}

aclError aclrtHostGetDevicePointer(void* pHost, void** pDevice, uint32_t flag) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(pHost);
    VNPU_REQUIRE_NOT_NULL(pDevice);
    if (flag != 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "flag is {}; it must be 0", flag);
    }
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::CurrentSession(&session));
    uint64_t address = 0;
    VNPU_RETURN_IF_ERROR(session->host_registry().DevicePointer(pHost, &address));
    *pDevice = reinterpret_cast<void*>(address);
    return ACL_SUCCESS;
  });
}

aclError aclrtHostUnregister(void* ptr) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(ptr);
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::CurrentSession(&session));
    return session->host_registry().Unregister(ptr);
  });
}
