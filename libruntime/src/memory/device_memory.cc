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
#include "libruntime/src/device/peer_access.h"
#include "libruntime/src/device/session.h"

namespace vnpu::runtime {
namespace {

constexpr uint64_t kMaxDeviceRegion = uint64_t{1} << 30;
// Allocations from this size on are mapped on their own.
constexpr uint64_t kSingleAllocation = uint64_t{32} << 20;
constexpr uint64_t kGiantPage = uint64_t{1} << 30;
// Up to here memory of huge pages first is not rounded up to huge pages.
constexpr uint64_t kLargestSmall = uint64_t{1} << 20;

// Bytes that the policy takes for a request.
uint64_t SizeFor(const MemoryRequest& request, uint32_t page_size) {
  switch (request.pages) {
    case PagePolicy::kGiant:
      return RoundUp(request.size, kGiantPage);
    case PagePolicy::kHugeOnly:
      return RoundUp(request.size, VNPU_HUGE_PAGE_SIZE);
    case PagePolicy::kHugeFirst:
      return page_size == VNPU_HUGE_PAGE_SIZE && request.size > kLargestSmall
                 ? RoundUp(request.size, VNPU_HUGE_PAGE_SIZE)
                 : request.size;
    case PagePolicy::kNormal:
      break;
  }
  return request.size;
}

constexpr uint64_t kSmallRegion = VNPU_HUGE_PAGE_SIZE;

}  // namespace

aclError DeviceMemory::Allocate(const MemoryRequest& request, uint64_t* address) {
  if (request.size > session_.info().hbm_total) {
    return Fail(ACL_ERROR_RT_MEMORY_ALLOCATION,
                "{} bytes are more than the {} bytes of the device; ask for less", request.size,
                session_.info().hbm_total);
  }
  const std::lock_guard lock(mutex_);
  Pool& first = request.pages == PagePolicy::kNormal ? normal_ : huge_;
  uint64_t size = 0;
  aclError error = AllocateFrom(first, request, address, &size);
  if (error == ACL_ERROR_RT_MEMORY_ALLOCATION && DropEmptyRegions()) {
    error = AllocateFrom(first, request, address, &size);
  }
  if (error == ACL_ERROR_RT_MEMORY_ALLOCATION && request.pages == PagePolicy::kHugeFirst) {
    error = AllocateFrom(normal_, request, address, &size);
  }
  if (error == ACL_ERROR_RT_MEMORY_ALLOCATION) {
    return Fail(error, "the device has no {} bytes left{}; free memory or ask for less",
                SizeFor(request, first.page_size),
                request.pages == PagePolicy::kGiant ? " in pieces of 1 GiB" : "");
  }
  if (error == ACL_SUCCESS) {
    session_.memory_usage().Add(request.component, size);
    if (request.component != kApplication) {
      components_[*address] = request.component;
    }
  }
  return error;
}

bool DeviceMemory::HasOwnPages(const MemoryRequest& request, uint64_t size) {
  return request.own_pages || size >= kOwnPages || size % VNPU_PAGE_SIZE == 0;
}

// ACL_ERROR_RT_MEMORY_ALLOCATION without a message when there is not so much.
aclError DeviceMemory::AllocateFrom(Pool& pool, const MemoryRequest& request, uint64_t* address,
                                    uint64_t* size) {
  const uint64_t bytes = SizeFor(request, pool.page_size);
  if (bytes >= kSingleAllocation || request.read_only) {
    Region region;
    VNPU_RETURN_IF_ERROR(
        MapRegion(pool.page_size, request, RoundUp(bytes, pool.page_size), address, &region));
    region.single = true;
    regions_[*address] = region;
    *size = region.size;
    return ACL_SUCCESS;
  }
  if (HasOwnPages(request, bytes)) {
    *size = RoundUp(bytes, VNPU_PAGE_SIZE);
    return AllocatePages(pool, *size, address);
  }
  *size = RoundUp(bytes, BlockPool::kAlign);
  return AllocateSmall(pool, *size, address);
}

aclError DeviceMemory::AllocatePages(Pool& pool, uint64_t size, uint64_t* address) {
  *address = pool.pages.Allocate(size);
  if (*address == 0 && ReclaimLent()) {
    *address = pool.pages.Allocate(size);
  }
  if (*address == 0) {
    VNPU_RETURN_IF_ERROR(Grow(pool, size));
    *address = pool.pages.Allocate(size);
  }
  return *address != 0 ? ACL_SUCCESS
                       : Fail(ACL_ERROR_RT_INTERNAL_ERROR, "a fresh region has no room");
}

aclError DeviceMemory::AllocateSmall(Pool& pool, uint64_t size, uint64_t* address) {
  *address = pool.small.Allocate(size);
  if (*address == 0) {
    uint64_t base = 0;
    VNPU_RETURN_IF_ERROR(AllocatePages(pool, kSmallRegion, &base));
    pool.small.AddRegion(base, kSmallRegion);
    *address = pool.small.Allocate(size);
  }
  return ACL_SUCCESS;
}

aclError DeviceMemory::Free(uint64_t address) {
  const std::lock_guard lock(mutex_);
  const std::optional<uint64_t> size = TakeBack(address);
  if (!size.has_value()) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "{:#x} is not the start of allocated device memory: freed twice, or not what an "
                "allocation returned",
                address);
  }
  uint32_t component = kApplication;
  if (const auto other = components_.find(address); other != components_.end()) [[unlikely]] {
    component = other->second;
    components_.erase(other);
  }
  session_.memory_usage().Remove(component, *size);
  return ACL_SUCCESS;
}

// The size of the block that starts at `address`, which is free now; nothing if there is none.
std::optional<uint64_t> DeviceMemory::TakeBack(uint64_t address) {
  const auto found = FindRegion(address);
  if (found == regions_.end()) {
    return std::nullopt;
  }
  if (!found->second.single) {
    Pool& pool = PoolOf(found->second);
    const auto freed = pool.small.Free(address);
    if (!freed.has_value()) {
      return TakeBackPages(pool, address);
    }
    if (freed->region_empty && pool.small.regions() > 1) {
      pool.small.RemoveRegion(freed->region);
      FreePages(pool, freed->region);
    }
    return freed->size;
  }
  if (found->first != address) {
    return std::nullopt;
  }
  const Region region = found->second;
  regions_.erase(found);
  exports_.erase(address);  // the driver ends them with the object
  UnmapRegion(address, region);
  return region.size;
}

std::optional<uint64_t> DeviceMemory::TakeBackPages(Pool& pool, uint64_t address) {
  const auto block = pool.pages.Find(address);
  if (!block.has_value() || pool.small.has_region(address) || lent_.contains(address)) {
    return std::nullopt;
  }
  if (const auto exported = exports_.find(address); exported != exports_.end()) {
    if (!EndShares(&exported->second)) {
      lent_.insert(address);
      return block->size;
    }
    exports_.erase(exported);
  }
  FreePages(pool, address);
  return block->size;
}

void DeviceMemory::FreePages(Pool& pool, uint64_t address) {
  const auto freed = pool.pages.Free(address);
  if (freed.has_value() && freed->region_empty && pool.pages.regions() > 1) {
    DropRegion(pool, freed->region);
  }
}

aclError DeviceMemory::QueryFree(vnpu_device_info* info, uint64_t* free) const {
  // With the lock held, so that no region moves between the two numbers meanwhile.
  const std::lock_guard lock(mutex_);
  if (const int result = session_.Call(VNPU_IOC_DEVICE_QUERY, *info); result < 0) {
    return FailErrno(-result, "cannot query the device");
  }
  *free = info->hbm_free + huge_.pages.free_bytes() + huge_.small.free_bytes() +
          normal_.pages.free_bytes() + normal_.small.free_bytes();
  return ACL_SUCCESS;
}

std::map<uint64_t, DeviceMemory::Region>::const_iterator DeviceMemory::FindRegion(
    uint64_t address) const {
  return FindRange(regions_, address, [](const Region& region) { return region.size; });
}

std::optional<DeviceMemory::Extent> DeviceMemory::RegionOf(uint64_t address) const {
  const std::lock_guard lock(mutex_);
  const auto found = FindRegion(address);
  if (found == regions_.end()) {
    return std::nullopt;
  }
  return Extent{
      .base = found->first, .size = found->second.size, .page_size = found->second.page_size};
}

aclError DeviceMemory::MapRegion(uint32_t page_size, const MemoryRequest& request, uint64_t bytes,
                                 uint64_t* base, Region* region) {
  vnpu_ioc_pmem_alloc memory{};
  memory.size = bytes;
  memory.flags = page_size == VNPU_HUGE_PAGE_SIZE ? VNPU_PMEM_HUGE : 0;
  int result = session_.Call(VNPU_IOC_PMEM_ALLOC, memory);
  if (result < 0) {
    return -result == ENOMEM ? ACL_ERROR_RT_MEMORY_ALLOCATION
                             : FailErrno(-result, "the driver gives no device memory");
  }
  vnpu_ioc_pmem_free give_back{.pmem_id = memory.pmem_id, .reserved = 0};
  vnpu_ioc_reserve range{};
  range.size = bytes;
  range.align = request.pages == PagePolicy::kGiant ? kGiantPage : page_size;
  result = session_.Call(VNPU_IOC_RESERVE, range);
  if (result < 0) {
    session_.Call(VNPU_IOC_PMEM_FREE, give_back);
    return FailErrno(-result, "no device addresses left");
  }
  vnpu_ioc_map map{};
  map.va = range.va;
  map.size = bytes;
  map.pmem_id = memory.pmem_id;
  map.prot = request.read_only ? VNPU_PROT_READ : VNPU_PROT_READ | VNPU_PROT_WRITE;
  result = session_.Call(VNPU_IOC_MAP, map);
  if (result < 0) {
    vnpu_ioc_release release{.va = range.va, .reserved = 0};
    session_.Call(VNPU_IOC_RELEASE, release);
    session_.Call(VNPU_IOC_PMEM_FREE, give_back);
    return FailErrno(-result, "the driver cannot map device memory");
  }
  session_.peer_exports().Add(range.va, bytes, memory.pmem_id, map.prot);
  *base = range.va;
  *region = {.size = bytes,
             .pmem_id = memory.pmem_id,
             .page_size = page_size,
             .single = false,
             .read_only = request.read_only};
  return ACL_SUCCESS;
}

void DeviceMemory::UnmapRegion(uint64_t base, const Region& region) {
  session_.peer_exports().Remove(base);
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

void DeviceMemory::DropRegion(Pool& pool, uint64_t base) {
  pool.pages.RemoveRegion(base);
  const Region region = regions_.at(base);
  regions_.erase(base);
  UnmapRegion(base, region);
}

// For memory of the other kind. False: there was nothing to give back.
bool DeviceMemory::DropEmptyRegions() {
  bool dropped = ReclaimLent();
  for (Pool* pool : {&huge_, &normal_}) {
    for (const uint64_t base : pool->small.EmptyRegions()) {
      pool->small.RemoveRegion(base);
      FreePages(*pool, base);
      dropped = true;
    }
    for (const uint64_t base : pool->pages.EmptyRegions()) {
      DropRegion(*pool, base);
      dropped = true;
    }
  }
  return dropped;
}

aclError DeviceMemory::Grow(Pool& pool, uint64_t size) {
  const uint64_t least = RoundUp(size, VNPU_HUGE_PAGE_SIZE);
  // When the device has no large region left, a small one will do.
  for (uint64_t bytes = std::max(pool.next_region, least);; bytes = std::max(bytes / 4, least)) {
    bytes = RoundUp(bytes, VNPU_HUGE_PAGE_SIZE);
    uint64_t base = 0;
    Region region;
    const aclError error = MapRegion(pool.page_size, MemoryRequest{}, bytes, &base, &region);
    if (error == ACL_SUCCESS) {
      regions_[base] = region;
      pool.pages.AddRegion(base, bytes);
      if (bytes == pool.next_region) {
        pool.next_region = std::min(2 * pool.next_region, kMaxDeviceRegion);
      }
      return ACL_SUCCESS;
    }
    if (error != ACL_ERROR_RT_MEMORY_ALLOCATION || bytes <= least) {
      return error;
    }
  }
}

}  // namespace vnpu::runtime
