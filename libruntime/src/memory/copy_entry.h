// Entries of queues that copy and fill.
#ifndef VNPU_LIBRUNTIME_SRC_MEMORY_COPY_ENTRY_H_
#define VNPU_LIBRUNTIME_SRC_MEMORY_COPY_ENTRY_H_

#include <vnpu/queue.h>

#include <cstdint>

namespace vnpu::runtime {

// The rest of the entry is 0, as of Slot::sqe. `flags`: VNPU_COPY_*, but for those that take
// offsets or a descriptor.
inline void WriteCopy(uint64_t dst, uint64_t src, uint64_t size, uint32_t flags, vnpu_sqe* sqe) {
  sqe->opcode = VNPU_OP_COPY;
  sqe->copy.dst = dst;
  sqe->copy.src = src;
  sqe->copy.size = size;
  sqe->copy.copy_flags = flags;
}

inline void WriteFill(uint64_t dst, uint64_t size, uint32_t value, uint32_t width, vnpu_sqe* sqe) {
  sqe->opcode = VNPU_OP_MEMSET;
  sqe->memset.dst = dst;
  sqe->memset.size = size;
  sqe->memset.value = value;
  sqe->memset.width = width;
}

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_MEMORY_COPY_ENTRY_H_
