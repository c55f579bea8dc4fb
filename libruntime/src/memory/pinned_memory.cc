#include "libruntime/src/memory/pinned_memory.h"

#include <vnpu/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/base/ranges.h"
#include "libruntime/src/base/round_up.h"
#include "libruntime/src/base/shared_memory.h"
#include "libruntime/src/device/session.h"

namespace vnpu::runtime {
namespace {

constexpr uint64_t kMaxPinnedRegion = uint64_t{64} << 20;
constexpr uint64_t kSinglePinned = uint64_t{16} << 20;

}  // namespace

aclError PinnedMemory::Allocate(uint64_t size, std::byte** memory) {
  if (size > VNPU_WINDOW_SIZE) {
    return Fail(ACL_ERROR_RT_MEMORY_ALLOCATION, "{} bytes of pinned memory cannot be had", size);
  }
  const std::lock_guard lock(mutex_);
  uint64_t address = 0;
  if (size >= kSinglePinned) {
    VNPU_RETURN_IF_ERROR(PinRegion(RoundUp(size, VNPU_HUGE_PAGE_SIZE), /*single=*/true, &address));
  } else if (address = pool_.Allocate(size); address == 0) {
    const uint64_t bytes = std::max(next_region_, RoundUp(size, VNPU_HUGE_PAGE_SIZE));
    uint64_t base = 0;
    VNPU_RETURN_IF_ERROR(PinRegion(bytes, /*single=*/false, &base));
    next_region_ = std::min(2 * bytes, kMaxPinnedRegion);
    pool_.AddRegion(base, bytes);
    address = pool_.Allocate(size);
  }
  *memory = reinterpret_cast<std::byte*>(address);
  return ACL_SUCCESS;
}

aclError PinnedMemory::AllocateOwn(uint64_t size, std::byte** memory) {
  if (size > VNPU_WINDOW_SIZE) {
    return Fail(ACL_ERROR_RT_MEMORY_ALLOCATION, "{} bytes of pinned memory cannot be had", size);
  }
  const std::lock_guard lock(mutex_);
  uint64_t address = 0;
  VNPU_RETURN_IF_ERROR(PinRegion(RoundUp(size, VNPU_HUGE_PAGE_SIZE), /*single=*/true, &address));
  *memory = reinterpret_cast<std::byte*>(address);
  return ACL_SUCCESS;
}

aclError PinnedMemory::Free(void* memory) {
  const auto address = reinterpret_cast<uint64_t>(memory);
  const std::lock_guard lock(mutex_);
  if (const auto single = regions_.find(address);
      single != regions_.end() && single->second.single) {
    UnpinRegion(address, single->second.size);
    return ACL_SUCCESS;
  }
  const auto freed = pool_.Free(address);
  if (!freed.has_value()) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "{} is not the start of allocated pinned memory: freed twice, or not what "
                "aclrtMallocHost returned",
                memory);
  }
  if (freed->region_empty && pool_.regions() > 1) {
    const uint64_t size = pool_.region_size(freed->region);
    pool_.RemoveRegion(freed->region);
    UnpinRegion(freed->region, size);
  }
  return ACL_SUCCESS;
}

std::optional<BlockPool::Range> PinnedMemory::BlockOf(uint64_t address) const {
  const std::lock_guard lock(mutex_);
  const auto region = FindRange(regions_, address, [](const Region& r) { return r.size; });
  if (region == regions_.end()) {
    return std::nullopt;
  }
  return region->second.single
             ? BlockPool::Range{.base = region->first, .size = region->second.size}
             : pool_.FindAround(address);
}

bool PinnedMemory::EnterExtent(uint64_t begin, uint64_t size) {
  size_t extent = 0;
  while (extent < kExtents && extents_[extent].begin.load() != 0) {
    ++extent;
  }
  if (extent == kExtents) {
    return false;
  }
  extents_[extent].end.store(begin + size, std::memory_order_relaxed);
  extents_[extent].begin.store(begin, std::memory_order_release);
  extent_count_.store(std::max(extent_count_.load(), extent + 1), std::memory_order_release);
  return true;
}

void PinnedMemory::LeaveExtent(uint64_t begin) {
  for (Extent& extent : extents_) {
    if (extent.begin.load() == begin) {
      extent.begin.store(0);
      return;
    }
  }
}

bool PinnedMemory::AddExtent(uint64_t begin, uint64_t size) {
  const std::lock_guard lock(mutex_);
  return EnterExtent(begin, size);
}

void PinnedMemory::RemoveExtent(uint64_t begin) {
  const std::lock_guard lock(mutex_);
  LeaveExtent(begin);
}

aclError PinnedMemory::PinRegion(uint64_t size, bool single, uint64_t* base) {
  const UniqueFd fd = MakeMemfd("vnpu-pinned", size);
  if (!fd.valid()) {
    return FailErrno(errno, "no host memory to pin");
  }
  vnpu_ioc_pin request{};
  request.size = size;
  request.fd = fd.get();
  const int result = session_.Call(VNPU_IOC_PIN, request);
  if (result < 0) {
    return FailErrno(-result, fmt::format("the driver cannot pin {} bytes", size));
  }
  const bool inside =
      session_.window().Contains(request.va) && session_.window().Contains(request.va + size - 1);
  if (!inside || !session_.window().MapShared(request.va, size, fd.get())) {
    const int error = inside ? errno : EPROTO;
    vnpu_ioc_unpin undo{.va = request.va, .reserved = 0};
    session_.Call(VNPU_IOC_UNPIN, undo);
    return FailErrno(error, "cannot map pinned memory");
  }
  if (!EnterExtent(request.va, size)) {
    session_.window().Unmap(request.va, size);
    vnpu_ioc_unpin undo{.va = request.va, .reserved = 0};
    session_.Call(VNPU_IOC_UNPIN, undo);
    return Fail(ACL_ERROR_RT_RESOURCE_ALLOC_FAIL, "{} separate ranges are pinned; free some",
                kExtents);
  }
  if (request.locked == 0) {
    Log().debug("pinned memory at {:#x} is not locked: the driver may not lock that much",
                request.va);
  }
  regions_[request.va] = {.size = size, .single = single};
  *base = request.va;
  return ACL_SUCCESS;
}

void PinnedMemory::UnpinRegion(uint64_t base, uint64_t size) {
  regions_.erase(base);
  LeaveExtent(base);
  session_.window().Unmap(base, size);
  vnpu_ioc_unpin request{.va = base, .reserved = 0};
  const int result = session_.Call(VNPU_IOC_UNPIN, request);
  if (result < 0 && result != -ENOTCONN) {
    Log().warn("pinned memory at {:#x} was not given back: {}", base, std::strerror(-result));
  }
}

}  // namespace vnpu::runtime
