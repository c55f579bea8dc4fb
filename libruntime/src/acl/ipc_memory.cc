// Device memory shared between processes by key (manual 11-07).
#include "libruntime/src/memory/ipc_memory.h"

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/stream/context.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;
using rt::IpcMemory;

namespace {

constexpr size_t kDigits = 16;  // of a word, hexadecimal
constexpr size_t kTextBytes = VNPU_SHARE_KEY_WORDS * kDigits + 1;
static_assert(kTextBytes == 65);

void WriteKey(const rt::ShareKey& key, char* text) {
  for (const uint64_t word : key) {
    std::snprintf(text, kDigits + 1, "%016llx", static_cast<unsigned long long>(word));
    text += kDigits;
  }
}

aclError ReadKey(const char* text, rt::ShareKey* key) {
  VNPU_REQUIRE_NOT_NULL(text);
  bool good = strnlen(text, kTextBytes) == kTextBytes - 1;
  for (size_t i = 0; good && i < key->size(); ++i) {
    const char* const begin = text + i * kDigits;
    const auto [end, error] = std::from_chars(begin, begin + kDigits, (*key)[i], 16);
    good = error == std::errc() && end == begin + kDigits;
  }
  return good ? ACL_SUCCESS
              : Fail(ACL_ERROR_RT_PARAM_INVALID,
                     "the key is not one that aclrtIpcMemGetExportKey wrote");
}

aclError CheckFlags(uint64_t flags, uint64_t known) {
  return (flags & ~known) == 0
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown flags {:#x}", flags & ~known);
}

}  // namespace

aclError aclrtIpcMemGetExportKey(void* devPtr, size_t size, char* key, size_t len, uint64_t flags) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(devPtr);
    VNPU_REQUIRE_NOT_NULL(key);
    if (len < kTextBytes) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "len is {}; a key takes {} characters", len,
                  kTextBytes);
    }
    VNPU_RETURN_IF_ERROR(CheckFlags(flags, ACL_RT_IPC_MEM_EXPORT_FLAG_DISABLE_PID_VALIDATION));
    rt::ShareKey made;
    VNPU_RETURN_IF_ERROR(
        IpcMemory::Get().Export(reinterpret_cast<uint64_t>(devPtr), size, flags != 0, &made));
    WriteKey(made, key);
    return ACL_SUCCESS;
  });
}

aclError aclrtIpcMemSetImportPid(const char* key, int32_t* pid, size_t num) {
  return Guard(__func__, [&]() -> aclError {
    rt::ShareKey read;
    VNPU_RETURN_IF_ERROR(ReadKey(key, &read));
    return IpcMemory::Get().Allow(read, pid, num);
  });
}

aclError aclrtIpcMemImportByKey(void** devPtr, const char* key, uint64_t flags) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(devPtr);
    rt::ShareKey read;
    VNPU_RETURN_IF_ERROR(ReadKey(key, &read));
    VNPU_RETURN_IF_ERROR(CheckFlags(flags, ACL_RT_IPC_MEM_IMPORT_FLAG_ENABLE_PEER_ACCESS));
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::CurrentSession(&session));
    uint64_t address = 0;
    VNPU_RETURN_IF_ERROR(IpcMemory::Get().Import(session, read, flags != 0, &address));
    *devPtr = reinterpret_cast<void*>(address);
    return ACL_SUCCESS;
  });
}

aclError aclrtIpcMemSetAttr(const char* key, aclrtIpcMemAttrType type, uint64_t attr) {
  return Guard(__func__, [&]() -> aclError {
    rt::ShareKey read;
    VNPU_RETURN_IF_ERROR(ReadKey(key, &read));
    VNPU_RETURN_IF_ERROR(IpcMemory::Get().CheckExported(read));
    if (type != ACL_RT_IPC_MEM_ATTR_ACCESS_LINK) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown attribute {}", static_cast<int>(type));
    }
    // The device has one way to all memory.
    return attr == ACL_RT_IPC_MEM_ATTR_ACCESS_LINK_SIO ||
                   attr == ACL_RT_IPC_MEM_ATTR_ACCESS_LINK_HCCS
               ? ACL_SUCCESS
               : Fail(ACL_ERROR_RT_PARAM_INVALID, "link {}: only 0 (SIO) and 1 (HCCS)", attr);
  });
}

aclError aclrtIpcMemClose(const char* key) {
  return Guard(__func__, [&]() -> aclError {
    rt::ShareKey read;
    VNPU_RETURN_IF_ERROR(ReadKey(key, &read));
    return IpcMemory::Get().Close(read);
  });
}
