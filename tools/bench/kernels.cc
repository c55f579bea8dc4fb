// Kernels of the benchmark; npucc compiles this file.
#include "kernel_operator.h"

// Do nothing.
extern "C" __global__ __aicore__ void bench_empty(GM_ADDR, GM_ADDR, GM_ADDR) {}
extern "C" __global__ __vector__ void bench_empty_vector(GM_ADDR, GM_ADDR, GM_ADDR) {}
extern "C" __global__ __aicpu__ void bench_empty_ai_cpu(GM_ADDR, GM_ADDR, GM_ADDR) {}

// Waits until the word is not 0, for so many ticks of the device clock at most.
extern "C" __global__ __aicore__ void bench_gate(GM_ADDR word, uint64_t max_ticks) {
  auto* open = reinterpret_cast<__gm__ volatile uint64_t*>(word);
  const auto start = static_cast<uint64_t>(GetSystemCycle());
  while (*open == 0 && static_cast<uint64_t>(GetSystemCycle()) - start < max_ticks) {
  }
}

// Counts a word down.
extern "C" __global__ __aicore__ void bench_count_down(GM_ADDR word) {
  *reinterpret_cast<__gm__ uint64_t*>(word) -= 1;
}
