// The queues of a session. Queue memory comes in chunks of one memfd; queues of destroyed streams
// are kept for the next stream.
#ifndef VNPU_LIBRUNTIME_SRC_QUEUE_QUEUE_POOL_H_
#define VNPU_LIBRUNTIME_SRC_QUEUE_QUEUE_POOL_H_

#include <memory>
#include <mutex>
#include <vector>

#include "libruntime/src/base/shared_memory.h"
#include "libruntime/src/queue/submit_queue.h"

namespace vnpu::runtime {

class QueuePool {
 public:
  explicit QueuePool(Session& session) : session_(session) {}

  // A queue without tasks. Its object lives as long as the session.
  aclError Acquire(const QueueSpec& spec, SubmitQueue** queue);

  // Takes an idle queue back for reuse.
  void Recycle(SubmitQueue* queue);

  // Has the driver destroy a queue: running kernels are stopped, waiting tasks dropped.
  void Destroy(SubmitQueue* queue);

  // Makes the driver drop or continue the tasks that follow a failed one.
  aclError SetStopOnFailure(SubmitQueue& queue, bool stop);
  aclError SetPriority(SubmitQueue& queue, uint32_t priority);

  // Takes in the completions of all queues that the driver publishes.
  void ReadDriverCompletions();

  // How many more can be had.
  uint32_t available() const;

 private:
  // One memfd with room for `count` queues of equal size.
  struct Chunk {
    Mapping mapping;
    uint32_t qmem_id = 0;
    uint64_t slot_bytes = 0;
    std::vector<uint64_t> free_offsets;
  };

  // With mutex_ held, as what follows.
  void DestroyLocked(SubmitQueue* queue);
  bool DestroyOneIdle();
  aclError AddChunk(uint64_t slot_bytes);
  aclError Create(const QueueSpec& spec, SubmitQueue** queue);

  Session& session_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::vector<std::unique_ptr<SubmitQueue>> queues_;  // all that ever were
  std::vector<SubmitQueue*> idle_;
  std::vector<SubmitQueue*> by_id_;
  uint32_t in_use_ = 0;
  uint32_t next_chunk_queues_ = 8;
  std::mutex reader_mutex_;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_QUEUE_QUEUE_POOL_H_
