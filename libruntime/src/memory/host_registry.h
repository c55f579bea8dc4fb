// Host memory that the device reaches where it lies (manual 11-02).
#ifndef VNPU_LIBRUNTIME_SRC_MEMORY_HOST_REGISTRY_H_
#define VNPU_LIBRUNTIME_SRC_MEMORY_HOST_REGISTRY_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

#include "acl/acl_base.h"

namespace vnpu::runtime {

class Session;

// Pinned memory of the session is reachable already. Other memory must be private to this process:
// its pages are replaced by those of a memfd with the same contents, which driver and device map
// too, and by private ones again in the end. Any thread; nobody may write to the memory while it is
// registered or unregistered.
class HostRegistry {
 public:
  explicit HostRegistry(Session& session) : session_(session) {}

  // `lock`: for memory that is not pinned yet. `mapped`: DevicePointer is to work.
  aclError Register(void* memory, uint64_t size, bool mapped, bool lock);
  aclError Unregister(void* memory);
  aclError DevicePointer(const void* memory, uint64_t* address) const;
  // Where the device has the whole of a range of pageable memory that was registered with `lock`;
  // 0: it has not.
  uint64_t LockedAddress(const void* memory, uint64_t size) const;

  // Makes all memory private again.
  void Drop();

 private:
  struct Entry {
    uint64_t size = 0;
    uint64_t device_address = 0;
    bool mapped = false;
    bool locked = false;
    ino_t file = 0;  // of the pages; 0: pinned memory, not replaced
  };

  aclError Share(uint64_t begin, Entry* entry);

  Session& session_;
  mutable std::mutex mutex_;
  std::map<uint64_t, Entry> entries_;  // by address
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_MEMORY_HOST_REGISTRY_H_
