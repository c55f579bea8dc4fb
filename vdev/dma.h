// The DMA engine: copies and fills between device memory, pinned host memory and pageable memory
// of the client. Every device or pinned address is translated before it is touched.
#ifndef VNPU_VDEV_DMA_H_
#define VNPU_VDEV_DMA_H_

#include <sys/types.h>
#include <vnpu/queue.h>

#include "vdev/core.h"
#include "vdev/mmu.h"

namespace vnpu::vdev {

// One channel; belongs to one worker thread.
class DmaChannel {
 public:
  // `client`: whose pageable memory it may reach. `core` and `mmu` must outlive the channel.
  DmaChannel(pid_t client, Core* core, Mmu* mmu) : client_(client), core_(core), mmu_(mmu) {}

  CoreResult Copy(const vnpu_sqe_copy& copy);
  CoreResult Fill(const vnpu_sqe_memset& fill);
  // Reads one aligned 64-bit word of device or pinned memory.
  CoreResult Load(uint64_t va, uint64_t* word);

 private:
  CoreResult CopyFromClient(const vnpu_sqe_copy& copy);
  CoreResult CopyToClient(const vnpu_sqe_copy& copy);
  CoreResult CopyMapped(const vnpu_sqe_copy& copy);
  CoreResult CopyClientToClient(const vnpu_sqe_copy& copy);

  pid_t client_;
  Core* core_;
  Mmu* mmu_;
};

}  // namespace vnpu::vdev

#endif  // VNPU_VDEV_DMA_H_
