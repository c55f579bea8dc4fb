// Physical memory of the host.
#include <vnpu/ioctl.h>

#include <cerrno>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/shared_memory.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/pinned_memory.h"
#include "libruntime/src/memory/virtual_memory.h"

namespace vnpu::runtime {

bool IsHostMemory(const aclrtPhysicalMemProp& properties) {
  return properties.location.type == ACL_MEM_LOCATION_TYPE_HOST ||
         properties.location.type == ACL_MEM_LOCATION_TYPE_HOST_NUMA;
}

int VirtualMemory::AllocateHost(vnpu_ioc_pmem_alloc* request, UniqueFd* host) {
  *host = MakeMemfd("vnpu-host", request->size);
  if (!host->valid()) {
    return -errno;
  }
  vnpu_ioc_pmem_host memory{};
  memory.size = request->size;
  memory.fd = host->get();
  const int result = session_.Call(VNPU_IOC_PMEM_HOST, memory);
  request->pmem_id = memory.pmem_id;
  return result;
}

aclError VirtualMemory::MapOnHost(uint64_t address, const Physical& physical) {
  if (!physical.host.valid()) {
    return ACL_SUCCESS;
  }
  if (!session_.pinned_memory().AddExtent(address, physical.size)) {
    return Fail(ACL_ERROR_RT_RESOURCE_ALLOC_FAIL, "too many separate ranges of host memory");
  }
  if (!session_.window().MapShared(address, physical.size, physical.host.get())) {
    const int error = errno;
    session_.pinned_memory().RemoveExtent(address);
    return FailErrno(error, "cannot map host memory");
  }
  return ACL_SUCCESS;
}

void VirtualMemory::UnmapOnHost(uint64_t address, const Physical& physical) {
  if (physical.host.valid()) {
    session_.window().Unmap(address, physical.size);
    session_.pinned_memory().RemoveExtent(address);
  }
}

}  // namespace vnpu::runtime
