#include "libruntime/src/memory/share_key.h"

#include <algorithm>
#include <cerrno>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/driver.h"
#include "libruntime/src/device/peer_access.h"
#include "libruntime/src/device/session.h"

namespace vnpu::runtime {

aclError ExportPart(Session& session, uint32_t pmem_id, uint64_t offset, uint64_t size,
                    uint32_t flags, Exported* exported) {
  vnpu_ioc_export request{};
  request.pmem_id = pmem_id;
  request.flags = flags;
  request.offset = offset;
  request.size = size;
  const int result = session.Call(VNPU_IOC_EXPORT, request);
  if (result == -EACCES) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "the memory was imported from another process; only that one can share it");
  }
  if (result < 0) {
    return FailErrno(-result, "the driver does not share the memory");
  }
  exported->share_id = request.share_id;
  std::ranges::copy(request.key, exported->key.begin());
  return ACL_SUCCESS;
}

aclError AllowProcesses(Session& session, uint32_t share_id, const int32_t* pids, size_t count) {
  VNPU_REQUIRE_NOT_NULL(pids);
  const auto* bad = std::find_if(pids, pids + count, [](int32_t pid) { return pid <= 0; });
  if (count == 0 || bad != pids + count) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} processes{}: at least one, all above 0", count,
                count == 0 ? "" : fmt::format(", one of them {}", *bad));
  }
  for (size_t done = 0; done < count; done += VNPU_SHARE_ALLOW_BATCH) {
    vnpu_ioc_share_allow request{};
    request.share_id = share_id;
    request.count = static_cast<uint32_t>(std::min<size_t>(count - done, VNPU_SHARE_ALLOW_BATCH));
    std::copy_n(pids + done, request.count, request.pids);
    const int result = session.Call(VNPU_IOC_SHARE_ALLOW, request);
    if (result == -ENOSPC) {
      return Fail(ACL_ERROR_RT_RESOURCE_ALLOC_FAIL, "more than {} processes for one memory",
                  VNPU_MAX_SHARE_PIDS);
    }
    if (result < 0) {
      return FailErrno(-result, "the driver does not take the processes");
    }
  }
  return ACL_SUCCESS;
}

aclError ImportPart(Session& session, const ShareKey& key, const char* advice, Imported* imported) {
  vnpu_ioc_import request{};
  std::ranges::copy(key, request.key);
  const int result = session.Call(VNPU_IOC_IMPORT, request);
  if (result == -ENOENT) {
    std::shared_ptr<Driver> driver;
    VNPU_RETURN_IF_ERROR(Driver::Get(&driver));
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "nothing is shared here under this key: it has ended, or it is of another driver. "
                "This process uses the {}; processes share memory by way of the same device nodes",
                driver->Describe(session.index()));
  }
  if (result == -EACCES) {
    return Fail(ACL_ERROR_RT_NO_PERMISSION,
                "this process is not among those that the memory is shared with; {}", advice);
  }
  if (result < 0) {
    return FailErrno(-result, "the driver does not give the shared memory");
  }
  *imported = {.pmem_id = request.pmem_id,
               .size = request.size,
               .huge = (request.pmem_flags & VNPU_PMEM_HUGE) != 0,
               .number = request.device};
  return ACL_SUCCESS;
}

aclError CheckReach(const Session& session, uint32_t number, bool enable) {
  std::shared_ptr<Driver> driver;
  VNPU_RETURN_IF_ERROR(Driver::Get(&driver));
  if (driver->number_of(session.index()) == number) {
    return ACL_SUCCESS;
  }
  for (uint32_t index = 0; index < driver->device_count(); ++index) {
    if (driver->number_of(index) != number) {
      continue;
    }
    if (PeerAccessEnabled(session.index(), index)) {
      return ACL_SUCCESS;
    }
    return enable ? EnablePeerAccess(session.index(), index)
                  : Fail(ACL_ERROR_RT_PARAM_INVALID,
                         "the memory is on device {}, which device {} has no access to: call "
                         "aclrtDeviceEnablePeerAccess first",
                         index, session.index());
  }
  return enable ? ACL_SUCCESS
                : Fail(ACL_ERROR_RT_PARAM_INVALID,
                       "the memory is on a device that this process does not see, which device {} "
                       "has no access to",
                       session.index());
}

}  // namespace vnpu::runtime
