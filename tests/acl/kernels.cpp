// Kernels for the tests of the acl interface.
#include "kernel_operator.h"

// out[i] = number of the block that wrote it.
extern "C" __global__ __aicore__ void fill_index(int* out, uint32_t count) {
  for (uint32_t i = GetBlockIdx(); i < count; i += GetBlockNum()) out[i] = GetBlockIdx();
}

extern "C" __global__ __aicore__ void axpy(float* y, const float* x, float a, uint32_t count) {
  for (uint32_t i = GetBlockIdx(); i < count; i += GetBlockNum()) y[i] += a * x[i];
}

extern "C" __global__ __aicore__ void increment(int* counter) { *counter += 1; }

// More bytes of arguments than a task entry holds.
extern "C" __global__ __aicore__ void sum_many(int64_t a, int64_t b, int64_t c, int64_t d,
                                               int64_t e, int64_t f, int32_t g, int64_t* out) {
  *out = a + b + c + d + e + f + g;
}

struct Tiling {
  uint32_t count;
  int32_t factor;
};

// `tiling` is data that the runtime places for the launch.
extern "C" __global__ __aicore__ void scale(int* values, const Tiling* tiling, int offset) {
  for (uint32_t i = 0; i < tiling->count; ++i) values[i] = values[i] * tiling->factor + offset;
}

// Runs until `*flag` is not 0.
extern "C" __global__ __aicore__ void wait_for(volatile int* flag) {
  while (*flag == 0) {
  }
}

// How many blocks run at this moment, and the most that ever did at once.
struct Crowd {
  int now;
  int most;
};

static __aicore__ void BeInCrowd(Crowd* crowd, int turns) {
  const int now = __atomic_add_fetch(&crowd->now, 1, __ATOMIC_SEQ_CST);
  int most = __atomic_load_n(&crowd->most, __ATOMIC_SEQ_CST);
  while (most < now && !__atomic_compare_exchange_n(&crowd->most, &most, now, false,
                                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
  }
  for (volatile int i = 0; i < turns; i = i + 1) {
  }
  __atomic_sub_fetch(&crowd->now, 1, __ATOMIC_SEQ_CST);
}

extern "C" __global__ __aicore__ void crowd(Crowd* crowd, int turns) { BeInCrowd(crowd, turns); }

extern "C" __global__ __vector__ void vector_crowd(Crowd* crowd, int turns) {
  BeInCrowd(crowd, turns);
}

extern "C" __global__ __aicore__ void nothing() {}

extern "C" __global__ __aicore__ void store_to(int* address) { *address = 1; }

extern "C" __global__ __vector__ void vector_store_to(int* address) { *address = 1; }

extern "C" __global__ __aicore__ void divide(int* out, int by) { *out = *out / by; }

extern "C" __global__ __aicore__ void spin_forever() {
  for (volatile int i = 0;; i = i + 1) {
  }
}

extern "C" __global__ __aicore__ void device_trap() { __builtin_trap(); }

int lookup_me[5] = {1, 2, 3, 4, 5};

extern "C" __global__ __aicore__ void read_global(int* out) { *out = lookup_me[2]; }
