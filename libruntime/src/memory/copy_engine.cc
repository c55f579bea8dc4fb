#include "libruntime/src/memory/copy_engine.h"

#include <atomic>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/copy_entry.h"
#include "libruntime/src/memory/pinned_memory.h"
#include "libruntime/src/queue/queue_pool.h"
#include "libruntime/src/queue/submit_queue.h"
#include "libruntime/src/stream/stream.h"
#include "libruntime/src/wait/wait.h"

namespace vnpu::runtime {
namespace {

constexpr QueueSpec kLaneQueue{.entries = 16, .arg_bytes = VNPU_PAGE_SIZE, .priority = 0};
// From here on two units are faster than one, though a second worker has to be woken.
constexpr uint64_t kSplitBytes = uint64_t{4} << 20;

// Threads spread over the lanes in the order in which they copy first.
size_t HomeLane(size_t lanes) {
  static std::atomic<size_t> next{0};
  thread_local const size_t mine = next.fetch_add(1, std::memory_order_relaxed);
  return mine % lanes;
}

}  // namespace

bool CopyEngine::ReachesPageable() {
  std::call_once(pageable_once_, [this] {
    const QuietErrors quiet;
    // Failure of this copy means that the driver's system refuses process_vm_readv.
    uint64_t probe = 1;
    std::byte* target = nullptr;
    if (session_.pinned_memory().Allocate(sizeof(probe), &target) != ACL_SUCCESS) {
      return;
    }
    const auto address = reinterpret_cast<uint64_t>(target);
    const aclError error = CopyDirect(address, reinterpret_cast<uint64_t>(&probe), sizeof(probe),
                                      VNPU_COPY_SRC_PAGEABLE);
    reaches_pageable_ = error != ACL_ERROR_RT_SYS_DMA;
    if (!reaches_pageable_) {
      Log().warn(
          "the device process may not reach this process's memory (ptrace is restricted): pageable "
          "memory is copied by way of pinned memory");
    }
    session_.pinned_memory().Free(target);
  });
  return reaches_pageable_;
}

aclError CopyEngine::CopyPageable(uint64_t dst, uint64_t src, uint64_t size, uint32_t flags) {
  const bool reaches = ReachesPageable();
  if (!reaches || IsFasterStaged(dst, src, size, flags)) {
    Flight flight = TakeLane();
    const aclError error = FindStaging(flight.lane, /*may_fail=*/reaches);
    if (error == ACL_SUCCESS) {
      return CopyStaged(dst, src, size, flags, &flight);
    }
    if (!reaches) {
      return error;
    }
  }
  return CopyDirect(dst, src, size, flags);
}

template <class Write>
[[gnu::always_inline]] inline aclError CopyEngine::Send(Flight* flight, Write&& write) {
  Lane& lane = *flight->lane;
  if (lane.queue == nullptr) [[unlikely]] {
    VNPU_RETURN_IF_ERROR(session_.queues().Acquire(kLaneQueue, &lane.queue));
  }
  Slot slot;
  // Full only when tasks of earlier copies will never end.
  if (!session_.usable() || !lane.queue->TryReserve(0, 0, &slot)) [[unlikely]] {
    return FailDeviceLost(session_.index());
  }
  write(slot.sqe);
  if (const int result = lane.queue->Publish(slot, &flight->kick); result < 0) {
    return FailErrno(-result, "the driver does not take the copy");
  }
  flight->task = slot.index;
  flight->sent = true;
  return ACL_SUCCESS;
}

aclError CopyEngine::CopyDirect(uint64_t dst, uint64_t src, uint64_t size, uint32_t flags) {
  const uint64_t apart = dst > src ? dst - src : src - dst;
  if (size >= kSplitBytes && apart >= size) {
    return CopyHalves(dst, src, size, flags);
  }
  Flight flight = TakeLane();
  VNPU_RETURN_IF_ERROR(SendCopy(dst, src, size, flags, &flight));
  return Land(flight);
}

aclError CopyEngine::CopyHalves(uint64_t dst, uint64_t src, uint64_t size, uint32_t flags) {
  Flight first = TakeLane();
  // Not waited for: who holds a lane and waits for another may wait for ever.
  Flight second = TryLane();
  if (second.lane == nullptr) {
    VNPU_RETURN_IF_ERROR(SendCopy(dst, src, size, flags, &first));
    return Land(first);
  }
  const uint64_t half = size / 2 & ~uint64_t{VNPU_PAGE_SIZE - 1};
  VNPU_RETURN_IF_ERROR(SendCopy(dst, src, half, flags, &first));
  const aclError sent = SendCopy(dst + half, src + half, size - half, flags, &second);
  // Both are over before the caller may use the memory again, whatever became of one.
  const aclError first_error = Land(first);
  const aclError second_error = sent == ACL_SUCCESS ? Land(second) : sent;
  return first_error != ACL_SUCCESS ? first_error : second_error;
}

aclError CopyEngine::Fill(uint64_t dst, uint64_t size, uint32_t value, uint32_t width) {
  Flight flight = TakeLane();
  VNPU_RETURN_IF_ERROR(
      Send(&flight, [&](vnpu_sqe* sqe) { WriteFill(dst, size, value, width, sqe); }));
  return Land(flight);
}

aclError CopyEngine::SendCopy(uint64_t dst, uint64_t src, uint64_t size, uint32_t flags,
                              Flight* flight) {
  return Send(flight, [&](vnpu_sqe* sqe) { WriteCopy(dst, src, size, flags, sqe); });
}

CopyEngine::Flight CopyEngine::TryLane() {
  const size_t home = HomeLane(lanes_.size());
  for (size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = lanes_[(home + i) % lanes_.size()];
    std::unique_lock hold(lane.mutex, std::try_to_lock);
    if (hold.owns_lock()) {
      return {.hold = std::move(hold), .lane = &lane};
    }
  }
  return {};
}

CopyEngine::Flight CopyEngine::TakeLane() {
  Flight flight = TryLane();
  if (flight.lane == nullptr) {
    flight.lane = &lanes_[HomeLane(lanes_.size())];
    flight.hold = std::unique_lock(flight.lane->mutex);
  }
  return flight;
}

aclError CopyEngine::Land(const Flight& flight, uint64_t but_last) {
  SubmitQueue& queue = *flight.lane->queue;
  const WaitResult waited = WaitForHead(session_, queue, flight.task + 1 - but_last, std::nullopt,
                                        Spin::kAdaptive, flight.kick);
  if (waited == WaitResult::kLost) {
    return FailDeviceLost(session_.index());
  }
  if (!queue.HasCompletions() && !queue.failed()) {
    return ACL_SUCCESS;
  }
  queue.CollectCompletions();
  const auto failure = queue.TakeFailure(/*keep=*/false);
  return failure.has_value() ? FailWith(failure->code, failure->text) : ACL_SUCCESS;
}

}  // namespace vnpu::runtime
