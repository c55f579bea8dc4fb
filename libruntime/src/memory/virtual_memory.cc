#include "libruntime/src/memory/virtual_memory.h"

#include <vnpu/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <functional>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/base/ranges.h"
#include "libruntime/src/base/round_up.h"
#include "libruntime/src/device/device.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/memory_usage.h"

namespace vnpu::runtime {
namespace {

constexpr size_t kMaxPhysicals = 65536;
constinit Slab<Physical, kMaxPhysicals> physicals;

constexpr uint64_t kGiantGranularity = uint64_t{1} << 30;

}  // namespace

aclError GranularityOf(const aclrtPhysicalMemProp& properties, uint64_t* granularity) {
  if (properties.handleType != ACL_MEM_HANDLE_TYPE_NONE ||
      properties.allocationType != ACL_MEM_ALLOCATION_TYPE_PINNED) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "handle type {}, allocation type {}: only 0 and 0",
                static_cast<int>(properties.handleType),
                static_cast<int>(properties.allocationType));
  }
  if (properties.location.type != ACL_MEM_LOCATION_TYPE_DEVICE) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "physical memory of the host is not supported; ask for that of a device");
  }
  switch (properties.memAttr) {
    case ACL_MEM_NORMAL:
    case ACL_MEM_P2P_NORMAL:
      *granularity = VNPU_PAGE_SIZE;
      return ACL_SUCCESS;
    case ACL_MEM_HUGE:
    case ACL_MEM_P2P_HUGE:
    case ACL_HBM_MEM_HUGE:
    case ACL_HBM_MEM_NORMAL:  // given in huge pages, as the manual says
      *granularity = VNPU_HUGE_PAGE_SIZE;
      return ACL_SUCCESS;
    case ACL_MEM_HUGE1G:
    case ACL_HBM_MEM_HUGE1G:
      *granularity = kGiantGranularity;
      return ACL_SUCCESS;
    default:
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "memory attribute {} is not for physical memory",
                  static_cast<int>(properties.memAttr));
  }
}

aclError VirtualMemory::Reserve(uint64_t size, uint64_t wanted, uint64_t* address) {
  if (size > VNPU_WINDOW_SIZE) {
    return Fail(ACL_ERROR_RT_MEMORY_ALLOCATION, "{} bytes of addresses cannot be had", size);
  }
  vnpu_ioc_reserve request{};
  request.va = wanted;
  request.size = RoundUp(size, VNPU_HUGE_PAGE_SIZE);
  request.align = size >= kGiantGranularity ? kGiantGranularity : VNPU_HUGE_PAGE_SIZE;
  if (wanted != 0 && (wanted % request.align != 0 || !session_.window().Contains(wanted) ||
                      !session_.window().Contains(wanted + request.size - 1))) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "{:#x} cannot be had: a multiple of {} in the device's addresses {:#x} to {:#x}",
                wanted, request.align, session_.window().base(),
                session_.window().base() + VNPU_WINDOW_SIZE);
  }
  const std::lock_guard lock(mutex_);
  const int result = session_.Call(VNPU_IOC_RESERVE, request);
  if (result == -EEXIST || result == -ENOMEM) {
    return Fail(ACL_ERROR_RT_MEMORY_ALLOCATION, "{} bytes of addresses at {:#x}: {}", size, wanted,
                result == -EEXIST ? "taken already" : "not so many left");
  }
  if (result < 0) {
    return FailErrno(-result, "the driver reserves no addresses");
  }
  reservations_[request.va] = request.size;
  *address = request.va;
  return ACL_SUCCESS;
}

aclError VirtualMemory::Release(uint64_t address) {
  const std::lock_guard lock(mutex_);
  const auto found = reservations_.find(address);
  if (found == reservations_.end()) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{:#x} is not the start of reserved addresses",
                address);
  }
  const auto mapped = mappings_.lower_bound(address);
  if (mapped != mappings_.end() && mapped->first < address + found->second) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "memory is still mapped at {:#x}; unmap it first",
                mapped->first);
  }
  vnpu_ioc_release request{.va = address, .reserved = 0};
  const int result = session_.Call(VNPU_IOC_RELEASE, request);
  if (result < 0) {
    return FailErrno(-result, "the driver does not take the addresses back");
  }
  reservations_.erase(found);
  return ACL_SUCCESS;
}

aclError VirtualMemory::Allocate(uint64_t size, const aclrtPhysicalMemProp& properties,
                                 Physical** physical) {
  uint64_t granularity = 0;
  VNPU_RETURN_IF_ERROR(GranularityOf(properties, &granularity));
  if (size > session_.info().hbm_total) {
    return Fail(ACL_ERROR_RT_MEMORY_ALLOCATION, "{} bytes are more than the {} of the device", size,
                session_.info().hbm_total);
  }
  const std::lock_guard lock(mutex_);
  Physical* fresh = physicals.Allocate();
  if (fresh == nullptr) {
    return Fail(ACL_ERROR_RT_RESOURCE_ALLOC_FAIL, "too many pieces of physical memory ({})",
                kMaxPhysicals);
  }
  vnpu_ioc_pmem_alloc request{};
  request.size = RoundUp(size, granularity);
  request.flags = granularity > VNPU_PAGE_SIZE ? VNPU_PMEM_HUGE : 0;
  const int result = session_.Call(VNPU_IOC_PMEM_ALLOC, request);
  if (result < 0) {
    physicals.Free(fresh);
    return result == -ENOMEM ? Fail(ACL_ERROR_RT_MEMORY_ALLOCATION,
                                    "the device has no {} bytes left", request.size)
                             : FailErrno(-result, "the driver gives no device memory");
  }
  fresh->device = session_.index();
  fresh->session_serial = session_.serial();
  fresh->size = request.size;
  fresh->pmem_id = request.pmem_id;
  fresh->references = 1;
  fresh->mappings = 0;
  fresh->properties = properties;
  physicals_.insert(fresh);
  session_.memory_usage().Add(kApplication, fresh->size);
  physicals.Publish(fresh);
  *physical = fresh;
  return ACL_SUCCESS;
}

aclError VirtualMemory::CheckLive(const Physical* physical) const {
  if (!physicals_.contains(const_cast<Physical*>(physical)) || physical->references == 0) {
    return Fail(ACL_ERROR_RT_INVALID_HANDLE, "the physical memory was freed");
  }
  return ACL_SUCCESS;
}

void VirtualMemory::FreeIfUnused(Physical* physical) {
  if (physical->references > 0 || physical->mappings > 0) {
    return;
  }
  vnpu_ioc_pmem_free request{.pmem_id = physical->pmem_id, .reserved = 0};
  if (const int result = session_.Call(VNPU_IOC_PMEM_FREE, request); result < 0) {
    Log().warn("physical memory {} was not given back: error {}", physical->pmem_id, -result);
  }
  physicals_.erase(physical);
  session_.memory_usage().Remove(kApplication, physical->size);
  if (physicals.Retire(physical)) {
    physicals.Free(physical);
  }
}

aclError VirtualMemory::Free(Physical* physical) {
  const std::lock_guard lock(mutex_);
  VNPU_RETURN_IF_ERROR(CheckLive(physical));
  --physical->references;
  FreeIfUnused(physical);
  return ACL_SUCCESS;
}

aclError VirtualMemory::PropertiesOf(const Physical* physical, aclrtPhysicalMemProp* properties) {
  const std::lock_guard lock(mutex_);
  VNPU_RETURN_IF_ERROR(CheckLive(physical));
  *properties = physical->properties;
  return ACL_SUCCESS;
}

aclError VirtualMemory::Map(uint64_t address, uint64_t size, Physical* physical, bool access) {
  const std::lock_guard lock(mutex_);
  VNPU_RETURN_IF_ERROR(CheckLive(physical));
  if (size != physical->size) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "size {} is not that of the physical memory, {}", size,
                physical->size);
  }
  uint64_t granularity = 0;
  VNPU_RETURN_IF_ERROR(GranularityOf(physical->properties, &granularity));
  // Pages of 1 GiB are mapped as runs of 2 MiB.
  if (address % std::min<uint64_t>(granularity, VNPU_HUGE_PAGE_SIZE) != 0) {
    return Fail(ACL_ERROR_RT_ADDR_UNALIGNED, "{:#x} is not a multiple of {}", address, granularity);
  }
  const auto range = FindRange(reservations_, address, std::identity{});
  if (range == reservations_.end() || size > range->first + range->second - address) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} bytes at {:#x} do not lie in reserved addresses",
                size, address);
  }
  vnpu_ioc_map request{};
  request.va = address;
  request.size = size;
  request.pmem_id = physical->pmem_id;
  request.prot = access ? VNPU_PROT_READ | VNPU_PROT_WRITE : 0;
  const int result = session_.Call(VNPU_IOC_MAP, request);
  if (result == -EEXIST) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "something is mapped at {:#x} already", address);
  }
  if (result < 0) {
    return FailErrno(-result, "the driver cannot map the memory");
  }
  mappings_[address] = {.size = size, .physical = physical, .access = access};
  ++physical->mappings;
  return ACL_SUCCESS;
}

aclError VirtualMemory::FindMapping(uint64_t address, Mappings::iterator* mapping) {
  *mapping = mappings_.find(address);
  return *mapping != mappings_.end()
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_PARAM_INVALID, "{:#x} is not where memory was mapped", address);
}

aclError VirtualMemory::Unmap(uint64_t address) {
  const std::lock_guard lock(mutex_);
  Mappings::iterator mapping;
  VNPU_RETURN_IF_ERROR(FindMapping(address, &mapping));
  vnpu_ioc_unmap request{.va = address, .size = mapping->second.size};
  if (const int result = session_.Call(VNPU_IOC_UNMAP, request); result < 0) {
    return FailErrno(-result, "the driver cannot unmap the memory");
  }
  Physical* physical = mapping->second.physical;
  mappings_.erase(mapping);
  --physical->mappings;
  FreeIfUnused(physical);
  return ACL_SUCCESS;
}

aclError VirtualMemory::Allow(uint64_t address, uint64_t size) {
  const std::lock_guard lock(mutex_);
  Mappings::iterator mapping;
  VNPU_RETURN_IF_ERROR(FindMapping(address, &mapping));
  if (size != mapping->second.size) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "size {} is not that of the mapping, {}", size,
                mapping->second.size);
  }
  vnpu_ioc_protect request{};
  request.va = address;
  request.size = size;
  request.prot = VNPU_PROT_READ | VNPU_PROT_WRITE;
  if (const int result = session_.Call(VNPU_IOC_PROTECT, request); result < 0) {
    return FailErrno(-result, "the driver cannot change the access");
  }
  mapping->second.access = true;
  return ACL_SUCCESS;
}

aclError VirtualMemory::HasAccess(uint64_t address, bool* access) {
  const std::lock_guard lock(mutex_);
  Mappings::iterator mapping;
  VNPU_RETURN_IF_ERROR(FindMapping(address, &mapping));
  *access = mapping->second.access;
  return ACL_SUCCESS;
}

aclError VirtualMemory::Retain(uint64_t address, Physical** physical) {
  const std::lock_guard lock(mutex_);
  Mappings::iterator mapping;
  VNPU_RETURN_IF_ERROR(FindMapping(address, &mapping));
  *physical = mapping->second.physical;
  ++(*physical)->references;
  return ACL_SUCCESS;
}

bool VirtualMemory::Reserved(uint64_t address) const {
  const std::lock_guard lock(mutex_);
  return FindRange(reservations_, address, std::identity{}) != reservations_.end();
}

void VirtualMemory::Drop() {
  const std::lock_guard lock(mutex_);
  for (Physical* physical : physicals_) {
    if (physicals.Retire(physical)) {
      physicals.Free(physical);
    }
  }
  physicals_.clear();
  mappings_.clear();
  reservations_.clear();
}

aclError ResolvePhysical(void* handle, Physical** physical, std::shared_ptr<Session>* session) {
  VNPU_REQUIRE_NOT_NULL(handle);
  *physical = physicals.Resolve(handle);
  if (*physical != nullptr) {
    *session = SessionOfDevice((*physical)->device);
    if (*session != nullptr && (*session)->serial() == (*physical)->session_serial) {
      return ACL_SUCCESS;
    }
  }
  return Fail(ACL_ERROR_RT_INVALID_HANDLE, "{} is not physical memory, or it was freed", handle);
}

}  // namespace vnpu::runtime
