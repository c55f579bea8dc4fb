// Groups of compute units. A device is one group with all of its units; there is no way to divide
// it.
#include <vnpu/abi.h>

#include <cstring>
#include <map>
#include <memory>
#include <mutex>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/stream/context.h"

// What aclrtGetAllGroupInfo fills in.
struct tagRtGroupInfo {
  bool filled = false;
  vnpu_device_info device{};
};

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

constexpr int32_t kGroup = 0;
// Streams that are scheduled at a time, at most as the manual has it.
constexpr int32_t kStreamsAtOnce = 32;

// The descriptions that are out, by address.
struct GroupInfos {
  std::mutex mutex;
  std::map<const aclrtGroupInfo*, std::unique_ptr<aclrtGroupInfo>> live;
};

GroupInfos& LiveGroupInfos() {
  static auto* const infos = new GroupInfos;
  return *infos;
}

aclError FailUnknownGroupInfo(const aclrtGroupInfo* info) {
  return Fail(ACL_ERROR_RT_INVALID_HANDLE,
              "{} did not come from aclrtCreateGroupInfo, or was destroyed",
              static_cast<const void*>(info));
}

aclError CheckGroupInfo(const aclrtGroupInfo* info) {
  VNPU_REQUIRE_NOT_NULL(info);
  GroupInfos& infos = LiveGroupInfos();
  const std::lock_guard lock(infos.mutex);
  return infos.live.contains(info) ? ACL_SUCCESS : FailUnknownGroupInfo(info);
}

aclError ReadGroup(const vnpu_device_info& device, aclrtGroupAttr attr, int32_t* value) {
  switch (attr) {
    case ACL_GROUP_AICORE_INT:
      *value = static_cast<int32_t>(device.units[VNPU_UNIT_AI_CORE]);
      return ACL_SUCCESS;
    case ACL_GROUP_AIV_INT:
      *value = static_cast<int32_t>(device.units[VNPU_UNIT_VECTOR_CORE]);
      return ACL_SUCCESS;
    case ACL_GROUP_AIC_INT:
      *value = static_cast<int32_t>(device.units[VNPU_UNIT_AI_CPU]);
      return ACL_SUCCESS;
    case ACL_GROUP_SDMANUM_INT:
      *value = static_cast<int32_t>(device.units[VNPU_UNIT_DMA]);
      return ACL_SUCCESS;
    case ACL_GROUP_ASQNUM_INT:
      *value = kStreamsAtOnce;
      return ACL_SUCCESS;
    case ACL_GROUP_GROUPID_INT:
      *value = kGroup;
      return ACL_SUCCESS;
    default:
      return Fail(ACL_ERROR_INVALID_PARAM, "unknown attribute {} of a group",
                  static_cast<int>(attr));
  }
}

}  // namespace

aclError aclrtSetGroup(int32_t groupId) {
  return Guard(__func__, [&]() -> aclError {
    rt::Context* context = nullptr;
    VNPU_RETURN_IF_ERROR(rt::CurrentContext(&context));
    if (groupId != kGroup) {
      return Fail(ACL_ERROR_RT_GROUP_NOT_CREATE,
                  "group {} does not exist: the device is one group, number {}", groupId, kGroup);
    }
    return ACL_SUCCESS;
  });
}

aclError aclrtGetGroupCount(uint32_t* count) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(count);
    rt::Context* context = nullptr;
    VNPU_RETURN_IF_ERROR(rt::CurrentContext(&context));
    *count = 1;
    return ACL_SUCCESS;
  });
}

aclrtGroupInfo* aclrtCreateGroupInfo() {
  aclrtGroupInfo* result = nullptr;
  Guard(__func__, [&]() -> aclError {
    GroupInfos& infos = LiveGroupInfos();
    const std::lock_guard lock(infos.mutex);
    auto fresh = std::make_unique<aclrtGroupInfo>();
    result = fresh.get();
    infos.live.emplace(result, std::move(fresh));
    return ACL_SUCCESS;
  });
  return result;
}

aclError aclrtDestroyGroupInfo(aclrtGroupInfo* groupInfo) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(groupInfo);
    GroupInfos& infos = LiveGroupInfos();
    const std::lock_guard lock(infos.mutex);
    return infos.live.erase(groupInfo) == 1 ? ACL_SUCCESS : FailUnknownGroupInfo(groupInfo);
  });
}

aclError aclrtGetAllGroupInfo(aclrtGroupInfo* groupInfo) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(CheckGroupInfo(groupInfo));
    std::shared_ptr<rt::Session> session;
    VNPU_RETURN_IF_ERROR(rt::CurrentSession(&session));
    *groupInfo = {.filled = true, .device = session->info()};
    return ACL_SUCCESS;
  });
}

aclError aclrtGetGroupInfoDetail(const aclrtGroupInfo* groupInfo, int32_t groupIndex,
                                 aclrtGroupAttr attr, void* attrValue, size_t valueLen,
                                 size_t* paramRetSize) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(CheckGroupInfo(groupInfo));
    VNPU_REQUIRE_NOT_NULL(attrValue);
    VNPU_REQUIRE_NOT_NULL(paramRetSize);
    if (!groupInfo->filled) {
      return Fail(ACL_ERROR_RT_GROUP_NOT_SET,
                  "the description is empty; call aclrtGetAllGroupInfo");
    }
    if (groupIndex != 0) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "group index is {}; there is one group, index 0",
                  groupIndex);
    }
    int32_t value = 0;
    VNPU_RETURN_IF_ERROR(ReadGroup(groupInfo->device, attr, &value));
    if (valueLen < sizeof(value)) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "valueLen is {}; the value takes {} bytes", valueLen,
                  sizeof(value));
    }
    std::memcpy(attrValue, &value, sizeof(value));
    *paramRetSize = sizeof(value);
    return ACL_SUCCESS;
  });
}
