#include <algorithm>
#include <cstring>
#include <span>
#include <stdexcept>

#include "tests/uapi/support/session.h"

namespace vnpu::raw {
namespace {

vnpu_sqe Task(uint8_t opcode) {
  vnpu_sqe sqe{};
  sqe.opcode = opcode;
  return sqe;
}

vnpu_sqe EventTask(uint8_t opcode, uint32_t event_id, uint64_t seq) {
  vnpu_sqe sqe = Task(opcode);
  sqe.event.event_id = event_id;
  sqe.event.seq = seq;
  return sqe;
}

}  // namespace

vnpu_sqe Nop(uint8_t flags) {
  vnpu_sqe sqe = Task(VNPU_OP_NOP);
  sqe.flags = flags;
  return sqe;
}

vnpu_sqe Copy(uint64_t dst, uint64_t src, uint64_t size, uint32_t copy_flags) {
  vnpu_sqe sqe = Task(VNPU_OP_COPY);
  sqe.copy.dst = dst;
  sqe.copy.src = src;
  sqe.copy.size = size;
  sqe.copy.copy_flags = copy_flags;
  return sqe;
}

vnpu_sqe Memset(uint64_t dst, uint64_t size, uint32_t value, uint32_t width) {
  vnpu_sqe sqe = Task(VNPU_OP_MEMSET);
  sqe.memset.dst = dst;
  sqe.memset.size = size;
  sqe.memset.value = value;
  sqe.memset.width = width;
  return sqe;
}

vnpu_sqe EventRecord(uint32_t event_id, uint64_t seq) {
  return EventTask(VNPU_OP_EVENT_RECORD, event_id, seq);
}

vnpu_sqe EventWait(uint32_t event_id, uint64_t seq, uint32_t timeout_us) {
  vnpu_sqe sqe = EventTask(VNPU_OP_EVENT_WAIT, event_id, seq);
  sqe.timeout_us = timeout_us;
  return sqe;
}

vnpu_sqe EventReset(uint32_t event_id) { return EventTask(VNPU_OP_EVENT_RESET, event_id, 0); }

vnpu_sqe Kernel(uint32_t func_id, uint32_t blocks, std::span<const uint64_t> args) {
  if (args.size_bytes() > VNPU_SQE_INLINE_BYTES) {
    throw std::invalid_argument("inline arguments");
  }
  vnpu_sqe sqe = Task(VNPU_OP_KERNEL);
  sqe.flags = VNPU_SQE_INLINE;
  sqe.kernel.func_id = func_id;
  sqe.kernel.block_dim = blocks;
  sqe.kernel.arg_size = static_cast<uint32_t>(args.size_bytes());
  std::ranges::copy(std::as_bytes(args), reinterpret_cast<std::byte*>(sqe.kernel.inline_args));
  return sqe;
}

}  // namespace vnpu::raw
