#include "driver/session/submit_queue.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace vnpu::driver {
namespace {

template <typename T>
std::atomic_ref<T> Shared(T& word) {
  return std::atomic_ref<T>(word);
}

}  // namespace

SubmitQueue::SubmitQueue(std::byte* base, uint32_t queue_id, uint32_t entries,
                         vnpu_session_mem* session, int kick_fd, EventSignal* signal)
    : header_(reinterpret_cast<vnpu_queue_hdr*>(base)),
      sq_(reinterpret_cast<vnpu_sqe*>(base + VNPU_QUEUE_SQ_OFFSET)),
      cq_(reinterpret_cast<const vnpu_cqe*>(base + vnpu_queue_cq_offset(entries))),
      session_(session),
      signal_(signal),
      kick_fd_(kick_fd),
      queue_id_(queue_id),
      entries_(entries) {}

// Every task may post one completion, so tasks under way and completions not yet taken together
// are no more than the CQ holds: none is ever lost. The head is read first, or a task that ends in
// between would not be counted at all.
uint64_t SubmitQueue::Room() const {
  const uint64_t under_way = tail_ - Shared(header_->sq_head).load(std::memory_order_acquire);
  if (under_way > entries_) {
    return 0;
  }
  const uint64_t posted = Shared(header_->cq_tail).load(std::memory_order_acquire) - cq_head_;
  return posted <= entries_ - under_way ? entries_ - under_way - posted : 0;
}

uint64_t SubmitQueue::Waiting() const {
  const uint64_t posted = Shared(header_->cq_tail).load(std::memory_order_acquire) - cq_head_;
  return posted <= entries_ ? posted : 0;
}

size_t SubmitQueue::Append(std::span<const vnpu_sqe> sqes, uint64_t* task) {
  const size_t count = std::min<uint64_t>(sqes.size(), Room());
  *task = tail_;
  if (count == 0) {
    return 0;
  }
  for (size_t i = 0; i < count; ++i) {
    const auto seq = static_cast<uint32_t>(tail_ + i);
    vnpu_sqe sqe = sqes[i];
    sqe.seq = seq - 1;
    vnpu_sqe& slot = sq_[(tail_ + i) & (entries_ - 1)];
    // Who reads the slot's last entry, without a lock, is to see that it is going.
    Shared(slot.seq).store(sqe.seq, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    std::memcpy(&slot, &sqe, sizeof(sqe));
    Shared(slot.seq).store(seq, std::memory_order_release);
  }
  tail_ += count;
  Shared(header_->sq_tail).store(tail_, std::memory_order_seq_cst);
  RingDoorbell();
  return count;
}

// Steps 3 to 5 of the protocol in queue.h.
void SubmitQueue::RingDoorbell() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (Shared(header_->need_doorbell).load(std::memory_order_seq_cst) != 0) {
    const uint32_t word = queue_id_ / 64;
    Shared(session_->doorbell[word]).fetch_or(uint64_t{1} << (queue_id_ % 64));
    Shared(session_->doorbell_summary).fetch_or(uint64_t{1} << word);
  }
  if (Shared(session_->need_wakeup).load() != 0 && Shared(session_->need_wakeup).exchange(0) != 0) {
    signal_->Signal(kick_fd_);
  }
}

size_t SubmitQueue::Take(std::span<vnpu_cqe> out) {
  const size_t count = std::min<uint64_t>(out.size(), Waiting());
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(&out[i], &cq_[(cq_head_ + i) & (entries_ - 1)], sizeof(vnpu_cqe));
    out[i].queue_id = queue_id_;
  }
  cq_head_ += count;
  Shared(header_->cq_head).store(cq_head_, std::memory_order_release);
  return count;
}

void SubmitQueue::ArmDriverWait() { Shared(header_->driver_wait).store(1); }

}  // namespace vnpu::driver
