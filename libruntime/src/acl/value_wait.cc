// Waits of streams for words of device memory (manual 11-09).
#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/memory/copy.h"
#include "libruntime/src/stream/stream.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

static_assert(ACL_STREAM_WAIT_VALUE_GEQ == VNPU_VALUE_GEQ);
static_assert(ACL_STREAM_WAIT_VALUE_EQ == VNPU_VALUE_EQ);
static_assert(ACL_STREAM_WAIT_VALUE_AND == VNPU_VALUE_AND);
static_assert(ACL_STREAM_WAIT_VALUE_NOR == VNPU_VALUE_NOR);

aclError aclrtValueWait(void* devAddr, uint64_t value, uint32_t flag, aclrtStream stream) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(devAddr);
    const auto address = reinterpret_cast<uint64_t>(devAddr);
    if (flag > ACL_STREAM_WAIT_VALUE_NOR) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "flag is {}; it takes ACL_STREAM_WAIT_VALUE_*", flag);
    }
    if (address % sizeof(value) != 0) {
      return Fail(ACL_ERROR_RT_ADDR_UNALIGNED, "{} is not aligned to 8 bytes", devAddr);
    }
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    VNPU_RETURN_IF_ERROR(rt::CheckReachable(devAddr, *found));
    return rt::Submit(found, 0, 0, [&](rt::Slot& slot) {
      slot.kind = rt::NodeKind::kValueWait;
      slot.sqe->opcode = VNPU_OP_VALUE_WAIT;
      slot.sqe->value.va = address;
      slot.sqe->value.value = value;
      slot.sqe->value.mode = flag;
    });
  });
}
