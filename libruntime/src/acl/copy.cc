#include "libruntime/src/memory/copy.h"

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/stream/context.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

aclError CheckCopy(const void* dst, size_t room, const void* src, size_t count,
                   aclrtMemcpyKind kind) {
  VNPU_REQUIRE_NOT_NULL(dst);
  VNPU_REQUIRE_NOT_NULL(src);
  if (count == 0) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "count is 0; copy at least 1 byte");
  }
  if (count > room) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "count {} is more than destMax {}", count, room);
  }
  if (kind < ACL_MEMCPY_HOST_TO_HOST || kind > ACL_MEMCPY_INTER_DEVICE_TO_DEVICE) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown kind {}", static_cast<int>(kind));
  }
  return ACL_SUCCESS;
}

aclError CheckFill(const void* dst, size_t room, size_t count) {
  VNPU_REQUIRE_NOT_NULL(dst);
  if (count == 0) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "count is 0; fill at least 1 byte");
  }
  if (count > room) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} bytes are more than the {} of the memory", count,
                room);
  }
  return ACL_SUCCESS;
}

aclError CheckFillD32(const void* dst, size_t room, size_t count) {
  VNPU_REQUIRE_NOT_NULL(dst);
  if (count > room / sizeof(uint32_t)) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} values need more than the {} bytes of the memory",
                count, room);
  }
  if (reinterpret_cast<uintptr_t>(dst) % sizeof(uint32_t) != 0) {
    return Fail(ACL_ERROR_RT_ADDR_UNALIGNED, "{} is not aligned to 4 bytes", dst);
  }
  return CheckFill(dst, room, count * sizeof(uint32_t));
}

aclError CopyAsync(void* dst, size_t room, const void* src, size_t count, aclrtMemcpyKind kind,
                   void* stream) {
  VNPU_RETURN_IF_ERROR(CheckCopy(dst, room, src, count, kind));
  rt::Stream* found = nullptr;
  VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
  return rt::CopyInStream({.dst = dst, .src = src, .size = count, .kind = kind}, found);
}

}  // namespace

aclError aclrtMemcpy(void* dst, size_t destMax, const void* src, size_t count,
                     aclrtMemcpyKind kind) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(CheckCopy(dst, destMax, src, count, kind));
    return rt::CopyNow({.dst = dst, .src = src, .size = count, .kind = kind});
  });
}

aclError aclrtMemcpyAsync(void* dst, size_t destMax, const void* src, size_t count,
                          aclrtMemcpyKind kind, aclrtStream stream) {
  return Guard(__func__, [&] { return CopyAsync(dst, destMax, src, count, kind, stream); });
}

aclError aclrtMemcpyAsyncWithCondition(void* dst, size_t destMax, const void* src, size_t count,
                                       aclrtMemcpyKind kind, aclrtStream stream) {
  return Guard(__func__, [&] { return CopyAsync(dst, destMax, src, count, kind, stream); });
}

aclError aclrtMemset(void* devPtr, size_t maxCount, int32_t value, size_t count) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(CheckFill(devPtr, maxCount, count));
    return rt::FillNow(devPtr, count, static_cast<uint8_t>(value), 1);
  });
}

aclError aclrtMemsetAsync(void* devPtr, size_t maxCount, int32_t value, size_t count,
                          aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(CheckFill(devPtr, maxCount, count));
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    return rt::FillInStream(devPtr, count, static_cast<uint8_t>(value), 1, found);
  });
}

aclError aclrtMemsetD32(void* ptr, size_t memSize, uint32_t value, size_t N) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(CheckFillD32(ptr, memSize, N));
    return rt::FillNow(ptr, N * sizeof(uint32_t), value, sizeof(uint32_t));
  });
}

aclError aclrtMemsetD32Async(void* ptr, size_t memSize, uint32_t value, size_t N,
                             aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(CheckFillD32(ptr, memSize, N));
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    // Host memory is filled at once (manual 11-03), unless the fill is to be part of a model.
    if (!found->has(rt::kDiverted) && rt::FindEnd(ptr).place == rt::Place::kPinned) {
      return rt::FillNow(ptr, N * sizeof(uint32_t), value, sizeof(uint32_t));
    }
    return rt::FillInStream(ptr, N * sizeof(uint32_t), value, sizeof(uint32_t), found);
  });
}
