// Copies whose ends stand in memory that the device reads when the task runs (manual 11-03).
#include <vnpu/queue.h>

#include <cstdint>
#include <cstring>

#include "acl/acl_rt.h"
#include "libruntime/src/acl/dma_task.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/copy.h"
#include "libruntime/src/stream/context.h"
#include "libruntime/src/stream/stream.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

aclError CheckKind(aclrtMemcpyKind kind) {
  return kind == ACL_MEMCPY_INNER_DEVICE_TO_DEVICE
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_PARAM_INVALID, "kind {}: only ACL_MEMCPY_INNER_DEVICE_TO_DEVICE",
                    static_cast<int>(kind));
}

// An end of a copy: an address and, when that is where the address stands, an offset.
struct Indirect {
  uint64_t address = 0;
  uint64_t offset = 0;
  bool in_memory = false;
};

// `pointer` is the address of the end's address. Where the device does not reach it, it is read
// now.
aclError FindIndirect(const void* pointer, uint64_t offset, const rt::Stream& stream,
                      Indirect* end) {
  VNPU_REQUIRE_NOT_NULL(pointer);
  if (rt::FindEnd(pointer).place != rt::Place::kPageable) {
    VNPU_RETURN_IF_ERROR(rt::CheckReachable(pointer, stream));
    *end = {.address = reinterpret_cast<uint64_t>(pointer), .offset = offset, .in_memory = true};
    return ACL_SUCCESS;
  }
  void* base = nullptr;
  std::memcpy(&base, pointer, sizeof(base));
  VNPU_RETURN_IF_ERROR(rt::CheckReachable(base, stream));
  *end = {.address = reinterpret_cast<uint64_t>(base) + offset, .offset = 0, .in_memory = false};
  return ACL_SUCCESS;
}

aclError CopyWithOffset(const Indirect& dst, const Indirect& src, uint64_t count,
                        rt::Stream* stream) {
  return rt::Submit(stream, 0, 0, [&](rt::Slot& slot) {
    vnpu_sqe_copy& copy = slot.sqe->copy;
    slot.sqe->opcode = VNPU_OP_COPY;
    copy.dst = dst.address;
    copy.src = src.address;
    copy.size = count;
    copy.copy_flags =
        (dst.in_memory ? VNPU_COPY_DST_INDIRECT : 0) | (src.in_memory ? VNPU_COPY_SRC_INDIRECT : 0);
    copy.dst_offset = dst.offset;
    copy.src_offset = src.offset;
  });
}

// A copy's ends must be on the device of the descriptor.
aclError CheckDescEnds(const void* desc, const void* src, const void* dst) {
  const rt::End place = rt::FindEnd(desc);
  if (place.place == rt::Place::kPageable) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "descriptor {} is not in device memory", desc);
  }
  for (const void* end : {src, dst}) {
    const rt::End found = rt::FindEnd(end);
    if (found.session != place.session) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} is not memory of the descriptor's device", end);
    }
  }
  return ACL_SUCCESS;
}

}  // namespace

aclError aclrtMemcpyAsyncWithOffset(void** dst, size_t destMax, size_t dstDataOffset,
                                    const void** src, size_t count, size_t srcDataOffset,
                                    aclrtMemcpyKind kind, aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(dst);
    VNPU_REQUIRE_NOT_NULL(src);
    VNPU_RETURN_IF_ERROR(CheckKind(kind));
    if (count == 0 || dstDataOffset > destMax || count > destMax - dstDataOffset) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "{} bytes at offset {} of {}: at least one, and not beyond the end", count,
                  dstDataOffset, destMax);
    }
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    VNPU_RETURN_IF_ERROR(rt::RequireDmaTasks(*found->session));
    Indirect to;
    Indirect from;
    VNPU_RETURN_IF_ERROR(FindIndirect(static_cast<const void*>(dst), dstDataOffset, *found, &to));
    VNPU_RETURN_IF_ERROR(FindIndirect(static_cast<const void*>(src), srcDataOffset, *found, &from));
    return CopyWithOffset(to, from, count, found);
  });
}

aclError aclrtGetMemcpyDescSize(aclrtMemcpyKind kind, size_t* descSize) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(descSize);
    VNPU_RETURN_IF_ERROR(CheckKind(kind));
    *descSize = sizeof(vnpu_copy_desc);
    return ACL_SUCCESS;
  });
}

aclError aclrtSetMemcpyDesc(void* desc, aclrtMemcpyKind kind, void* srcAddr, void* dstAddr,
                            size_t count, void* config) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(desc);
    VNPU_REQUIRE_NOT_NULL(srcAddr);
    VNPU_REQUIRE_NOT_NULL(dstAddr);
    VNPU_RETURN_IF_ERROR(CheckKind(kind));
    if (count == 0 || config != nullptr) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "count is {}, config is {}: at least 1 byte, and no configuration", count,
                  config);
    }
    VNPU_RETURN_IF_ERROR(CheckDescEnds(desc, srcAddr, dstAddr));
    const vnpu_copy_desc copy{.dst = reinterpret_cast<uint64_t>(dstAddr),
                              .src = reinterpret_cast<uint64_t>(srcAddr),
                              .size = count,
                              .reserved = 0};
    return rt::CopyNow({.dst = desc, .src = &copy, .size = sizeof(copy)});
  });
}

aclError aclrtMemcpyAsyncWithDesc(void* desc, aclrtMemcpyKind kind, aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(desc);
    VNPU_RETURN_IF_ERROR(CheckKind(kind));
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    VNPU_RETURN_IF_ERROR(rt::RequireDmaTasks(*found->session));
    VNPU_RETURN_IF_ERROR(rt::CheckReachable(desc, *found));
    return rt::Submit(found, 0, 0, [&](rt::Slot& slot) {
      slot.sqe->opcode = VNPU_OP_COPY;
      slot.sqe->copy.src = reinterpret_cast<uint64_t>(desc);
      slot.sqe->copy.copy_flags = VNPU_COPY_DESC;
    });
  });
}
