// Blocks of device memory that other processes have.
#include <vnpu/ioctl.h>

#include <cerrno>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/round_up.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/device_memory.h"

namespace vnpu::runtime {

std::optional<BlockPool::Range> DeviceMemory::BlockOf(uint64_t address) const {
  const std::lock_guard lock(mutex_);
  const auto region = FindRegion(address);
  if (region != regions_.end() && !region->second.single) {
    if (const auto small = PoolOf(region->second).small.FindAround(address)) {
      return small;
    }
  }
  return PagesOf(address);
}

// The block in use around `address` that has its pages for itself.
std::optional<BlockPool::Range> DeviceMemory::PagesOf(uint64_t address) const {
  const auto region = FindRegion(address);
  if (region == regions_.end()) {
    return std::nullopt;
  }
  if (region->second.single) {
    return BlockPool::Range{.base = region->first, .size = region->second.size};
  }
  const Pool& pool = PoolOf(region->second);
  const auto block = pool.pages.FindAround(address);
  const bool handed_out =
      block.has_value() && !pool.small.has_region(block->base) && !lent_.contains(block->base);
  return handed_out ? block : std::nullopt;
}

aclError DeviceMemory::Export(uint64_t address, uint64_t size, uint32_t flags, Exported* exported) {
  const std::lock_guard lock(mutex_);
  const auto region = FindRegion(address);
  if (region != regions_.end() && PoolOf(region->second).small.FindAround(address).has_value()) {
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
  if (region->second.read_only) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "the memory at {:#x} is read-only, and who imports it could write to it", address);
  }
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
    FreePages(PoolOf(FindRegion(address)->second), address);
  }
  return lent_.size() != before;
}

}  // namespace vnpu::runtime
