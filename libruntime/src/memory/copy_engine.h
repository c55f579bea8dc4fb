// Copies and fills that the caller waits for, by queues of their own.
#ifndef VNPU_LIBRUNTIME_SRC_MEMORY_COPY_ENGINE_H_
#define VNPU_LIBRUNTIME_SRC_MEMORY_COPY_ENGINE_H_

#include <vnpu/queue.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <shared_mutex>

#include "acl/acl_base.h"
#include "libruntime/src/memory/host_access.h"

namespace vnpu::runtime {

class Session;
class SubmitQueue;

// Any thread.
class CopyEngine {
 public:
  explicit CopyEngine(Session& session) : session_(session) {}

  // Whether the device process may read and write the client's pageable memory; tried out once.
  bool ReachesPageable();

  // Runs a copy; flags are VNPU_COPY_*.
  aclError Copy(uint64_t dst, uint64_t src, uint64_t size, uint32_t flags) {
    return flags == 0 ? CopyDirect(dst, src, size, 0) : CopyPageable(dst, src, size, flags);
  }
  // Stores the low `width` (1, 2 or 4) bytes of `value` over `size` bytes.
  aclError Fill(uint64_t dst, uint64_t size, uint32_t value, uint32_t width);

  // From here on no thread touches the session's pinned memory for a copy.
  void Close();

 private:
  // A queue and the one thread that uses it now.
  struct Lane {
    std::mutex mutex;
    SubmitQueue* queue = nullptr;
    std::byte* staging = nullptr;  // pinned, until the end of the session
    bool no_staging = false;       // could not be had
  };

  // A lane that is held, and the last task on its way through it.
  struct Flight {
    std::unique_lock<std::mutex> hold;
    Lane* lane = nullptr;
    uint64_t task = 0;
    bool kick = false;
    bool sent = false;  // anything
  };

  // With a lane that nobody uses; without one if there is none.
  Flight TryLane();
  // Waits if there is none.
  Flight TakeLane();
  // `write(sqe)` sets what the task is; the entry is written where the device reads it.
  template <class Write>
  aclError Send(Flight* flight, Write&& write);
  aclError SendCopy(uint64_t dst, uint64_t src, uint64_t size, uint32_t flags, Flight* flight);
  // Waits for all that the flight has sent, but for the last ones.
  aclError Land(const Flight& flight, uint64_t but_last = 0);
  // Half of the copy on each of two lanes.
  aclError CopyHalves(uint64_t dst, uint64_t src, uint64_t size, uint32_t flags);
  // With flags.
  aclError CopyPageable(uint64_t dst, uint64_t src, uint64_t size, uint32_t flags);
  aclError CopyDirect(uint64_t dst, uint64_t src, uint64_t size, uint32_t flags);

  // Copies by way of pinned memory, in pieces of which the device copies one while this thread
  // copies the next (copy_staged.cc).
  aclError CopyStaged(uint64_t dst, uint64_t src, uint64_t size, uint32_t flags, Flight* flight);
  // `may_fail`: there is another way, so that failures are no errors of the caller's.
  aclError FindStaging(Lane* lane, bool may_fail);
  bool IsFasterStaged(uint64_t dst, uint64_t src, uint64_t size, uint32_t flags) const;
  aclError SendPiece(uint64_t dst, uint64_t src, uint64_t size, Flight* flight);
  aclError StageIn(uint64_t dst, uint64_t src, uint64_t size, uint64_t staging, Flight* flight);
  aclError StageOut(uint64_t dst, uint64_t src, uint64_t size, uint64_t staging, Flight* flight);
  // Copies between staging and host memory, without a fault if the latter is bad.
  aclError HostCopy(uint64_t dst, uint64_t src, uint64_t size, bool host_is_dst);

  Session& session_;
  std::array<Lane, 4> lanes_;
  std::once_flag pageable_once_;
  bool reaches_pageable_ = true;
  const HostAccess host_access_;
  std::shared_mutex host_mutex_;  // shared by threads that copy to or from staging memory
  bool closed_ = false;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_MEMORY_COPY_ENGINE_H_
