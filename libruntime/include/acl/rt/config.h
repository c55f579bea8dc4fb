// Runtime parameters, core limits and groups.
#ifndef VNPU_ACL_RT_CONFIG_H_
#define VNPU_ACL_RT_CONFIG_H_

#include "acl/rt/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

// ---------- Runtime parameters of the process (manual 03 Configuration) ---------------------

// Sets a parameter for the process: ACL_OPT_DETERMINISTIC takes 0 to 3, the others 0 and 1.
aclError aclrtSetSysParamOpt(aclSysParamOpt opt, int64_t value);

// Reads a parameter of the process; 0 if it was never set.
aclError aclrtGetSysParamOpt(aclSysParamOpt opt, int64_t* value);

// ---------- Core limits of the process, a stream or a thread --------------------------------

// Cores that can be limited.
typedef enum aclrtDevResLimitType {
  ACL_RT_DEV_RES_CUBE_CORE = 0,
  ACL_RT_DEV_RES_VECTOR_CORE = 1,
} aclrtDevResLimitType;

// Cores that a kernel of the process may use on a device; all of them unless there is a limit.
aclError aclrtGetDeviceResLimit(int32_t deviceId, aclrtDevResLimitType type, uint32_t* value);

// Limits the cores that each kernel submitted from now on may use at once: 1 to those that the
// device has. The device must be set; its reset ends the limit. A limit of the stream goes before
// this one.
aclError aclrtSetDeviceResLimit(int32_t deviceId, aclrtDevResLimitType type, uint32_t value);

// Lifts that limit.
aclError aclrtResetDeviceResLimit(int32_t deviceId);

// Cores that a kernel of a stream may use: the stream's limit, else the process's, else all. Null
// is the default stream, here and below.
aclError aclrtGetStreamResLimit(aclrtStream stream, aclrtDevResLimitType type, uint32_t* value);

// Limits the cores that each kernel submitted to the stream from now on may use at once.
aclError aclrtSetStreamResLimit(aclrtStream stream, aclrtDevResLimitType type, uint32_t value);

// Lifts that limit.
aclError aclrtResetStreamResLimit(aclrtStream stream);

// Makes a stream's limits those that aclrtGetResInCurrentThread tells the calling thread; the last
// call counts.
aclError aclrtUseStreamResInCurrentThread(aclrtStream stream);

// Takes that back.
aclError aclrtUnuseStreamResInCurrentThread(aclrtStream stream);

// Cores that the calling thread may count on: by the stream it uses, else the process's limit on
// the current device, else all.
aclError aclrtGetResInCurrentThread(aclrtDevResLimitType type, uint32_t* value);

// ---------- Groups of compute units (manual 16 Group) ---------------------------------------

// What a group has.
typedef enum aclrtGroupAttr {
  ACL_GROUP_AICORE_INT = 0,
  ACL_GROUP_AIV_INT = 1,
  ACL_GROUP_AIC_INT = 2,
  ACL_GROUP_SDMANUM_INT = 3,
  ACL_GROUP_ASQNUM_INT = 4,
  ACL_GROUP_GROUPID_INT = 5,
} aclrtGroupAttr;

// Descriptions of all groups.
typedef struct tagRtGroupInfo aclrtGroupInfo;

// Chooses the group that the current context computes on.
aclError aclrtSetGroup(int32_t groupId);

// Number of groups of the current context.
aclError aclrtGetGroupCount(uint32_t* count);

// Makes room for the descriptions of all groups; null on failure.
aclrtGroupInfo* aclrtCreateGroupInfo(void);

// Frees it.
aclError aclrtDestroyGroupInfo(aclrtGroupInfo* groupInfo);

// Fills it in.
aclError aclrtGetAllGroupInfo(aclrtGroupInfo* groupInfo);

// Reads one value of one group out of it.
aclError aclrtGetGroupInfoDetail(const aclrtGroupInfo* groupInfo, int32_t groupIndex,
                                 aclrtGroupAttr attr, void* attrValue, size_t valueLen,
                                 size_t* paramRetSize);

#pragma GCC visibility pop

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // VNPU_ACL_RT_CONFIG_H_
