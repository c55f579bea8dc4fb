#include "firmware/device/print.h"

#include <vnpu/print.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "firmware/scheduler/shared.h"

namespace vnpu::firmware {
namespace {

constexpr uint64_t Padded(uint64_t bytes) { return (bytes + 7) & ~uint64_t{7}; }

uint32_t TextBytes(const char* text) {
  return static_cast<uint32_t>(strnlen(text, VNPU_PRINT_TEXT_MAX - 1)) + 1;
}

// Bytes that follow each other in a ring.
class RingWriter {
 public:
  RingWriter(std::byte* data, uint64_t capacity, uint64_t position)
      : data_(data), capacity_(capacity), position_(position % capacity) {}

  void Put(const void* from, uint64_t bytes) {
    const uint64_t first = std::min(bytes, capacity_ - position_);
    std::memcpy(data_ + position_, from, first);
    std::memcpy(data_, static_cast<const std::byte*>(from) + first, bytes - first);
    position_ = (position_ + bytes) % capacity_;
  }
  // A text of `bytes` with its NUL, which the source may have lost since it was measured.
  void PutText(const char* text, uint32_t bytes) {
    constexpr uint64_t kZero = 0;
    Put(text, bytes - 1);
    Put(&kZero, Padded(bytes) - (bytes - 1));
  }

 private:
  std::byte* data_;
  uint64_t capacity_;
  uint64_t position_;
};

}  // namespace

PrintRings::PrintRings(const vnpu_session_mem* session, uint64_t window_base,
                       const uint32_t (&units)[VNPU_UNIT_COUNT])
    : session_(session), window_base_(window_base), first_{}, count_{}, rings_(0) {
  for (const uint32_t unit : {VNPU_UNIT_AI_CORE, VNPU_UNIT_VECTOR_CORE, VNPU_UNIT_AI_CPU}) {
    first_[unit] = rings_;
    count_[unit] = units[unit];
    rings_ += units[unit];
  }
  first_[VNPU_UNIT_MIX] = first_[VNPU_UNIT_AI_CORE];
  count_[VNPU_UNIT_MIX] = count_[VNPU_UNIT_AI_CORE];
}

uint64_t PrintRings::Ring(const vnpu_block& block, uint64_t* bytes) const {
  const uint64_t base = LoadShared(session_->print_va, std::memory_order_acquire);
  *bytes = LoadShared(session_->print_fifo_bytes, std::memory_order_acquire);
  // Both belong together only if neither has changed in between.
  const bool settled = LoadShared(session_->print_va) == base;
  if (base == 0 || !settled || base % 64 != 0 || *bytes % 8 != 0 || *bytes < VNPU_PRINT_FIFO_MIN ||
      *bytes > VNPU_PRINT_FIFO_MAX || base < window_base_ || *bytes * rings_ > VNPU_WINDOW_SIZE ||
      base - window_base_ > VNPU_WINDOW_SIZE - *bytes * rings_ ||
      block.core_id >= count_[block.core_type]) {
    return 0;
  }
  return base + *bytes * (first_[block.core_type] + block.core_id);
}

int PrintRings::Print(const vnpu_block& block, const char* format, const vnpu_print_arg* args,
                      uint32_t count) const {
  uint64_t bytes = 0;
  const uint64_t ring = Ring(block, &bytes);
  if (ring == 0 || count > VNPU_PRINT_MAX_ARGS) {
    return -1;
  }
  vnpu_print_value values[VNPU_PRINT_MAX_ARGS];
  vnpu_print_record record{};
  record.block = block.block_idx;
  record.queue_id = block.queue_id;
  record.task = block.task;
  record.args = count;
  record.format_bytes = TextBytes(format);
  uint64_t size = sizeof(record) + Padded(record.format_bytes) + count * sizeof(vnpu_print_value);
  for (uint32_t i = 0; i < count; ++i) {
    const bool text = args[i].kind == VNPU_PRINT_STRING && args[i].bits != 0;
    values[i] = {args[i].kind, args[i].size, args[i].bits};
    if (args[i].kind == VNPU_PRINT_STRING) {
      values[i].size = text ? TextBytes(reinterpret_cast<const char*>(args[i].bits)) : 0;
      values[i].bits = 0;
      size += Padded(values[i].size);
    }
  }
  record.bytes = static_cast<uint32_t>(size);

  auto& fifo = *reinterpret_cast<vnpu_print_fifo*>(ring);
  const uint64_t capacity = bytes - sizeof(fifo);
  const uint64_t tail = LoadShared(fifo.tail);
  const uint64_t used = tail - LoadShared(fifo.head, std::memory_order_acquire);
  if (used > capacity || size > capacity - used) {
    StoreShared(fifo.lost, LoadShared(fifo.lost) + 1, std::memory_order_release);
    return -1;
  }
  RingWriter out(reinterpret_cast<std::byte*>(&fifo + 1), capacity, tail);
  out.Put(&record, sizeof(record));
  out.PutText(format, record.format_bytes);
  out.Put(values, count * sizeof(vnpu_print_value));
  for (uint32_t i = 0; i < count; ++i) {
    if (values[i].kind == VNPU_PRINT_STRING && values[i].size != 0) {
      out.PutText(reinterpret_cast<const char*>(args[i].bits), values[i].size);
    }
  }
  StoreShared(fifo.tail, tail + size, std::memory_order_release);
  return 0;
}

}  // namespace vnpu::firmware
