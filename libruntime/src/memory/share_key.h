// Keys of shared memory, as the driver gives them out.
#ifndef VNPU_LIBRUNTIME_SRC_MEMORY_SHARE_KEY_H_
#define VNPU_LIBRUNTIME_SRC_MEMORY_SHARE_KEY_H_

#include <vnpu/ioctl.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "acl/acl_base.h"

namespace vnpu::runtime {

class Session;

using ShareKey = std::array<uint64_t, VNPU_SHARE_KEY_WORDS>;

// What an export gave.
struct Exported {
  uint32_t share_id = 0;
  ShareKey key{};
};

// What an import gave.
struct Imported {
  uint32_t pmem_id = 0;
  uint64_t size = 0;
  bool huge = false;
  uint32_t number = 0;  // the driver's number of the memory's device
};

// [offset, offset + size) of an object under a key. `flags`: VNPU_EXPORT_*.
aclError ExportPart(Session& session, uint32_t pmem_id, uint64_t offset, uint64_t size,
                    uint32_t flags, Exported* exported);
// Lets processes import it. `advice`: what to do about an error.
aclError AllowProcesses(Session& session, uint32_t share_id, const int32_t* pids, size_t count);
aclError ImportPart(Session& session, const ShareKey& key, const char* advice, Imported* imported);

// Whether the session may use the memory of the driver's device `number`; with `enable` it may from
// now on.
aclError CheckReach(const Session& session, uint32_t number, bool enable);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_MEMORY_SHARE_KEY_H_
