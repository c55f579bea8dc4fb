// Marks for profiling in a stream (manual 24).
#include <cstdint>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/stream/context.h"
#include "libruntime/src/stream/stream.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

aclError aclrtProfTrace(void* userdata, int32_t length, aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    constexpr int32_t kMostBytes = 18;
    VNPU_REQUIRE_NOT_NULL(userdata);
    if (length <= 0 || length > kMostBytes) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "length is {}; a mark has 1 to {} bytes", length,
                  kMostBytes);
    }
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    // Nothing collects the bytes; the time of the mark is that of its task.
    return rt::SubmitNothing(found);
  });
}
