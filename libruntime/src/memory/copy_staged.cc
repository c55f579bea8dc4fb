// Copies of pageable memory by way of pinned memory.
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/copy_engine.h"
#include "libruntime/src/memory/pinned_memory.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {
namespace {

constexpr uint64_t kPieceBytes = 256u << 10;  // stays in the cache until the other side has it
constexpr uint64_t kStages = 2;
constexpr uint64_t kWorthwhileBytes = 2 * kPieceBytes;

struct Piece {
  uint64_t offset;
  uint64_t bytes;
  uint64_t stage;
};

uint64_t PieceCount(uint64_t size) { return (size + kPieceBytes - 1) / kPieceBytes; }

Piece PieceAt(uint64_t i, uint64_t size, uint64_t staging) {
  const uint64_t offset = i * kPieceBytes;
  return {.offset = offset,
          .bytes = std::min(kPieceBytes, size - offset),
          .stage = staging + i % kStages * kPieceBytes};
}

}  // namespace

// Reading another process's memory costs the system as much a page as copying it does.
bool CopyEngine::IsFasterStaged(uint64_t dst, uint64_t src, uint64_t size, uint32_t flags) const {
  const bool to_host = (flags & VNPU_COPY_DST_PAGEABLE) != 0;
  return size >= kWorthwhileBytes && host_access_.MayTouch(to_host ? dst : src, size, to_host);
}

aclError CopyEngine::HostCopy(uint64_t dst, uint64_t src, uint64_t size, bool host_is_dst) {
  const std::shared_lock lock(host_mutex_);
  if (closed_) {
    return FailDeviceLost(session_.index());
  }
  void* const to = reinterpret_cast<void*>(dst);
  void* const from = reinterpret_cast<void*>(src);
  // Asked anew for each piece: not all of the host memory need be of one kind.
  if (host_access_.MayTouch(host_is_dst ? dst : src, size, host_is_dst)) {
    std::memcpy(to, from, size);
    return ACL_SUCCESS;
  }
  const iovec local{.iov_base = to, .iov_len = size};
  const iovec remote{.iov_base = from, .iov_len = size};
  return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == static_cast<ssize_t>(size)
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_SYS_DMA, "the host memory of the copy is not accessible");
}

aclError CopyEngine::SendPiece(uint64_t dst, uint64_t src, uint64_t size, Flight* flight) {
  session_.NoteCpu();  // the next piece is copied here meanwhile
  VNPU_RETURN_IF_ERROR(SendCopy(dst, src, size, 0, flight));
  if (std::exchange(flight->kick, false)) {
    session_.Kick();  // this thread does not wait for the device yet
  }
  return ACL_SUCCESS;
}

aclError CopyEngine::StageIn(uint64_t dst, uint64_t src, uint64_t size, uint64_t staging,
                             Flight* flight) {
  for (uint64_t i = 0; i < PieceCount(size); ++i) {
    const Piece piece = PieceAt(i, size, staging);
    if (i >= kStages) {
      VNPU_RETURN_IF_ERROR(Land(*flight, kStages - 1));
    }
    VNPU_RETURN_IF_ERROR(HostCopy(piece.stage, src + piece.offset, piece.bytes, false));
    VNPU_RETURN_IF_ERROR(SendPiece(dst + piece.offset, piece.stage, piece.bytes, flight));
  }
  return ACL_SUCCESS;
}

aclError CopyEngine::StageOut(uint64_t dst, uint64_t src, uint64_t size, uint64_t staging,
                              Flight* flight) {
  const uint64_t count = PieceCount(size);
  for (uint64_t i = 0, sent = 0; i < count; ++i) {
    for (; sent < std::min(count, i + kStages); ++sent) {
      const Piece piece = PieceAt(sent, size, staging);
      VNPU_RETURN_IF_ERROR(SendPiece(piece.stage, src + piece.offset, piece.bytes, flight));
    }
    const Piece piece = PieceAt(i, size, staging);
    VNPU_RETURN_IF_ERROR(Land(*flight, sent - 1 - i));
    VNPU_RETURN_IF_ERROR(HostCopy(dst + piece.offset, piece.stage, piece.bytes, true));
  }
  return ACL_SUCCESS;
}

// Kept for the next copy: pinning memory takes much longer than a copy does.
aclError CopyEngine::FindStaging(Lane* lane, bool may_fail) {
  if (lane->staging != nullptr) {
    return ACL_SUCCESS;
  }
  std::optional<QuietErrors> quiet;
  if (may_fail) {
    if (lane->no_staging) {
      return ACL_ERROR_RT_MEMORY_ALLOCATION;
    }
    quiet.emplace();
  }
  const aclError error = session_.pinned_memory().Allocate(kStages * kPieceBytes, &lane->staging);
  lane->no_staging = error != ACL_SUCCESS;
  return error;
}

void CopyEngine::Close() {
  const std::unique_lock lock(host_mutex_);
  closed_ = true;
}

aclError CopyEngine::CopyStaged(uint64_t dst, uint64_t src, uint64_t size, uint32_t flags,
                                Flight* flight) {
  const auto staging = reinterpret_cast<uint64_t>(flight->lane->staging);
  const aclError error = (flags & VNPU_COPY_SRC_PAGEABLE) != 0
                             ? StageIn(dst, src, size, staging, flight)
                             : StageOut(dst, src, size, staging, flight);
  // The device is done with the memory before the next copy, whatever became of this one.
  const aclError landed = flight->sent ? Land(*flight) : ACL_SUCCESS;
  return error != ACL_SUCCESS ? error : landed;
}

}  // namespace vnpu::runtime
