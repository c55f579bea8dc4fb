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

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_SCHEDULER_DMA_TASK_H_
