// Kernels for tests of the device process. Parameters are 64 bits wide.
#include "kernel_operator.h"

uint64_t launches = 0;

extern "C" __global__ __aicore__ void fill(uint64_t* out, uint64_t value) {
  out[GetBlockIdx()] = value + GetBlockIdx();
}

extern "C" __global__ __aicore__ void add_one(volatile uint64_t* counter) { *counter += 1; }

// Says that it runs, then goes on until told to leave.
extern "C" __global__ __aicore__ void spin(volatile uint64_t* started, volatile uint64_t* leave) {
  started[GetBlockIdx()] = 1;
  while (*leave == 0) {
  }
}

extern "C" __global__ __vector__ void spin_vector(volatile uint64_t* started,
                                                  volatile uint64_t* leave) {
  started[GetBlockIdx()] = 1;
  while (*leave == 0) {
  }
}

// Takes about `ticks` of the device clock.
extern "C" __global__ __aicore__ void work(uint64_t ticks) {
  const uint64_t start = vnpu_clock();
  while (vnpu_clock() - start < ticks) {
  }
}

extern "C" __global__ __aicore__ void block_info(vnpu_block* out) {
  out[GetBlockIdx()] = *vnpu_this_block();
}
extern "C" __global__ __vector__ void block_info_vector(vnpu_block* out) {
  out[GetBlockIdx()] = *vnpu_this_block();
}
extern "C" __global__ __aicpu__ uint32_t block_info_cpu(vnpu_block* out) {
  out[GetBlockIdx()] = *vnpu_this_block();
  return 0;
}
extern "C" __global__ __mix__(1, 2) void block_info_mix(vnpu_block* out) {
  out[GetBlockIdx()] = *vnpu_this_block();
}

struct Large {
  uint64_t words[32];
};
extern "C" __global__ __aicore__ void sum(uint64_t* out, Large large) {
  uint64_t total = 0;
  for (const uint64_t word : large.words) total += word;
  *out = total;
}

extern "C" __global__ __aicore__ void read_at(const volatile uint64_t* from) { (void)*from; }
extern "C" __global__ __aicore__ void write_at(volatile uint64_t* to) { *to = 1; }
extern "C" __global__ __aicore__ void write_forever(volatile uint64_t* to, uint64_t words) {
  for (uint64_t i = 0;; i = (i + 1) % words) to[i] = i + 1;
}
// Fails in one block of many.
extern "C" __global__ __aicore__ void fail_in(uint64_t block) {
  if (GetBlockIdx() == block) asm volatile("ud2");
}
extern "C" __global__ __aicore__ void do_trap() { asm volatile("ud2"); }
extern "C" __global__ __aicore__ void do_illegal() { asm volatile(".byte 0x06"); }
extern "C" __global__ __aicore__ void do_divide(uint64_t a, volatile uint64_t* zero) {
  *zero = a / *zero;
}
static uint64_t Deep(volatile uint64_t* depth) {
  volatile uint64_t frame[64];
  frame[0] = *depth += 1;
  return *depth == 0 ? 0 : Deep(depth) + frame[0];
}
extern "C" __global__ __aicore__ void overflow(volatile uint64_t* depth) { (void)Deep(depth); }

extern "C" __global__ __aicore__ void system_call(uint64_t number, uint64_t a, uint64_t b,
                                                  uint64_t c) {
  register uint64_t fourth asm("r10") = 0;
  asm volatile("syscall"
               : "+a"(number)
               : "D"(a), "S"(b), "d"(c), "r"(fourth)
               : "rcx", "r11", "memory");
}
extern "C" __global__ __aicore__ void system_call_32(uint64_t number) {
  asm volatile("int $0x80" : "+a"(number) : "b"(0) : "memory");
}

extern "C" __global__ __aicore__ void count_launch() { launches += 1; }
