// The few functions of the acl interface that launches use, for tests of npucc alone: kernels run
// at once, on the calling thread, in this process.
#ifndef TESTS_NPUCC_FAKE_ACL_H_
#define TESTS_NPUCC_FAKE_ACL_H_

#include <cstdint>

#include "acl/acl_rt.h"

namespace fake_acl {

// The device of the calling thread.
void SetDevice(int32_t device);

// Voids every handle of a device, as a reset of it does.
void ResetDevice(int32_t device);

// The next launch fails with this error.
void FailNextLaunch(aclError error);

struct Counters {
  int loads = 0;
  int lookups = 0;
  int launches = 0;
  int refused = 0;  // with a handle that is void
  aclrtStream last_stream = nullptr;
  uint32_t last_block_dim = 0;
};
Counters Count();
void ClearCounters();

}  // namespace fake_acl

#endif  // TESTS_NPUCC_FAKE_ACL_H_
