// Reductions in a stream (manual 12).
#include <vnpu/queue.h>

#include <cstdint>

#include "acl/acl_rt.h"
#include "libruntime/src/acl/dma_task.h"
#include "libruntime/src/acl/malloc_policy.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/copy.h"
#include "libruntime/src/stream/context.h"
#include "libruntime/src/stream/stream.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

aclError FindKind(aclrtReduceKind kind, uint32_t* found) {
  switch (kind) {
    case ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM:
      *found = VNPU_REDUCE_SUM;
      return ACL_SUCCESS;
    case ACL_RT_MEMCPY_SDMA_AUTOMATIC_MAX:
      *found = VNPU_REDUCE_MAX;
      return ACL_SUCCESS;
    case ACL_RT_MEMCPY_SDMA_AUTOMATIC_MIN:
      *found = VNPU_REDUCE_MIN;
      return ACL_SUCCESS;
    case ACL_RT_MEMCPY_SDMA_AUTOMATIC_EQUAL:
      return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT, "only sums, maxima and minima are supported");
  }
  return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown kind {}", static_cast<int>(kind));
}

aclError FindType(aclDataType type, const rt::Session& session, uint32_t* found, uint64_t* width) {
  *found = rt::TypeOf(type);
  switch (*found) {
    case VNPU_TYPE_INT8:
      *width = 1;
      return ACL_SUCCESS;
    case VNPU_TYPE_INT16:
    case VNPU_TYPE_FP16:
    case VNPU_TYPE_BF16:
      *width = 2;
      return ACL_SUCCESS;
    case VNPU_TYPE_UINT32:
      if (!rt::IsAscend950(session.info().soc_name)) {
        break;
      }
      [[fallthrough]];
    case VNPU_TYPE_INT32:
    case VNPU_TYPE_FP32:
      *width = 4;
      return ACL_SUCCESS;
    default:
      break;
  }
  return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT, "{} does not reduce data type {}",
              session.info().soc_name, static_cast<int>(type));
}

}  // namespace

aclError aclrtReduceAsync(void* dst, const void* src, uint64_t count, aclrtReduceKind kind,
                          aclDataType type, aclrtStream stream, void* reserve) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(dst);
    VNPU_REQUIRE_NOT_NULL(src);
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    uint32_t operation = 0;
    uint32_t element = 0;
    uint64_t width = 0;
    VNPU_RETURN_IF_ERROR(FindKind(kind, &operation));
    VNPU_RETURN_IF_ERROR(FindType(type, *found->session, &element, &width));
    if (count == 0 || count % width != 0 || reserve != nullptr) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "count is {}, reserve is {}: a multiple of {} bytes, and null", count, reserve,
                  width);
    }
    VNPU_RETURN_IF_ERROR(rt::RequireDmaTasks(*found->session));
    VNPU_RETURN_IF_ERROR(rt::CheckReachable(dst, *found));
    VNPU_RETURN_IF_ERROR(rt::CheckReachable(src, *found));
    return rt::Submit(found, 0, 0, [&](rt::Slot& slot) {
      slot.sqe->opcode = VNPU_OP_REDUCE;
      slot.sqe->reduce.dst = reinterpret_cast<uint64_t>(dst);
      slot.sqe->reduce.src = reinterpret_cast<uint64_t>(src);
      slot.sqe->reduce.size = count;
      slot.sqe->reduce.kind = operation;
      slot.sqe->reduce.type = element;
    });
  });
}
