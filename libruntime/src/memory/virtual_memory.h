// Virtual memory of a session: reserved addresses, physical memory, and what maps the one to the
// other (manual 11-04).
#ifndef VNPU_LIBRUNTIME_SRC_MEMORY_VIRTUAL_MEMORY_H_
#define VNPU_LIBRUNTIME_SRC_MEMORY_VIRTUAL_MEMORY_H_

#include <vnpu/ioctl.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_set>

#include "acl/acl_rt.h"
#include "libruntime/src/base/slab.h"
#include "libruntime/src/base/unique_fd.h"
#include "libruntime/src/memory/block_pool.h"
#include "libruntime/src/memory/share_key.h"

namespace vnpu::runtime {

class Session;

// The object behind aclrtDrvMemHandle; guarded by the mutex of its session's VirtualMemory but for
// `device` and `session_serial`, which do not change while it lives.
struct alignas(64) Physical : SlabObject {
  uint32_t device = 0;
  uint64_t session_serial = 0;
  uint64_t size = 0;
  uint32_t pmem_id = 0;
  uint32_t references = 0;  // calls of aclrtFreePhysical to come
  uint32_t mappings = 0;
  UniqueFd host;  // memory of the host: the file that holds it
  bool imported = false;
  uint32_t number = 0;    // imported: the driver's number of the memory's device
  uint32_t share_id = 0;  // exported; 0: not
  ShareKey key{};         // of the export or the import
  aclrtPhysicalMemProp properties{};
};

// Whether it is memory of the host.
bool IsHostMemory(const aclrtPhysicalMemProp& properties);

// Bytes that sizes and addresses are multiples of; fails for memory that cannot be given.
aclError GranularityOf(const aclrtPhysicalMemProp& properties, uint64_t* granularity);

// Any thread. A driver's session frees everything by itself: Drop only ends the handles.
class VirtualMemory {
 public:
  explicit VirtualMemory(Session& session) : session_(session) {}

  // `wanted` 0: any address.
  aclError Reserve(uint64_t size, uint64_t wanted, uint64_t* address);
  aclError Release(uint64_t address);

  aclError Allocate(uint64_t size, const aclrtPhysicalMemProp& properties, Physical** physical);
  // The memory goes with its last mapping.
  aclError Free(Physical* physical);
  aclError PropertiesOf(const Physical* physical, aclrtPhysicalMemProp* properties);

  aclError Map(uint64_t address, uint64_t size, Physical* physical, bool access);
  aclError Unmap(uint64_t address);
  aclError Allow(uint64_t address, uint64_t size);
  // Whether there is access to what is mapped at `address`, and whether it is memory of the host.
  aclError AccessAt(uint64_t address, bool* access, bool* host_memory);
  // The memory mapped at `address`, with one more reference.
  aclError Retain(uint64_t address, Physical** physical);

  bool Reserved(uint64_t address) const;
  // The piece of physical memory mapped around `address`.
  std::optional<BlockPool::Range> MappingOf(uint64_t address) const;
  // Maps at `to`, the start of reserved addresses, what is mapped in the reserved range that starts
  // at `from`; both have room for `size`.
  aclError MapAlias(uint64_t to, uint64_t from, uint64_t size);

  // Once for each memory. `flags`: VNPU_EXPORT_*.
  aclError Export(Physical* physical, uint32_t flags, ShareKey* key);
  aclError Import(const ShareKey& key, Physical** physical);
  // Lets processes import what was exported under the key; false: nothing was, here.
  bool AllowExported(const ShareKey& key, const int32_t* pids, size_t count, aclError* error);
  // Whether memory was exported or imported under the key and is not freed.
  bool Shares(const ShareKey& key) const;
  aclError CheckImported(const Physical* physical) const;

  // Ends all handles.
  void Drop();

 private:
  struct Mapping {
    uint64_t size = 0;
    Physical* physical = nullptr;
    bool access = false;
  };
  using Mappings = std::map<uint64_t, Mapping>;

  // With the mutex held.
  aclError MapLocked(uint64_t address, uint64_t size, Physical* physical, bool access);
  aclError UnmapLocked(uint64_t address);
  int AllocateHost(vnpu_ioc_pmem_alloc* request, UniqueFd* host);
  // The host's side of a mapping of host memory.
  aclError MapOnHost(uint64_t address, const Physical& physical);
  void UnmapOnHost(uint64_t address, const Physical& physical);
  aclError NewPhysical(uint64_t size, uint32_t pmem_id, Physical** physical);
  void Publish(Physical* physical);
  static void EndHandle(Physical* physical);
  Physical* FindShared(const ShareKey& key) const;
  // Imported memory is this device's alone: only who allocated it may pass it on.
  void ShowPeers(uint64_t address, const Physical& physical);
  aclError FindMapping(uint64_t address, Mappings::iterator* mapping);
  aclError CheckLive(const Physical* physical) const;
  void FreeIfUnused(Physical* physical);

  Session& session_;
  mutable std::mutex mutex_;
  std::map<uint64_t, uint64_t> reservations_;  // sizes
  Mappings mappings_;
  std::unordered_set<Physical*> physicals_;
};

// The object of a handle, and the session that it belongs to.
aclError ResolvePhysical(void* handle, Physical** physical, std::shared_ptr<Session>* session);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_MEMORY_VIRTUAL_MEMORY_H_
