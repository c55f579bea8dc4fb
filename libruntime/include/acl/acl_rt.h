// The runtime interface, one header a subject.
#ifndef VNPU_ACL_ACL_RT_H_
#define VNPU_ACL_ACL_RT_H_

#include "acl/acl_base.h"
#include "acl/acl_rt_allocator.h"
#include "acl/rt/callback.h"
#include "acl/rt/config.h"
#include "acl/rt/context.h"
#include "acl/rt/copy.h"
#include "acl/rt/device.h"
#include "acl/rt/error.h"
#include "acl/rt/event.h"
#include "acl/rt/graph.h"
#include "acl/rt/init.h"
#include "acl/rt/kernel.h"
#include "acl/rt/managed_memory.h"
#include "acl/rt/memory.h"
#include "acl/rt/notify.h"
#include "acl/rt/shared_buffer.h"
#include "acl/rt/snapshot.h"
#include "acl/rt/stream.h"
#include "acl/rt/task.h"
#include "acl/rt/virtual_memory.h"

#endif  // VNPU_ACL_ACL_RT_H_
