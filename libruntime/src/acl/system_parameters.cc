// Parameters of the process. No operator library is there to go by them, so they are kept and told.
#include "libruntime/src/stream/system_parameters.h"

#include <array>
#include <atomic>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"

namespace rt = vnpu::runtime;
using rt::Guard;

namespace {

constinit std::array<std::atomic<int64_t>, rt::kSystemParameters> process_parameters{};

}  // namespace

aclError aclrtSetSysParamOpt(aclSysParamOpt opt, int64_t value) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(rt::CheckSystemParameter(opt, value));
    process_parameters[static_cast<size_t>(opt)].store(value);
    return ACL_SUCCESS;
  });
}

aclError aclrtGetSysParamOpt(aclSysParamOpt opt, int64_t* value) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(value);
    VNPU_RETURN_IF_ERROR(rt::CheckSystemParameter(opt));
    *value = process_parameters[static_cast<size_t>(opt)].load();
    return ACL_SUCCESS;
  });
}
