// Kernels and launches for launch_test, compiled by npucc.
#ifndef TESTS_NPUCC_LAUNCH_KERNELS_H_
#define TESTS_NPUCC_LAUNCH_KERNELS_H_

#include <cstdint>

#include "acl/acl_rt.h"

aclError LaunchAdd(uint32_t blocks, aclrtStream stream, float* y, const float* x, float a,
                   uint32_t count);
aclError LaunchStatic(uint32_t blocks, aclrtStream stream, int* out);
aclError LaunchQualified(aclrtStream stream, int* out);
aclError LaunchShared(aclrtStream stream, int* out, int value);
// The same kernel from another file.
aclError LaunchSharedElsewhere(aclrtStream stream, int* out, int value);
aclError LaunchConverting(aclrtStream stream, double* out);
aclError LaunchNothing(aclrtStream stream);
aclError LaunchInMacro(aclrtStream stream, int* out);

struct Vector3 {
  double x, y, z;
};
aclError LaunchStructure(aclrtStream stream, char tag, Vector3 v, double* out);

#endif  // TESTS_NPUCC_LAUNCH_KERNELS_H_
