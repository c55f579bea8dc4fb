// Random numbers in a stream (manual 12).
#include <vnpu/queue.h>

#include <cstdint>
#include <cstring>

#include "acl/acl_rt.h"
#include "libruntime/src/acl/dma_task.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/memory/copy.h"
#include "libruntime/src/stream/context.h"
#include "libruntime/src/stream/stream.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

// A number of `least` to `most` bytes, or its address.
aclError ReadValue(const aclrtRandomParaInfo& info, uint64_t least, uint64_t most,
                   const rt::Stream& stream, vnpu_random_value* value) {
  *value = {};
  if (info.isAddr > 1) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "isAddr is {}; it takes 0 or 1", info.isAddr);
  }
  if (info.isAddr == 1) {
    std::memcpy(&value->bits, info.valueOrAddr, sizeof(value->bits));
    value->in_memory = 1;
    return rt::CheckReachable(reinterpret_cast<const void*>(value->bits), stream);
  }
  if (info.size < least || info.size > most) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "a number of {} bytes: {} to {} are needed", info.size,
                least, most);
  }
  std::memcpy(&value->bits, info.valueOrAddr, info.size);
  return ACL_SUCCESS;
}

bool IsFloat(uint32_t type) {
  return type == VNPU_TYPE_FP16 || type == VNPU_TYPE_BF16 || type == VNPU_TYPE_FP32;
}

uint64_t Width(uint32_t type) {
  switch (type) {
    case VNPU_TYPE_FP16:
    case VNPU_TYPE_BF16:
      return 2;
    case VNPU_TYPE_INT64:
    case VNPU_TYPE_UINT64:
      return 8;
    default:
      return 4;
  }
}

// Type and distribution of the numbers.
aclError ReadFunction(const aclrtRandomNumTaskInfo& info, vnpu_random* random) {
  random->type = rt::TypeOf(info.dataType);
  const bool known = random->type != VNPU_TYPE_COUNT && random->type != VNPU_TYPE_INT8 &&
                     random->type != VNPU_TYPE_INT16;
  switch (info.randomNumFuncParaInfo.funcType) {
    case ACL_RT_RANDOM_NUM_FUNC_TYPE_DROPOUT_BITMASK:
      random->distribution = VNPU_RANDOM_DROPOUT;
      break;
    case ACL_RT_RANDOM_NUM_FUNC_TYPE_UNIFORM_DIS:
      random->distribution = VNPU_RANDOM_UNIFORM;
      break;
    case ACL_RT_RANDOM_NUM_FUNC_TYPE_NORMAL_DIS:
      random->distribution = VNPU_RANDOM_NORMAL;
      break;
    case ACL_RT_RANDOM_NUM_FUNC_TYPE_TRUNCATED_NORMAL_DIS:
      random->distribution = VNPU_RANDOM_TRUNCATED;
      break;
    default:
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown function {}",
                  static_cast<int>(info.randomNumFuncParaInfo.funcType));
  }
  if (!known || (random->distribution != VNPU_RANDOM_UNIFORM && !IsFloat(random->type))) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "data type {} is not for this function: uniform numbers are of 32 or 64 bits or "
                "floating point, all else is floating point",
                static_cast<int>(info.dataType));
  }
  return ACL_SUCCESS;
}

aclError ReadParameters(const aclrtRandomNumFuncParaInfo& info, const rt::Stream& stream,
                        vnpu_random* random) {
  const uint64_t width = Width(random->type);
  const auto read = [&](const aclrtRandomParaInfo& parameter, vnpu_random_value* value) {
    return ReadValue(parameter, width, width, stream, value);
  };
  switch (random->distribution) {
    case VNPU_RANDOM_DROPOUT:
      return read(info.paramInfo.dropoutBitmaskInfo.dropoutRation, &random->first);
    case VNPU_RANDOM_UNIFORM:
      VNPU_RETURN_IF_ERROR(read(info.paramInfo.uniformDisInfo.min, &random->first));
      return read(info.paramInfo.uniformDisInfo.max, &random->second);
    default:
      VNPU_RETURN_IF_ERROR(read(info.paramInfo.normalDisInfo.mean, &random->first));
      return read(info.paramInfo.normalDisInfo.stddev, &random->second);
  }
}

aclError ReadTask(const aclrtRandomNumTaskInfo& info, const rt::Stream& stream,
                  vnpu_random* random) {
  VNPU_RETURN_IF_ERROR(ReadFunction(info, random));
  VNPU_RETURN_IF_ERROR(ReadParameters(info.randomNumFuncParaInfo, stream, random));
  VNPU_RETURN_IF_ERROR(ReadValue(info.randomSeed, 1, sizeof(uint64_t), stream, &random->seed));
  VNPU_RETURN_IF_ERROR(ReadValue(info.randomNum, 1, sizeof(uint64_t), stream, &random->count));
  if (random->count.in_memory == 0 && random->count.bits == 0) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "randomNum is 0; ask for at least one number");
  }
  VNPU_RETURN_IF_ERROR(rt::CheckReachable(info.randomResultAddr, stream));
  VNPU_RETURN_IF_ERROR(rt::CheckReachable(info.randomCounterAddr, stream));
  if (info.randomParaAddr != nullptr) {  // the parameters travel with the task: it is not used
    VNPU_RETURN_IF_ERROR(rt::CheckReachable(info.randomParaAddr, stream));
  }
  random->result = reinterpret_cast<uint64_t>(info.randomResultAddr);
  random->counter = reinterpret_cast<uint64_t>(info.randomCounterAddr);
  return ACL_SUCCESS;
}

}  // namespace

// NOLINTNEXTLINE(misc-misplaced-const): the interface declares it so.
aclError aclrtRandomNumAsync(const aclrtRandomNumTaskInfo* taskInfo, const aclrtStream stream,
                             void* reserve) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(taskInfo);
    if (reserve != nullptr) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "reserve is {}; it must be null", reserve);
    }
    rt::Stream* found = nullptr;
    VNPU_RETURN_IF_ERROR(rt::ResolveStream(stream, &found));
    VNPU_RETURN_IF_ERROR(rt::RequireDmaTasks(*found->session));
    vnpu_random random{};
    VNPU_RETURN_IF_ERROR(ReadTask(*taskInfo, *found, &random));
    return rt::Submit(found, 0, sizeof(random), [&](rt::Slot& slot) {
      std::memcpy(slot.data, &random, sizeof(random));
      slot.sqe->opcode = VNPU_OP_RANDOM;
      slot.sqe->random.params = reinterpret_cast<uint64_t>(slot.data);
    });
  });
}
