// Base types together with all error codes.
#ifndef VNPU_ACL_ACL_BASE_H_
#define VNPU_ACL_ACL_BASE_H_

#include "acl/acl_base_rt.h"
#include "acl/error_codes/ge_error_codes.h"
#include "acl/error_codes/rt_error_codes.h"

#endif  // VNPU_ACL_ACL_BASE_H_
