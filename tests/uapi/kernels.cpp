// Kernels of the raw tests. All parameters are 64 bits wide.
#include "kernel_operator.h"

uint64_t launches = 0;

extern "C" __global__ __aicore__ void fill(uint64_t* out, uint64_t value, uint64_t count) {
  for (uint64_t i = GetBlockIdx(); i < count; i += GetBlockNum()) out[i] = value + i;
}

extern "C" __global__ __aicore__ void add_one(uint64_t* data, uint64_t count) {
  for (uint64_t i = GetBlockIdx(); i < count; i += GetBlockNum()) data[i] += 1;
}

// Runs until somebody stores to *flag.
extern "C" __global__ __aicore__ void spin(volatile uint64_t* flag) {
  while (*flag == 0) {
  }
}

extern "C" __global__ __aicore__ void peek(const volatile uint64_t* from, uint64_t* to) {
  *to = *from;
}

extern "C" __global__ __aicore__ void poke(volatile uint64_t* to, uint64_t value) { *to = value; }

extern "C" __global__ __aicore__ void divide(uint64_t* out, uint64_t a, uint64_t b) {
  *out = a / b;
}

extern "C" __global__ __aicore__ void trap_now() { asm volatile("trap"); }

// A system call with two arguments; its result goes to *result if it comes back.
extern "C" __global__ __aicore__ void system_call(uint64_t number, uint64_t first, uint64_t second,
                                                  int64_t* result) {
  int64_t answer = static_cast<int64_t>(number);
  asm volatile("xor %%edx, %%edx; xor %%r10d, %%r10d; xor %%r8d, %%r8d; xor %%r9d, %%r9d; syscall"
               : "+a"(answer)
               : "D"(first), "S"(second)
               : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory");
  *result = answer;
}

// Overwrites whatever lies above its stack frame.
extern "C" __global__ __aicore__ void smash_stack(uint64_t bytes) {
  volatile uint8_t local = 0;
  volatile uint8_t* at = &local;
  asm volatile("" : "+r"(at));
  for (uint64_t i = 0; i < bytes; ++i) at[i] = 0xff;
}

// For loops: counts *word down and *total up.
extern "C" __global__ __aicore__ void count_down(uint64_t* word, uint64_t* total) {
  *word -= 1;
  *total += 1;
}

extern "C" __global__ __aicore__ void count_launch() {
  if (GetBlockIdx() == 0) launches += 1;
}
