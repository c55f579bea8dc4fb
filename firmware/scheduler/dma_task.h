// What the scheduler has to know of tasks for the DMA unit.
#ifndef VNPU_FIRMWARE_SCHEDULER_DMA_TASK_H_
#define VNPU_FIRMWARE_SCHEDULER_DMA_TASK_H_

#include <vnpu/queue.h>

#include <cstdint>

namespace vnpu::firmware {

// False when a field of the entry is out of range. What the entry only points to is the engine's to
// check.
bool DmaTaskIsSound(const vnpu_sqe& sqe);

// Bytes that the task moves; 0 where the entry does not say.
uint64_t DmaTaskBytes(const vnpu_sqe& sqe);

// Whether it moves so little, within mapped memory, that reading the clock would take as long.
// Where a completion entry is asked for, so is the time.
inline bool IsTinyDmaTask(const vnpu_sqe& sqe) {
  constexpr uint64_t kTinyBytes = 512;
  if ((sqe.flags & VNPU_SQE_CQE) != 0) {
    return false;
  }
  return (sqe.opcode == VNPU_OP_COPY && sqe.copy.copy_flags == 0 && sqe.copy.size <= kTinyBytes) ||
         (sqe.opcode == VNPU_OP_MEMSET && sqe.memset.size <= kTinyBytes);
}

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_SCHEDULER_DMA_TASK_H_
