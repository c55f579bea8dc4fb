// How busy a device is.
#ifndef VNPU_LIBRUNTIME_SRC_DEVICE_UTILIZATION_H_
#define VNPU_LIBRUNTIME_SRC_DEVICE_UTILIZATION_H_

#include <vnpu/abi.h>

#include <array>
#include <cstdint>

#include "acl/acl_base.h"

namespace vnpu::runtime {

class Driver;

// Percent for each unit (enum vnpu_unit); -1: the device has none.
using Utilization = std::array<int32_t, VNPU_UNIT_COUNT>;

// Looks at visible device `index` for 50 ms: all sessions of the device, not this process's alone.
aclError MeasureUtilization(Driver& driver, uint32_t index, Utilization* utilization);

// The percentage: `in_use` units were found busy, summed over `samples` looks at `units` units;
// busy_ns is by how much their busy time grew. What worked at all has at least 1.
int32_t PercentBusy(uint64_t in_use, uint64_t samples, uint64_t units, uint64_t busy_ns);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_DEVICE_UTILIZATION_H_
