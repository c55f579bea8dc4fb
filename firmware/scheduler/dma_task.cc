#include "firmware/scheduler/dma_task.h"

#include "firmware/scheduler/rtsq.h"

namespace vnpu::firmware {
namespace {

bool CopyIsSound(const vnpu_sqe_copy& copy) {
  constexpr uint32_t kPageable = VNPU_COPY_SRC_PAGEABLE | VNPU_COPY_DST_PAGEABLE;
  const uint32_t flags = copy.copy_flags;
  if ((flags & ~VNPU_COPY_FLAGS_ALL) != 0 || copy.reserved0 != 0) {
    return false;
  }
  if ((flags & ~kPageable) == 0) [[likely]] {
    return copy.dst_offset == 0 && copy.src_offset == 0;
  }
  if ((flags & kPageable) != 0) {
    return false;
  }
  if ((flags & VNPU_COPY_DESC) != 0) {
    return flags == VNPU_COPY_DESC && copy.dst == 0 && copy.size == 0 && copy.dst_offset == 0 &&
           copy.src_offset == 0;
  }
  return ((flags & VNPU_COPY_DST_INDIRECT) != 0 || copy.dst_offset == 0) &&
         ((flags & VNPU_COPY_SRC_INDIRECT) != 0 || copy.src_offset == 0);
}

bool FillIsSound(const vnpu_sqe_memset& fill) {
  const bool width_ok = fill.width == 1 || fill.width == 2 || fill.width == 4;
  return width_ok && AllZero(fill.reserved) && fill.size % fill.width == 0 &&
         fill.dst % fill.width == 0;
}

bool ReduceIsSound(const vnpu_sqe_reduce& reduce) {
  uint64_t width = 0;
  switch (reduce.type) {
    case VNPU_TYPE_INT8:
      width = 1;
      break;
    case VNPU_TYPE_INT16:
    case VNPU_TYPE_FP16:
    case VNPU_TYPE_BF16:
      width = 2;
      break;
    case VNPU_TYPE_INT32:
    case VNPU_TYPE_UINT32:
    case VNPU_TYPE_FP32:
      width = 4;
      break;
    default:
      return false;
  }
  return reduce.kind <= VNPU_REDUCE_MIN && reduce.size % width == 0 && AllZero(reduce.reserved);
}

}  // namespace

bool DmaTaskIsSound(const vnpu_sqe& sqe) {
  switch (sqe.opcode) {
    case VNPU_OP_COPY:
      return CopyIsSound(sqe.copy);
    case VNPU_OP_MEMSET:
      return FillIsSound(sqe.memset);
    case VNPU_OP_REDUCE:
      return ReduceIsSound(sqe.reduce);
    case VNPU_OP_RANDOM:
      return AllZero(sqe.random.reserved);
    default:
      return false;
  }
}

uint64_t DmaTaskBytes(const vnpu_sqe& sqe) {
  switch (sqe.opcode) {
    case VNPU_OP_COPY:
      return sqe.copy.size;
    case VNPU_OP_MEMSET:
      return sqe.memset.size;
    case VNPU_OP_REDUCE:
      return sqe.reduce.size;
    default:
      return 0;
  }
}

}  // namespace vnpu::firmware
