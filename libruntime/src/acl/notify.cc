// Notifies (manual 08) and counting notifies (manual 09).
#include "libruntime/src/notify/notify.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <string_view>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/kernel/launch.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;
using rt::NotifyType;

namespace {

// Keys as text: two hexadecimal digits a byte.
constexpr size_t kKeyDigits = size_t{2} * VNPU_NOTIFY_KEY_BYTES;

uint32_t LimitFromSeconds(uint32_t seconds) {
  return rt::ClampTimeout(uint64_t{seconds} * 1'000'000);
}

bool ParseKey(const char* text, rt::NotifyKey* key) {
  if (strnlen(text, kKeyDigits + 1) != kKeyDigits) {
    return false;
  }
  for (size_t i = 0; i < key->size(); ++i) {
    const char* end = text + 2 * i + 2;
    if (std::from_chars(end - 2, end, (*key)[i], 16).ptr != end) {
      return false;
    }
  }
  return true;
}

aclError Create(void** handle, NotifyType type) {
  VNPU_REQUIRE_NOT_NULL(handle);
  rt::Notify* fresh = nullptr;
  VNPU_RETURN_IF_ERROR(rt::NewNotify(type, &fresh));
  *handle = fresh;
  return ACL_SUCCESS;
}

aclError Destroy(void* handle, NotifyType type) {
  rt::Notify* notify = nullptr;
  VNPU_RETURN_IF_ERROR(rt::ResolveNotify(handle, type, &notify));
  return rt::DestroyNotify(notify);
}

aclError Record(void* handle, NotifyType type, void* stream, uint32_t mode, uint32_t value) {
  rt::Notify* notify = nullptr;
  rt::Stream* found = nullptr;
  VNPU_RETURN_IF_ERROR(rt::ResolveNotify(handle, type, &notify));
  VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
  return rt::RecordNotify(notify, found, mode, value);
}

struct WaitSpec {
  uint32_t mode;  // enum vnpu_notify_wait
  uint32_t value;
  bool clear;
  uint32_t seconds;
};

aclError Wait(void* handle, NotifyType type, void* stream, const WaitSpec& wait) {
  rt::Notify* notify = nullptr;
  rt::Stream* found = nullptr;
  VNPU_RETURN_IF_ERROR(rt::ResolveNotify(handle, type, &notify));
  VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
  return rt::WaitNotify(notify, found, wait.mode, wait.value, wait.clear,
                        LimitFromSeconds(wait.seconds));
}

aclError Id(void* handle, NotifyType type, uint32_t* id) {
  VNPU_REQUIRE_NOT_NULL(id);
  rt::Notify* notify = nullptr;
  VNPU_RETURN_IF_ERROR(rt::ResolveNotify(handle, type, &notify));
  return rt::NotifyId(notify, id);
}

aclError RecordMode(aclrtCntNotifyRecordMode mode, uint32_t* device_mode) {
  switch (mode) {
    case ACL_RT_CNT_NOTIFY_RECORD_SET_VALUE_MODE:
      *device_mode = VNPU_NOTIFY_SET;
      return ACL_SUCCESS;
    case ACL_RT_CNT_NOTIFY_RECORD_ADD_MODE:
      *device_mode = VNPU_NOTIFY_ADD;
      return ACL_SUCCESS;
    case ACL_RT_CNT_NOTIFY_RECORD_BIT_OR_MODE:
      *device_mode = VNPU_NOTIFY_OR;
      return ACL_SUCCESS;
    case ACL_RT_CNT_NOTIFY_RECORD_BIT_AND_MODE:
      *device_mode = VNPU_NOTIFY_AND;
      return ACL_SUCCESS;
  }
  return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} is not a value of aclrtCntNotifyRecordMode",
              static_cast<int>(mode));
}

aclError WaitMode(aclrtCntNotifyWaitMode mode, uint32_t* device_mode) {
  switch (mode) {
    case ACL_RT_CNT_NOTIFY_WAIT_LESS_MODE:
      *device_mode = VNPU_NOTIFY_LESS;
      return ACL_SUCCESS;
    case ACL_RT_CNT_NOTIFY_WAIT_EQUAL_MODE:
      *device_mode = VNPU_NOTIFY_EQUAL;
      return ACL_SUCCESS;
    case ACL_RT_CNT_NOTIFY_WAIT_BIGGER_MODE:
      *device_mode = VNPU_NOTIFY_GREATER;
      return ACL_SUCCESS;
    case ACL_RT_CNT_NOTIFY_WAIT_BIGGER_OR_EQUAL_MODE:
      *device_mode = VNPU_NOTIFY_NOT_LESS;
      return ACL_SUCCESS;
    case ACL_RT_CNT_NOTIFY_WAIT_EQUAL_WITH_BITMASK_MODE:
      *device_mode = VNPU_NOTIFY_HAS_BITS;
      return ACL_SUCCESS;
  }
  return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} is not a value of aclrtCntNotifyWaitMode",
              static_cast<int>(mode));
}

}  // namespace

aclError aclrtCreateNotify(aclrtNotify* notify, uint64_t flag) {
  return Guard(__func__, [&]() -> aclError {
    if (flag == ACL_NOTIFY_DEVICE_USE_ONLY) {
      return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                  "notifies for device code alone are not supported; use ACL_NOTIFY_DEFAULT");
    }
    if (flag != ACL_NOTIFY_DEFAULT) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "flag is {:#x}; it takes ACL_NOTIFY_DEFAULT", flag);
    }
    return Create(notify, NotifyType::kSignal);
  });
}

aclError aclrtDestroyNotify(aclrtNotify notify) {
  return Guard(__func__, [&] { return Destroy(notify, NotifyType::kSignal); });
}

aclError aclrtRecordNotify(aclrtNotify notify, aclrtStream stream) {
  return Guard(__func__,
               [&] { return Record(notify, NotifyType::kSignal, stream, VNPU_NOTIFY_SET, 1); });
}

aclError aclrtWaitAndResetNotify(aclrtNotify notify, aclrtStream stream, uint32_t timeout) {
  return Guard(__func__, [&] {
    return Wait(notify, NotifyType::kSignal, stream,
                {.mode = VNPU_NOTIFY_EQUAL, .value = 1, .clear = true, .seconds = timeout});
  });
}

aclError aclrtGetNotifyId(aclrtNotify notify, uint32_t* notifyId) {
  return Guard(__func__, [&] { return Id(notify, NotifyType::kSignal, notifyId); });
}

aclError aclrtNotifyBatchReset(aclrtNotify* notifies, size_t num) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(notifies);
    if (num == 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "num is 0");
    }
    for (size_t i = 0; i < num; ++i) {
      rt::Notify* notify = nullptr;
      VNPU_RETURN_IF_ERROR(rt::ResolveNotify(notifies[i], NotifyType::kSignal, &notify));
    }
    for (size_t i = 0; i < num; ++i) {
      rt::Notify* notify = nullptr;
      VNPU_RETURN_IF_ERROR(rt::ResolveNotify(notifies[i], NotifyType::kSignal, &notify));
      VNPU_RETURN_IF_ERROR(rt::ResetNotify(notify));
    }
    return ACL_SUCCESS;
  });
}

aclError aclrtNotifyGetExportKey(aclrtNotify notify, char* key, size_t len, uint64_t flags) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(key);
    if (len <= kKeyDigits) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "len is {}; a key needs {} bytes", len,
                  kKeyDigits + 1);
    }
    if ((flags & ~ACL_RT_NOTIFY_EXPORT_FLAG_DISABLE_PID_VALIDATION) != 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "flags {:#x}: unknown", flags);
    }
    rt::Notify* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveNotify(notify, NotifyType::kSignal, &found));
    rt::NotifyKey bytes;
    VNPU_RETURN_IF_ERROR(rt::ExportNotify(found, flags != 0, &bytes));
    char* end = key;
    for (const uint8_t byte : bytes) {
      end = fmt::format_to(end, "{:02x}", byte);
    }
    *end = '\0';
    return ACL_SUCCESS;
  });
}

aclError aclrtNotifySetImportPid(aclrtNotify notify, int32_t* pid, size_t num) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(pid);
    if (num == 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "num is 0");
    }
    rt::Notify* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveNotify(notify, NotifyType::kSignal, &found));
    return rt::AllowImport(found, {pid, num});
  });
}

aclError aclrtNotifyImportByKey(aclrtNotify* notify, const char* key, uint64_t flags) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(notify);
    VNPU_REQUIRE_NOT_NULL(key);
    // Notifies reach every device, whether peer access is enabled or not.
    if ((flags & ~ACL_RT_NOTIFY_IMPORT_FLAG_ENABLE_PEER_ACCESS) != 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "flags {:#x}: unknown", flags);
    }
    rt::NotifyKey bytes;
    if (!ParseKey(key, &bytes)) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "the key is not one of aclrtNotifyGetExportKey: {} hexadecimal digits",
                  kKeyDigits);
    }
    rt::Notify* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ImportNotify(bytes, &found));
    *notify = found;
    return ACL_SUCCESS;
  });
}

aclError aclrtCntNotifyCreate(aclrtCntNotify* cntNotify, uint64_t flag) {
  return Guard(__func__, [&]() -> aclError {
    if (flag != 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "flag is {:#x}; it must be 0", flag);
    }
    return Create(cntNotify, NotifyType::kCounting);
  });
}

aclError aclrtCntNotifyDestroy(aclrtCntNotify cntNotify) {
  return Guard(__func__, [&] { return Destroy(cntNotify, NotifyType::kCounting); });
}

aclError aclrtCntNotifyRecord(aclrtCntNotify cntNotify, aclrtStream stream,
                              aclrtCntNotifyRecordInfo* info) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(info);
    uint32_t mode = 0;
    VNPU_RETURN_IF_ERROR(RecordMode(info->mode, &mode));
    return Record(cntNotify, NotifyType::kCounting, stream, mode, info->value);
  });
}

aclError aclrtCntNotifyWaitWithTimeout(aclrtCntNotify cntNotify, aclrtStream stream,
                                       aclrtCntNotifyWaitInfo* info) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(info);
    uint32_t mode = 0;
    VNPU_RETURN_IF_ERROR(WaitMode(info->mode, &mode));
    if (info->isClear > 1) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "isClear is {}; it takes 0 or 1", info->isClear);
    }
    return Wait(cntNotify, NotifyType::kCounting, stream,
                {.mode = mode,
                 .value = info->value,
                 .clear = info->isClear == 1,
                 .seconds = info->timeout});
  });
}

aclError aclrtCntNotifyReset(aclrtCntNotify cntNotify, aclrtStream stream) {
  return Guard(__func__, [&] {
    return Record(cntNotify, NotifyType::kCounting, stream, VNPU_NOTIFY_SET, 0);
  });
}

aclError aclrtCntNotifyGetId(aclrtCntNotify cntNotify, uint32_t* notifyId) {
  return Guard(__func__, [&] { return Id(cntNotify, NotifyType::kCounting, notifyId); });
}
