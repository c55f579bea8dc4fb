// Functions of other components that run when the interface is initialised and ended.
#ifndef VNPU_LIBRUNTIME_SRC_ACL_INIT_CALLBACKS_H_
#define VNPU_LIBRUNTIME_SRC_ACL_INIT_CALLBACKS_H_

#include <string>

#include "acl/acl_rt.h"

namespace vnpu::runtime {

// Call the registered functions, each in the order of registration; the first error is the answer.
// No lock is held meanwhile.
aclError RunInitCallbacks(const std::string& config);
aclError RunFinalizeCallbacks();

// The text of the configuration that aclInit was called with; false: not initialised.
bool ConfigText(std::string* config);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_ACL_INIT_CALLBACKS_H_
