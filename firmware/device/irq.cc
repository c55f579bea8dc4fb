#include "firmware/device/irq.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace vnpu::firmware {

IrqTable::~IrqTable() {
  if (ring_) {
    io_uring_queue_exit(&*ring_);
  }
}

void IrqTable::SetUpRing() {
  constexpr unsigned kEntries = 64;
  io_uring ring{};
  if (io_uring_queue_init(kEntries, &ring, IORING_SETUP_R_DISABLED) != 0) {
    return;
  }
  // Device code shares this process: the ring must be of no use to it but for messages.
  std::array<io_uring_restriction, 2> restrictions{};
  restrictions[0].opcode = IORING_RESTRICTION_SQE_OP;
  restrictions[0].sqe_op = IORING_OP_MSG_RING;
  restrictions[1].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
  restrictions[1].sqe_flags = IOSQE_CQE_SKIP_SUCCESS;
  // Bare calls: Debian's liburing does not export its wrappers of these two.
  if (syscall(SYS_io_uring_register, ring.ring_fd, IORING_REGISTER_RESTRICTIONS,
              restrictions.data(), restrictions.size()) != 0 ||
      syscall(SYS_io_uring_register, ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) != 0) {
    io_uring_queue_exit(&ring);
    return;
  }
  ring_ = ring;
}

int IrqTable::Add(uint32_t irq_id, uint32_t kind, uint64_t user_data, Fd fd) {
  if (irq_id >= targets_.size() || targets_[irq_id].fd) {
    return -EINVAL;
  }
  if (kind == VNPU_IRQ_URING && !ring_) {
    return -EOPNOTSUPP;
  }
  targets_[irq_id] = {std::move(fd), kind, user_data};
  if (irq_id >= limit_) {
    limit_ = irq_id + 1;
  }
  return 0;
}

int IrqTable::Remove(uint32_t irq_id) {
  if (irq_id >= targets_.size() || !targets_[irq_id].fd) {
    return -ENOENT;
  }
  targets_[irq_id].fd = Fd();
  while (limit_ > 0 && !targets_[limit_ - 1].fd) {
    --limit_;
  }
  return 0;
}

void IrqTable::Post(uint32_t irq_id) {
  const Target& target = targets_[irq_id];
  if (!target.fd) {
    return;
  }
  if (target.kind == VNPU_IRQ_URING) {
    PostToRing(target);
  } else {
    const uint64_t one = 1;
    // A full counter means that an interrupt is pending anyway.
    [[maybe_unused]] const ssize_t put = write(target.fd.get(), &one, sizeof(one));
  }
}

void IrqTable::PostToRing(const Target& target) {
  io_uring_sqe* sqe = io_uring_get_sqe(&*ring_);
  if (sqe == nullptr) {
    return;
  }
  io_uring_prep_msg_ring(sqe, target.fd.get(), 0, target.user_data, 0);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  io_uring_submit(&*ring_);
  // Only failures leave an entry: the client has closed its ring, which is its own affair.
  io_uring_cqe* cqe = nullptr;
  while (io_uring_peek_cqe(&*ring_, &cqe) == 0) {
    io_uring_cqe_seen(&*ring_, cqe);
  }
}

void IrqTable::PostAll() {
  for (uint32_t irq = 0; irq < limit_; ++irq) {
    Post(irq);
  }
}

}  // namespace vnpu::firmware
