// Physical memory shared between processes (manual 11-04).
#include <vnpu/ioctl.h>

#include <cstdint>
#include <cstring>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/device.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/virtual_memory.h"
#include "libruntime/src/stream/context.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

static_assert(sizeof(rt::ShareKey) <= sizeof(aclrtMemFabricHandle));

// The key as a handle, and back. A handle of the default kind has room for the first word only.
void WriteHandle(const rt::ShareKey& key, aclrtMemSharedHandleType type, void* handle) {
  if (type == ACL_MEM_SHARE_HANDLE_TYPE_DEFAULT) {
    std::memcpy(handle, key.data(), sizeof(key[0]));
  } else {
    std::memset(handle, 0, sizeof(aclrtMemFabricHandle));
    std::memcpy(handle, key.data(), sizeof(key));
  }
}

rt::ShareKey ReadHandle(const void* handle, aclrtMemSharedHandleType type) {
  rt::ShareKey key{};
  std::memcpy(key.data(), handle,
              type == ACL_MEM_SHARE_HANDLE_TYPE_DEFAULT ? sizeof(key[0]) : sizeof(key));
  return key;
}

aclError CheckType(aclrtMemSharedHandleType type) {
  return type == ACL_MEM_SHARE_HANDLE_TYPE_DEFAULT || type == ACL_MEM_SHARE_HANDLE_TYPE_FABRIC
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown type of shareable handles {}",
                    static_cast<int>(type));
}

aclError Export(void* memory, uint64_t flags, aclrtMemSharedHandleType type, void* handle) {
  VNPU_REQUIRE_NOT_NULL(handle);
  VNPU_RETURN_IF_ERROR(CheckType(type));
  if ((flags & ~uint64_t{ACL_RT_VMM_EXPORT_FLAG_DISABLE_PID_VALIDATION}) != 0) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown flags {:#x}", flags);
  }
  rt::Physical* physical = nullptr;
  std::shared_ptr<rt::Session> session;
  VNPU_RETURN_IF_ERROR(rt::ResolvePhysical(memory, &physical, &session));
  const uint32_t export_flags =
      (flags != 0 ? VNPU_EXPORT_ANY_PROCESS : 0) |
      (type == ACL_MEM_SHARE_HANDLE_TYPE_DEFAULT ? VNPU_EXPORT_SHORT_KEY : 0);
  rt::ShareKey key;
  VNPU_RETURN_IF_ERROR(session->virtual_memory().Export(physical, export_flags, &key));
  WriteHandle(key, type, handle);
  return ACL_SUCCESS;
}

aclError SetPids(const void* handle, aclrtMemSharedHandleType type, const int32_t* pids,
                 size_t count) {
  VNPU_REQUIRE_NOT_NULL(handle);
  VNPU_RETURN_IF_ERROR(CheckType(type));
  const rt::ShareKey key = ReadHandle(handle, type);
  for (uint32_t device = 0; device < VNPU_MAX_DEVICES; ++device) {
    const auto session = rt::SessionOfDevice(device);
    aclError error = ACL_SUCCESS;
    if (session != nullptr && session->virtual_memory().AllowExported(key, pids, count, &error)) {
      return error;
    }
  }
  return Fail(ACL_ERROR_RT_PARAM_INVALID,
              "this process shares no memory under this handle, or has freed it");
}

aclError Import(const void* handle, aclrtMemSharedHandleType type, rt::Session& session,
                void** memory) {
  const rt::ShareKey key = ReadHandle(handle, type);
  for (uint32_t device = 0; device < VNPU_MAX_DEVICES; ++device) {
    const auto holder = rt::SessionOfDevice(device);
    if (holder != nullptr && holder->virtual_memory().Shares(key)) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "this process has the memory of this handle already: it exported it, or imported "
                  "it before");
    }
  }
  rt::Physical* physical = nullptr;
  VNPU_RETURN_IF_ERROR(session.virtual_memory().Import(key, &physical));
  *memory = physical;
  return ACL_SUCCESS;
}

}  // namespace

aclError aclrtMemExportToShareableHandle(aclrtDrvMemHandle handle, aclrtMemHandleType handleType,
                                         uint64_t flags, uint64_t* shareableHandle) {
  return Guard(__func__, [&]() -> aclError {
    if (handleType != ACL_MEM_HANDLE_TYPE_NONE) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "handle type {}: only {}",
                  static_cast<int>(handleType), static_cast<int>(ACL_MEM_HANDLE_TYPE_NONE));
    }
    return Export(handle, flags, ACL_MEM_SHARE_HANDLE_TYPE_DEFAULT, shareableHandle);
  });
}

aclError aclrtMemExportToShareableHandleV2(aclrtDrvMemHandle handle, uint64_t flags,
                                           aclrtMemSharedHandleType shareType,
                                           void* shareableHandle) {
  return Guard(__func__, [&] { return Export(handle, flags, shareType, shareableHandle); });
}

aclError aclrtMemSetPidToShareableHandle(uint64_t shareableHandle, int32_t* pid, size_t pidNum) {
  return Guard(__func__, [&] {
    return SetPids(&shareableHandle, ACL_MEM_SHARE_HANDLE_TYPE_DEFAULT, pid, pidNum);
  });
}

aclError aclrtMemSetPidToShareableHandleV2(void* shareableHandle,
                                           aclrtMemSharedHandleType shareType, int32_t* pid,
                                           size_t pidNum) {
  return Guard(__func__, [&] { return SetPids(shareableHandle, shareType, pid, pidNum); });
}

aclError aclrtMemImportFromShareableHandle(uint64_t shareableHandle, int32_t deviceId,
                                           aclrtDrvMemHandle* handle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(handle);
    const auto session =
        deviceId >= 0 ? rt::SessionOfDevice(static_cast<uint32_t>(deviceId)) : nullptr;
    if (session == nullptr) {
      return Fail(ACL_ERROR_RT_INVALID_DEVICEID, "device {} is not in use; set it first", deviceId);
    }
    return Import(&shareableHandle, ACL_MEM_SHARE_HANDLE_TYPE_DEFAULT, *session, handle);
  });
}

aclError aclrtMemImportFromShareableHandleV2(void* shareableHandle,
                                             aclrtMemSharedHandleType shareType, uint64_t flags,
                                             aclrtDrvMemHandle* handle) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(shareableHandle);
    VNPU_REQUIRE_NOT_NULL(handle);
    VNPU_RETURN_IF_ERROR(CheckType(shareType));
    if (flags != 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "flags is {}; it must be 0", flags);
    }
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::CurrentSession(&session));
    return Import(shareableHandle, shareType, *session, handle);
  });
}

aclError aclrtMemMapSetLink(aclrtDrvMemHandle handle, aclrtMemLinkType adviceLink) {
  return Guard(__func__, [&]() -> aclError {
    rt::Physical* physical = nullptr;
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::ResolvePhysical(handle, &physical, &session));
    VNPU_RETURN_IF_ERROR(session->virtual_memory().CheckImported(physical));
    return adviceLink == ACL_RT_MEM_ACCESS_LINK_SIO || adviceLink == ACL_RT_MEM_ACCESS_LINK_HCCS
               ? ACL_SUCCESS  // the device has one way to all memory
               : Fail(ACL_ERROR_RT_LINK_TYPE_NOT_SUPPORTED, "link {}: only 0 (SIO) and 1 (HCCS)",
                      static_cast<int>(adviceLink));
  });
}
