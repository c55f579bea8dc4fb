// Finds the kernels of a translation unit.
#ifndef TOOLS_NPUCC_KERNELS_H_
#define TOOLS_NPUCC_KERNELS_H_

#include <string>
#include <string_view>
#include <vector>

#include "tools/npucc/diagnostics.h"

namespace vnpu::npucc {

// A kernel that the translation unit defines.
struct KernelSource {
  std::string name;  // "k" or "ns::k"
  Location where;    // of the name in its definition
  std::string core;  // arguments of the core type marker: type, cube ratio, vector ratio
};

struct KernelScan {
  std::vector<KernelSource> kernels;  // in order of appearance
  std::vector<Diagnostic> errors;
};

// Reads the preprocessor's output, in which npu/keywords.h (with NPUCC_SCAN defined) has left its
// markers.
KernelScan ScanKernels(std::string_view preprocessed);

// The markers of npu/keywords.h.
inline constexpr std::string_view kGlobalMarker = "npucc_global_marker";
inline constexpr std::string_view kCoreMarker = "npucc_core_marker";

}  // namespace vnpu::npucc

#endif  // TOOLS_NPUCC_KERNELS_H_
