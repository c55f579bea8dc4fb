// Elementwise reductions of the DMA engine.
#ifndef VNPU_VDEV_REDUCE_H_
#define VNPU_VDEV_REDUCE_H_

#include <vnpu/queue.h>

namespace vnpu::vdev {

// dst[i] = dst[i] op src[i], on memory that is checked; kind, type and size are sound.
void ReduceElements(const vnpu_sqe_reduce& reduce);

}  // namespace vnpu::vdev

#endif  // VNPU_VDEV_REDUCE_H_
