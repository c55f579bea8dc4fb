#include "libruntime/src/memory/device_memory.h"

#include <vnpu/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/base/ranges.h"
#include "libruntime/src/base/round_up.h"
#include "libruntime/src/device/session.h"

namespace vnpu::runtime {
namespace {

constexpr uint64_t kMaxDeviceRegion = uint64_t{1} << 30;
// Allocations from this size on are mapped on their own.
constexpr uint64_t kSingleAllocation = uint64_t{32} << 20;

}  // namespace

aclError DeviceMemory::Allocate(uint64_t size, uint64_t* address) {
  if (size > session_.info().hbm_total) {
    return Fail(ACL_ERROR_RT_MEMORY_ALLOCATION,
                "{} bytes are more than the {} bytes of the device; ask for less", size,
                session_.info().hbm_total);
  }
  const std::lock_guard lock(mutex_);
  if (size >= kSingleAllocation) {
    return AllocateSingle(size, address);
  }
  *address = pool_.Allocate(size);
  if (*address == 0) {
    VNPU_RETURN_IF_ERROR(Grow(size));
    *address = pool_.Allocate(size);
  }
  return *address != 0 ? ACL_SUCCESS
                       : Fail(ACL_ERROR_RT_INTERNAL_ERROR, "a fresh region has no room");
}

aclError DeviceMemory::Free(uint64_t address) {
  const std::lock_guard lock(mutex_);
  if (const auto single = regions_.find(address);
      single != regions_.end() && single->second.single) {
    const Region region = single->second;
    regions_.erase(single);
    UnmapRegion(address, region);
    return ACL_SUCCESS;
  }
  const auto freed = pool_.Free(address);
  if (!freed.has_value()) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "{:#x} is not the start of allocated device memory: freed twice, or not what an "
                "allocation returned",
                address);
  }
  if (freed->region_empty && pool_.regions() > 1) {
    pool_.RemoveRegion(freed->region);
    const Region region = regions_.at(freed->region);
    regions_.erase(freed->region);
    UnmapRegion(freed->region, region);
  }
  return ACL_SUCCESS;
}

uint64_t DeviceMemory::cached_bytes() const {
  const std::lock_guard lock(mutex_);
  return pool_.free_bytes();
}

std::optional<BlockPool::Range> DeviceMemory::RegionOf(uint64_t address) const {
  const std::lock_guard lock(mutex_);
  const auto found = FindRange(regions_, address, [](const Region& region) { return region.size; });
  if (found == regions_.end()) {
    return std::nullopt;
  }
  return BlockPool::Range{.base = found->first, .size = found->second.size};
}

aclError DeviceMemory::MapRegion(uint64_t size, uint64_t* base, Region* region) {
  vnpu_ioc_pmem_alloc memory{};
  memory.size = size;
  memory.flags = VNPU_PMEM_HUGE;
  int result = session_.Call(VNPU_IOC_PMEM_ALLOC, memory);
  if (result < 0) {
    return -result == ENOMEM ? ACL_ERROR_RT_MEMORY_ALLOCATION
                             : FailErrno(-result, "the driver gives no device memory");
  }
  vnpu_ioc_pmem_free give_back{.pmem_id = memory.pmem_id, .reserved = 0};
  vnpu_ioc_reserve range{};
  range.size = size;
  range.align = VNPU_HUGE_PAGE_SIZE;
  result = session_.Call(VNPU_IOC_RESERVE, range);
  if (result < 0) {
    session_.Call(VNPU_IOC_PMEM_FREE, give_back);
    return FailErrno(-result, "no device addresses left");
  }
  vnpu_ioc_map map{};
  map.va = range.va;
  map.size = size;
  map.pmem_id = memory.pmem_id;
  map.prot = VNPU_PROT_READ | VNPU_PROT_WRITE;
  result = session_.Call(VNPU_IOC_MAP, map);
  if (result < 0) {
    vnpu_ioc_release release{.va = range.va, .reserved = 0};
    session_.Call(VNPU_IOC_RELEASE, release);
    session_.Call(VNPU_IOC_PMEM_FREE, give_back);
    return FailErrno(-result, "the driver cannot map device memory");
  }
  *base = range.va;
  *region = {.size = size, .pmem_id = memory.pmem_id, .single = false};
  return ACL_SUCCESS;
}

void DeviceMemory::UnmapRegion(uint64_t base, const Region& region) {
  vnpu_ioc_unmap unmap{.va = base, .size = region.size};
  vnpu_ioc_release release{.va = base, .reserved = 0};
  vnpu_ioc_pmem_free memory{.pmem_id = region.pmem_id, .reserved = 0};
  int result = session_.Call(VNPU_IOC_UNMAP, unmap);
  result = result < 0 ? result : session_.Call(VNPU_IOC_RELEASE, release);
  result = result < 0 ? result : session_.Call(VNPU_IOC_PMEM_FREE, memory);
  if (result < 0 && result != -ENOTCONN) {
    Log().warn("device memory at {:#x} was not given back: {}", base, std::strerror(-result));
  }
}

aclError DeviceMemory::Grow(uint64_t size) {
  const uint64_t least = RoundUp(size, VNPU_HUGE_PAGE_SIZE);
  aclError error = ACL_ERROR_RT_MEMORY_ALLOCATION;
  // When the device has no large region left, a small one will do.
  for (uint64_t bytes = std::max(next_region_, least);; bytes = std::max(bytes / 4, least)) {
    bytes = RoundUp(bytes, VNPU_HUGE_PAGE_SIZE);
    uint64_t base = 0;
    Region region;
    error = MapRegion(bytes, &base, &region);
    if (error == ACL_SUCCESS) {
      regions_[base] = region;
      pool_.AddRegion(base, bytes);
      if (bytes == next_region_) {
        next_region_ = std::min(2 * next_region_, kMaxDeviceRegion);
      }
      return ACL_SUCCESS;
    }
    if (error != ACL_ERROR_RT_MEMORY_ALLOCATION || bytes <= least) {
      break;
    }
  }
  return error == ACL_ERROR_RT_MEMORY_ALLOCATION
             ? Fail(error, "the device has no {} bytes left; free memory or ask for less", size)
             : error;
}

aclError DeviceMemory::AllocateSingle(uint64_t size, uint64_t* address) {
  Region region;
  const aclError error = MapRegion(RoundUp(size, VNPU_HUGE_PAGE_SIZE), address, &region);
  if (error == ACL_ERROR_RT_MEMORY_ALLOCATION) {
    return Fail(error, "the device has no {} bytes left; free memory or ask for less", size);
  }
  if (error == ACL_SUCCESS) {
    region.single = true;
    regions_[*address] = region;
  }
  return error;
}

}  // namespace vnpu::runtime
