// What the policies and attributes of the allocating functions mean (manual 11-01, 25-02, 25-04).
#ifndef VNPU_LIBRUNTIME_SRC_ACL_MALLOC_POLICY_H_
#define VNPU_LIBRUNTIME_SRC_ACL_MALLOC_POLICY_H_

#include <cstdint>
#include <string_view>

#include "acl/acl_rt.h"
#include "libruntime/src/memory/device_memory.h"

namespace vnpu::runtime {

// Whether a device of this name is of the 950 series, which differs in what it pads and reduces.
inline bool IsAscend950(const char* soc_name) {
  return std::string_view(soc_name).starts_with("Ascend950");
}

// Bandwidth changes nothing: the device has one kind of memory. P2P policies take the same pages as
// the others.
MemoryRequest RequestOf(uint64_t size, aclrtMemMallocPolicy policy);

// Bytes to take when the function adds 32 bytes after rounding up to 32.
uint64_t PaddedSize(const MemoryRequest& request, const char* soc_name);

enum class MemoryPlace : uint8_t { kHost, kDevice };

// Checks the attributes; `config` may be null. `component` receives the module id, if there is one.
aclError ReadMallocConfig(const aclrtMallocConfig* config, MemoryPlace place, uint32_t device,
                          uint32_t* component);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_ACL_MALLOC_POLICY_H_
