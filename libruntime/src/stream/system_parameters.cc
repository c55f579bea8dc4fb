#include "libruntime/src/stream/system_parameters.h"

#include "libruntime/src/base/guard.h"

namespace vnpu::runtime {

aclError CheckSystemParameter(aclSysParamOpt opt) {
  if (opt < ACL_OPT_DETERMINISTIC || opt >= kSystemParameters) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown system parameter {}", static_cast<int>(opt));
  }
  return ACL_SUCCESS;
}

aclError CheckSystemParameter(aclSysParamOpt opt, int64_t value) {
  VNPU_RETURN_IF_ERROR(CheckSystemParameter(opt));
  const int64_t most = opt == ACL_OPT_DETERMINISTIC ? 3 : 1;
  if (value < 0 || value > most) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "system parameter {} is {}; it takes 0 to {}",
                static_cast<int>(opt), value, most);
  }
  return ACL_SUCCESS;
}

}  // namespace vnpu::runtime
