// Launching kernels.
#ifndef VNPU_LIBRUNTIME_SRC_KERNEL_LAUNCH_H_
#define VNPU_LIBRUNTIME_SRC_KERNEL_LAUNCH_H_

#include <cstdint>

#include "acl/acl_rt.h"
#include "libruntime/src/kernel/args_list.h"
#include "libruntime/src/kernel/module.h"
#include "libruntime/src/stream/context.h"

namespace vnpu::runtime {

// What every launch says.
struct LaunchTarget {
  Function* function = nullptr;
  Stream* stream = nullptr;
  uint32_t blocks = 0;
  uint32_t timeout_us = 0;  // 0: none
  uint8_t sqe_flags = 0;    // VNPU_SQE_BATCH
  uint8_t hints = 0;        // LaunchHint
};

// Settings that change nothing, but are told to who asks.
enum LaunchHint : uint8_t { kHintDataDump = 1, kHintProfiling = 2 };

// Checks handles, number of blocks and configuration (may be null).
aclError PrepareLaunch(const void* function, uint32_t blocks, const aclrtLaunchKernelCfg* config,
                       void* stream, LaunchTarget* target);

// The same for a kernel that no stream gets now; `stream` stays null.
aclError PrepareKernel(const void* function, uint32_t blocks, const aclrtLaunchKernelCfg* config,
                       const Session& session, LaunchTarget* target);

// Prepares and launches with arguments in device or pinned memory; they are read when the kernel
// runs.
aclError LaunchFromDevice(const void* function, uint32_t blocks, const void* args, size_t size,
                          const aclrtLaunchKernelCfg* config, void* stream);

// Arguments in host memory: exactly what the kernel takes.
aclError LaunchWithArgs(const LaunchTarget& target, const void* args);
// Each element points to the value of one parameter.
aclError LaunchWithArray(const LaunchTarget& target, void* const* args);
// Arguments followed by the data that placeholders point into.
aclError LaunchWithPlaceholders(const LaunchTarget& target, const void* args, size_t size,
                                const aclrtPlaceHolderInfo* placeholders, size_t count);
aclError LaunchWithList(const LaunchTarget& target, const ArgsList& list);

// Limit of kernels whose launch names none, microseconds; at first the longest, 1091 s.
inline constexpr uint32_t kMaxKernelTimeoutUs = 1'091'000'104;
void SetDefaultKernelTimeout(uint32_t timeout_us);
uint32_t DefaultKernelTimeout();

// What fits the 32 bits of a task's time limit.
uint32_t ClampTimeout(uint64_t microseconds);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_KERNEL_LAUNCH_H_
