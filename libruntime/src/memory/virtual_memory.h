// Virtual memory of a session: reserved addresses, physical memory, and what maps the one to the
// other (manual 11-04).
#ifndef VNPU_LIBRUNTIME_SRC_MEMORY_VIRTUAL_MEMORY_H_
#define VNPU_LIBRUNTIME_SRC_MEMORY_VIRTUAL_MEMORY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_set>

#include "acl/acl_rt.h"
#include "libruntime/src/base/slab.h"

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
  aclrtPhysicalMemProp properties{};
};

// Bytes that sizes and addresses are multiples of; fails for memory that the device cannot give.
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
  aclError HasAccess(uint64_t address, bool* access);
  // The memory mapped at `address`, with one more reference.
  aclError Retain(uint64_t address, Physical** physical);

  bool Reserved(uint64_t address) const;

  // Ends all handles.
  void Drop();

 private:
  struct Mapping {
    uint64_t size = 0;
    Physical* physical = nullptr;
    bool access = false;
  };
  using Mappings = std::map<uint64_t, Mapping>;

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
