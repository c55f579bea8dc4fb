// Changing a task of a model when a stream gets there (manual 12).
#include "libruntime/src/graph/task_update.h"

#include <algorithm>

#include "acl/acl_rt.h"
#include "libruntime/src/acl/malloc_policy.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/kernel/module.h"
#include "libruntime/src/stream/context.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

template <size_t kCount>
aclError CheckReserved(const uint32_t (&words)[kCount]) {
  return std::ranges::all_of(words, [](uint32_t word) { return word == 0; })
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_PARAM_INVALID, "rsv must be 0");
}

aclError UpdateKernel(const rt::TaskName& name, const aclrtAicAivTaskUpdateAttr& kernel,
                      rt::Stream* exec) {
  VNPU_RETURN_IF_ERROR(CheckReserved(kernel.rsv));
  VNPU_REQUIRE_NOT_NULL(kernel.binHandle);
  VNPU_REQUIRE_NOT_NULL(kernel.funcEntryAddr);
  VNPU_REQUIRE_NOT_NULL(kernel.blockDimAddr);
  rt::Module* module = nullptr;
  VNPU_RETURN_IF_ERROR(rt::ResolveModule(kernel.binHandle, &module));
  return rt::UpdateKernelTask(name, module, kernel.funcEntryAddr, kernel.blockDimAddr, exec);
}

aclError UpdateRandom(const rt::TaskName& name, const aclrtRandomTaskUpdateAttr& random,
                      rt::Stream* exec) {
  VNPU_RETURN_IF_ERROR(CheckReserved(random.rsv));
  VNPU_REQUIRE_NOT_NULL(random.srcAddr);
  if (random.size < sizeof(aclrtRandomNumTaskInfo)) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "size is {}; an aclrtRandomNumTaskInfo has {} bytes",
                random.size, sizeof(aclrtRandomNumTaskInfo));
  }
  if (rt::IsAscend950(exec->session->info().soc_name)) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "devices of the 950 series do not update random-number tasks");
  }
  return rt::UpdateRandomTask(name, random.srcAddr, exec);
}

}  // namespace

aclError aclrtTaskUpdateAsync(aclrtStream taskStream, uint32_t taskId, aclrtTaskUpdateInfo* info,
                              aclrtStream execStream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(taskStream);
    VNPU_REQUIRE_NOT_NULL(info);
    rt::Stream* stream = nullptr;
    rt::Stream* exec = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(taskStream, &stream));
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(execStream, &exec));
    const rt::TaskName name{.stream = stream, .task = taskId};
    switch (info->id) {
      case ACL_RT_UPDATE_RANDOM_TASK:
        return UpdateRandom(name, info->val.randomTaskAttr, exec);
      case ACL_RT_UPDATE_AIC_AIV_TASK:
        return UpdateKernel(name, info->val.aicAivTaskAttr, exec);
      default:
        return Fail(ACL_ERROR_RT_PARAM_INVALID, "id is {}; it takes ACL_RT_UPDATE_*",
                    static_cast<int>(info->id));
    }
  });
}
