// Kernels that print, and kernels that need much stack.
#include "kernel_operator.h"

extern "C" __global__ __aicore__ void say_all(int* address) {
  AscendC::printf("%d %u %s %.2f %c %p %%\n", -5, 7u, "text", 1.5f, 'x', address);
}

// Pieces of lines: those of one block stay together.
extern "C" __global__ __aicore__ void say_in_pieces(uint32_t lines) {
  for (uint32_t line = 0; line < lines; ++line) {
    PRINTF("block %d", block_idx);
    for (int piece = 0; piece < 4; ++piece) printf(" %d", piece);
    printf(" line %u\n", line);
  }
}

extern "C" __global__ __vector__ void say_vector() { printf("vector\n"); }

extern "C" __global__ __aicpu__ uint32_t say_cpu() {
  printf("cpu\n");
  return 0;
}

extern "C" __global__ __aicore__ void say_without_end() { printf("no end"); }

extern "C" __global__ __aicore__ void say_much(uint32_t lines) {
  for (uint32_t i = 0; i < lines; ++i) printf("line %u of many, made longer by this text\n", i);
}

extern "C" __global__ __aicore__ void say_and_fail() {
  printf("last words\n");
  *reinterpret_cast<volatile int*>(8) = 1;
}

extern "C" __global__ __aicore__ void say_bad_format() { printf(reinterpret_cast<char*>(16)); }

__attribute__((noinline)) int Deep(int kilobytes) {
  volatile char frame[1024];
  frame[0] = static_cast<char>(kilobytes);
  const int rest = kilobytes > 1 ? Deep(kilobytes - 1) : 0;
  return rest + frame[0] - static_cast<char>(kilobytes) + 1;
}

// Uses so many KiB of stack and a little more; *out becomes as many.
extern "C" __global__ __aicore__ void use_stack(int* out, int kilobytes) { *out = Deep(kilobytes); }

extern "C" __global__ __aicpu__ uint32_t cpu_use_stack(int* out, int kilobytes) {
  *out = Deep(kilobytes);
  return 0;
}

// One frame that is larger than every guard.
extern "C" __global__ __aicore__ void large_frame(int* out) {
  volatile char frame[8 << 20];
  frame[0] = 1;
  *out = frame[0];
}
