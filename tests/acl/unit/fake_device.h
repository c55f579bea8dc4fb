// A driver and a device within the test: an in-process transport whose queues a thread of the test
// consumes.
#ifndef VNPU_TESTS_ACL_UNIT_FAKE_DEVICE_H_
#define VNPU_TESTS_ACL_UNIT_FAKE_DEVICE_H_

#include <vnpu/queue.h>
#include <vnpu/session.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "libruntime/src/base/shared_memory.h"

namespace vnpu::test {

// The device's side of one queue in memory.
class FakeQueue {
 public:
  FakeQueue(std::byte* memory, uint32_t entries)
      : hdr_(reinterpret_cast<vnpu_queue_hdr*>(memory)),
        sq_(reinterpret_cast<vnpu_sqe*>(memory + VNPU_QUEUE_SQ_OFFSET)),
        cq_(reinterpret_cast<vnpu_cqe*>(memory + vnpu_queue_cq_offset(entries))),
        args_(memory + vnpu_queue_arg_offset(entries)),
        entries_(entries) {}

  // The next published entry, or null.
  const vnpu_sqe* Next() const {
    return runtime::LoadShared(hdr_->sq_tail) == head_ ? nullptr : &sq_[head_ % entries_];
  }
  uint64_t head() const { return head_; }
  const std::byte* args() const { return args_; }
  // Ends the next entry.
  void Complete(uint32_t status = VNPU_OK);

 private:
  vnpu_queue_hdr* hdr_;
  vnpu_sqe* sq_;
  vnpu_cqe* cq_;
  const std::byte* args_;
  uint64_t entries_;
  uint64_t head_ = 0;
  uint64_t cq_tail_ = 0;
};

}  // namespace vnpu::test

#endif  // VNPU_TESTS_ACL_UNIT_FAKE_DEVICE_H_
