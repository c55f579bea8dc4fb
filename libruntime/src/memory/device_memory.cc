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
// From this size on whole pages waste little.
constexpr uint64_t kOwnPages = uint64_t{64} << 10;
constexpr uint64_t kSmallRegion = VNPU_HUGE_PAGE_SIZE;

constexpr bool HasOwnPages(uint64_t size) {
  return size >= kOwnPages || size % VNPU_PAGE_SIZE == 0;
}

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
  return HasOwnPages(size) ? AllocatePages(RoundUp(size, VNPU_PAGE_SIZE), address)
                           : AllocateSmall(size, address);
}

aclError DeviceMemory::AllocatePages(uint64_t size, uint64_t* address) {
  *address = pages_.Allocate(size);
  if (*address == 0 && ReclaimLent()) {
    *address = pages_.Allocate(size);
  }
  if (*address == 0) {
    VNPU_RETURN_IF_ERROR(Grow(size));
    *address = pages_.Allocate(size);
  }
  return *address != 0 ? ACL_SUCCESS
                       : Fail(ACL_ERROR_RT_INTERNAL_ERROR, "a fresh region has no room");
}

aclError DeviceMemory::AllocateSmall(uint64_t size, uint64_t* address) {
  *address = small_.Allocate(size);
  if (*address == 0) {
    uint64_t base = 0;
    VNPU_RETURN_IF_ERROR(AllocatePages(kSmallRegion, &base));
    small_.AddRegion(base, kSmallRegion);
    *address = small_.Allocate(size);
  }
  return ACL_SUCCESS;
}

aclError DeviceMemory::Free(uint64_t address) {
  const std::lock_guard lock(mutex_);
  if (const auto single = regions_.find(address);
      single != regions_.end() && single->second.single) {
    const Region region = single->second;
    regions_.erase(single);
    exports_.erase(address);  // the driver ends them with the object
    UnmapRegion(address, region);
    return ACL_SUCCESS;
  }
  if (const auto freed = small_.Free(address)) {
    if (freed->region_empty && small_.regions() > 1) {
      small_.RemoveRegion(freed->region);
      FreePages(freed->region);
    }
    return ACL_SUCCESS;
  }
  const bool in_use =
      pages_.Find(address).has_value() && !small_.has_region(address) && !lent_.contains(address);
  if (!in_use) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "{:#x} is not the start of allocated device memory: freed twice, or not what an "
                "allocation returned",
                address);
  }
  if (const auto exported = exports_.find(address); exported != exports_.end()) {
    if (!EndShares(&exported->second)) {
      lent_.insert(address);
      return ACL_SUCCESS;
    }
    exports_.erase(exported);
  }
  FreePages(address);
  return ACL_SUCCESS;
}

void DeviceMemory::FreePages(uint64_t address) {
  const auto freed = pages_.Free(address);
  if (freed.has_value() && freed->region_empty && pages_.regions() > 1) {
    pages_.RemoveRegion(freed->region);
    const Region region = regions_.at(freed->region);
    regions_.erase(freed->region);
    UnmapRegion(freed->region, region);
  }
}

// Sharing ------------------------------------------------------------------------------------

std::optional<BlockPool::Range> DeviceMemory::BlockOf(uint64_t address) const {
  const std::lock_guard lock(mutex_);
  if (const auto small = small_.FindAround(address)) {
    return small;
  }
  return PagesOf(address);
}

// The block in use around `address` that has its pages for itself.
std::optional<BlockPool::Range> DeviceMemory::PagesOf(uint64_t address) const {
  const auto region = FindRange(regions_, address, [](const Region& r) { return r.size; });
  if (region == regions_.end()) {
    return std::nullopt;
  }
  if (region->second.single) {
    return BlockPool::Range{.base = region->first, .size = region->second.size};
  }
  const auto block = pages_.FindAround(address);
  const bool handed_out =
      block.has_value() && !small_.has_region(block->base) && !lent_.contains(block->base);
  return handed_out ? block : std::nullopt;
}

aclError DeviceMemory::Export(uint64_t address, uint64_t size, uint32_t flags, Exported* exported) {
  const std::lock_guard lock(mutex_);
  if (small_.FindAround(address).has_value()) {
    return Fail(ACL_ERROR_RT_ADDR_UNALIGNED,
                "the memory at {:#x} shares its pages with other memory: allocate a multiple of {} "
                "bytes, or {} at least",
                address, VNPU_PAGE_SIZE, kOwnPages);
  }
  const auto block = PagesOf(address);
  if (!block.has_value() || size == 0 || size > block->base + block->size - address) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} bytes at {:#x} are not allocated device memory",
                size, address);
  }
  if (address % VNPU_PAGE_SIZE != 0) {
    return Fail(ACL_ERROR_RT_ADDR_UNALIGNED, "{:#x} is not a multiple of {}", address,
                VNPU_PAGE_SIZE);
  }
  const auto region = FindRange(regions_, address, [](const Region& r) { return r.size; });
  VNPU_RETURN_IF_ERROR(ExportPart(session_, region->second.pmem_id, address - region->first,
                                  RoundUp(size, VNPU_PAGE_SIZE), flags, exported));
  exports_[block->base].push_back(exported->share_id);
  return ACL_SUCCESS;
}

void DeviceMemory::EndExport(uint64_t address, uint32_t share_id) {
  const std::lock_guard lock(mutex_);
  const auto block = PagesOf(address);
  const auto found = block.has_value() ? exports_.find(block->base) : exports_.end();
  if (found == exports_.end()) {
    return;  // freed meanwhile, which ended it
  }
  std::vector<uint32_t> one{share_id};
  if (EndShares(&one)) {
    std::erase(found->second, share_id);
  }
  if (found->second.empty()) {
    exports_.erase(found);
  }
}

// Ends keys; true, and the list is empty, when nobody has anything of what they opened.
bool DeviceMemory::EndShares(std::vector<uint32_t>* shares) {
  std::erase_if(*shares, [this](uint32_t share_id) {
    vnpu_ioc_unexport request{.share_id = share_id, .flags = VNPU_UNEXPORT_IF_UNUSED};
    return session_.Call(VNPU_IOC_UNEXPORT, request) != -EBUSY;
  });
  return shares->empty();
}

// True when freed blocks have come back.
bool DeviceMemory::ReclaimLent() {
  const size_t before = lent_.size();
  for (auto it = lent_.begin(); it != lent_.end();) {
    const auto exported = exports_.find(*it);
    if (!EndShares(&exported->second)) {
      ++it;
      continue;
    }
    const uint64_t address = *it;
    exports_.erase(exported);
    it = lent_.erase(it);
    FreePages(address);
  }
  return lent_.size() != before;
}

// Regions ------------------------------------------------------------------------------------

uint64_t DeviceMemory::cached_bytes() const {
  const std::lock_guard lock(mutex_);
  return pages_.free_bytes() + small_.free_bytes();
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
  session_.peer_exports().Add(range.va, size, memory.pmem_id);
  *base = range.va;
  *region = {.size = size, .pmem_id = memory.pmem_id, .single = false};
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
      pages_.AddRegion(base, bytes);
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
