#include "driver/session/queues.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "driver/base/memfd.h"
#include "driver/core/limits.h"
#include "driver/session/memory.h"

namespace vnpu::driver {
namespace {

using firmware::ControlOp;
using firmware::ControlRequest;

int ReadHeaderAt(int fd, uint64_t offset, vnpu_queue_hdr* header) {
  const ssize_t got = pread(fd, header, sizeof(*header), static_cast<off_t>(offset));
  return got == static_cast<ssize_t>(sizeof(*header)) ? 0 : got < 0 ? -errno : -EIO;
}

bool Overlaps(const std::map<uint64_t, uint64_t>& extents, uint64_t offset, uint64_t bytes) {
  const auto next = extents.upper_bound(offset);
  if (next != extents.end() && next->first < offset + bytes) {
    return true;
  }
  return next != extents.begin() && std::prev(next)->first + std::prev(next)->second > offset;
}

}  // namespace

// Queue memory -------------------------------------------------------------------------------

int SessionQueues::AddQmem(vnpu_ioc_qmem_add* arg, UniqueFd fd) {
  if (arg->size == 0 || arg->size % VNPU_PAGE_SIZE != 0 || arg->size > kMaxQmemBytes) {
    return -EINVAL;
  }
  if (const int error = CheckMemfd(fd.get(), arg->size); error != 0) {
    return error;
  }
  Qmem qmem;
  qmem.size = arg->size;
  if (const int error = context_->Hold(std::move(fd), &qmem.file); error != 0) {
    return error;
  }
  qmem.charge = Charge(context_->tally(), Counted::kQmems);
  const int file = qmem.file.get();
  const std::optional<uint32_t> id = qmems_.Insert(std::move(qmem));
  if (!id) {
    return -ENOSPC;
  }
  ControlRequest request{};
  request.op = ControlOp::kQmemAdd;
  request.qmem = {*id, 0, arg->size};
  const int error = context_->Call(request, std::span(&file, 1));
  if (error != 0) {
    qmems_.Erase(*id);
    return error;
  }
  arg->qmem_id = *id;
  return 0;
}

int SessionQueues::DeleteQmem(const vnpu_ioc_qmem_del& arg) {
  if (arg.reserved != 0) {
    return -EINVAL;
  }
  const Qmem* qmem = qmems_.Find(arg.qmem_id);
  if (qmem == nullptr) {
    return -ENOENT;
  }
  if (!qmem->extents.empty()) {
    return -EBUSY;
  }
  ControlRequest request{};
  request.op = ControlOp::kQmemDel;
  request.qmem = {arg.qmem_id, 0, qmem->size};
  const int error = context_->Call(request);
  if (error == 0) {
    qmems_.Erase(arg.qmem_id);
  }
  return error;
}

// Queues -------------------------------------------------------------------------------------

int SessionQueues::CheckLayout(const vnpu_ioc_queue_create& arg, const Qmem& qmem) const {
  const uint64_t bytes = vnpu_queue_bytes(arg.sq_entries, arg.arg_bytes);
  if (!WholePagesInside(arg.offset, bytes, qmem.size)) {
    return -EINVAL;
  }
  if (Overlaps(qmem.extents, arg.offset, bytes)) {
    return -EEXIST;
  }
  vnpu_queue_hdr header;
  if (const int error = ReadHeaderAt(qmem.file.get(), arg.offset, &header); error != 0) {
    return error;
  }
  const vnpu_queue_hdr zero{};
  return std::memcmp(&header, &zero, sizeof(header)) == 0 ? 0 : -EINVAL;
}

int SessionQueues::MakeSubmitQueue(Qmem* qmem, const vnpu_ioc_queue_create& arg, uint32_t queue_id,
                                   std::unique_ptr<SubmitQueue>* submit) {
  if (submit_queues_.size() >= VNPU_MAX_SUBMIT_QUEUES) {
    return -ENOSPC;
  }
  if (!qmem->map.valid()) {
    const int error =
        context_->HoldMap(qmem->file.get(), qmem->size, PROT_READ | PROT_WRITE, &qmem->map);
    if (error != 0) {
      return error;
    }
  }
  *submit = std::make_unique<SubmitQueue>(qmem->map->at<>(arg.offset), queue_id, arg.sq_entries,
                                          context_->mem, context_->kick_fd, &context_->signal);
  return 0;
}

int SessionQueues::Create(vnpu_ioc_queue_create* arg) {
  if ((arg->flags & ~VNPU_QUEUE_FLAGS_ALL) != 0 || !std::has_single_bit(arg->sq_entries) ||
      arg->sq_entries < VNPU_MIN_SQ_ENTRIES || arg->sq_entries > VNPU_MAX_SQ_ENTRIES ||
      arg->arg_bytes % VNPU_PAGE_SIZE != 0 || arg->priority >= VNPU_PRIORITIES) {
    return -EINVAL;
  }
  Qmem* qmem = qmems_.Find(arg->qmem_id);
  if (qmem == nullptr) {
    return -ENOENT;
  }
  if (const int error = CheckLayout(*arg, *qmem); error != 0) {
    return error;
  }
  Queue queue{arg->qmem_id,
              arg->flags,
              arg->sq_entries,
              arg->priority,
              arg->offset,
              nullptr,
              Charge(context_->tally(), Counted::kQueues)};
  const std::optional<uint32_t> id = queues_.Insert(std::move(queue));
  if (!id) {
    return -ENOSPC;
  }
  std::unique_ptr<SubmitQueue> submit;
  int error = 0;
  if ((arg->flags & VNPU_QUEUE_DRIVER_SUBMIT) != 0) {
    error = MakeSubmitQueue(qmem, *arg, *id, &submit);
  }
  if (error == 0) {
    ControlRequest request{};
    request.op = ControlOp::kQueueCreate;
    request.queue = {*id,           arg->qmem_id, arg->offset, arg->sq_entries, arg->arg_bytes,
                     arg->priority, arg->flags};
    error = context_->Call(request);
  }
  if (error != 0) {
    queues_.Erase(*id);
    return error;
  }
  qmem->extents.emplace(arg->offset, vnpu_queue_bytes(arg->sq_entries, arg->arg_bytes));
  if (submit != nullptr) {
    submit_queues_.emplace(*id, submit.get());
    queues_.Find(*id)->submit = std::move(submit);
  }
  arg->queue_id = *id;
  return 0;
}

int SessionQueues::Destroy(const vnpu_ioc_queue_destroy& arg) {
  if ((arg.flags & ~VNPU_DESTROY_FORCE) != 0) {
    return -EINVAL;
  }
  const Queue* queue = queues_.Find(arg.queue_id);
  if (queue == nullptr) {
    return -ENOENT;
  }
  ControlRequest request{};
  request.op = ControlOp::kQueueDestroy;
  request.queue.queue_id = arg.queue_id;
  request.queue.flags = arg.flags;
  const int error = context_->Call(request);
  if (error == 0) {
    qmems_.Find(queue->qmem_id)->extents.erase(queue->offset);
    submit_queues_.erase(arg.queue_id);
    queues_.Erase(arg.queue_id);
  }
  return error;
}

int SessionQueues::ReadHeader(const Queue& queue, vnpu_queue_hdr* header) {
  return ReadHeaderAt(qmems_.Find(queue.qmem_id)->file.get(), queue.offset, header);
}

int SessionQueues::Query(vnpu_ioc_queue_query* arg) {
  const uint32_t id = arg->queue_id;
  const Queue* queue = queues_.Find(id);
  if (queue == nullptr) {
    return -ENOENT;
  }
  vnpu_queue_hdr header;
  if (const int error = ReadHeader(*queue, &header); error != 0) {
    return error;
  }
  *arg = {};
  arg->queue_id = id;
  arg->flags = queue->flags;
  arg->sq_head = header.sq_head;
  arg->sq_tail = queue->submit != nullptr ? queue->submit->tail() : header.sq_tail;
  arg->cq_head = queue->submit != nullptr ? queue->submit->cq_head() : header.cq_head;
  arg->cq_tail = header.cq_tail;
  arg->priority = queue->priority;
  arg->sq_entries = queue->sq_entries;
  return 0;
}

int SessionQueues::Set(const vnpu_ioc_queue_set& arg) {
  const bool priority = arg.attr == VNPU_QUEUE_ATTR_PRIORITY;
  if (arg.attr >= VNPU_QUEUE_ATTR_COUNT || arg.value >= (priority ? VNPU_PRIORITIES : 2u)) {
    return -EINVAL;
  }
  Queue* queue = queues_.Find(arg.queue_id);
  if (queue == nullptr) {
    return -ENOENT;
  }
  ControlRequest request{};
  request.op = ControlOp::kQueueSet;
  request.queue_set = {arg.queue_id, arg.attr, arg.value};
  const int error = context_->Call(request);
  if (error == 0 && priority) {
    queue->priority = static_cast<uint32_t>(arg.value);
  } else if (error == 0) {
    queue->flags = (queue->flags & ~VNPU_QUEUE_STOP_ON_FAILURE) |
                   (arg.value != 0 ? VNPU_QUEUE_STOP_ON_FAILURE : 0);
  }
  return error;
}

int SessionQueues::Abort(vnpu_ioc_queue_abort* arg) {
  if ((arg->flags & ~VNPU_ABORT_ONE) != 0) {
    return -EINVAL;
  }
  if (queues_.Find(arg->queue_id) == nullptr) {
    return -ENOENT;
  }
  ControlRequest request{};
  request.op = ControlOp::kQueueAbort;
  request.queue.queue_id = arg->queue_id;
  request.queue.flags = arg->flags;
  firmware::ControlReply reply{};
  const int error = context_->Call(request, {}, &reply);
  arg->drop_from = reply.dropped.from;
  arg->drop_until = reply.dropped.until;
  return error;
}

// Submission and completion by the driver ----------------------------------------------------

SubmitQueue* SessionQueues::FindSubmit(uint32_t queue_id) {
  const auto it = submit_queues_.find(queue_id);
  return it == submit_queues_.end() ? nullptr : it->second;
}

int SessionQueues::Submit(vnpu_ioc_submit* arg) {
  vnpu_sqe sqe;
  std::memcpy(&sqe, arg->sqe, sizeof(sqe));
  SubmitQueue* queue = FindSubmit(sqe.queue_id);
  if (arg->reserved != 0 || queue == nullptr) {
    return -EINVAL;
  }
  if (queue->Append(std::span(&sqe, 1), &arg->task) == 0) {
    return -EAGAIN;
  }
  sqe.seq = static_cast<uint32_t>(arg->task);
  std::memcpy(arg->sqe, &sqe, sizeof(sqe));
  return 0;
}

int SessionQueues::Write(std::span<const vnpu_sqe> sqes) {
  if (std::any_of(sqes.begin(), sqes.end(),
                  [this](const vnpu_sqe& s) { return FindSubmit(s.queue_id) == nullptr; })) {
    return -EINVAL;
  }
  size_t done = 0;
  while (done < sqes.size()) {
    const uint32_t queue_id = sqes[done].queue_id;
    size_t run = 1;
    while (done + run < sqes.size() && sqes[done + run].queue_id == queue_id) {
      ++run;
    }
    uint64_t task = 0;
    const size_t appended = FindSubmit(queue_id)->Append(sqes.subspan(done, run), &task);
    done += appended;
    if (appended < run) {
      break;
    }
  }
  return static_cast<int>(done);
}

size_t SessionQueues::Read(std::span<vnpu_cqe> out) {
  size_t done = 0;
  auto it = submit_queues_.lower_bound(next_read_);
  for (size_t i = 0; i < submit_queues_.size() && done < out.size(); ++i, ++it) {
    if (it == submit_queues_.end()) {
      it = submit_queues_.begin();
    }
    done += it->second->Take(out.subspan(done));
    next_read_ = it->first + 1;
  }
  return done;
}

bool SessionQueues::Readable() {
  return std::any_of(submit_queues_.begin(), submit_queues_.end(),
                     [](const auto& q) { return q.second->HasCompletions(); });
}

bool SessionQueues::Writable() {
  return std::any_of(submit_queues_.begin(), submit_queues_.end(),
                     [](const auto& q) { return q.second->HasRoom(); });
}

void SessionQueues::ArmDriverWait() {
  for (const auto& [id, queue] : submit_queues_) {
    queue->ArmDriverWait();
  }
  if (context_->client_fences && !submit_queues_.empty()) {
    syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
  }
}

}  // namespace vnpu::driver
