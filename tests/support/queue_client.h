// The client's end of one task queue, for tests below the runtime: publishes SQEs, consumes CQEs.
#ifndef VNPU_TESTS_SUPPORT_QUEUE_CLIENT_H_
#define VNPU_TESTS_SUPPORT_QUEUE_CLIENT_H_

#include <vnpu/queue.h>
#include <vnpu/session.h>

#include <atomic>
#include <cstddef>
#include <optional>

namespace vnpu::test {

template <typename T>
std::atomic_ref<T> Shared(T& word) {
  return std::atomic_ref<T>(word);
}

// Borrows its memory. One thread at a time.
class QueueClient {
 public:
  QueueClient() = default;
  // `base`: start of the queue in queue memory, vnpu_queue_bytes(entries, arg_bytes) of zeros. Asks
  // for the times of tasks.
  QueueClient(vnpu_session_mem* session, std::byte* base, uint32_t id, uint32_t entries)
      : session_(session), base_(base), id_(id), entries_(entries) {
    hdr().record_times = 1;
  }

  uint32_t id() const { return id_; }
  uint32_t entries() const { return entries_; }
  std::byte* base() const { return base_; }
  vnpu_queue_hdr& hdr() const { return *reinterpret_cast<vnpu_queue_hdr*>(base_); }
  vnpu_sqe* sq() const { return reinterpret_cast<vnpu_sqe*>(base_ + VNPU_QUEUE_SQ_OFFSET); }
  const vnpu_task_time& time(uint64_t task) const {
    return reinterpret_cast<const vnpu_task_time*>(
        base_ + vnpu_queue_times_offset(entries_))[task & (entries_ - 1)];
  }
  std::byte* args() const { return base_ + vnpu_queue_arg_offset(entries_); }

  uint64_t tail() const { return tail_; }
  uint64_t head() const { return Shared(hdr().sq_head).load(std::memory_order_acquire); }
  bool Full() const { return tail_ - head() >= entries_; }
  bool Done() const { return head() == tail_; }

  // Fills in queue_id and seq and publishes; the queue has room. True: the device sleeps, and the
  // caller kicks it.
  [[nodiscard]] bool Publish(const vnpu_sqe& sqe) {
    Write(sqe);
    StoreTail(tail_ + 1);
    return Ring();
  }
  // The entry alone, without its tail.
  void Write(vnpu_sqe sqe) const {
    sqe.queue_id = id_;
    sqe.seq = static_cast<uint32_t>(tail_);
    sq()[tail_ & (entries_ - 1)] = sqe;
  }
  // The same without filling in anything.
  [[nodiscard]] bool PublishRaw(const vnpu_sqe& sqe) {
    sq()[tail_ & (entries_ - 1)] = sqe;
    StoreTail(tail_ + 1);
    return Ring();
  }
  // A tail of the caller's choice, without ringing.
  void StoreTail(uint64_t tail) {
    tail_ = tail;
    Shared(hdr().sq_tail).store(tail, std::memory_order_seq_cst);
  }
  // Rings if the device asks for it. True: the caller kicks.
  [[nodiscard]] bool Ring() const {
    if (Shared(hdr().need_doorbell).load(std::memory_order_seq_cst) != 1) {
      return false;
    }
    Shared(session_->doorbell[id_ / 64]).fetch_or(1ull << (id_ % 64));
    Shared(session_->doorbell_summary).fetch_or(1ull << (id_ / 64));
    return Shared(session_->need_wakeup).load() == 1 &&
           Shared(session_->need_wakeup).exchange(0) == 1;
  }

  // The next CQE, or nothing.
  std::optional<vnpu_cqe> Consume() {
    if (Shared(hdr().cq_tail).load(std::memory_order_acquire) == cq_head_) {
      return std::nullopt;
    }
    const vnpu_cqe cqe = reinterpret_cast<const vnpu_cqe*>(
        base_ + vnpu_queue_cq_offset(entries_))[cq_head_ & (entries_ - 1)];
    Shared(hdr().cq_head).store(++cq_head_, std::memory_order_release);
    return cqe;
  }

 private:
  vnpu_session_mem* session_ = nullptr;
  std::byte* base_ = nullptr;
  uint32_t id_ = 0;
  uint32_t entries_ = 0;
  uint64_t tail_ = 0;
  uint64_t cq_head_ = 0;
};

}  // namespace vnpu::test

#endif  // VNPU_TESTS_SUPPORT_QUEUE_CLIENT_H_
