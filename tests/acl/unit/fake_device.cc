#include "tests/acl/unit/fake_device.h"

namespace vnpu::test {

void FakeQueue::Complete(uint32_t status) {
  if (status != VNPU_OK) {
    if (cq_tail_ - runtime::LoadShared(hdr_->cq_head) >= entries_) {
      runtime::StoreShared(hdr_->cq_overflow, hdr_->cq_overflow + 1);
    } else {
      cq_[cq_tail_ % entries_] = {
          .task = head_, .timestamp = 0, .queue_id = 0, .status = status, .exception = 0};
      runtime::StoreShared(hdr_->cq_tail, ++cq_tail_);
    }
  }
  runtime::StoreShared(hdr_->sq_head, ++head_);
}

}  // namespace vnpu::test
