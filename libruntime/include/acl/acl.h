// The header that programs include; everything else is included by name.
#ifndef VNPU_ACL_ACL_H_
#define VNPU_ACL_ACL_H_

#include "acl/acl_rt.h"

#endif  // VNPU_ACL_ACL_H_
