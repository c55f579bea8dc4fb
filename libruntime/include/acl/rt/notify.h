// Notifies, counting notifies and waits on device memory.
#ifndef VNPU_ACL_RT_NOTIFY_H_
#define VNPU_ACL_RT_NOTIFY_H_

#include "acl/rt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Notifies (manual 08 Notify) -----------------------------------------------------
// A notify is a one-shot signal: one record releases one wait, and the wait resets it.

#define ACL_NOTIFY_DEFAULT 0x00000000U
#define ACL_NOTIFY_DEVICE_USE_ONLY 0x00000001U

// Makes a notify on the current device.
aclError aclrtCreateNotify(aclrtNotify* notify, uint64_t flag);

// Destroys a notify.
aclError aclrtDestroyNotify(aclrtNotify notify);

// Signals the notify when the stream gets here. Asynchronous.
aclError aclrtRecordNotify(aclrtNotify notify, aclrtStream stream);

// Holds the stream here until the notify is signalled, then resets it. `timeout` is in seconds,
// 0 waits for ever. Asynchronous.
aclError aclrtWaitAndResetNotify(aclrtNotify notify, aclrtStream stream, uint32_t timeout);

// Number of a notify on its device.
aclError aclrtGetNotifyId(aclrtNotify notify, uint32_t* notifyId);

// Resets several notifies at once.
aclError aclrtNotifyBatchReset(aclrtNotify* notifies, size_t num);

// ---------- Notifies between processes ------------------------------------------------------

#define ACL_RT_NOTIFY_EXPORT_FLAG_DEFAULT 0x0UL
#define ACL_RT_NOTIFY_EXPORT_FLAG_DISABLE_PID_VALIDATION 0x02UL
#define ACL_RT_NOTIFY_IMPORT_FLAG_DEFAULT 0x0UL
#define ACL_RT_NOTIFY_IMPORT_FLAG_ENABLE_PEER_ACCESS 0x02UL

// Makes a notify available to other processes under a key.
aclError aclrtNotifyGetExportKey(aclrtNotify notify, char* key, size_t len, uint64_t flags);

// Opens another process's notify.
aclError aclrtNotifyImportByKey(aclrtNotify* notify, const char* key, uint64_t flags);

// Names the processes that may open it.
aclError aclrtNotifySetImportPid(aclrtNotify notify, int32_t* pid, size_t num);

// Names the processes of several servers that may open it.
aclError aclrtNotifySetImportPidInterServer(aclrtNotify notify, aclrtServerPid* serverPids,
                                            size_t num);

// ---------- Counting notifies (manual 09 CntNotify) -----------------------------------------

// How recording changes the count.
typedef enum aclrtCntNotifyRecordMode {
  ACL_RT_CNT_NOTIFY_RECORD_SET_VALUE_MODE = 0,
  ACL_RT_CNT_NOTIFY_RECORD_ADD_MODE = 1,
  ACL_RT_CNT_NOTIFY_RECORD_BIT_OR_MODE = 2,
  ACL_RT_CNT_NOTIFY_RECORD_BIT_AND_MODE = 4,
} aclrtCntNotifyRecordMode;

// How and by how much to change the count.
typedef struct aclrtCntNotifyRecordInfo {
  aclrtCntNotifyRecordMode mode;
  uint32_t value;
} aclrtCntNotifyRecordInfo;

// How the count is compared.
typedef enum aclrtCntNotifyWaitMode {
  ACL_RT_CNT_NOTIFY_WAIT_LESS_MODE = 0,
  ACL_RT_CNT_NOTIFY_WAIT_EQUAL_MODE = 1,
  ACL_RT_CNT_NOTIFY_WAIT_BIGGER_MODE = 2,
  ACL_RT_CNT_NOTIFY_WAIT_BIGGER_OR_EQUAL_MODE = 3,
  ACL_RT_CNT_NOTIFY_WAIT_EQUAL_WITH_BITMASK_MODE = 4,
} aclrtCntNotifyWaitMode;

// What to wait for.
typedef struct aclrtCntNotifyWaitInfo {
  aclrtCntNotifyWaitMode mode;
  uint32_t value;
  uint32_t timeout;  // seconds, 0 is for ever
  uint8_t isClear;   // set the count to 0 afterwards
  uint8_t rsv[3];
} aclrtCntNotifyWaitInfo;

// Makes a counting notify with the count 0.
aclError aclrtCntNotifyCreate(aclrtCntNotify* cntNotify, uint64_t flag);

// Destroys a counting notify.
aclError aclrtCntNotifyDestroy(aclrtCntNotify cntNotify);

// Changes the count when the stream gets here. Asynchronous.
aclError aclrtCntNotifyRecord(aclrtCntNotify cntNotify, aclrtStream stream,
                              aclrtCntNotifyRecordInfo* info);

// Holds the stream here until the count is as wished. Asynchronous.
aclError aclrtCntNotifyWaitWithTimeout(aclrtCntNotify cntNotify, aclrtStream stream,
                                       aclrtCntNotifyWaitInfo* info);

// Sets the count to 0 when the stream gets here. Asynchronous.
aclError aclrtCntNotifyReset(aclrtCntNotify cntNotify, aclrtStream stream);

// Number of a counting notify on its device.
aclError aclrtCntNotifyGetId(aclrtCntNotify cntNotify, uint32_t* notifyId);

// ---------- Words in device memory as signals (manual 11-09) --------------------------------

// When aclrtValueWait lets the stream go on.
#define ACL_STREAM_WAIT_VALUE_GEQ 0x00000000U
#define ACL_STREAM_WAIT_VALUE_EQ 0x00000001U
#define ACL_STREAM_WAIT_VALUE_AND 0x00000002U
#define ACL_STREAM_WAIT_VALUE_NOR 0x00000003U

// Writes a word to device memory when the stream gets here. Asynchronous.
aclError aclrtValueWrite(void* devAddr, uint64_t value, uint32_t flag, aclrtStream stream);

// Holds the stream here until a word in device memory is as `flag` says. Asynchronous.
aclError aclrtValueWait(void* devAddr, uint64_t value, uint32_t flag, aclrtStream stream);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_RT_NOTIFY_H_
