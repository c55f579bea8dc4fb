// The driver's end of a VNPU_QUEUE_DRIVER_SUBMIT queue: it publishes SQEs and consumes CQEs.
#ifndef VNPU_DRIVER_SESSION_SUBMIT_QUEUE_H_
#define VNPU_DRIVER_SESSION_SUBMIT_QUEUE_H_

#include <vnpu/queue.h>
#include <vnpu/session.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "driver/base/event_signal.h"

namespace vnpu::driver {

// Client and device share the memory and may write anything at any time: indexes that the driver
// writes are kept here, those that others write are bounded. Used by one thread at a time.
class SubmitQueue {
 public:
  // `base`: the queue's memory (queue.h), mapped; it and the session memory outlive the object.
  SubmitQueue(std::byte* base, uint32_t queue_id, uint32_t entries, vnpu_session_mem* session,
              int kick_fd, EventSignal* signal);

  // Appends as many of `sqes` as there is room for, from the first on; returns how many. `task`
  // receives the index of the first.
  size_t Append(std::span<const vnpu_sqe> sqes, uint64_t* task);
  bool HasRoom() const { return Room() > 0; }

  // Takes up to out.size() completions; returns how many.
  size_t Take(std::span<vnpu_cqe> out);
  bool HasCompletions() const { return Waiting() > 0; }

  // Asks the device to signal the driver at the next progress or completion. To be followed by one
  // more look.
  void ArmDriverWait();

  uint64_t tail() const { return tail_; }
  uint64_t cq_head() const { return cq_head_; }

 private:
  uint64_t Room() const;
  uint64_t Waiting() const;
  void RingDoorbell();

  vnpu_queue_hdr* header_;
  vnpu_sqe* sq_;
  const vnpu_cqe* cq_;
  vnpu_session_mem* session_;
  EventSignal* signal_;
  int kick_fd_;
  uint32_t queue_id_;
  uint64_t entries_;
  uint64_t tail_ = 0;
  uint64_t cq_head_ = 0;
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_SESSION_SUBMIT_QUEUE_H_
