// Device variables by their symbols in the host program (manual 11-11).
#include <cstdint>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/kernel/module.h"
#include "libruntime/src/memory/copy.h"
#include "libruntime/src/stream/context.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

// [offset, offset + count) of a device variable.
aclError FindPart(const void* symbol, size_t count, size_t offset, std::byte** part) {
  uint64_t address = 0;
  uint64_t size = 0;
  VNPU_RETURN_IF_ERROR(rt::FindGlobalBySymbol(symbol, &address, &size));
  if (count == 0 || offset > size || count > size - offset) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "{} bytes from {}: the variable has {}; at least 1 byte, inside of it", count,
                offset, size);
  }
  *part = reinterpret_cast<std::byte*>(address) + offset;
  return ACL_SUCCESS;
}

aclError CheckSymbolKind(aclrtMemcpyKind kind, aclrtMemcpyKind fits) {
  return kind == fits || kind == ACL_MEMCPY_DEFAULT
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_PARAM_INVALID, "kind {}: only {} and {} (default)",
                    static_cast<int>(kind), static_cast<int>(fits),
                    static_cast<int>(ACL_MEMCPY_DEFAULT));
}

aclError RequestFrom(void* dst, size_t room, const void* symbol, size_t count, size_t offset,
                     aclrtMemcpyKind kind, rt::CopyRequest* request) {
  VNPU_REQUIRE_NOT_NULL(dst);
  VNPU_RETURN_IF_ERROR(CheckSymbolKind(kind, ACL_MEMCPY_DEVICE_TO_HOST));
  if (count > room) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "count {} is more than dstMax {}", count, room);
  }
  std::byte* part = nullptr;
  VNPU_RETURN_IF_ERROR(FindPart(symbol, count, offset, &part));
  *request = {.dst = dst, .src = part, .size = count, .kind = kind};
  return ACL_SUCCESS;
}

aclError RequestTo(const void* symbol, const void* src, size_t count, size_t offset,
                   aclrtMemcpyKind kind, rt::CopyRequest* request) {
  VNPU_REQUIRE_NOT_NULL(src);
  VNPU_RETURN_IF_ERROR(CheckSymbolKind(kind, ACL_MEMCPY_HOST_TO_DEVICE));
  std::byte* part = nullptr;
  VNPU_RETURN_IF_ERROR(FindPart(symbol, count, offset, &part));
  *request = {.dst = part, .src = src, .size = count, .kind = kind};
  return ACL_SUCCESS;
}

aclError CopyPartInStream(const rt::CopyRequest& request, void* stream) {
  rt::Stream* found = nullptr;
  VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
  return rt::CopyInStream(request, found);
}

}  // namespace

aclError aclrtGetSymbolAddress(const void* symbol, void** devPtr) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(devPtr);
    uint64_t address = 0;
    uint64_t size = 0;
    VNPU_RETURN_IF_ERROR(rt::FindGlobalBySymbol(symbol, &address, &size));
    *devPtr = reinterpret_cast<void*>(address);
    return ACL_SUCCESS;
  });
}

aclError aclrtGetSymbolSize(const void* symbol, size_t* size) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(size);
    uint64_t address = 0;
    uint64_t bytes = 0;
    VNPU_RETURN_IF_ERROR(rt::FindGlobalBySymbol(symbol, &address, &bytes));
    *size = bytes;
    return ACL_SUCCESS;
  });
}

aclError aclrtMemcpyFromSymbol(void* dst, size_t dstMax, const void* symbol, size_t count,
                               size_t offset, aclrtMemcpyKind kind) {
  return Guard(__func__, [&]() -> aclError {
    rt::CopyRequest request;
    VNPU_RETURN_IF_ERROR(RequestFrom(dst, dstMax, symbol, count, offset, kind, &request));
    return rt::CopyNow(request);
  });
}

aclError aclrtMemcpyFromSymbolAsync(void* dst, size_t dstMax, const void* symbol, size_t count,
                                    size_t offset, aclrtMemcpyKind kind, aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    rt::CopyRequest request;
    VNPU_RETURN_IF_ERROR(RequestFrom(dst, dstMax, symbol, count, offset, kind, &request));
    return CopyPartInStream(request, stream);
  });
}

aclError aclrtMemcpyToSymbol(const void* symbol, const void* src, size_t count, size_t offset,
                             aclrtMemcpyKind kind) {
  return Guard(__func__, [&]() -> aclError {
    rt::CopyRequest request;
    VNPU_RETURN_IF_ERROR(RequestTo(symbol, src, count, offset, kind, &request));
    return rt::CopyNow(request);
  });
}

aclError aclrtMemcpyToSymbolAsync(const void* symbol, const void* src, size_t count, size_t offset,
                                  aclrtMemcpyKind kind, aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    rt::CopyRequest request;
    VNPU_RETURN_IF_ERROR(RequestTo(symbol, src, count, offset, kind, &request));
    return CopyPartInStream(request, stream);
  });
}
