#include "driver/session/interrupts.h"

#include <liburing.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstring>
#include <mutex>

#include "driver/base/memfd.h"

namespace vnpu::driver {
namespace {

using firmware::ControlOp;
using firmware::ControlRequest;

// A client that keeps its ring locked is not waited for longer than this.
constexpr __kernel_timespec kRingPatience{0, 20'000'000};

}  // namespace

int SessionInterrupts::Add(vnpu_ioc_irq_add* arg, UniqueFd fd, uint64_t features) {
  const bool uring = arg->kind == VNPU_IRQ_URING;
  const uint64_t feature = uring ? VNPU_FEATURE_IRQ_URING : VNPU_FEATURE_IRQ_EVENTFD;
  if (arg->reserved != 0 || (arg->kind != VNPU_IRQ_EVENTFD && !uring) ||
      (features & feature) == 0) {
    return -EINVAL;
  }
  if (const int error = uring ? CheckUring(fd.get()) : CheckEventfd(fd.get()); error != 0) {
    return error;
  }
  Irq irq;
  irq.kind = arg->kind;
  irq.user_data = arg->user_data;
  if (const int error = context_->Hold(std::move(fd), &irq.target); error != 0) {
    return error;
  }
  irq.charge = Charge(context_->tally(), Counted::kIrqs);
  const int target = irq.target.get();
  const std::optional<uint32_t> id = irqs_.Insert(std::move(irq));
  if (!id) {
    return -ENOSPC;
  }
  ControlRequest request{};
  request.op = ControlOp::kIrqAdd;
  request.irq = {*id, arg->kind, arg->user_data, uring ? arg->fd : -1, 0};
  // An io_uring cannot be sent: the device process takes its own duplicate from the client.
  const int error = context_->Call(request, std::span(&target, uring ? 0 : 1));
  if (error != 0) {
    irqs_.Erase(*id);
    return error;
  }
  arg->irq_id = *id;
  return 0;
}

int SessionInterrupts::Delete(const vnpu_ioc_irq_del& arg) {
  if (arg.reserved != 0) {
    return -EINVAL;
  }
  if (irqs_.Find(arg.irq_id) == nullptr) {
    return -ENOENT;
  }
  ControlRequest request{};
  request.op = ControlOp::kIrqDel;
  request.irq.irq_id = arg.irq_id;
  const int error = context_->Call(request);
  if (error == 0) {
    irqs_.Erase(arg.irq_id);
  }
  return error;
}

void SessionInterrupts::WakeAll() {
  bool rings = false;
  for (auto& [id, irq] : irqs_) {
    if (irq.kind == VNPU_IRQ_EVENTFD) {
      context_->signal.Signal(irq.target.get());
    } else {
      rings = true;
    }
  }
  if (rings) {
    WakeRings();
  }
}

// One ring of our own for this one occasion: nothing a client does to its rings can get into the
// way of another session.
void SessionInterrupts::WakeRings() {
  // One after the other: the thread checker does not see that memory of one ring comes again as
  // that of another, because liburing maps it by system calls of its own.
  static std::mutex mapping;
  io_uring ring;
  int error = 0;
  {
    const std::lock_guard lock(mapping);
    error = io_uring_queue_init(VNPU_MAX_IRQS, &ring, 0);
  }
  if (error != 0) {
    spdlog::error("cannot wake the rings of client {}: io_uring: {}", context_->entry.pid,
                  std::strerror(-error));
    return;
  }
  unsigned sent = 0;
  for (auto& [id, irq] : irqs_) {
    if (irq.kind == VNPU_IRQ_URING) {
      io_uring_sqe* sqe = io_uring_get_sqe(&ring);
      io_uring_prep_msg_ring(sqe, irq.target.get(), 0, irq.user_data, 0);
      ++sent;
    }
  }
  io_uring_submit(&ring);
  for (unsigned done = 0; done < sent; ++done) {
    io_uring_cqe* cqe = nullptr;
    __kernel_timespec patience = kRingPatience;
    if (io_uring_wait_cqe_timeout(&ring, &cqe, &patience) != 0) {
      break;
    }
    io_uring_cqe_seen(&ring, cqe);
  }
  const std::lock_guard lock(mapping);
  io_uring_queue_exit(&ring);
}

}  // namespace vnpu::driver
