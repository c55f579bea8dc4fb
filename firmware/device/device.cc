#include "firmware/device/device.h"

#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "firmware/scheduler/shared.h"
#include "vdev/page_table.h"

namespace vnpu::firmware {
namespace {

constexpr uint32_t kFirstWorkers = 2;
constexpr uint32_t kMaxWorkers = 256;

vnpu_session_mem* SessionOf(const Mapping& mapping) {
  return reinterpret_cast<vnpu_session_mem*>(mapping.data());
}

// What the compat part answered, as a reply can carry it.
int ErrnoOf(int answer) {
  constexpr int kMaxErrno = 133;
  return answer < 0 && answer >= -kMaxErrno ? answer : -EINVAL;
}

size_t FdsOf(const ControlRequest& request) {
  switch (request.op) {
    case ControlOp::kInit:
      return 5;
    case ControlOp::kModuleLoad:
      return 2;
    case ControlOp::kMap:
    case ControlOp::kQmemAdd:
    case ControlOp::kNotifyBind:
    case ControlOp::kModelCreate:
      return 1;
    case ControlOp::kIrqAdd:
      return request.irq.kind == VNPU_IRQ_URING ? 0 : 1;
    default:
      return 0;
  }
}

}  // namespace

int Device::MapBoard(uint32_t slot, int fd) {
  if (slot >= kBoardSlots) {
    return -EINVAL;
  }
  board_ = Mapping(fd, 0, kBoardBytes, PROT_READ);
  own_slot_ = Mapping(fd, 4096ull * (1 + slot), 4096, PROT_READ | PROT_WRITE);
  return board_.data() != nullptr && own_slot_.data() != nullptr ? 0 : -ENOMEM;
}

int Device::Init(const ControlInit& init, std::vector<Fd>& fds) {
  if (pool_ != nullptr) {
    return -EBUSY;
  }
  if (init.clock_hz == 0) {
    return -EINVAL;
  }
  if (const int error = window_.Reserve(init.window_base); error != 0) {
    return error;
  }
  session_ = Mapping(fds[0].get(), 0, VNPU_SESSION_MEM_BYTES, PROT_READ | PROT_WRITE);
  page_table_ = Mapping(fds[2].get(), 0, vdev::kTableBytes, PROT_READ);
  if (session_.data() == nullptr || page_table_.data() == nullptr) {
    return -ENOMEM;
  }
  if (const int error = MapBoard(init.board_slot, fds[3].get()); error != 0) {
    return error;
  }
  client_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, init.client_pid, 0)));
  kick_ = std::move(fds[1]);
  driver_ = std::move(fds[4]);
  clock_.emplace(init.clock_hz);
  units_.emplace(reinterpret_cast<const BoardHeader*>(board_.data()), board_.data() + 4096,
                 reinterpret_cast<BoardSlot*>(own_slot_.data()));
  asks_for_times_ = (init.flags & VNPU_SESSION_ASKS_FOR_TIMES) != 0;
  const bool client_fences =
      (init.flags & VNPU_SESSION_FENCES) != 0 &&
      syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
  pool_ = std::make_unique<WorkerPool>(WorkerPool::Config{
      .session = SessionOf(session_),
      .units = &*units_,
      .clock = &*clock_,
      .page_table = page_table_.data(),
      .client = static_cast<pid_t>(init.client_pid),
      .device = init.device,
      .prints = PrintRings(SessionOf(session_), init.window_base, init.units),
      .max_workers = std::clamp(compat_->worker_limit(init.units), kFirstWorkers, kMaxWorkers),
      .kick_fd = kick_.get(),
      .driver_fd = driver_.get(),
      .help_fd = help_fd_,
      .client_fences = client_fences,
      .seq_last = (init.flags & VNPU_SESSION_SEQ_LAST) != 0});
  modules_.emplace(pool_.get(), &window_);
  for (uint32_t i = 0; i < kFirstWorkers; ++i) {
    if (!pool_->AddWorker()) {
      return -EAGAIN;
    }
  }
  return 0;
}

void Device::Help() {
  if (pool_ != nullptr) {
    pool_->Help();
  }
}

void Device::Orphaned() {
  if (pool_ == nullptr) {
    return;
  }
  StoreShared(SessionOf(session_)->state, uint32_t{VNPU_SESSION_LOST}, std::memory_order_seq_cst);
  const std::lock_guard hold(pool_->lock());
  pool_->irqs().PostAll();
}

int Device::AddQmem(const ControlQmem& request, int fd) {
  if (qmems_.contains(request.qmem_id)) {
    return -EEXIST;
  }
  Mapping memory(fd, 0, request.size, PROT_READ | PROT_WRITE);
  if (memory.data() == nullptr) {
    return -ENOMEM;
  }
  qmems_[request.qmem_id].memory = std::move(memory);
  return 0;
}

int Device::RemoveQmem(uint32_t qmem_id) {
  const auto found = qmems_.find(qmem_id);
  if (found == qmems_.end()) {
    return -ENOENT;
  }
  if (found->second.queues != 0) {
    return -EBUSY;
  }
  qmems_.erase(found);
  return 0;
}

int Device::CreateQueue(const ControlQueue& request) {
  const auto found = qmems_.find(request.qmem_id);
  if (found == qmems_.end()) {
    return -ENOENT;
  }
  const Mapping& memory = found->second.memory;
  const uint64_t bytes = vnpu_queue_bytes(request.sq_entries, request.arg_bytes);
  const bool sound = request.offset % VNPU_PAGE_SIZE == 0 && request.offset <= memory.size() &&
                     bytes <= memory.size() - request.offset &&
                     request.sq_entries >= VNPU_MIN_SQ_ENTRIES &&
                     request.sq_entries <= VNPU_MAX_SQ_ENTRIES &&
                     (request.sq_entries & (request.sq_entries - 1)) == 0;
  if (!sound) {
    return -EINVAL;
  }
  const vnpu_compat_queue wanted = {
      .queue_id = request.queue_id,
      .sq_entries = request.sq_entries,
      .arg_bytes = request.arg_bytes,
      .priority = request.priority,
      .flags = request.flags,
      .queues = static_cast<uint32_t>(queue_qmem_.size()),
  };
  if (const int refused = compat_->admit_queue(&wanted); refused != 0) {
    return ErrnoOf(refused);
  }
  const QueueMemory queue =
      QueueMemory::At(memory.data() + request.offset, request.sq_entries, request.arg_bytes);
  const std::lock_guard hold(pool_->lock());
  const int error =
      pool_->scheduler().CreateQueue(request.queue_id, queue, request.priority, request.flags);
  if (error == 0) {
    if (!asks_for_times_) {
      StoreShared(queue.hdr->record_times, 1u);
    }
    ++found->second.queues;
    queue_qmem_[request.queue_id] = request.qmem_id;
  }
  return error;
}

int Device::DestroyQueue(const ControlQueue& request) {
  const std::lock_guard hold(pool_->lock());
  Scheduler& scheduler = pool_->scheduler();
  int error = scheduler.KillQueue(request.queue_id, (request.flags & VNPU_DESTROY_FORCE) != 0);
  if (error != 0) {
    return error;
  }
  pool_->Wake();  // the end of a run may let another one start
  if (!pool_->WaitUntilQuiet(request.queue_id, compat_->quiet_limit_ms())) {
    return -ETIMEDOUT;
  }
  error = scheduler.DestroyQueue(request.queue_id);
  if (error == 0) {
    --qmems_[queue_qmem_[request.queue_id]].queues;
    queue_qmem_.erase(request.queue_id);
  }
  return error;
}

int Device::SetQueue(const ControlQueueSet& request) {
  vnpu_compat_update update{};
  if (const int refused = compat_->update_queue(request.attr, request.value, &update);
      refused != 0) {
    return ErrnoOf(refused);
  }
  const std::lock_guard hold(pool_->lock());
  Scheduler& scheduler = pool_->scheduler();
  switch (update.change) {
    case VNPU_COMPAT_STOP_ON_FAILURE:
      return scheduler.SetStopOnFailure(request.queue_id, update.value != 0);
    case VNPU_COMPAT_PRIORITY:
      return scheduler.SetPriority(request.queue_id, update.value);
    default:
      return -EINVAL;
  }
}

int Device::AbortQueue(const ControlQueue& request, ControlDropped* dropped) {
  const std::lock_guard hold(pool_->lock());
  Scheduler::Dropped tasks;
  const int error = pool_->scheduler().AbortQueue(request.queue_id,
                                                  (request.flags & VNPU_ABORT_ONE) != 0, &tasks);
  *dropped = {.from = tasks.from, .until = tasks.until};
  pool_->LookAgain();
  return error;
}

int Device::AddIrq(const ControlIrq& request, std::vector<Fd>* fds) {
  Fd fd;
  if (request.kind == VNPU_IRQ_URING) {
    fd = Fd(static_cast<int>(syscall(SYS_pidfd_getfd, client_.get(), request.client_fd, 0)));
    if (!fd) {
      return -EOPNOTSUPP;
    }
  } else {
    fd = std::move(fds->front());
  }
  const std::lock_guard hold(pool_->lock());
  const int error =
      pool_->irqs().Add(request.irq_id, request.kind, request.user_data, std::move(fd));
  pool_->scheduler().SetIrqLimit(pool_->irqs().limit());
  return error;
}

int Device::RemoveIrq(const ControlIrq& request) {
  const std::lock_guard hold(pool_->lock());
  const int error = pool_->irqs().Remove(request.irq_id);
  pool_->scheduler().SetIrqLimit(pool_->irqs().limit());
  return error;
}

int Device::FreeEvent(uint32_t event_id) {
  if (event_id >= VNPU_MAX_EVENTS) {
    return -EINVAL;
  }
  const std::lock_guard hold(pool_->lock());
  if (pool_->scheduler().EventHasWaiters(event_id)) {
    return -EBUSY;
  }
  vnpu_event_reg& reg = SessionOf(session_)->events[event_id];
  StoreShared(reg.timestamp, uint64_t{0});
  StoreShared(reg.seq, uint64_t{0}, std::memory_order_release);
  return 0;
}

int Device::FreeNotify(uint32_t notify_id) {
  int error = 0;
  {
    const std::lock_guard hold(pool_->lock());
    error = pool_->scheduler().FreeNotify(notify_id);
  }
  if (error == 0) {
    notify_pages_.erase(notify_id);
  }
  return error;
}

int Device::ResetNotify(uint32_t notify_id) {
  const std::lock_guard hold(pool_->lock());
  const int error = pool_->scheduler().ResetNotify(notify_id);
  pool_->Wake();
  return error;
}

int Device::BindNotify(const ControlNotify& request, int fd) {
  Mapping page(fd, 0, kNotifyPageBytes, PROT_READ | PROT_WRITE);
  if (page.data() == nullptr) {
    return -ENOMEM;
  }
  const std::lock_guard hold(pool_->lock());
  const int error = pool_->scheduler().BindNotify(
      request.notify_id, reinterpret_cast<NotifyPage*>(page.data()), request.carry != 0);
  if (error == 0) {
    notify_pages_[request.notify_id] = std::move(page);
    pool_->Wake();
  }
  return error;
}

int Device::CreateModel(const ControlModel& request, int fd) {
  Mapping memory(fd, 0, request.size, PROT_READ | PROT_WRITE);
  if (memory.data() == nullptr) {
    return -ENOMEM;
  }
  const std::lock_guard hold(pool_->lock());
  const int error =
      pool_->scheduler().CreateModel(request.model_id, std::span(memory.data(), memory.size()),
                                     {.streams = request.max_streams,
                                      .graphs = request.max_graphs,
                                      .registers = request.max_registers});
  if (error == 0) {
    model_memory_[request.model_id] = std::move(memory);
  }
  return error;
}

int Device::DestroyModel(uint32_t model_id) {
  int error = 0;
  {
    const std::lock_guard hold(pool_->lock());
    error = pool_->scheduler().DestroyModel(model_id);
  }
  if (error == 0) {
    model_memory_.erase(model_id);
  }
  return error;
}

int Device::AbortModel(uint32_t model_id) {
  const std::lock_guard hold(pool_->lock());
  const int error = pool_->scheduler().AbortModel(model_id);
  pool_->LookAgain();
  return error;
}

ControlReply Device::Handle(ControlRequest* request, std::vector<Fd> fds) {
  ControlReply reply{};
  const auto run = [&]() -> int {
    if (request->op >= ControlOp::kCount || fds.size() != FdsOf(*request)) {
      return -EINVAL;
    }
    if (request->op == ControlOp::kInit) {
      return Init(request->init, fds);
    }
    if (pool_ == nullptr) {
      return -ENXIO;
    }
    switch (request->op) {
      case ControlOp::kMap:
        return window_.Map(request->map.va, request->map.size, request->map.prot, fds[0].get(),
                           request->map.offset);
      case ControlOp::kUnmap:
        return window_.Unmap(request->map.va, request->map.size);
      case ControlOp::kProtect:
        return window_.Protect(request->map.va, request->map.size, HostProt(request->map.prot));
      case ControlOp::kWindowAdd:
        return request->map.size == VNPU_WINDOW_SIZE ? window_.Reserve(request->map.va) : -EINVAL;
      case ControlOp::kQmemAdd:
        return AddQmem(request->qmem, fds[0].get());
      case ControlOp::kQmemDel:
        return RemoveQmem(request->qmem.qmem_id);
      case ControlOp::kQueueCreate:
        return CreateQueue(request->queue);
      case ControlOp::kQueueDestroy:
        return DestroyQueue(request->queue);
      case ControlOp::kQueueSet:
        return SetQueue(request->queue_set);
      case ControlOp::kQueueAbort:
        return AbortQueue(request->queue, &reply.dropped);
      case ControlOp::kIrqAdd:
        return AddIrq(request->irq, &fds);
      case ControlOp::kIrqDel:
        return RemoveIrq(request->irq);
      case ControlOp::kEventFree:
        return FreeEvent(request->event.event_id);
      case ControlOp::kNotifyFree:
        return FreeNotify(request->notify.notify_id);
      case ControlOp::kNotifyReset:
        return ResetNotify(request->notify.notify_id);
      case ControlOp::kNotifyBind:
        return BindNotify(request->notify, fds[0].get());
      case ControlOp::kModelCreate:
        return CreateModel(request->model, fds[0].get());
      case ControlOp::kModelDestroy:
        return DestroyModel(request->model.model_id);
      case ControlOp::kModelAbort:
        return AbortModel(request->model.model_id);
      case ControlOp::kModuleLoad: {
        const int error = modules_->Load(&request->module, fds[0].get(), fds[1].get());
        reply.module = request->module;
        return error;
      }
      case ControlOp::kModuleUnload:
        return modules_->Unload(request->module.module_id);
      case ControlOp::kModuleSymbol: {
        const int error = modules_->Lookup(&request->symbol);
        reply.symbol = request->symbol;
        return error;
      }
      default:
        return -EINVAL;
    }
  };
  reply.result = run();
  return reply;
}

}  // namespace vnpu::firmware
