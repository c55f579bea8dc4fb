// Descriptions of AI CPU operators: the .json files beside their libraries.
#ifndef VNPU_LIBRUNTIME_SRC_KERNEL_CPU_OPERATORS_H_
#define VNPU_LIBRUNTIME_SRC_KERNEL_CPU_OPERATORS_H_

#include <functional>
#include <map>
#include <string>

#include "acl/acl_base.h"

namespace vnpu::runtime {

struct CpuOperators {
  std::map<std::string, std::string, std::less<>> kernels;  // by operator (opType)
  std::string library;                                      // path of the image with the kernels
};

// Reads {"Operator": {"opInfo": {"functionName": "kernel", "kernelSo": "lib.so", ...}}, ...}.
// The library has the description's name with .so, or is the kernelSo beside it. An operator
// without functionName has the kernel of its own name.
aclError ReadCpuOperators(const std::string& path, CpuOperators* operators);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_KERNEL_CPU_OPERATORS_H_
