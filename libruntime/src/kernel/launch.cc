#include "libruntime/src/kernel/launch.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <limits>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/round_up.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/graph/plain_task.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {
namespace {

std::atomic<uint32_t> default_timeout_us{kMaxKernelTimeoutUs};

aclError TakesZeroOrOne(const char* name, uint32_t value) {
  return value <= 1 ? ACL_SUCCESS
                    : Fail(ACL_ERROR_RT_PARAM_INVALID, "{} is {}; it takes 0 or 1", name, value);
}

// Settings for parts of the hardware that are not there: checked, and that is all.
aclError CheckHint(const aclrtLaunchKernelAttr& attribute) {
  const aclrtLaunchKernelAttrValue& value = attribute.value;
  switch (attribute.id) {
    case ACL_RT_LAUNCH_KERNEL_ATTR_ENGINE_TYPE:
      return TakesZeroOrOne("engineType", static_cast<uint32_t>(value.engineType));
    case ACL_RT_LAUNCH_KERNEL_ATTR_BLOCK_TASK_PREFETCH:
      return TakesZeroOrOne("isBlockTaskPrefetch", value.isBlockTaskPrefetch);
    case ACL_RT_LAUNCH_KERNEL_ATTR_DATA_DUMP:
      return TakesZeroOrOne("isDataDump", value.isDataDump);
    case ACL_RT_LAUNCH_KERNEL_ATTR_ENABLE_PROFILING:
      return TakesZeroOrOne("enableProfiling", value.enableProfiling);
    case ACL_RT_LAUNCH_KERNEL_ATTR_BLOCKDIM_OFFSET:
      return value.blockDimOffset == 0
                 ? ACL_SUCCESS
                 : Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                        "blockDimOffset is {}: kernels are not divided between AI cores and "
                        "vector cores",
                        value.blockDimOffset);
    default:
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown launch attribute {}",
                  static_cast<int>(attribute.id));
  }
}

void NoteHint(const aclrtLaunchKernelAttr& attribute, LaunchTarget* target) {
  if (attribute.id == ACL_RT_LAUNCH_KERNEL_ATTR_DATA_DUMP && attribute.value.isDataDump != 0) {
    target->hints |= kHintDataDump;
  } else if (attribute.id == ACL_RT_LAUNCH_KERNEL_ATTR_ENABLE_PROFILING &&
             attribute.value.enableProfiling != 0) {
    target->hints |= kHintProfiling;
  }
}

// A kernel whose blocks start together needs a core for each.
aclError CheckBatch(const LaunchTarget& target, const Session& session) {
  const uint32_t unit = target.function->unit;
  const uint32_t cores =
      session.info().units[unit == VNPU_UNIT_MIX ? uint32_t{VNPU_UNIT_AI_CORE} : unit];
  return target.blocks <= cores
             ? ACL_SUCCESS
             : Fail(ACL_ERROR_RT_PARAM_INVALID,
                    "{} blocks that start together (schemMode 1); the device has {} cores for them",
                    target.blocks, cores);
}

aclError ReadConfig(const aclrtLaunchKernelCfg& config, const Session& session,
                    LaunchTarget* target) {
  if (config.numAttrs > 0 && config.attrs == nullptr) {
    return Fail(ACL_ERROR_INVALID_PARAM, "the launch configuration has {} attributes at null",
                config.numAttrs);
  }
  bool seconds_given = false;
  bool microseconds_given = false;
  for (size_t i = 0; i < config.numAttrs; ++i) {
    const aclrtLaunchKernelAttr& attribute = config.attrs[i];
    switch (attribute.id) {
      case ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT:
        seconds_given = true;
        target->timeout_us = ClampTimeout(uint64_t{attribute.value.timeout} * 1'000'000);
        break;
      case ACL_RT_LAUNCH_KERNEL_ATTR_TIMEOUT_US:
        microseconds_given = true;
        target->timeout_us = ClampTimeout(uint64_t{attribute.value.timeoutUs.timeoutHigh} << 32 |
                                          attribute.value.timeoutUs.timeoutLow);
        break;
      case ACL_RT_LAUNCH_KERNEL_ATTR_SCHEM_MODE:
        VNPU_RETURN_IF_ERROR(TakesZeroOrOne("schemMode", attribute.value.schemMode));
        target->sqe_flags = attribute.value.schemMode == 1 ? VNPU_SQE_BATCH : 0;
        break;
      case ACL_RT_LAUNCH_KERNEL_ATTR_DYN_UBUF_SIZE:
        if (attribute.value.dynUBufSize != 0) {
          return Fail(ACL_ERROR_RT_PARAM_INVALID,
                      "dynUBufSize is {}; kernels that are not SIMT take 0",
                      attribute.value.dynUBufSize);
        }
        break;
      default:
        VNPU_RETURN_IF_ERROR(CheckHint(attribute));
        NoteHint(attribute, target);
    }
  }
  if (seconds_given && microseconds_given) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "give the time limit in seconds or in microseconds");
  }
  if (target->sqe_flags != 0) {
    return CheckBatch(*target, session);
  }
  return ACL_SUCCESS;
}

[[gnu::cold]] aclError FailBlocks(uint32_t blocks) {
  return Fail(ACL_ERROR_RT_PARAM_INVALID, "{} blocks; a launch takes 1 to {}", blocks,
              VNPU_MAX_BLOCKS);
}

[[gnu::cold]] aclError FailDevice(const Function& function) {
  return Fail(ACL_ERROR_RT_INVALID_HANDLE,
              "kernel '{}' was loaded on another device than the stream's, or before its device "
              "was reset",
              function.name);
}

void FillKernel(const LaunchTarget& target, uint8_t flags, Slot* slot) {
  vnpu_sqe* const sqe = slot->sqe;
  slot->kind = NodeKind::kKernel;
  slot->object = target.function;
  slot->hints = target.hints;
  sqe->opcode = VNPU_OP_KERNEL;
  flags |= target.sqe_flags;
  if (target.stream->overflow_check.load(std::memory_order_relaxed)) [[unlikely]] {
    flags |= VNPU_SQE_OVERFLOW;
  }
  sqe->flags = flags;
  sqe->timeout_us = target.timeout_us;
  sqe->kernel.func_id = target.function->func_id;
  sqe->kernel.block_dim = target.blocks;
  sqe->kernel.arg_size = target.function->arg_size;
  const CoreLimits own = target.stream->core_limits.load(std::memory_order_relaxed);
  const CoreLimits process = target.stream->session->core_limits().load(std::memory_order_relaxed);
  if ((std::bit_cast<uint32_t>(own) | std::bit_cast<uint32_t>(process)) != 0) [[unlikely]] {
    sqe->core_limit = LimitFor(own, process, target.function->unit);
  }
}

// `write_args(args, data)` puts arg_size bytes at `args` and data_bytes at `data`.
template <class WriteArgs>
aclError LaunchBy(const LaunchTarget& target, uint32_t data_bytes, WriteArgs&& write_args) {
  const uint32_t size = target.function->arg_size;
  const bool in_entry = size <= VNPU_SQE_INLINE_BYTES;
  return Submit(target.stream, in_entry ? 0 : size, data_bytes, [&](Slot& slot) {
    FillKernel(target, in_entry ? VNPU_SQE_INLINE : 0, &slot);
    if (in_entry) {
      write_args(reinterpret_cast<std::byte*>(slot.sqe->kernel.inline_args), slot.data);
    } else {
      slot.sqe->kernel.arg_offset = slot.arg_offset;
      write_args(slot.args, slot.data);
    }
  });
}

aclError LaunchWithDeviceArgs(const LaunchTarget& target, uint64_t address, size_t size) {
  const Session& session = *target.stream->session;
  if (size < target.function->arg_size) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "kernel '{}' takes {} bytes of arguments; {} were given", target.function->name,
                target.function->arg_size, size);
  }
  if (target.function->arg_size == 0) {
    return LaunchBy(target, 0, [](std::byte*, std::byte*) {});
  }
  if (!session.window().Contains(address)) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "the arguments at {:#x} are not in memory of the stream's device; copy them to "
                "memory of aclrtMalloc, or launch with aclrtLaunchKernelWithHostArgs",
                address);
  }
  const auto fill = [&](Slot& slot) {
    FillKernel(target, VNPU_SQE_DEVICE_ARGS, &slot);
    std::memcpy(slot.sqe->kernel.inline_args, &address, sizeof(address));
  };
  if (target.stream->attention.load(std::memory_order_relaxed) == kDiverted &&
      SubmitToCapture(target.stream, fill)) {
    return ACL_SUCCESS;
  }
  return Submit(target.stream, 0, 0, fill);
}

// Data of one task is kept at cache-line alignment in the ring.
uint32_t RoundData(size_t bytes) {
  constexpr size_t kLine = 64;
  return static_cast<uint32_t>(RoundUp(bytes, kLine));
}

void StorePointer(std::byte* place, const std::byte* pointer) {
  std::memcpy(place, &pointer, sizeof(pointer));
}

}  // namespace

aclError PrepareLaunch(const void* function, uint32_t blocks, const aclrtLaunchKernelCfg* config,
                       void* stream, LaunchTarget* target) {
  VNPU_RETURN_IF_ERROR(ResolveFunction(function, &target->function));
  VNPU_RETURN_IF_ERROR(ResolveStream(stream, &target->stream));
  if (blocks - 1 >= VNPU_MAX_BLOCKS) [[unlikely]] {
    return FailBlocks(blocks);
  }
  if (target->function->session_serial != target->stream->session_serial) [[unlikely]] {
    return FailDevice(*target->function);
  }
  target->blocks = blocks;
  target->timeout_us = default_timeout_us.load(std::memory_order_relaxed);
  return config == nullptr ? ACL_SUCCESS : ReadConfig(*config, *target->stream->session, target);
}

aclError PrepareKernel(const void* function, uint32_t blocks, const aclrtLaunchKernelCfg* config,
                       const Session& session, LaunchTarget* target) {
  VNPU_RETURN_IF_ERROR(ResolveFunction(function, &target->function));
  if (blocks - 1 >= VNPU_MAX_BLOCKS) {
    return FailBlocks(blocks);
  }
  if (target->function->session_serial != session.serial()) {
    return FailDevice(*target->function);
  }
  target->blocks = blocks;
  target->timeout_us = default_timeout_us.load(std::memory_order_relaxed);
  return config == nullptr ? ACL_SUCCESS : ReadConfig(*config, session, target);
}

aclError LaunchWithArgs(const LaunchTarget& target, const void* args) {
  return LaunchBy(target, 0, [&](std::byte* place, std::byte* /*data*/) {
    if (target.function->arg_size > 0) {
      std::memcpy(place, args, target.function->arg_size);
    }
  });
}

// The shortest way from a call to the device: one function, whose state is in registers. Hot, as
// all that a launch and a wait run through: they lie side by side then, and after a pause each page
// of code is looked up anew.
[[gnu::flatten, gnu::hot]] aclError LaunchFromDevice(const void* function, uint32_t blocks,
                                                     const void* args, size_t size,
                                                     const aclrtLaunchKernelCfg* config,
                                                     void* stream) {
  LaunchTarget target;
  VNPU_RETURN_IF_ERROR(PrepareLaunch(function, blocks, config, stream, &target));
  if (size > 0) {
    VNPU_REQUIRE_NOT_NULL(args);
  }
  return LaunchWithDeviceArgs(target, reinterpret_cast<uint64_t>(args), size);
}

aclError LaunchWithArray(const LaunchTarget& target, void* const* args) {
  const Function& function = *target.function;
  if (function.param_count > function.params.size()) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "kernel '{}' has {} parameters; an argument array takes {} at most", function.name,
                function.param_count, VNPU_SYMBOL_PARAMS);
  }
  for (size_t i = 0; i < function.params.size(); ++i) {
    if (args == nullptr || args[i] == nullptr) {
      return Fail(ACL_ERROR_INVALID_PARAM, "argument {} of kernel '{}' is at null", i,
                  function.name);
    }
  }
  return LaunchBy(target, 0, [&](std::byte* place, std::byte* /*data*/) {
    std::memset(place, 0, function.arg_size);
    for (size_t i = 0; i < function.params.size(); ++i) {
      std::memcpy(place + function.params[i].offset, args[i], function.params[i].size);
    }
  });
}

aclError LaunchWithPlaceholders(const LaunchTarget& target, const void* args, size_t size,
                                const aclrtPlaceHolderInfo* placeholders, size_t count) {
  const Function& function = *target.function;
  if (size < function.arg_size) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "kernel '{}' takes {} bytes of arguments; {} were given", function.name,
                function.arg_size, size);
  }
  if (count == 0) {
    return LaunchWithArgs(target, args);
  }
  if (size > kMaxDataBytes) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "{} bytes of arguments and placeholder data; {} at most", size, kMaxDataBytes);
  }
  for (size_t i = 0; i < count; ++i) {
    if (uint64_t{placeholders[i].addrOffset} + sizeof(uint64_t) > function.arg_size ||
        placeholders[i].dataOffset >= size) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "placeholder {} (address at {}, data at {}) is outside the {} bytes of arguments "
                  "or the {} bytes in all",
                  i, placeholders[i].addrOffset, placeholders[i].dataOffset, function.arg_size,
                  size);
    }
  }
  return LaunchBy(target, RoundData(size), [&](std::byte* place, std::byte* data) {
    std::memcpy(place, args, function.arg_size);
    // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): there is room for `size` bytes.
    std::memcpy(data, args, size);
    for (size_t i = 0; i < count; ++i) {
      StorePointer(place + placeholders[i].addrOffset, data + placeholders[i].dataOffset);
    }
  });
}

aclError LaunchWithList(const LaunchTarget& target, const ArgsList& list) {
  if (list.function != target.function || !list.finalized) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "{}",
                list.finalized ? "the argument list was made for another kernel"
                               : "the argument list is not finished; call aclrtKernelArgsFinalize");
  }
  const uint32_t data_bytes = list.data_end - list.data_begin;
  return LaunchBy(target, RoundData(data_bytes), [&](std::byte* place, std::byte* data) {
    std::memcpy(place, list.memory, target.function->arg_size);
    if (data_bytes == 0) {
      return;
    }
    // NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): there is room for as many bytes.
    std::memcpy(data, list.memory + list.data_begin, data_bytes);
    for (uint32_t i = 0; i < list.count; ++i) {
      const ArgsList::Entry& entry = list.entries[i];
      if (entry.is_placeholder != 0) {
        StorePointer(place + entry.offset, data + (entry.data_offset - list.data_begin));
      }
    }
  });
}

void SetDefaultKernelTimeout(uint32_t timeout_us) { default_timeout_us.store(timeout_us); }

uint32_t DefaultKernelTimeout() { return default_timeout_us.load(); }

uint32_t ClampTimeout(uint64_t microseconds) {
  return static_cast<uint32_t>(
      std::min<uint64_t>(microseconds, std::numeric_limits<uint32_t>::max()));
}

}  // namespace vnpu::runtime
