// Bytes handed out in order from a ring and given back in the same order.
#ifndef VNPU_LIBRUNTIME_SRC_QUEUE_RING_SPACE_H_
#define VNPU_LIBRUNTIME_SRC_QUEUE_RING_SPACE_H_

#include <cstdint>

namespace vnpu::runtime {

class RingSpace {
 public:
  static constexpr uint64_t kNone = ~uint64_t{0};

  explicit RingSpace(uint64_t capacity = 0) : capacity_(capacity) {}

  // What `bytes` take up.
  static uint64_t Round(uint64_t bytes) { return (bytes + 7) & ~uint64_t{7}; }

  uint64_t capacity() const { return capacity_; }
  uint64_t tail() const { return tail_; }

  // A contiguous place of `bytes`, multiple of 8 after rounding: its position (offset =
  // position % capacity), or kNone when there is no room now. Taken by Take.
  uint64_t Find(uint64_t bytes) const {
    const uint64_t rounded = Round(bytes);
    uint64_t position = tail_;
    if (const uint64_t offset = position % capacity_; offset + rounded > capacity_) {
      position += capacity_ - offset;  // does not fit before the end: skip to the start
    }
    return position + rounded - head_ <= capacity_ ? position : kNone;
  }
  void Take(uint64_t position, uint64_t bytes) { tail_ = position + Round(bytes); }

  // Everything below `position` (a tail() of earlier) is free again.
  void ReleaseTo(uint64_t position) { head_ = position; }

 private:
  uint64_t capacity_;
  uint64_t head_ = 0;
  uint64_t tail_ = 0;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_QUEUE_RING_SPACE_H_
