// The DMA engine: copies, fills, reductions and random numbers in device memory, pinned host memory
// and (copies) pageable memory of the client. Every device or pinned address is translated before
// it is touched.
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

  // Runs a task whose fields the scheduler has checked.
  CoreResult Run(const vnpu_sqe& sqe);

  CoreResult Copy(const vnpu_sqe_copy& copy);
  CoreResult Fill(const vnpu_sqe_memset& fill);
  // Reads one aligned 64-bit word of device or pinned memory.
  CoreResult Load(uint64_t va, uint64_t* word);
  // Writes one.
  CoreResult Store(uint64_t va, uint64_t word);
  CoreResult Reduce(const vnpu_sqe_reduce& reduce);
  CoreResult Random(const vnpu_sqe_random& random);

 private:
  // Runs code on memory that was translated.
  CoreResult RunMapped(CoreCode code, const void* task);
  // Reads what tasks keep in device or pinned memory.
  CoreResult Load(uint64_t address, void* out, uint64_t bytes);
  CoreResult Fetch(const vnpu_random_value& value, uint64_t bytes, uint64_t* out);
  // Makes a copy that its descriptor or pointers in memory describe a plain one.
  CoreResult Resolve(vnpu_sqe_copy* copy);
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
