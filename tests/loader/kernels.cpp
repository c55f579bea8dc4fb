// Kernels for the tests of the loader and of npucc --device.
#include <cmath>
#include <cstring>
#include <vector>

#include "kernel_operator.h"

struct Mixed {
  char tag;
  double value;
  short rest[3];
};

struct alignas(64) Wide {
  int lane[16];
};

float gain = 2.5f;
int counters[16];
const char* greeting = "hello";

namespace outer::inner {
int64_t scale = 3;
}

// Host code in the same source, which no image has a place for.
static const std::vector<int> host_only = {1, 2, 3};
int HostOnly() { return static_cast<int>(host_only.size()); }

// Virtual functions need relocated tables.
struct Shape {
  virtual __aicore__ float Area() const = 0;
};
struct Square final : Shape {
  explicit __aicore__ Square(float side) : side_(side) {}
  __aicore__ float Area() const override { return side_ * side_; }
  float side_;
};
struct Circle final : Shape {
  explicit __aicore__ Circle(float radius) : radius_(radius) {}
  __aicore__ float Area() const override { return 3 * radius_ * radius_; }
  float radius_;
};

extern "C" __global__ __aicore__ void axpy(__gm__ float* y, __gm__ const float* x, float a,
                                           uint32_t count) {
  for (uint32_t i = GetBlockIdx(); i < count; i += GetBlockNum()) y[i] += a * x[i];
}

extern "C" __global__ __vector__ void all_types(char c, short s, int i, long l, float f, double d,
                                                bool b, Mixed m, GM_ADDR out) {
  const double sum = c + s + i + l + f + d + b + m.tag + m.value + m.rest[0] + m.rest[2];
  memcpy(out, &sum, sizeof(sum));
}

extern "C" __global__ __aicore__ void wide(char first, Wide w, int* out) {
  *out = first;
  for (const int lane : w.lane) *out += lane;
}

extern "C" __global__ __aicore__ void no_arguments() { counters[block_idx & 15] += 1; }

extern "C" __global__ __aicore__ void use_globals(float* out) {
  *out = gain * static_cast<float>(outer::inner::scale) + static_cast<float>(strlen(greeting));
}

extern "C" __global__ __aicore__ void shapes(float* out, float size, int which) {
  const Square square(size);
  const Circle circle(size);
  const Shape* list[] = {&square, &circle};
  *out = list[which & 1]->Area();
}

extern "C" __global__ __aicore__ void math(double* out, double x) {
  float* single = reinterpret_cast<float*>(out + 8);
  const float f = static_cast<float>(x);
  out[0] = std::exp(x);
  out[1] = std::pow(x, 3.5);
  out[2] = std::erf(x);
  out[3] = std::atan2(x, 2.0);
  out[4] = std::fmod(x, 0.3);
  single[0] = std::tanh(f);
  single[1] = std::log(f);
  single[2] = std::sin(f) + std::cos(f);
}

extern "C" __global__ __mix__(1, 2) void mixed(int* out) {
  if ASCEND_IS_AIC {
    out[0] = 1;
  }
  if ASCEND_IS_AIV {
    out[1] = 2;
  }
}

namespace outer {
__global__ __aicpu__ uint32_t on_cpu(int* out) {
  *out = 7;
  return 0;
}
namespace {
__global__ __cube__ void hidden(int* out, int64_t* clock) {
  *out = 11;
  *clock = AscendC::GetSystemCycle();
}
}  // namespace
}  // namespace outer

static __global__ __aicore__ void local(uint32_t* out) {
  out[block_idx] = static_cast<uint32_t>(block_num * 100 + block_idx);
}
