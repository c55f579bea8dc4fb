// Physical memory that processes share, and that is mapped a second time.
#include <algorithm>
#include <utility>
#include <vector>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/peer_access.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/virtual_memory.h"

namespace vnpu::runtime {

void VirtualMemory::ShowPeers(uint64_t address, const Physical& physical) {
  if (!physical.imported && !physical.host.valid()) {
    session_.peer_exports().Add(address, physical.size, physical.pmem_id,
                                VNPU_PROT_READ | VNPU_PROT_WRITE);
  }
}

aclError VirtualMemory::Export(Physical* physical, uint32_t flags, ShareKey* key) {
  const std::lock_guard lock(mutex_);
  VNPU_RETURN_IF_ERROR(CheckLive(physical));
  if (physical->host.valid()) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "memory of the host is not shared this way");
  }
  if (physical->share_id != 0) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "the memory is shared already, under one key only");
  }
  Exported exported;
  VNPU_RETURN_IF_ERROR(
      ExportPart(session_, physical->pmem_id, 0, physical->size, flags, &exported));
  physical->share_id = exported.share_id;
  physical->key = exported.key;
  *key = exported.key;
  return ACL_SUCCESS;
}

aclError VirtualMemory::Import(const ShareKey& key, Physical** physical) {
  const std::lock_guard lock(mutex_);
  Imported imported;
  VNPU_RETURN_IF_ERROR(ImportPart(
      session_, key, "call aclrtMemSetPidToShareableHandle in the process that shares", &imported));
  Physical* fresh = nullptr;
  VNPU_RETURN_IF_ERROR(NewPhysical(imported.size, imported.pmem_id, &fresh));
  fresh->imported = true;
  fresh->number = imported.number;
  fresh->key = key;
  fresh->properties = {.handleType = ACL_MEM_HANDLE_TYPE_NONE,
                       .allocationType = ACL_MEM_ALLOCATION_TYPE_PINNED,
                       .memAttr = imported.huge ? ACL_HBM_MEM_HUGE : ACL_MEM_NORMAL,
                       .location = {.id = session_.index(), .type = ACL_MEM_LOCATION_TYPE_DEVICE},
                       .reserve = 0};
  Publish(fresh);
  *physical = fresh;
  return ACL_SUCCESS;
}

Physical* VirtualMemory::FindShared(const ShareKey& key) const {
  const auto found = std::ranges::find_if(physicals_, [&](const Physical* physical) {
    // What is not shared has no key, and 0 is none.
    return physical->references > 0 && (physical->imported || physical->share_id != 0) &&
           physical->key == key;
  });
  return found != physicals_.end() ? *found : nullptr;
}

bool VirtualMemory::Shares(const ShareKey& key) const {
  const std::lock_guard lock(mutex_);
  return FindShared(key) != nullptr;
}

bool VirtualMemory::AllowExported(const ShareKey& key, const int32_t* pids, size_t count,
                                  aclError* error) {
  const std::lock_guard lock(mutex_);
  const Physical* physical = FindShared(key);
  if (physical == nullptr || physical->share_id == 0) {
    return false;
  }
  *error = AllowProcesses(session_, physical->share_id, pids, count);
  return true;
}

aclError VirtualMemory::CheckImported(const Physical* physical) const {
  const std::lock_guard lock(mutex_);
  VNPU_RETURN_IF_ERROR(CheckLive(physical));
  return physical->imported
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_PARAM_INVALID, "the memory was not imported from another process");
}

aclError VirtualMemory::MapAlias(uint64_t to, uint64_t from, uint64_t size) {
  const std::lock_guard lock(mutex_);
  const auto target = reservations_.find(to);
  const auto source = reservations_.find(from);
  if (target == reservations_.end() || source == reservations_.end()) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{:#x} is not the start of reserved addresses",
                target == reservations_.end() ? to : from);
  }
  if (size == 0 || size > target->second || size > source->second) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} bytes: the reserved ranges have {} and {}", size,
                target->second, source->second);
  }
  const std::vector<std::pair<uint64_t, Mapping>> pieces(mappings_.lower_bound(from),
                                                         mappings_.lower_bound(from + size));
  if (pieces.empty()) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "no physical memory is mapped at {:#x}", from);
  }
  aclError error = ACL_SUCCESS;
  size_t done = 0;
  for (; done < pieces.size() && error == ACL_SUCCESS; ++done) {
    const auto& [address, piece] = pieces[done];
    error = MapLocked(to + (address - from), piece.size, piece.physical, piece.access);
  }
  if (error != ACL_SUCCESS) {
    for (size_t i = 0; i + 1 < done; ++i) {
      UnmapLocked(to + (pieces[i].first - from));
    }
  }
  return error;
}

}  // namespace vnpu::runtime
