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
#include "libruntime/src/device/peer_access.h"
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
  const bool host = IsHostMemory(properties);
  if (!host && properties.location.type != ACL_MEM_LOCATION_TYPE_DEVICE) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "location type {}: physical memory is of the host, of a NUMA node, or of a device",
                static_cast<int>(properties.location.type));
  }
  switch (properties.memAttr) {
    case ACL_DDR_MEM_NORMAL:
    case ACL_DDR_MEM_P2P_NORMAL:
    case ACL_DDR_MEM_HUGE:
    case ACL_DDR_MEM_P2P_HUGE:
      if (!host) {
        break;
      }
      *granularity =
          properties.memAttr == ACL_DDR_MEM_NORMAL || properties.memAttr == ACL_DDR_MEM_P2P_NORMAL
              ? VNPU_PAGE_SIZE
              : VNPU_HUGE_PAGE_SIZE;
      return ACL_SUCCESS;
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
      if (host) {
        break;
      }
      *granularity = kGiantGranularity;
      return ACL_SUCCESS;
    default:
      break;
  }
  return Fail(ACL_ERROR_RT_PARAM_INVALID, "memory attribute {} is not for physical memory of {}",
              static_cast<int>(properties.memAttr), host ? "the host" : "a device");
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
  const bool host = IsHostMemory(properties);
  const uint64_t most = host ? VNPU_WINDOW_SIZE : session_.info().hbm_total;
  if (size > most) {
    return Fail(ACL_ERROR_RT_MEMORY_ALLOCATION, "{} bytes are more than the {} of the {}", size,
                most, host ? "addresses" : "device");
  }
  const std::lock_guard lock(mutex_);
  vnpu_ioc_pmem_alloc request{};
  request.size = RoundUp(size, granularity);
  request.flags = granularity > VNPU_PAGE_SIZE ? VNPU_PMEM_HUGE : 0;
  UniqueFd file;
  const int result =
      host ? AllocateHost(&request, &file) : session_.Call(VNPU_IOC_PMEM_ALLOC, request);
  if (result < 0) {
    const char* const who = host ? "host" : "device";
    return result == -ENOMEM
               ? Fail(ACL_ERROR_RT_MEMORY_ALLOCATION, "the {} has no {} bytes left", who,
                      request.size)
               : FailErrno(-result, fmt::format("the driver gives no {} memory", who));
  }
  Physical* fresh = nullptr;
  VNPU_RETURN_IF_ERROR(NewPhysical(request.size, request.pmem_id, &fresh));
  fresh->properties = properties;
  fresh->host = std::move(file);
  if (!host) {
    session_.memory_usage().Add(kApplication, fresh->size);
  }
  Publish(fresh);
  *physical = fresh;
  return ACL_SUCCESS;
}

// An object for what the driver gave, which goes back if there is none.
aclError VirtualMemory::NewPhysical(uint64_t size, uint32_t pmem_id, Physical** physical) {
  Physical* fresh = physicals.Allocate();
  if (fresh == nullptr) {
    vnpu_ioc_pmem_free give_back{.pmem_id = pmem_id, .reserved = 0};
    session_.Call(VNPU_IOC_PMEM_FREE, give_back);
    return Fail(ACL_ERROR_RT_RESOURCE_ALLOC_FAIL, "too many pieces of physical memory ({})",
                kMaxPhysicals);
  }
  fresh->device = session_.index();
  fresh->session_serial = session_.serial();
  fresh->size = size;
  fresh->pmem_id = pmem_id;
  fresh->references = 1;
  fresh->mappings = 0;
  fresh->host.Reset();
  fresh->imported = false;
  fresh->number = 0;
  fresh->share_id = 0;
  fresh->key = {};
  *physical = fresh;
  return ACL_SUCCESS;
}

void VirtualMemory::Publish(Physical* physical) {
  physicals_.insert(physical);
  physicals.Publish(physical);
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
  if (!physical->host.valid() && !physical->imported) {
    session_.memory_usage().Remove(kApplication, physical->size);
  }
  EndHandle(physical);
}

void VirtualMemory::EndHandle(Physical* physical) {
  physical->host.Reset();
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
  return MapLocked(address, size, physical, access);
}

aclError VirtualMemory::MapLocked(uint64_t address, uint64_t size, Physical* physical,
                                  bool access) {
  if (physical->imported && access) {
    VNPU_RETURN_IF_ERROR(CheckReach(session_, physical->number, /*enable=*/false));
  }
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
  if (const aclError error = access ? MapOnHost(address, *physical) : ACL_SUCCESS;
      error != ACL_SUCCESS) {
    vnpu_ioc_unmap undo{.va = address, .size = size};
    session_.Call(VNPU_IOC_UNMAP, undo);
    return error;
  }
  mappings_[address] = {.size = size, .physical = physical, .access = access};
  ++physical->mappings;
  if (access) {
    ShowPeers(address, *physical);
  }
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
  return UnmapLocked(address);
}

aclError VirtualMemory::UnmapLocked(uint64_t address) {
  Mappings::iterator mapping;
  VNPU_RETURN_IF_ERROR(FindMapping(address, &mapping));
  session_.peer_exports().Remove(address);
  if (mapping->second.access) {
    UnmapOnHost(address, *mapping->second.physical);
  }
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
  if (mapping->second.access) {
    return ACL_SUCCESS;
  }
  Physical& physical = *mapping->second.physical;
  if (physical.imported) {
    VNPU_RETURN_IF_ERROR(CheckReach(session_, physical.number, /*enable=*/false));
  }
  vnpu_ioc_protect request{};
  request.va = address;
  request.size = size;
  request.prot = VNPU_PROT_READ | VNPU_PROT_WRITE;
  if (const int result = session_.Call(VNPU_IOC_PROTECT, request); result < 0) {
    return FailErrno(-result, "the driver cannot change the access");
  }
  if (const aclError error = MapOnHost(address, physical); error != ACL_SUCCESS) {
    request.prot = 0;
    session_.Call(VNPU_IOC_PROTECT, request);
    return error;
  }
  mapping->second.access = true;
  ShowPeers(address, physical);
  return ACL_SUCCESS;
}

aclError VirtualMemory::AccessAt(uint64_t address, bool* access, bool* host_memory) {
  const std::lock_guard lock(mutex_);
  Mappings::iterator mapping;
  VNPU_RETURN_IF_ERROR(FindMapping(address, &mapping));
  *access = mapping->second.access;
  *host_memory = mapping->second.physical->host.valid();
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

std::optional<BlockPool::Range> VirtualMemory::MappingOf(uint64_t address) const {
  const std::lock_guard lock(mutex_);
  const auto found =
      FindRange(mappings_, address, [](const Mapping& mapping) { return mapping.size; });
  return found != mappings_.end()
             ? std::optional(BlockPool::Range{.base = found->first, .size = found->second.size})
             : std::nullopt;
}

void VirtualMemory::Drop() {
  const std::lock_guard lock(mutex_);
  for (Physical* physical : physicals_) {
    EndHandle(physical);
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
