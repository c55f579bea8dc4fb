#include "tests/npucc/launch_kernels.h"

#include <iostream>
#include <string>

#include "kernel_operator.h"
#include "tests/npucc/shared_kernel.h"

// Host code, which no image has a place for.
static const std::string kName = "launch_kernels";
std::ostream& operator<<(std::ostream& out, const Vector3& v) { return out << kName << v.x; }

__global__ __aicore__ void add(__gm__ float* y, __gm__ const float* x, float a, uint32_t count) {
  for (uint32_t i = GetBlockIdx(); i < count; i += GetBlockNum()) y[i] += a * x[i];
}

static __global__ __vector__ void number_blocks(int* out) {
  out[block_idx] = static_cast<int>(block_num * 10 + block_idx);
}

namespace outer {
namespace inner {
namespace {
__global__ __aicore__ void qualified(int* out) { *out = 5; }
}  // namespace
}  // namespace inner
}  // namespace outer

extern "C" __global__ __aicore__ void shared_kernel(int* out, int value) { *out = value; }

__global__ __aicore__ void converting(double* out, double d, int64_t l, unsigned char c) {
  *out = d + static_cast<double>(l) + c;
}

__global__ __aicore__ void nothing() noexcept {}

__global__ __aicore__ void structure(char tag, Vector3 v, double* out) {
  *out = tag + v.x + 2 * v.y + 3 * v.z;
}

aclError LaunchAdd(uint32_t blocks, aclrtStream stream, float* y, const float* x, float a,
                   uint32_t count) {
  return add<<<blocks, nullptr, stream>>>(y, x, a, count);
}

aclError LaunchStatic(uint32_t blocks, aclrtStream stream, int* out) {
  return number_blocks<<<blocks, nullptr, stream>>>(out);
}

aclError LaunchQualified(aclrtStream stream, int* out) {
  using namespace outer;
  const aclError error = outer::inner::qualified<<<1, nullptr, stream>>>(out);
  if (error != ACL_SUCCESS) return error;
  *out += 1;
  if (inner::qualified<<<1, nullptr, stream>>>(out) != ACL_SUCCESS) return -1;
  return ::outer::inner::qualified<<<1, nullptr, stream>>>(out);
}

aclError LaunchShared(aclrtStream stream, int* out, int value) {
  return shared_kernel<<<1, nullptr, stream>>>(out, value);
}

aclError LaunchConverting(aclrtStream stream, double* out) {
  return converting<<<1, nullptr, stream>>>(out, 1.5f, 2, 'A');
}

aclError LaunchNothing(aclrtStream stream) { return nothing<<<3, nullptr, stream>>>(); }

aclError LaunchStructure(aclrtStream stream, char tag, Vector3 v, double* out) {
  return structure<<<1, nullptr, stream>>>(tag, v, out);
}

#define RETURN_ON_ERROR(call)               \
  do {                                      \
    const aclError error = (call);          \
    if (error != ACL_SUCCESS) return error; \
  } while (false)

aclError LaunchInMacro(aclrtStream stream, int* out) {
  RETURN_ON_ERROR(number_blocks<<<2, nullptr, stream>>>(out));
  return ACL_SUCCESS;
}
