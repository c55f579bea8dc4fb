#include "libruntime/src/queue/queue_pool.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/device/session.h"

namespace vnpu::runtime {
namespace {

constexpr uint32_t kMaxChunkQueues = 128;

SubmitMode ModeOf(const Session& session) {
  static const SubmitMode mode = ChooseSubmitMode(session.features());
  return mode;
}

// That a session can have.
uint32_t MostQueues(const Session& session) {
  return ModeOf(session) == SubmitMode::kRing ? VNPU_MAX_QUEUES : VNPU_MAX_SUBMIT_QUEUES;
}

}  // namespace

aclError QueuePool::Acquire(const QueueSpec& spec, SubmitQueue** queue) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(idle_.rbegin(), idle_.rend(),
                                  [&](const SubmitQueue* idle) { return idle->spec() == spec; });
  if (found != idle_.rend()) {
    *queue = *found;
    idle_.erase(std::next(found).base());
    ++in_use_;
    return ACL_SUCCESS;
  }
  VNPU_RETURN_IF_ERROR(Create(spec, queue));
  ++in_use_;
  return ACL_SUCCESS;
}

void QueuePool::Recycle(SubmitQueue* queue) {
  queue->CollectCompletions();
  queue->TakeFailure(/*keep=*/false);
  queue->RecordTimes(false);
  const std::lock_guard lock(mutex_);
  idle_.push_back(queue);
  --in_use_;
}

void QueuePool::Destroy(SubmitQueue* queue) {
  const std::lock_guard lock(mutex_);
  DestroyLocked(queue);
  --in_use_;
}

bool QueuePool::DestroyOneIdle() {
  if (idle_.empty()) {
    return false;
  }
  DestroyLocked(idle_.front());
  idle_.erase(idle_.begin());
  return true;
}

void QueuePool::DestroyLocked(SubmitQueue* queue) {
  vnpu_ioc_queue_destroy request{.queue_id = queue->id(), .flags = VNPU_DESTROY_FORCE};
  const int result = session_.Call(VNPU_IOC_QUEUE_DESTROY, request);
  if (result < 0) {
    Log().warn("cannot destroy queue {}: {}", queue->id(), std::strerror(-result));
  }
  queue->MarkGone();
  by_id_[queue->id()] = nullptr;
  if (result < 0) {
    return;  // the device may still write to its memory
  }
  std::byte* const memory = queue->memory();
  for (const auto& chunk : chunks_) {
    const auto offset = static_cast<uint64_t>(memory - chunk->mapping.data());
    if (memory >= chunk->mapping.data() && offset < chunk->mapping.bytes()) {
      std::memset(memory, 0, chunk->slot_bytes);  // as a new queue, of whatever shape, wants it
      chunk->free_offsets.push_back(offset);
      return;
    }
  }
}

aclError QueuePool::SetStopOnFailure(SubmitQueue& queue, bool stop) {
  vnpu_ioc_queue_set request{
      .queue_id = queue.id(), .attr = VNPU_QUEUE_ATTR_STOP_ON_FAILURE, .value = stop ? 1u : 0u};
  const int result = session_.Call(VNPU_IOC_QUEUE_SET, request);
  return result < 0 ? FailErrno(-result, "cannot change the failure mode") : ACL_SUCCESS;
}

aclError QueuePool::SetPriority(SubmitQueue& queue, uint32_t priority) {
  const std::lock_guard lock(mutex_);
  vnpu_ioc_queue_set request{
      .queue_id = queue.id(), .attr = VNPU_QUEUE_ATTR_PRIORITY, .value = priority};
  const int result = session_.Call(VNPU_IOC_QUEUE_SET, request);
  if (result == -EINVAL) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "the driver or the firmware is too old for changing the priority of a stream");
  }
  if (result < 0) {
    return FailErrno(-result, "cannot change the priority");
  }
  queue.set_priority(priority);
  return ACL_SUCCESS;
}

void QueuePool::ReadDriverCompletions() {
  const std::lock_guard reader(reader_mutex_);
  std::array<vnpu_cqe, 64> completions{};
  for (;;) {
    const ssize_t bytes = session_.ReadCompletions(completions);
    if (bytes < static_cast<ssize_t>(sizeof(vnpu_cqe))) {
      return;
    }
    const size_t count = static_cast<size_t>(bytes) / sizeof(vnpu_cqe);
    for (size_t i = 0; i < count; ++i) {
      SubmitQueue* queue = nullptr;
      {
        const std::lock_guard lock(mutex_);
        const uint32_t id = completions[i].queue_id;
        queue = id < by_id_.size() ? by_id_[id] : nullptr;
      }
      if (queue != nullptr) {
        queue->Consume(completions[i]);
      }
    }
    if (count < completions.size()) {
      return;
    }
  }
}

uint32_t QueuePool::available() const {
  const std::lock_guard lock(mutex_);
  return MostQueues(session_) - in_use_;
}

aclError QueuePool::AddChunk(uint64_t slot_bytes) {
  const uint64_t bytes = slot_bytes * next_chunk_queues_;
  const UniqueFd fd = MakeMemfd("vnpu-queues", bytes);
  auto chunk = std::make_unique<Chunk>();
  if (fd.valid()) {
    chunk->mapping = Mapping::Shared(fd.get(), bytes);
  }
  if (!chunk->mapping) {
    return FailErrno(errno, "no memory for queues");
  }
  vnpu_ioc_qmem_add request{.size = bytes, .fd = fd.get(), .qmem_id = 0};
  const int result = session_.Call(VNPU_IOC_QMEM_ADD, request);
  if (result < 0) {
    return FailErrno(-result, "the driver does not take queue memory");
  }
  chunk->qmem_id = request.qmem_id;
  chunk->slot_bytes = slot_bytes;
  for (uint32_t i = next_chunk_queues_; i-- > 0;) {
    chunk->free_offsets.push_back(i * slot_bytes);
  }
  chunks_.push_back(std::move(chunk));
  next_chunk_queues_ = std::min(2 * next_chunk_queues_, kMaxChunkQueues);
  return ACL_SUCCESS;
}

aclError QueuePool::Create(const QueueSpec& spec, SubmitQueue** queue) {
  const uint64_t slot_bytes = vnpu_queue_bytes(spec.entries, spec.arg_bytes);
  const auto has_room = [&](const std::unique_ptr<Chunk>& chunk) {
    return chunk->slot_bytes == slot_bytes && !chunk->free_offsets.empty();
  };
  auto found = std::ranges::find_if(chunks_, has_room);
  if (found == chunks_.end()) {
    VNPU_RETURN_IF_ERROR(AddChunk(slot_bytes));
    found = std::prev(chunks_.end());
  }
  Chunk& chunk = **found;
  const SubmitMode mode = ModeOf(session_);
  vnpu_ioc_queue_create request{};
  request.qmem_id = chunk.qmem_id;
  request.flags = mode == SubmitMode::kRing ? 0 : VNPU_QUEUE_DRIVER_SUBMIT;
  request.offset = chunk.free_offsets.back();
  request.sq_entries = spec.entries;
  request.arg_bytes = spec.arg_bytes;
  request.priority = spec.priority;
  int result = session_.Call(VNPU_IOC_QUEUE_CREATE, request);
  while (result == -ENOSPC && DestroyOneIdle()) {  // idle ones of another kind
    result = session_.Call(VNPU_IOC_QUEUE_CREATE, request);
  }
  if (result == -ENOSPC) {
    return Fail(ACL_ERROR_RT_NO_STREAM_RESOURCE,
                "all {} queues of the device are in use; destroy streams that are not needed",
                MostQueues(session_));
  }
  if (result < 0) {
    return FailErrno(-result, "the driver cannot create a queue");
  }
  if (request.queue_id >= VNPU_MAX_QUEUES) {
    return Fail(ACL_ERROR_RT_DRV_INTERNAL_ERROR, "the driver gave a queue id out of range");
  }
  chunk.free_offsets.pop_back();
  queues_.push_back(std::make_unique<SubmitQueue>(session_, mode, request.queue_id, spec,
                                                  chunk.mapping.data() + request.offset));
  by_id_.resize(std::max<size_t>(by_id_.size(), request.queue_id + size_t{1}));
  by_id_[request.queue_id] = queues_.back().get();
  *queue = queues_.back().get();
  return ACL_SUCCESS;
}

}  // namespace vnpu::runtime
