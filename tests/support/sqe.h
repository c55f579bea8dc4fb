// Makers of SQEs; queue_id and seq are filled in where they are published.
#ifndef VNPU_TESTS_SUPPORT_SQE_H_
#define VNPU_TESTS_SUPPORT_SQE_H_

#include <vnpu/queue.h>

namespace vnpu::test {

inline vnpu_sqe MakeSqe(vnpu_opcode opcode) {
  vnpu_sqe sqe{};
  sqe.opcode = opcode;
  return sqe;
}

inline vnpu_sqe Nop() { return MakeSqe(VNPU_OP_NOP); }

template <class Change>
vnpu_sqe With(vnpu_sqe sqe, const Change& change) {
  change(&sqe);
  return sqe;
}
inline vnpu_sqe WithCqe(vnpu_sqe sqe) {
  sqe.flags |= VNPU_SQE_CQE;
  return sqe;
}
inline vnpu_sqe WithTimeout(vnpu_sqe sqe, uint32_t timeout_us) {
  sqe.timeout_us = timeout_us;
  return sqe;
}

inline vnpu_sqe WithCoreLimit(vnpu_sqe sqe, uint16_t cores) {
  sqe.core_limit = cores;
  return sqe;
}

// A kernel without arguments.
inline vnpu_sqe Kernel(uint32_t func_id, uint32_t blocks = 1) {
  vnpu_sqe sqe = MakeSqe(VNPU_OP_KERNEL);
  sqe.kernel.func_id = func_id;
  sqe.kernel.block_dim = blocks;
  return sqe;
}

// A kernel with its arguments in the entry.
template <typename Args>
vnpu_sqe Kernel(uint32_t func_id, uint32_t blocks, const Args& args) {
  static_assert(sizeof(Args) <= VNPU_SQE_INLINE_BYTES);
  vnpu_sqe sqe = Kernel(func_id, blocks);
  sqe.flags = VNPU_SQE_INLINE;
  sqe.kernel.arg_size = sizeof(Args);
  __builtin_memcpy(sqe.kernel.inline_args, &args, sizeof(Args));
  return sqe;
}

inline vnpu_sqe Event(vnpu_opcode opcode, uint32_t event_id, uint64_t seq) {
  vnpu_sqe sqe = MakeSqe(opcode);
  sqe.event.event_id = event_id;
  sqe.event.seq = seq;
  return sqe;
}
inline vnpu_sqe Record(uint32_t event_id, uint64_t seq) {
  return Event(VNPU_OP_EVENT_RECORD, event_id, seq);
}
inline vnpu_sqe Wait(uint32_t event_id, uint64_t seq) {
  return Event(VNPU_OP_EVENT_WAIT, event_id, seq);
}
inline vnpu_sqe Reset(uint32_t event_id, uint64_t seq = 0) {
  return Event(VNPU_OP_EVENT_RESET, event_id, seq);
}

inline vnpu_sqe NotifyRecord(uint32_t notify_id, uint32_t mode, uint64_t value) {
  vnpu_sqe sqe = MakeSqe(VNPU_OP_NOTIFY_RECORD);
  sqe.notify.notify_id = notify_id;
  sqe.notify.mode = mode;
  sqe.notify.value = value;
  return sqe;
}
inline vnpu_sqe NotifyWait(uint32_t notify_id, uint32_t mode, uint64_t value, uint32_t flags = 0) {
  vnpu_sqe sqe = MakeSqe(VNPU_OP_NOTIFY_WAIT);
  sqe.notify.notify_id = notify_id;
  sqe.notify.mode = mode;
  sqe.notify.value = value;
  sqe.notify.flags = flags;
  return sqe;
}
// A notify that is set, and one that is waited for and cleared.
inline vnpu_sqe Signal(uint32_t notify_id) { return NotifyRecord(notify_id, VNPU_NOTIFY_SET, 1); }
inline vnpu_sqe AwaitSignal(uint32_t notify_id) {
  return NotifyWait(notify_id, VNPU_NOTIFY_EQUAL, 1, VNPU_NOTIFY_CLEAR);
}

inline vnpu_sqe ValueWait(uint64_t va, uint32_t mode, uint64_t value) {
  vnpu_sqe sqe = MakeSqe(VNPU_OP_VALUE_WAIT);
  sqe.value.va = va;
  sqe.value.mode = mode;
  sqe.value.value = value;
  return sqe;
}

inline vnpu_sqe Interrupt(uint32_t event_id, uint64_t seq, uint32_t irq_id) {
  vnpu_sqe sqe = MakeSqe(VNPU_OP_INTERRUPT);
  sqe.interrupt.event_id = event_id;
  sqe.interrupt.irq_id = irq_id;
  sqe.interrupt.seq = seq;
  return sqe;
}

inline vnpu_sqe Copy(uint64_t dst, uint64_t src, uint64_t size, uint32_t copy_flags = 0) {
  vnpu_sqe sqe = MakeSqe(VNPU_OP_COPY);
  sqe.copy.dst = dst;
  sqe.copy.src = src;
  sqe.copy.size = size;
  sqe.copy.copy_flags = copy_flags;
  return sqe;
}

inline vnpu_sqe Memset(uint64_t dst, uint64_t size, uint32_t value, uint32_t width = 1) {
  vnpu_sqe sqe = MakeSqe(VNPU_OP_MEMSET);
  sqe.memset.dst = dst;
  sqe.memset.size = size;
  sqe.memset.value = value;
  sqe.memset.width = width;
  return sqe;
}

inline vnpu_sqe Reduce(uint64_t dst, uint64_t src, uint64_t size, uint32_t kind, uint32_t type) {
  vnpu_sqe sqe = MakeSqe(VNPU_OP_REDUCE);
  sqe.reduce.dst = dst;
  sqe.reduce.src = src;
  sqe.reduce.size = size;
  sqe.reduce.kind = kind;
  sqe.reduce.type = type;
  return sqe;
}

}  // namespace vnpu::test

#endif  // VNPU_TESTS_SUPPORT_SQE_H_
