// Parameters of the process and of contexts: which there are and what values they take.
#ifndef VNPU_LIBRUNTIME_SRC_STREAM_SYSTEM_PARAMETERS_H_
#define VNPU_LIBRUNTIME_SRC_STREAM_SYSTEM_PARAMETERS_H_

#include "acl/acl_base.h"

namespace vnpu::runtime {

inline constexpr int kSystemParameters = ACL_OPT_ENABLE_KERNEL_EARLY_START + 1;

aclError CheckSystemParameter(aclSysParamOpt opt);
aclError CheckSystemParameter(aclSysParamOpt opt, int64_t value);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_STREAM_SYSTEM_PARAMETERS_H_
