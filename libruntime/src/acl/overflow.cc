// Floating-point overflow: the mode of the device, and what kernels have left in its flag.
#include <array>
#include <memory>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/callback/host_calls.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/copy.h"
#include "libruntime/src/memory/copy_engine.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

constexpr size_t kStatusBytes = 64;

// Both run on the library's thread, in the stream's context.
void CopyStatus(void* output) {
  std::shared_ptr<rt::Session> session;
  if (rt::CurrentSession(&session) != ACL_SUCCESS) {
    return;
  }
  std::array<uint32_t, kStatusBytes / sizeof(uint32_t)> status{};
  status[0] = rt::LoadShared(session->mem().overflow) != 0 ? 1 : 0;
  session->copies().Copy(reinterpret_cast<uint64_t>(output),
                         reinterpret_cast<uint64_t>(status.data()), kStatusBytes,
                         VNPU_COPY_SRC_PAGEABLE);
}

void ClearStatus(void* /*unused*/) {
  std::shared_ptr<rt::Session> session;
  if (rt::CurrentSession(&session) == ACL_SUCCESS) {
    rt::StoreShared(session->mem().overflow, 0);
  }
}

// `output` null: none.
aclError InStream(aclrtStream stream, rt::HostFunction function, void* output) {
  rt::Stream* found = nullptr;
  VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
  const std::shared_ptr<rt::Session> session = found->session;
  if ((session->features() & VNPU_FEATURE_OVERFLOW) == 0) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT, "the driver is too old for overflow detection");
  }
  if (output != nullptr && !session->window().Contains(reinterpret_cast<uint64_t>(output))) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} is not in memory of the stream's device", output);
  }
  if (output != nullptr && !found->has(rt::kDiverted) && !found->has(rt::kUpdating)) {
    // An output that cannot be written to becomes the stream's error here; the function has nobody
    // to tell.
    VNPU_RETURN_IF_ERROR(rt::FillInStream(output, kStatusBytes, 0, 1, found));
  }
  return session->host_calls().Launch(rt::CallKind::kInternal, found, function, output,
                                      /*blocking=*/true);
}

aclError ReadStatus(void* output, uint64_t size, aclrtStream stream) {
  VNPU_REQUIRE_NOT_NULL(output);
  if (size != kStatusBytes) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "the output has {} bytes; it takes {}", size,
                kStatusBytes);
  }
  return InStream(stream, &CopyStatus, output);
}

aclError CheckMode(uint32_t mode) {
  return mode == 0 ? ACL_SUCCESS
                   : Fail(ACL_ERROR_RT_PARAM_INVALID, "checkMode is {}; it takes 0", mode);
}

}  // namespace

aclError aclrtSetDeviceSatMode(aclrtFloatOverflowMode mode) {
  return Guard(__func__, [&]() -> aclError {
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::CurrentSession(&session));
    switch (mode) {
      case ACL_RT_OVERFLOW_MODE_INFNAN:
        return ACL_SUCCESS;
      case ACL_RT_OVERFLOW_MODE_SATURATION:
        return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                    "the cores give infinities and NaN, as IEEE 754 says; they do not saturate");
      default:
        return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown mode {}", static_cast<int>(mode));
    }
  });
}

aclError aclrtGetDeviceSatMode(aclrtFloatOverflowMode* mode) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(mode);
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::CurrentSession(&session));
    *mode = ACL_RT_OVERFLOW_MODE_INFNAN;
    return ACL_SUCCESS;
  });
}

aclError aclrtGetOverflowStatus(void* outputAddr, size_t outputSize, aclrtStream stream) {
  return Guard(__func__, [&] { return ReadStatus(outputAddr, outputSize, stream); });
}

aclError aclrtResetOverflowStatus(aclrtStream stream) {
  return Guard(__func__, [&] { return InStream(stream, &ClearStatus, nullptr); });
}

aclError aclrtGetFloatOverflowStatus(void* outputAddr, uint64_t outputSize, aclrtStream stream) {
  return Guard(__func__, [&] { return ReadStatus(outputAddr, outputSize, stream); });
}

aclError aclrtResetFloatOverflowStatus(aclrtStream stream) {
  return Guard(__func__, [&] { return InStream(stream, &ClearStatus, nullptr); });
}

aclError aclrtNpuGetFloatOverFlowStatus(void* outputAddr, uint64_t outputSize, uint32_t checkMode,
                                        aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(CheckMode(checkMode));
    return ReadStatus(outputAddr, outputSize, stream);
  });
}

aclError aclrtNpuClearFloatOverFlowStatus(uint32_t checkMode, aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(CheckMode(checkMode));
    return InStream(stream, &ClearStatus, nullptr);
  });
}
