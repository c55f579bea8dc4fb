// Device memory and pinned host memory.
#include <vnpu/ioctl.h>

#include <cstdint>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/device.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/device_memory.h"
#include "libruntime/src/memory/pinned_memory.h"
#include "libruntime/src/stream/context.h"
#include "libruntime/src/stream/stream.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

// Blocks start and end at multiples of 512 bytes, which satisfies every alignment and padding rule
// of the manual; all of it lies in 2 MiB pages, whatever the policy.
aclError Malloc(void** devPtr, size_t size) {
  VNPU_REQUIRE_NOT_NULL(devPtr);
  if (size == 0) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "size is 0; ask for at least 1 byte");
  }
  std::shared_ptr<rt::Session> session;
  VNPU_RETURN_IF_ERROR(rt::CurrentSession(&session));
  uint64_t address = 0;
  VNPU_RETURN_IF_ERROR(session->device_memory().Allocate(size, &address));
  *devPtr = reinterpret_cast<void*>(address);
  return ACL_SUCCESS;
}

aclError CheckConfig(const aclrtMallocConfig* config) {
  if (config != nullptr && config->numAttrs > 0 && config->attrs == nullptr) {
    return Fail(ACL_ERROR_INVALID_PARAM, "the configuration has {} attributes at null",
                config->numAttrs);
  }
  return ACL_SUCCESS;  // module ids and such are for the accounting of other components
}

aclError Free(void* devPtr, bool synchronize) {
  VNPU_REQUIRE_NOT_NULL(devPtr);
  const auto address = reinterpret_cast<uint64_t>(devPtr);
  const auto session = rt::SessionOfAddress(address);
  if (session == nullptr || session->pinned_memory().Contains(address)) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} is host memory, not device memory{}", devPtr,
                session == nullptr ? ", or its device was reset" : "; call aclrtFreeHost");
  }
  if (synchronize) {
    rt::Context* context = nullptr;
    VNPU_RETURN_IF_ERROR(rt::CurrentContext(&context));
    VNPU_RETURN_IF_ERROR(rt::SynchronizeDevice(*context, std::nullopt));
  }
  return session->device_memory().Free(address);
}

aclError MallocHost(void** hostPtr, uint64_t size) {
  VNPU_REQUIRE_NOT_NULL(hostPtr);
  if (size == 0) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "size is 0; ask for at least 1 byte");
  }
  std::shared_ptr<rt::Session> session;
  VNPU_RETURN_IF_ERROR(rt::CurrentSession(&session));
  std::byte* memory = nullptr;
  VNPU_RETURN_IF_ERROR(session->pinned_memory().Allocate(size, &memory));
  *hostPtr = memory;
  return ACL_SUCCESS;
}

aclError FreeHost(void* hostPtr, bool synchronize) {
  VNPU_REQUIRE_NOT_NULL(hostPtr);
  const auto address = reinterpret_cast<uint64_t>(hostPtr);
  const auto session = rt::SessionOfAddress(address);
  if (session == nullptr || !session->pinned_memory().Contains(address)) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} is not pinned host memory{}", hostPtr,
                session != nullptr ? "; call aclrtFree" : ", or its device was reset");
  }
  if (synchronize) {
    rt::Context* context = nullptr;
    VNPU_RETURN_IF_ERROR(rt::CurrentContext(&context));
    VNPU_RETURN_IF_ERROR(rt::SynchronizeDevice(*context, std::nullopt));
  }
  return session->pinned_memory().Free(hostPtr);
}

bool IsDdr(aclrtMemAttr attr) {
  return attr == ACL_DDR_MEM || attr == ACL_DDR_MEM_HUGE || attr == ACL_DDR_MEM_NORMAL ||
         attr == ACL_DDR_MEM_P2P_HUGE || attr == ACL_DDR_MEM_P2P_NORMAL;
}

}  // namespace

aclError aclrtMalloc(void** devPtr, size_t size, aclrtMemMallocPolicy /*policy*/) {
  return Guard(__func__, [&] { return Malloc(devPtr, size); });
}

aclError aclrtMallocAlign32(void** devPtr, size_t size, aclrtMemMallocPolicy /*policy*/) {
  return Guard(__func__, [&] { return Malloc(devPtr, size); });
}

aclError aclrtMallocCached(void** devPtr, size_t size, aclrtMemMallocPolicy /*policy*/) {
  return Guard(__func__, [&] { return Malloc(devPtr, size); });
}

aclError aclrtMallocWithCfg(void** devPtr, size_t size, aclrtMemMallocPolicy /*policy*/,
                            aclrtMallocConfig* cfg) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(CheckConfig(cfg));
    return Malloc(devPtr, size);
  });
}

aclError aclrtMallocForTaskScheduler(void** devPtr, size_t size, aclrtMemMallocPolicy /*policy*/,
                                     aclrtMallocConfig* cfg) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(CheckConfig(cfg));
    return Malloc(devPtr, size);
  });
}

aclError aclrtFree(void* devPtr) {
  return Guard(__func__, [&] { return Free(devPtr, /*synchronize=*/false); });
}

aclError aclrtFreeWithDevSync(void* devPtr) {
  return Guard(__func__, [&] { return Free(devPtr, /*synchronize=*/true); });
}

aclError aclrtMallocHost(void** hostPtr, size_t size) {
  return Guard(__func__, [&] { return MallocHost(hostPtr, size); });
}

aclError aclrtMallocHostWithCfg(void** ptr, uint64_t size, aclrtMallocConfig* cfg) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(CheckConfig(cfg));
    return MallocHost(ptr, size);
  });
}

aclError aclrtFreeHost(void* hostPtr) {
  return Guard(__func__, [&] { return FreeHost(hostPtr, /*synchronize=*/false); });
}

aclError aclrtFreeHostWithDevSync(void* hostPtr) {
  return Guard(__func__, [&] { return FreeHost(hostPtr, /*synchronize=*/true); });
}

aclError aclrtMemFlush(void* devPtr, size_t size) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(devPtr);
    return size != 0 ? ACL_SUCCESS : Fail(ACL_ERROR_RT_PARAM_INVALID, "size is 0");
  });
}

aclError aclrtMemInvalidate(void* devPtr, size_t size) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(devPtr);
    return size != 0 ? ACL_SUCCESS : Fail(ACL_ERROR_RT_PARAM_INVALID, "size is 0");
  });
}

aclError aclrtGetMemInfo(aclrtMemAttr attr, size_t* free, size_t* total) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(free);
    VNPU_REQUIRE_NOT_NULL(total);
    if (attr < ACL_DDR_MEM || attr > ACL_MEM_P2P_HUGE1G) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown memory attribute {}",
                  static_cast<int>(attr));
    }
    rt::Context* context = nullptr;
    VNPU_RETURN_IF_ERROR(rt::CurrentContext(&context));
    if (IsDdr(attr)) {  // a device with HBM has none
      *free = *total = 0;
      return ACL_SUCCESS;
    }
    const std::shared_ptr<rt::Session> session = context->session;
    vnpu_device_info info{};
    const int result = session->Call(VNPU_IOC_DEVICE_QUERY, info);
    if (result < 0) {
      return rt::FailErrno(-result, "cannot query the device");
    }
    *free = info.hbm_free + session->device_memory().cached_bytes();
    *total = info.hbm_total;
    return ACL_SUCCESS;
  });
}

aclError aclrtPointerGetAttributes(const void* ptr, aclrtPtrAttributes* attributes) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(ptr);
    VNPU_REQUIRE_NOT_NULL(attributes);
    *attributes = {};
    const auto address = reinterpret_cast<uint64_t>(ptr);
    const auto session = rt::SessionOfAddress(address);
    if (session == nullptr) {
      attributes->location.type = ACL_MEM_LOCATION_TYPE_UNREGISTERED;
      return ACL_SUCCESS;
    }
    attributes->location.id = session->index();
    const bool pinned = session->pinned_memory().Contains(address);
    attributes->location.type = pinned ? ACL_MEM_LOCATION_TYPE_HOST : ACL_MEM_LOCATION_TYPE_DEVICE;
    attributes->pageSize = pinned ? VNPU_PAGE_SIZE : VNPU_HUGE_PAGE_SIZE;
    return ACL_SUCCESS;
  });
}
