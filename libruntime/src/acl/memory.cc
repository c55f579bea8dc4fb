// Device memory and pinned host memory.
#include <vnpu/ioctl.h>

#include <cstdint>

#include "acl/acl_rt.h"
#include "libruntime/src/acl/malloc_policy.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/device.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/graph/capture.h"
#include "libruntime/src/memory/device_memory.h"
#include "libruntime/src/memory/managed_memory.h"
#include "libruntime/src/memory/memory_pool.h"
#include "libruntime/src/memory/pinned_memory.h"
#include "libruntime/src/stream/context.h"
#include "libruntime/src/stream/stream.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

enum class Padding : bool { kNone, kAsTheManualSays };

aclError Malloc(void** devPtr, size_t size, aclrtMemMallocPolicy policy, Padding padding,
                const aclrtMallocConfig* config = nullptr) {
  VNPU_REQUIRE_NOT_NULL(devPtr);
  if (size == 0) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "size is 0; ask for at least 1 byte");
  }
  std::shared_ptr<rt::Session> session;
  VNPU_RETURN_IF_ERROR(rt::CurrentSession(&session));
  rt::MemoryRequest request = rt::RequestOf(size, policy);
  VNPU_RETURN_IF_ERROR(
      rt::ReadMallocConfig(config, rt::MemoryPlace::kDevice, session->index(), &request.component));
  if (padding == Padding::kAsTheManualSays) {
    request.size = rt::PaddedSize(request, session->info().soc_name);
  }
  uint64_t address = 0;
  VNPU_RETURN_IF_ERROR(session->device_memory().Allocate(request, &address));
  *devPtr = reinterpret_cast<void*>(address);
  return ACL_SUCCESS;
}

aclError MallocCached(void** devPtr, size_t size, aclrtMemMallocPolicy policy) {
  switch (policy) {
    case ACL_MEM_MALLOC_HUGE_FIRST_P2P:
    case ACL_MEM_MALLOC_HUGE_ONLY_P2P:
    case ACL_MEM_MALLOC_NORMAL_ONLY_P2P:
    case ACL_MEM_MALLOC_HUGE1G_ONLY_P2P:
    case ACL_MEM_TYPE_LOW_BAND_WIDTH:
    case ACL_MEM_TYPE_HIGH_BAND_WIDTH:
    case ACL_MEM_ACCESS_USER_SPACE_READONLY:
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "policy {:#x} is not for cached memory",
                  static_cast<uint32_t>(policy));
    default:
      return Malloc(devPtr, size, policy, Padding::kAsTheManualSays);
  }
}

// Gives device or managed memory back. `session` has the address in its window.
aclError FreeIn(rt::Session& session, uint64_t address) {
  if (session.managed_memory().Contains(address)) {
    return session.managed_memory().Free(address);
  }
  if (session.memory_pools().Contains(address)) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{:#x} is memory of a pool; call aclrtMemPoolFreeAsync",
                address);
  }
  return session.device_memory().Free(address);
}

aclError Free(void* devPtr, bool synchronize) {
  VNPU_REQUIRE_NOT_NULL(devPtr);
  const auto address = reinterpret_cast<uint64_t>(devPtr);
  const auto session = rt::SessionOfAddress(address);
  if (session == nullptr || (session->pinned_memory().Contains(address) &&
                             !session->managed_memory().Contains(address))) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} is host memory, not device memory{}", devPtr,
                session == nullptr ? ", or its device was reset" : "; call aclrtFreeHost");
  }
  if (synchronize) {
    VNPU_RETURN_IF_ERROR(rt::CheckDeviceWait(*session));
    VNPU_RETURN_IF_ERROR(rt::SynchronizeDevice(*session, std::nullopt));
  }
  return FreeIn(*session, address);
}

aclError MallocHost(void** hostPtr, uint64_t size, const aclrtMallocConfig* config = nullptr) {
  VNPU_REQUIRE_NOT_NULL(hostPtr);
  if (size == 0) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "size is 0; ask for at least 1 byte");
  }
  std::shared_ptr<rt::Session> session;
  VNPU_RETURN_IF_ERROR(rt::CurrentSession(&session));
  uint32_t component = rt::kApplication;  // device memory alone is accounted for
  VNPU_RETURN_IF_ERROR(
      rt::ReadMallocConfig(config, rt::MemoryPlace::kHost, session->index(), &component));
  std::byte* memory = nullptr;
  VNPU_RETURN_IF_ERROR(session->pinned_memory().Allocate(size, &memory));
  *hostPtr = memory;
  return ACL_SUCCESS;
}

aclError FreeHost(void* hostPtr, bool synchronize) {
  VNPU_REQUIRE_NOT_NULL(hostPtr);
  const auto address = reinterpret_cast<uint64_t>(hostPtr);
  const auto session = rt::SessionOfAddress(address);
  if (session == nullptr || !session->pinned_memory().Contains(address) ||
      session->managed_memory().Contains(address)) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} is not pinned host memory{}", hostPtr,
                session != nullptr ? "; call aclrtFree" : ", or its device was reset");
  }
  if (synchronize) {
    VNPU_RETURN_IF_ERROR(rt::CheckDeviceWait(*session));
    VNPU_RETURN_IF_ERROR(rt::SynchronizeDevice(*session, std::nullopt));
  }
  return session->pinned_memory().Free(hostPtr);
}

bool IsDdr(aclrtMemAttr attr) {
  return attr == ACL_DDR_MEM || attr == ACL_DDR_MEM_HUGE || attr == ACL_DDR_MEM_NORMAL ||
         attr == ACL_DDR_MEM_P2P_HUGE || attr == ACL_DDR_MEM_P2P_NORMAL;
}

// What amounts of such memory are multiples of.
uint64_t PageOf(aclrtMemAttr attr) {
  switch (attr) {
    case ACL_HBM_MEM_HUGE:
    case ACL_HBM_MEM_P2P_HUGE:
    case ACL_MEM_HUGE:
    case ACL_MEM_P2P_HUGE:
      return VNPU_HUGE_PAGE_SIZE;
    case ACL_HBM_MEM_HUGE1G:
    case ACL_HBM_MEM_P2P_HUGE1G:
    case ACL_MEM_HUGE1G:
    case ACL_MEM_P2P_HUGE1G:
      return uint64_t{1} << 30;
    default:
      return 1;
  }
}

}  // namespace

aclError aclrtMalloc(void** devPtr, size_t size, aclrtMemMallocPolicy policy) {
  return Guard(__func__, [&] { return Malloc(devPtr, size, policy, Padding::kAsTheManualSays); });
}

aclError aclrtMallocAlign32(void** devPtr, size_t size, aclrtMemMallocPolicy policy) {
  return Guard(__func__, [&] { return Malloc(devPtr, size, policy, Padding::kNone); });
}

aclError aclrtMallocCached(void** devPtr, size_t size, aclrtMemMallocPolicy policy) {
  return Guard(__func__, [&] { return MallocCached(devPtr, size, policy); });
}

aclError aclrtMallocWithCfg(void** devPtr, size_t size, aclrtMemMallocPolicy policy,
                            aclrtMallocConfig* cfg) {
  return Guard(__func__,
               [&] { return Malloc(devPtr, size, policy, Padding::kAsTheManualSays, cfg); });
}

aclError aclrtMallocForTaskScheduler(void** devPtr, size_t size, aclrtMemMallocPolicy policy,
                                     aclrtMallocConfig* cfg) {
  return Guard(__func__, [&] { return Malloc(devPtr, size, policy, Padding::kNone, cfg); });
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
  return Guard(__func__, [&] { return MallocHost(ptr, size, cfg); });
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
    uint64_t bytes = 0;
    VNPU_RETURN_IF_ERROR(session->device_memory().QueryFree(&info, &bytes));
    // Pages of all sizes come out of the same memory.
    const uint64_t page = PageOf(attr);
    *free = bytes / page * page;
    *total = info.hbm_total / page * page;
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
    if (session->managed_memory().Contains(address)) {
      attributes->location.type = ACL_MEM_LOCATION_TYPE_MANAGED;
      attributes->pageSize = VNPU_PAGE_SIZE;
    } else if (session->pinned_memory().Contains(address)) {
      attributes->location.type = ACL_MEM_LOCATION_TYPE_HOST;
      attributes->pageSize = VNPU_PAGE_SIZE;
    } else {
      attributes->location.type = ACL_MEM_LOCATION_TYPE_DEVICE;
      const auto region = session->device_memory().RegionOf(address);
      attributes->pageSize = region.has_value() ? region->page_size : VNPU_HUGE_PAGE_SIZE;
    }
    return ACL_SUCCESS;
  });
}
