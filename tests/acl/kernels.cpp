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

extern "C" __global__ __mix__(1, 2) void mixed(int* out) {
  if ASCEND_IS_AIC {
    out[0] = 1;
  }
  if ASCEND_IS_AIV {
    out[1] = 1;
  }
}

// AI CPU: sums in 64 bits; a result that is not 0 is a failure.
extern "C" __global__ __aicpu__ uint32_t cpu_sum(const int* values, int64_t* sum, uint32_t count) {
  int64_t total = 0;
  for (uint32_t i = 0; i < count; ++i) total += values[i];
  *sum = total;
  return 0;
}

extern "C" __global__ __aicpu__ uint32_t cpu_fail() { return 1; }

extern "C" __global__ __aicpu__ uint32_t cpu_spin() {
  for (volatile int i = 0;; i = i + 1) {
  }
}

// Each block waits until all have come: they must run at the same time.
extern "C" __global__ __aicore__ void meet(int* arrived) {
  __atomic_add_fetch(arrived, 1, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(arrived, __ATOMIC_SEQ_CST) % GetBlockNum() != 0) {
  }
}
extern "C" __global__ __aicore__ void multiply(float* out, float a, float b) { *out = a * b; }

// Order matters: no two of these commute.
extern "C" __global__ __aicore__ void affine(int64_t* value, int64_t factor, int64_t term) {
  *value = *value * factor + term;
}

// More bytes of arguments than a task entry holds.
extern "C" __global__ __aicore__ void store_six(int64_t* out, int64_t a, int64_t b, int64_t c,
                                                int64_t d, int64_t e, int64_t f) {
  out[0] = a;
  out[1] = b;
  out[2] = c;
  out[3] = d;
  out[4] = e;
  out[5] = f;
}

// *word -= 1, and counts how often it ran.
extern "C" __global__ __aicore__ void count_down(uint64_t* word, int* runs) {
  *word -= 1;
  *runs += 1;
}

extern "C" __global__ __aicore__ void set_word(uint64_t* word, uint64_t value) { *word = value; }

// What a graph's node did is read by those that wait for it: sum of the inputs, plus one's own
// number, modulo a prime.
extern "C" __global__ __aicore__ void mix_nodes(const uint32_t* values, uint32_t* out, uint32_t own,
                                                uint32_t a, uint32_t b, uint32_t c) {
  const uint32_t sum = (a != 0 ? values[a - 1] : 0) + 3 * (b != 0 ? values[b - 1] : 0) +
                       7 * (c != 0 ? values[c - 1] : 0);
  *out = (31 * sum + own) % 65521;
}

// Kernels that can take each other's place: which one ran, and with how many blocks.
extern "C" __global__ __aicore__ void first_choice(int64_t* out, int64_t plus) {
  if (GetBlockIdx() == 0) *out = 1000 + GetBlockNum() + plus;
}
extern "C" __global__ __vector__ void second_choice(int64_t* out, int64_t plus) {
  if (GetBlockIdx() == 0) *out = 2000 + GetBlockNum() + plus;
}

// AI CPU: counts itself, and waits until `*go` is not 0.
extern "C" __global__ __aicpu__ uint32_t cpu_wait(int* arrived, volatile int* go) {
  __atomic_add_fetch(arrived, 1, __ATOMIC_SEQ_CST);
  while (*go == 0) {
  }
  return 0;
}

extern "C" __global__ __aicpu__ uint32_t cpu_crowd(Crowd* crowd, int turns) {
  BeInCrowd(crowd, turns);
  return 0;
}
