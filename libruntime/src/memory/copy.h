// Where the ends of copies lie, and copies as acl functions ask for them.
#ifndef VNPU_LIBRUNTIME_SRC_MEMORY_COPY_H_
#define VNPU_LIBRUNTIME_SRC_MEMORY_COPY_H_

#include <cstdint>
#include <memory>

#include "acl/acl_rt.h"
#include "libruntime/src/stream/context.h"

namespace vnpu::runtime {

enum class Place : uint8_t { kPageable, kPinned, kManaged, kDevice };

// Where an address lies, and the session of pinned, managed and device memory.
struct End {
  Place place = Place::kPageable;
  Session* session = nullptr;
  std::shared_ptr<Session> keeps;  // the session, unless the end that was known does
};
// `known`: an end found before, which stays as long; other memory of its session is found sooner.
End FindEnd(const void* pointer, const End* known = nullptr);

// Fails unless the stream's device reaches the memory by its address: device, managed or pinned
// memory of that device.
aclError CheckReachable(const void* pointer, const Stream& stream);

struct CopyRequest {
  void* dst = nullptr;
  const void* src = nullptr;
  uint64_t size = 0;
  aclrtMemcpyKind kind = ACL_MEMCPY_DEFAULT;
};

// Copies before it returns. The addresses decide on the direction, whatever `kind` says.
aclError CopyNow(const CopyRequest& request);

// Copies in the order of the stream. Returns at once unless an end is pageable host memory, and not
// locked for the device (host_registry.h); copies that are to be buffered are, up to kMaxDataBytes.
// A `kind` that contradicts the addresses is an error.
aclError CopyInStream(const CopyRequest& request, Stream* stream);

// Rows of equal size, `dst_pitch` and `src_pitch` bytes apart.
struct Rows {
  uint64_t count = 1;
  uint64_t dst_pitch = 0;
  uint64_t src_pitch = 0;
};

// Copies the row `first` and those that follow it. Unlike CopyNow, a contradicting kind is an
// error.
aclError CopyRowsNow(const CopyRequest& first, const Rows& rows);
aclError CopyRowsInStream(const CopyRequest& first, const Rows& rows, Stream* stream);

// Stores the low `width` (1 or 4) bytes of `value` over `size` bytes.
aclError FillNow(void* dst, uint64_t size, uint32_t value, uint32_t width);
aclError FillInStream(void* dst, uint64_t size, uint32_t value, uint32_t width, Stream* stream);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_MEMORY_COPY_H_
