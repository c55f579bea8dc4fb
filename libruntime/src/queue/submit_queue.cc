#include "libruntime/src/queue/submit_queue.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/graph/model.h"
#include "libruntime/src/queue/exception_callback.h"
#include "libruntime/src/queue/queue_pool.h"

namespace vnpu::runtime {
namespace {

// Whose failures the calling thread tells callbacks of; null: none's.
thread_local constinit const SubmitQueue* reporting = nullptr;

}  // namespace

SubmitMode ChooseSubmitMode(uint64_t features) {
  const char* value = std::getenv("VNPU_SUBMIT");
  const std::string_view choice = value != nullptr && *value != '\0' ? value : "ring";
  if (choice == "uring" && (features & VNPU_FEATURE_SUBMIT_WRITE) != 0) {
    return SubmitMode::kUring;
  }
  if (choice == "ioctl" && (features & VNPU_FEATURE_SUBMIT_IOCTL) != 0) {
    return SubmitMode::kIoctl;
  }
  if (choice != "ring") {
    Log().warn("VNPU_SUBMIT is '{}': not something this driver offers; using the shared ring",
               choice);
  }
  return SubmitMode::kRing;
}

SubmitQueue::SubmitQueue(Session& session, SubmitMode mode, uint32_t id, const QueueSpec& spec,
                         std::byte* memory)
    : hdr_(reinterpret_cast<vnpu_queue_hdr*>(memory)),
      sq_(reinterpret_cast<vnpu_sqe*>(memory + VNPU_QUEUE_SQ_OFFSET)),
      args_(memory + vnpu_queue_arg_offset(spec.entries)),
      mask_(spec.entries - 1),
      entries_(spec.entries),
      arg_ring_(spec.arg_bytes),
      ends_(std::make_unique<RingEnds[]>(spec.entries)),
      id_(id),
      mode_(mode),
      device_fences_(session.device_fences()),
      session_(session),
      session_mem_(&session.mem()),
      spec_(spec),
      cq_(reinterpret_cast<const vnpu_cqe*>(memory + vnpu_queue_cq_offset(spec.entries))) {}

[[gnu::hot]] void SubmitQueue::RingDoorbell() {
  vnpu_session_mem& mem = *session_mem_;
  const uint32_t word = id_ / 64;
  std::atomic_ref(mem.doorbell[word]).fetch_or(uint64_t{1} << (id_ % 64));
  std::atomic_ref(mem.doorbell_summary).fetch_or(uint64_t{1} << word);
}

int SubmitQueue::PublishByDriver(uint64_t next) {
  int result = 0;
  if (mode_ == SubmitMode::kUring) {
    const ssize_t written = session_.WriteEntries({&staged_, 1});
    result = written == sizeof(staged_) ? 0 : written < 0 ? static_cast<int>(written) : -EAGAIN;
  } else {
    vnpu_ioc_submit request{};
    std::memcpy(request.sqe, &staged_, sizeof(staged_));
    result = session_.Call(VNPU_IOC_SUBMIT, request);
  }
  if (result == 0) {
    tail_.store(next, std::memory_order_release);
  }
  return result;
}

void SubmitQueue::RefreshHead() {
  const uint64_t head = LoadShared(hdr_->sq_head);
  // Only a device gone mad reports more than was published.
  if (head == cached_head_ || head > tail_.load(std::memory_order_relaxed)) {
    return;
  }
  cached_head_ = head;
  const RingEnds& ends = ends_[(head - 1) & mask_];
  arg_ring_.ReleaseTo(ends.args);
  data_ring_.ReleaseTo(ends.data);
}

uint64_t SubmitQueue::RoomTarget() const {
  // Half of what is under way: then a streaming caller waits once for many entries.
  const uint64_t tail = tail_.load(std::memory_order_relaxed);
  const uint64_t under_way = tail - cached_head_;
  return cached_head_ + std::max<uint64_t>(under_way / 2, 1);
}

void SubmitQueue::SetDataMemory(std::byte* memory, uint32_t bytes) {
  data_memory_ = memory;
  data_ring_ = RingSpace(bytes);
}

[[gnu::hot]] bool SubmitQueue::HasCompletions() const {
  return !gone() && (LoadShared(hdr_->cq_tail) != consumed_.load(std::memory_order_acquire) ||
                     LoadShared(hdr_->cq_overflow) != 0);
}

void SubmitQueue::CollectCompletions() {
  if (!HasCompletions()) {
    return;
  }
  if (mode_ != SubmitMode::kRing) {
    session_.queues().ReadDriverCompletions();
    return;
  }
  std::vector<Noticed> noticed;
  {
    const std::lock_guard lock(collect_mutex_);
    uint64_t next = consumed_.load(std::memory_order_relaxed);
    const uint64_t tail = LoadShared(hdr_->cq_tail);
    for (uint64_t left = entries_; next != tail && left > 0; ++next, --left) {
      Notice(cq_[next & mask_], &noticed);
    }
    consumed_.store(next, std::memory_order_release);
    StoreShared(hdr_->cq_head, next);
    if (const uint64_t lost = LoadShared(hdr_->cq_overflow); lost != overflow_seen_) {
      Log().warn("stream {}: {} completions were lost because nobody synchronised", id_,
                 lost - overflow_seen_);
      overflow_seen_ = lost;
    }
  }
  Report(noticed);
}

void SubmitQueue::Consume(const vnpu_cqe& completion) {
  std::vector<Noticed> noticed;
  Notice(completion, &noticed);
  consumed_.fetch_add(1, std::memory_order_release);
  Report(noticed);
}

// A failure is kept before its completion counts as taken in: whoever then finds none left finds
// the failure.
void SubmitQueue::Notice(const vnpu_cqe& shared, std::vector<Noticed>* noticed) {
  const vnpu_cqe completion = shared;
  if (completion.status == VNPU_OK) {
    return;
  }
  Noticed fresh;
  fresh.failure = Describe(completion, &fresh.func_id);
  // The probe of pageable memory fails like this; the thread may meet other queues' failures, too.
  const bool probe = QuietErrors::Active() && completion.status == VNPU_E_DMA_HOST;
  fresh.quiet = completion.status == VNPU_E_ABORTED || probe;
  {
    const std::lock_guard lock(completion_mutex_);
    KeepFailure(fresh.failure);
  }
  noticed->push_back(std::move(fresh));
}

// Without locks: callbacks of the application may synchronise the stream, and then do not take the
// failure from whoever noticed it.
void SubmitQueue::Report(const std::vector<Noticed>& noticed) {
  struct Reporting {
    const SubmitQueue* before;
    explicit Reporting(const SubmitQueue* queue) : before(std::exchange(reporting, queue)) {}
    ~Reporting() { reporting = before; }
  } const here(this);
  for (const auto& [failure, func_id, quiet] : noticed) {
    if (quiet) {
      Log().debug("{}", failure.text);
    } else {
      LogFailure(failure.text);
      ReportException(
          {.queue = *this, .task = failure.task, .code = failure.code, .func_id = func_id});
    }
  }
}

// With completion_mutex_ held.
void SubmitQueue::KeepFailure(Failure failure) {
  if (!first_failure_.has_value()) {
    first_failure_ = std::move(failure);
    failed_.store(true, std::memory_order_release);
  }
}

void SubmitQueue::AddFailure(Failure failure) {
  LogFailure(failure.text);
  const std::lock_guard lock(completion_mutex_);
  KeepFailure(std::move(failure));
}

void SubmitQueue::LogFailure(const std::string& text) {
  constexpr uint32_t kMost = 8;
  const uint32_t logged = failures_logged_.fetch_add(1, std::memory_order_relaxed);
  if (logged < kMost) {
    Log().error("{}", text);
  } else if (logged == kMost) {
    Log().error("stream {}: further failures are not logged until it is synchronised", id_);
  }
}

std::optional<SubmitQueue::Entry> SubmitQueue::ReadEntry(uint64_t task) const {
  if (gone() || tail() - task > entries_) {
    return std::nullopt;
  }
  const vnpu_sqe& slot = sq_[task & mask_];
  const auto seq = static_cast<uint32_t>(task);
  if (LoadShared(slot.seq) != seq) {
    return std::nullopt;
  }
  Entry entry;
  CopyUnguarded(&entry.sqe, &slot, sizeof(slot));
  CopyUnguarded(&entry.args_end, &ends_[task & mask_].args, sizeof(entry.args_end));
  std::atomic_thread_fence(std::memory_order_acquire);
  if (LoadShared(slot.seq, std::memory_order_relaxed) != seq) {
    return std::nullopt;
  }
  return entry;
}

bool SubmitQueue::ReadArgs(uint64_t task, std::vector<std::byte>* bytes, void** device) const {
  const std::optional<Entry> entry = ReadEntry(task);
  if (!entry.has_value() || entry->sqe.opcode != VNPU_OP_KERNEL ||
      entry->sqe.kernel.arg_size > VNPU_MAX_ARG_BYTES) {
    return false;
  }
  const vnpu_sqe& sqe = entry->sqe;
  const auto* const inline_args = reinterpret_cast<const std::byte*>(sqe.kernel.inline_args);
  if ((sqe.flags & VNPU_SQE_DEVICE_ARGS) != 0) {
    std::memcpy(device, inline_args, sizeof(*device));
    return true;
  }
  if ((sqe.flags & VNPU_SQE_INLINE) != 0) {
    if (sqe.kernel.arg_size > sizeof(sqe.kernel.inline_args)) {
      return false;
    }
    bytes->assign(inline_args, inline_args + sqe.kernel.arg_size);
    return true;
  }
  if (uint64_t{sqe.kernel.arg_offset} + sqe.kernel.arg_size > arg_ring_.capacity()) {
    return false;
  }
  bytes->resize(sqe.kernel.arg_size);
  CopyUnguarded(bytes->data(), args_ + sqe.kernel.arg_offset, bytes->size());
  std::atomic_thread_fence(std::memory_order_acquire);
  // The ring has not gone once around since.
  const uint64_t start = entry->args_end - RingSpace::Round(sqe.kernel.arg_size);
  return args_claimed_.load(std::memory_order_relaxed) - start <= arg_ring_.capacity();
}

Failure SubmitQueue::Describe(const vnpu_cqe& completion, uint32_t* func_id) const {
  vnpu_exception record{};
  bool known = false;
  if (completion.exception != 0) {
    const vnpu_exception& slot =
        session_.mem().exceptions[(completion.exception - 1) % VNPU_EXCEPTIONS];
    if (LoadShared(slot.seq) == completion.exception) {
      record = slot;
      std::atomic_thread_fence(std::memory_order_acquire);
      known = LoadShared(slot.seq, std::memory_order_relaxed) == completion.exception;
    }
  }
  Failure failure{
      .code = StatusToAcl(completion.status, record.unit), .task = completion.task, .text = {}};
  failure.text =
      fmt::format("device {}, stream {}, task {}: ", session_.index(), id_, completion.task);
  if (known && record.model_id != 0) {
    failure.text += DescribePlace(session_, record.model_id, record.stream, record.position) + ": ";
  }
  if (completion.status == VNPU_E_ABORTED) {
    const std::optional<Entry> entry = ReadEntry(completion.task);
    if (entry.has_value() && entry->sqe.opcode == VNPU_OP_MODEL_EXECUTE) {
      failure.code = ACL_ERROR_RT_MODEL_ABORT_NORMAL;
    }
  }
  if (known && record.opcode == VNPU_OP_KERNEL) {
    *func_id = record.func_id;
    failure.text += fmt::format("kernel '{}' failed on {} {}, block {}: {}",
                                session_.FunctionName(record.func_id), UnitName(record.unit),
                                record.core, record.block, StatusText(completion.status));
  } else {
    failure.text += StatusText(completion.status);
  }
  if (known && (completion.status == VNPU_E_ADDRESS || completion.status == VNPU_E_ALIGNMENT ||
                completion.status == VNPU_E_DMA_ADDRESS || completion.status == VNPU_E_DMA_HOST)) {
    failure.text +=
        fmt::format(", {} at {:#x}", record.is_write != 0 ? "write" : "read", record.address);
  }
  if (known && record.pc != 0) {
    failure.text += fmt::format(", pc {:#x}", record.pc);
  }
  return failure;
}

std::optional<Failure> SubmitQueue::TakeFailure(bool keep) {
  if (reporting == this) {
    return std::nullopt;
  }
  const std::lock_guard lock(completion_mutex_);
  if (keep) {
    return first_failure_;
  }
  failed_.store(false, std::memory_order_release);
  failures_logged_.store(0, std::memory_order_relaxed);
  return std::exchange(first_failure_, std::nullopt);
}

}  // namespace vnpu::runtime
