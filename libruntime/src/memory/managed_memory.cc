#include "libruntime/src/memory/managed_memory.h"

#include <vnpu/abi.h>

#include <algorithm>
#include <cstring>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/ranges.h"
#include "libruntime/src/base/round_up.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/pinned_memory.h"

namespace vnpu::runtime {
namespace {

constexpr uint64_t kPage = VNPU_HUGE_PAGE_SIZE;
constexpr uint64_t kMaxRegion = uint64_t{64} << 20;
constexpr int32_t kHostNumber = -1;
constexpr int32_t kNoNumber = -2;

// The place that all pages have in common, else nowhere.
template <class Pages, class Get>
ManagedPlace Common(const Pages& pages, Get get) {
  const ManagedPlace first = get(pages.front());
  const bool same =
      std::ranges::all_of(pages, [&](const auto& page) { return get(page) == first; });
  return same ? first : ManagedPlace{};
}

aclError Put(const void* value, size_t size, void* data, size_t bytes) {
  if (bytes != size) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "the attribute takes {} bytes, not {}", size, bytes);
  }
  std::memcpy(data, value, size);
  return ACL_SUCCESS;
}

aclError PutNumber(int32_t number, void* data, size_t bytes) {
  return Put(&number, sizeof(number), data, bytes);
}

aclError PutPlace(const ManagedPlace& place, bool type, void* data, size_t bytes) {
  return type ? Put(&place.type, sizeof(place.type), data, bytes)
              : PutNumber(place.number(), data, bytes);
}

}  // namespace

int32_t ManagedPlace::number() const {
  switch (type) {
    case ACL_MEM_LOCATIONTYPE_DEVICE:
    case ACL_MEM_LOCATIONTYPE_HOST_NUMA:
      return id;
    case ACL_MEM_LOCATIONTYPE_HOST:
      return kHostNumber;
    default:
      return kNoNumber;
  }
}

aclError ManagedMemory::Allocate(uint64_t size, uint64_t* address) {
  if (size > VNPU_WINDOW_SIZE) {
    return Fail(ACL_ERROR_RT_MEMORY_ALLOCATION, "{} bytes of managed memory cannot be had", size);
  }
  const uint64_t bytes = RoundUp(size, kPage);
  const std::lock_guard lock(mutex_);
  *address = blocks_.Allocate(bytes);
  if (*address == 0) {
    const uint64_t region = std::max(next_region_, bytes);
    std::byte* memory = nullptr;
    VNPU_RETURN_IF_ERROR(session_.pinned_memory().AllocateOwn(region, &memory));
    next_region_ = std::min(2 * region, kMaxRegion);
    const auto base = reinterpret_cast<uint64_t>(memory);
    regions_[base] = region;
    region_count_.store(regions_.size(), std::memory_order_release);
    blocks_.AddRegion(base, region);
    *address = blocks_.Allocate(bytes);
  }
  allocations_[*address] = {.size = bytes, .pages = std::vector<Page>(bytes / kPage)};
  return ACL_SUCCESS;
}

aclError ManagedMemory::Free(uint64_t address) {
  const std::lock_guard lock(mutex_);
  const auto freed = blocks_.Free(address);
  if (!freed.has_value()) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "{:#x} is not the start of allocated managed memory: freed twice, or not what "
                "aclrtMemAllocManaged returned",
                address);
  }
  allocations_.erase(address);
  if (freed->region_empty && blocks_.regions() > 1) {
    blocks_.RemoveRegion(freed->region);
    regions_.erase(freed->region);
    region_count_.store(regions_.size(), std::memory_order_release);
    return session_.pinned_memory().Free(reinterpret_cast<void*>(freed->region));
  }
  return ACL_SUCCESS;
}

bool ManagedMemory::IsInRegion(uint64_t address) const {
  const std::lock_guard lock(mutex_);
  return FindRange(regions_, address, [](uint64_t size) { return size; }) != regions_.end();
}

std::optional<BlockPool::Range> ManagedMemory::BlockOf(uint64_t address) const {
  const std::lock_guard lock(mutex_);
  const auto found = FindRange(allocations_, address,
                               [](const Allocation& allocation) { return allocation.size; });
  return found != allocations_.end()
             ? std::optional(BlockPool::Range{.base = found->first, .size = found->second.size})
             : std::nullopt;
}

aclError ManagedMemory::FindPages(const ManagedRange& range, std::span<Page>* pages) {
  const auto found = FindRange(allocations_, range.address,
                               [](const Allocation& allocation) { return allocation.size; });
  const uint64_t offset = found == allocations_.end() ? 0 : range.address - found->first;
  if (found == allocations_.end() || range.size > found->second.size - offset) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "{} bytes at {:#x} do not lie in one allocation of aclrtMemAllocManaged",
                range.size, range.address);
  }
  const uint64_t first = offset / kPage;
  const uint64_t end = RoundUp(offset + range.size, kPage) / kPage;
  *pages = std::span(found->second.pages).subspan(first, end - first);
  return ACL_SUCCESS;
}

aclError ManagedMemory::Check(const ManagedRange& range) {
  const std::lock_guard lock(mutex_);
  std::span<Page> pages;
  return FindPages(range, &pages);
}

aclError ManagedMemory::Advise(const ManagedRange& range, aclrtMemManagedAdviseType advice,
                               const ManagedPlace& place) {
  const std::lock_guard lock(mutex_);
  std::span<Page> pages;
  VNPU_RETURN_IF_ERROR(FindPages(range, &pages));
  for (Page& page : pages) {
    switch (advice) {
      case ACL_MEM_ADVISE_SET_READ_MOSTLY:
      case ACL_MEM_ADVISE_UNSET_READ_MOSTLY:
        page.read_mostly = advice == ACL_MEM_ADVISE_SET_READ_MOSTLY;
        break;
      case ACL_MEM_ADVISE_SET_PREFERRED_LOCATION:
        page.preferred = place;
        break;
      case ACL_MEM_ADVISE_UNSET_PREFERRED_LOCATION:
        page.preferred = {};
        break;
      case ACL_MEM_ADVISE_SET_ACCESSED_BY:
        if (std::ranges::find(page.accessed_by, place) == page.accessed_by.end()) {
          page.accessed_by.push_back(place);
        }
        break;
      case ACL_MEM_ADVISE_UNSET_ACCESSED_BY:
        std::erase(page.accessed_by, place);
        break;
    }
  }
  return ACL_SUCCESS;
}

aclError ManagedMemory::NotePrefetch(const ManagedRange& range, const ManagedPlace& place) {
  const std::lock_guard lock(mutex_);
  std::span<Page> pages;
  VNPU_RETURN_IF_ERROR(FindPages(range, &pages));
  for (Page& page : pages) {
    page.prefetched = place;
  }
  return ACL_SUCCESS;
}

std::vector<ManagedPlace> ManagedMemory::AccessorsOfAll(std::span<const Page> pages) {
  std::vector<ManagedPlace> common = pages.front().accessed_by;
  for (const Page& page : pages) {
    std::erase_if(common, [&](const ManagedPlace& place) {
      return std::ranges::find(page.accessed_by, place) == page.accessed_by.end();
    });
  }
  return common;
}

aclError ManagedMemory::ReadAttribute(const ManagedRange& range,
                                      aclrtMemManagedRangeAttribute attribute, void* data,
                                      size_t bytes) {
  const std::lock_guard lock(mutex_);
  std::span<Page> pages;
  VNPU_RETURN_IF_ERROR(FindPages(range, &pages));
  const auto preferred = [](const Page& page) { return page.preferred; };
  const auto prefetched = [](const Page& page) { return page.prefetched; };
  switch (attribute) {
    case ACL_MEM_RANGE_ATTRIBUTE_READ_MOSTLY:
      return PutNumber(std::ranges::all_of(pages, &Page::read_mostly) ? 1 : 0, data, bytes);
    case ACL_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION:
    case ACL_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION_ID:
    case ACL_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION_TYPE:
      return PutPlace(Common(pages, preferred),
                      attribute == ACL_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION_TYPE, data, bytes);
    case ACL_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION:
    case ACL_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION_ID:
    case ACL_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION_TYPE:
      return PutPlace(Common(pages, prefetched),
                      attribute == ACL_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION_TYPE, data,
                      bytes);
    case ACL_MEM_RANGE_ATTRIBUTE_ACCESSED_BY: {
      if (bytes == 0 || bytes % sizeof(int32_t) != 0) {
        return Fail(ACL_ERROR_RT_PARAM_INVALID, "the attribute takes a multiple of 4 bytes, not {}",
                    bytes);
      }
      const std::span<int32_t> numbers(static_cast<int32_t*>(data), bytes / sizeof(int32_t));
      std::ranges::fill(numbers, kNoNumber);
      const std::vector<ManagedPlace> places = AccessorsOfAll(pages);
      for (size_t i = 0; i < std::min(numbers.size(), places.size()); ++i) {
        numbers[i] = places[i].number();
      }
      return ACL_SUCCESS;
    }
  }
  return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown attribute {}", static_cast<int>(attribute));
}

}  // namespace vnpu::runtime
