#include "libruntime/src/memory/ipc_memory.h"

#include <vnpu/ioctl.h>

#include <chrono>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/device.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/device_memory.h"
#include "libruntime/src/memory/memory_pool.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {
namespace {

// Gives the object an address of the session.
aclError MapImported(Session& session, const Imported& imported, uint64_t* address) {
  vnpu_ioc_reserve reserve{};
  reserve.size = imported.size;
  int result = session.Call(VNPU_IOC_RESERVE, reserve);
  if (result < 0) {
    return FailErrno(-result, "no device addresses left");
  }
  vnpu_ioc_map map{};
  map.va = reserve.va;
  map.size = imported.size;
  map.pmem_id = imported.pmem_id;
  map.prot = VNPU_PROT_READ | VNPU_PROT_WRITE;
  result = session.Call(VNPU_IOC_MAP, map);
  if (result < 0) {
    vnpu_ioc_release release{.va = reserve.va, .reserved = 0};
    session.Call(VNPU_IOC_RELEASE, release);
    return FailErrno(-result, "the driver cannot map the shared memory");
  }
  *address = reserve.va;
  return ACL_SUCCESS;
}

void FreeImported(Session& session, uint32_t pmem_id) {
  vnpu_ioc_pmem_free request{.pmem_id = pmem_id, .reserved = 0};
  session.Call(VNPU_IOC_PMEM_FREE, request);
}

aclError FailUnknown(const char* what) {
  return Fail(ACL_ERROR_RT_PARAM_INVALID,
              "this process has not {} memory under this key, or closed it, or reset the device",
              what);
}

}  // namespace

IpcMemory& IpcMemory::Get() {
  static auto* const memory = new IpcMemory;
  return *memory;
}

// The session of a live entry; null: there is none.
std::shared_ptr<Session> IpcMemory::Find(Entries* entries, const ShareKey& key, Entry* entry) {
  const auto found = entries->find(key);
  if (found == entries->end()) {
    return nullptr;
  }
  std::shared_ptr<Session> session = found->second.session.lock();
  if (session == nullptr || SessionOfDevice(session->index()) != session) {
    entries->erase(found);
    return nullptr;
  }
  *entry = found->second;
  return session;
}

aclError IpcMemory::Export(uint64_t address, uint64_t size, bool any_process, ShareKey* key) {
  const std::shared_ptr<Session> session = SessionOfAddress(address);
  if (session == nullptr) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{:#x} is not an address of a device", address);
  }
  if (session->memory_pools().Contains(address)) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "{:#x} is memory of a pool, which is not shared this way; use aclrtMalloc",
                address);
  }
  Exported exported;
  VNPU_RETURN_IF_ERROR(session->device_memory().Export(
      address, size, any_process ? VNPU_EXPORT_ANY_PROCESS : 0, &exported));
  const std::lock_guard lock(mutex_);
  exports_[exported.key] = {
      .session = session, .address = address, .size = size, .id = exported.share_id};
  *key = exported.key;
  return ACL_SUCCESS;
}

aclError IpcMemory::Allow(const ShareKey& key, const int32_t* pids, size_t count) {
  const std::lock_guard lock(mutex_);
  Entry entry;
  const auto session = Find(&exports_, key, &entry);
  return session != nullptr ? AllowProcesses(*session, entry.id, pids, count)
                            : FailUnknown("exported");
}

aclError IpcMemory::CheckExported(const ShareKey& key) {
  const std::lock_guard lock(mutex_);
  Entry entry;
  return Find(&exports_, key, &entry) != nullptr ? ACL_SUCCESS : FailUnknown("exported");
}

aclError IpcMemory::Import(const std::shared_ptr<Session>& session, const ShareKey& key,
                           bool enable, uint64_t* address) {
  const std::lock_guard lock(mutex_);
  Entry entry;
  if (Find(&imports_, key, &entry) != nullptr) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "the memory is imported already, at {:#x}; close it first", entry.address);
  }
  Imported imported;
  VNPU_RETURN_IF_ERROR(ImportPart(
      *session, key, "call aclrtIpcMemSetImportPid in the process that shares", &imported));
  aclError error = CheckReach(*session, imported.number, enable);
  if (error == ACL_SUCCESS) {
    error = MapImported(*session, imported, address);
  }
  if (error != ACL_SUCCESS) {
    FreeImported(*session, imported.pmem_id);
    return error;
  }
  imports_[key] = {
      .session = session, .address = *address, .size = imported.size, .id = imported.pmem_id};
  return ACL_SUCCESS;
}

aclError IpcMemory::Close(const ShareKey& key) {
  // Programs launch a kernel on imported memory and close it right away; a device is quick enough
  // for that, though not by much where others want the machine's processors too.
  constexpr auto kGrace = std::chrono::seconds(1);
  Entry entry;
  std::shared_ptr<Session> user;
  {
    const std::lock_guard lock(mutex_);
    user = Find(&imports_, key, &entry);
  }
  if (user != nullptr) {
    AwaitTasks(*user, Clock::now() + kGrace);
  }
  const std::lock_guard lock(mutex_);
  if (const auto session = Find(&imports_, key, &entry); session != nullptr) {
    imports_.erase(key);
    vnpu_ioc_unmap unmap{.va = entry.address, .size = entry.size};
    if (const int result = session->Call(VNPU_IOC_UNMAP, unmap); result < 0) {
      return FailErrno(-result, "the driver cannot unmap the shared memory");
    }
    vnpu_ioc_release release{.va = entry.address, .reserved = 0};
    session->Call(VNPU_IOC_RELEASE, release);
    FreeImported(*session, entry.id);
    return ACL_SUCCESS;
  }
  const auto session = Find(&exports_, key, &entry);
  if (session == nullptr) {
    return FailUnknown("exported or imported");
  }
  exports_.erase(key);
  session->device_memory().EndExport(entry.address, entry.id);
  return ACL_SUCCESS;
}

}  // namespace vnpu::runtime
