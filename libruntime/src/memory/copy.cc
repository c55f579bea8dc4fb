#include "libruntime/src/memory/copy.h"

#include <algorithm>
#include <cstring>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/base/round_up.h"
#include "libruntime/src/device/device.h"
#include "libruntime/src/device/peer_access.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/graph/capture.h"
#include "libruntime/src/memory/copy_engine.h"
#include "libruntime/src/memory/copy_entry.h"
#include "libruntime/src/memory/host_registry.h"
#include "libruntime/src/memory/managed_memory.h"
#include "libruntime/src/memory/pinned_memory.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {
namespace {

// Both ends, and the session that copies (null: the host does).
struct Route {
  explicit Route(const CopyRequest& request)
      : dst(FindEnd(request.dst)), src(FindEnd(request.src, &dst)) {}
  Route(const Route&) = delete;
  Route& operator=(const Route&) = delete;

  const End dst;
  const End src;
  Session* session = nullptr;
  uint32_t flags = 0;  // VNPU_COPY_*

  bool dst_on_device() const { return OnDevice(dst); }
  bool src_on_device() const { return OnDevice(src); }
  bool dst_on_host() const { return dst.place != Place::kDevice; }
  bool src_on_host() const { return src.place != Place::kDevice; }

 private:
  // Managed memory is on both sides; the device copies it.
  static bool OnDevice(const End& end) {
    return end.place == Place::kDevice || end.place == Place::kManaged;
  }
};

// Between two devices: one of them copies that has access to the other, `preferred` (a serial
// number) if both have.
aclError FindPeerRoute(uint64_t preferred, Route* route) {
  Session* const dst = route->dst.session;
  Session* const src = route->src.session;
  const bool dst_reaches = Reaches(*dst, *src);
  const bool src_reaches = Reaches(*src, *dst);
  if (!dst_reaches && !src_reaches) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "neither of devices {} and {} has access to the other: call "
                "aclrtDeviceEnablePeerAccess first, or copy by way of the host",
                src->index(), dst->index());
  }
  const bool src_copies = !dst_reaches || (src_reaches && preferred == src->serial());
  route->session = src_copies ? src : dst;
  return ACL_SUCCESS;
}

// Bytes from the start of the first row to the end of the last.
uint64_t SpanOf(uint64_t row_bytes, uint64_t count, uint64_t pitch) {
  return (count - 1) * pitch + row_bytes;
}

// Memory that is locked for the session's device gets the address that this has it at.
void TakeLocked(Route* route, CopyRequest* request, const Rows& rows) {
  const HostRegistry& registry = route->session->host_registry();
  if (route->src.session == nullptr) {
    const uint64_t bytes = SpanOf(request->size, rows.count, rows.src_pitch);
    if (const uint64_t address = registry.LockedAddress(request->src, bytes); address != 0) {
      request->src = reinterpret_cast<const void*>(address);
      route->flags &= ~uint32_t{VNPU_COPY_SRC_PAGEABLE};
    }
  }
  if (route->dst.session == nullptr) {
    const uint64_t bytes = SpanOf(request->size, rows.count, rows.dst_pitch);
    if (const uint64_t address = registry.LockedAddress(request->dst, bytes); address != 0) {
      request->dst = reinterpret_cast<void*>(address);
      route->flags &= ~uint32_t{VNPU_COPY_DST_PAGEABLE};
    }
  }
}

// The addresses of `request` are from then on those that the device copies with. `rows`: all that
// are copied, of which the request is the first.
aclError FindRoute(CopyRequest* request, const Rows& rows, Route* route, uint64_t preferred = 0) {
  if (route->dst_on_device() && route->src_on_device() &&
      route->dst.session != route->src.session) {
    return FindPeerRoute(preferred, route);
  }
  if (route->dst_on_device()) {
    route->session = route->dst.session;
  } else if (route->src_on_device()) {
    route->session = route->src.session;
  } else {
    return ACL_SUCCESS;
  }
  // Pinned memory of another device is plain host memory to this one.
  if (route->src.session != route->session) {
    route->flags |= VNPU_COPY_SRC_PAGEABLE;
  }
  if (route->dst.session != route->session) {
    route->flags |= VNPU_COPY_DST_PAGEABLE;
  }
  if (route->flags != 0) {
    TakeLocked(route, request, rows);
  }
  return ACL_SUCCESS;
}

bool KindFits(aclrtMemcpyKind kind, const Route& route) {
  switch (kind) {
    case ACL_MEMCPY_DEFAULT:
      return true;
    case ACL_MEMCPY_HOST_TO_HOST:
      return route.dst_on_host() && route.src_on_host();
    case ACL_MEMCPY_HOST_TO_DEVICE:
    case ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE:
      return route.dst_on_device() && route.src_on_host();
    case ACL_MEMCPY_DEVICE_TO_HOST:
      return route.dst_on_host() && route.src_on_device();
    case ACL_MEMCPY_DEVICE_TO_DEVICE:
    case ACL_MEMCPY_INNER_DEVICE_TO_DEVICE:
    case ACL_MEMCPY_INTER_DEVICE_TO_DEVICE:
      return route.dst_on_device() && route.src_on_device();
  }
  return false;
}

const char* PlaceName(bool on_device) { return on_device ? "device" : "host"; }

// Through the session of the route, which has one.
aclError CopyOn(const Route& route, const CopyRequest& request) {
  return route.session->copies().Copy(reinterpret_cast<uint64_t>(request.dst),
                                      reinterpret_cast<uint64_t>(request.src), request.size,
                                      route.flags);
}

// Waits for the stream, then copies: for pageable memory that the device process cannot reach.
aclError CopyAfter(Stream* stream, const CopyRequest& request, const Route& route) {
  VNPU_RETURN_IF_ERROR(SynchronizeStream(stream, std::nullopt));
  return CopyOn(route, request);
}

aclError FailKind(const CopyRequest& request, const Route& route) {
  return Fail(ACL_ERROR_RT_PARAM_INVALID,
              "kind {} does not fit: the source is {} memory, the destination {} memory",
              static_cast<int>(request.kind), PlaceName(route.src_on_device()),
              PlaceName(route.dst_on_device()));
}

// As FindRoute, for a copy in the stream, and checked.
aclError FindStreamRoute(CopyRequest* request, const Rows& rows, Stream* stream, Route* route) {
  VNPU_RETURN_IF_ERROR(FindRoute(request, rows, route, stream->session_serial));
  if (route->session == nullptr) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "both ends are host memory; call aclrtMemcpy or memcpy");
  }
  if (!KindFits(request->kind, *route)) {
    return FailKind(*request, *route);
  }
  if (route->session->serial() != stream->session_serial) {
    return Fail(ACL_ERROR_RT_STREAM_CONTEXT,
                "the copy is for device {}, which the memory is on or which has access to it; the "
                "stream is of another",
                route->session->index());
  }
  return ACL_SUCCESS;
}

aclError SubmitCopy(const CopyRequest& request, uint32_t flags, Stream* stream, Submitted* copy) {
  return Submit(
      stream, 0, 0,
      [&](Slot& slot) {
        WriteCopy(reinterpret_cast<uint64_t>(request.dst), reinterpret_cast<uint64_t>(request.src),
                  request.size, flags, slot.sqe);
      },
      copy);
}

// Through the queue's memory for data: the caller has its source back at once.
aclError SubmitBuffered(const CopyRequest& request, Stream* stream) {
  constexpr uint64_t kLine = 64;
  const auto room = static_cast<uint32_t>(std::max(kLine, RoundUp(request.size, kLine)));
  return Submit(stream, 0, room, [&](Slot& slot) {
    std::memcpy(slot.data, request.src, request.size);
    WriteCopy(reinterpret_cast<uint64_t>(request.dst), reinterpret_cast<uint64_t>(slot.data),
              request.size, 0, slot.sqe);
  });
}

// Captures and pageable memory: nobody waits for a captured copy, so its memory has to stay.
aclError CheckPageable(const Route& route, Stream* stream) {
  if (route.flags == 0) [[likely]] {
    return ACL_SUCCESS;
  }
  VNPU_RETURN_IF_ERROR(CheckUnsafeAsync(stream));
  if (stream->has(kUpdating)) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "copies in task groups take memory that is pinned or on the device");
  }
  return !stream->has(kDiverted) || route.session->copies().ReachesPageable()
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                    "the device process cannot reach memory that is not pinned");
}

// The row after `row`.
CopyRequest NextRow(const CopyRequest& row, const Rows& rows) {
  CopyRequest next = row;
  next.dst = static_cast<std::byte*>(row.dst) + rows.dst_pitch;
  next.src = static_cast<const std::byte*>(row.src) + rows.src_pitch;
  return next;
}

// Rows without gaps are one.
void JoinRows(CopyRequest* request, Rows* rows) {
  if (rows->dst_pitch == request->size && rows->src_pitch == request->size) {
    request->size *= rows->count;
    rows->count = 1;
  }
}

void FillOnHost(void* dst, uint64_t size, uint32_t value, uint32_t width) {
  if (width == 1) {
    std::memset(dst, static_cast<int>(value), size);
  } else {
    std::fill_n(static_cast<uint32_t*>(dst), size / width, value);
  }
}

}  // namespace

End FindEnd(const void* pointer, const End* known) {
  const auto address = reinterpret_cast<uint64_t>(pointer);
  End end;
  if (known != nullptr && known->session != nullptr && known->session->window().Contains(address)) {
    end.session = known->session;
  } else {
    end.keeps = SessionOfAddress(address);
    end.session = end.keeps.get();
  }
  if (end.session != nullptr) {
    end.place = Place::kDevice;
    if (end.session->pinned_memory().Contains(address)) {
      end.place =
          end.session->managed_memory().Contains(address) ? Place::kManaged : Place::kPinned;
    }
  }
  return end;
}

aclError CheckReachable(const void* pointer, const Stream& stream) {
  VNPU_REQUIRE_NOT_NULL(pointer);
  const End end = FindEnd(pointer);
  return end.session != nullptr && end.session->serial() == stream.session_serial
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_PARAM_INVALID,
                    "{} is not memory that the stream's device reaches: take device memory, or "
                    "pinned memory, of that device",
                    pointer);
}

aclError CopyNow(const CopyRequest& asked) {
  VNPU_RETURN_IF_ERROR(CheckUnsafe("a copy that waits"));
  CopyRequest request = asked;
  Route route(request);
  VNPU_RETURN_IF_ERROR(FindRoute(&request, {}, &route));
  if (!KindFits(request.kind, route)) [[unlikely]] {
    Log().warn("aclrtMemcpy: kind {} does not say that {} memory is copied to {} memory",
               static_cast<int>(request.kind), PlaceName(route.src_on_device()),
               PlaceName(route.dst_on_device()));
  }
  if (route.session == nullptr) {
    std::memmove(request.dst, request.src, request.size);
    return ACL_SUCCESS;
  }
  return CopyOn(route, request);
}

aclError CopyInStream(const CopyRequest& asked, Stream* stream) {
  CopyRequest request = asked;
  Route route(request);
  VNPU_RETURN_IF_ERROR(FindStreamRoute(&request, {}, stream, &route));
  if (request.kind == ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE && request.size <= kMaxDataBytes &&
      !stream->has(kDiverted) && !stream->has(kUpdating)) {
    return SubmitBuffered(asked, stream);
  }
  VNPU_RETURN_IF_ERROR(CheckPageable(route, stream));
  if (route.flags != 0 && !route.session->copies().ReachesPageable()) {
    return CopyAfter(stream, request, route);
  }
  Submitted copy;
  VNPU_RETURN_IF_ERROR(SubmitCopy(request, route.flags, stream, &copy));
  if (copy.queue == nullptr) [[unlikely]] {
    return ACL_SUCCESS;  // part of a graph
  }
  // The caller may reuse pageable memory, and a source to be buffered, on return.
  if (route.flags != 0 || request.kind == ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE) {
    return WaitForTask(*route.session, copy, std::nullopt, Spin::kAdaptive);
  }
  return ACL_SUCCESS;
}

aclError CopyRowsNow(const CopyRequest& first, const Rows& rows_asked) {
  VNPU_RETURN_IF_ERROR(CheckUnsafe("a copy that waits"));
  CopyRequest row = first;
  Rows rows = rows_asked;
  JoinRows(&row, &rows);
  Route route(row);
  VNPU_RETURN_IF_ERROR(FindRoute(&row, rows, &route));
  if (!KindFits(row.kind, route)) {
    return FailKind(row, route);
  }
  for (uint64_t i = 0; i < rows.count; ++i, row = NextRow(row, rows)) {
    VNPU_RETURN_IF_ERROR(CopyOn(route, row));
  }
  return ACL_SUCCESS;
}

aclError CopyRowsInStream(const CopyRequest& first, const Rows& rows_asked, Stream* stream) {
  CopyRequest row = first;
  Rows rows = rows_asked;
  JoinRows(&row, &rows);
  Route route(row);
  VNPU_RETURN_IF_ERROR(FindStreamRoute(&row, rows, stream, &route));
  VNPU_RETURN_IF_ERROR(CheckPageable(route, stream));
  const bool after = route.flags != 0 && !route.session->copies().ReachesPageable();
  Submitted copy;
  for (uint64_t i = 0; i < rows.count; ++i, row = NextRow(row, rows)) {
    VNPU_RETURN_IF_ERROR(after ? CopyAfter(stream, row, route)
                               : SubmitCopy(row, route.flags, stream, &copy));
  }
  // One wait for all rows: the tasks of a stream end in order.
  return route.flags != 0 && !after && copy.queue != nullptr
             ? WaitForTask(*route.session, copy, std::nullopt, Spin::kAdaptive)
             : ACL_SUCCESS;
}

aclError FillNow(void* dst, uint64_t size, uint32_t value, uint32_t width) {
  VNPU_RETURN_IF_ERROR(CheckUnsafe("a fill that waits"));
  const End end = FindEnd(dst);
  if (end.place != Place::kDevice) {
    FillOnHost(dst, size, value, width);
    return ACL_SUCCESS;
  }
  return end.session->copies().Fill(reinterpret_cast<uint64_t>(dst), size, value, width);
}

aclError FillInStream(void* dst, uint64_t size, uint32_t value, uint32_t width, Stream* stream) {
  const End end = FindEnd(dst);
  if (end.place == Place::kPageable) {
    VNPU_RETURN_IF_ERROR(CheckUnsafeAsync(stream));
    if (stream->has(kDiverted) || stream->has(kUpdating)) {
      return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                  "fills in models take memory that is pinned or on the device");
    }
    FillOnHost(dst, size, value, width);
    return ACL_SUCCESS;
  }
  if (end.session->serial() != stream->session_serial &&
      (end.place != Place::kDevice || !Reaches(*stream->session, *end.session))) {
    return Fail(ACL_ERROR_RT_STREAM_CONTEXT,
                "the memory is on device {}, the stream on another that has no access to it",
                end.session->index());
  }
  return Submit(stream, 0, 0, [&](Slot& slot) {
    WriteFill(reinterpret_cast<uint64_t>(dst), size, value, width, slot.sqe);
  });
}

}  // namespace vnpu::runtime
