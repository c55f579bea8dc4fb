/* What kernel code may use. Compile it with npucc.
 *
 * Memory functions (memcpy, memset, ...) and the functions of <cmath> in float and double are
 * there too; `npucc --list-imports` names them all. Kernel code has no heap, no exceptions, no
 * thread-local variables and no static constructors. Global variables are shared by all blocks;
 * they are zero or constant-initialized. */
#ifndef KERNEL_OPERATOR_H_
#define KERNEL_OPERATOR_H_

#include <vnpu/kernel_abi.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "npu/keywords.h"
#include "npu/print.h"

/* An address in device memory, as kernels take it. */
#define GM_ADDR __gm__ uint8_t*

#if defined(__FLT16_MAX__)
using half = _Float16;
#endif

/* asm("trap") raises a device trap. */
__asm__(
    ".ifndef npucc_trap_macro\n"
    ".set npucc_trap_macro, 1\n"
    ".macro trap\n"
    "ud2\n"
    ".endm\n"
    ".endif\n");

namespace npu::detail {

#if defined(__NPU_DEVICE__)
inline const vnpu_block* ThisBlock() noexcept { return vnpu_this_block(); }
inline uint64_t DeviceClock() noexcept { return vnpu_clock(); }
#else
/* Host compilation checks kernel code but never runs it. */
[[noreturn]] inline const vnpu_block* ThisBlock() noexcept { __builtin_trap(); }
[[noreturn]] inline uint64_t DeviceClock() noexcept { __builtin_trap(); }
#endif

struct BlockIdx {
  operator int64_t() const noexcept { return ThisBlock()->block_idx; }
};
struct BlockNum {
  operator int64_t() const noexcept { return ThisBlock()->block_dim; }
};

}  // namespace npu::detail

namespace AscendC {

/* Index of this block, 0 .. GetBlockNum()-1. In a vector core of a mix kernel: of this vector core
 * among those of all blocks. */
__aicore__ inline int64_t GetBlockIdx() noexcept {
  const vnpu_block* block = npu::detail::ThisBlock();
  if (block->sub_block_dim <= 1) return block->block_idx;
  return static_cast<int64_t>(block->block_idx) * block->sub_block_dim + block->sub_block_idx;
}

/* Blocks of this launch. */
__aicore__ inline int64_t GetBlockNum() noexcept { return npu::detail::ThisBlock()->block_dim; }

/* Vector cores that share a block of a mix kernel, and which of them this is. */
__aicore__ inline int64_t GetSubBlockNum() noexcept {
  return npu::detail::ThisBlock()->sub_block_dim;
}
__aicore__ inline int64_t GetSubBlockIdx() noexcept {
  return npu::detail::ThisBlock()->sub_block_idx;
}
__aicore__ inline int64_t GetTaskRation() noexcept { return GetSubBlockNum(); }

/* Ticks of the device clock. */
__aicore__ inline int64_t GetSystemCycle() noexcept {
  return static_cast<int64_t>(npu::detail::DeviceClock());
}

/* Ends the kernel with a device trap. */
[[noreturn]] __aicore__ inline void Trap() noexcept { __builtin_trap(); }

}  // namespace AscendC

using AscendC::GetBlockIdx;
using AscendC::GetBlockNum;
using AscendC::GetSubBlockIdx;
using AscendC::GetSubBlockNum;
using AscendC::GetSystemCycle;

/* block_idx and block_num read like variables. */
static constexpr npu::detail::BlockIdx block_idx __attribute__((unused)){};
static constexpr npu::detail::BlockNum block_num __attribute__((unused)){};

[[noreturn]] __aicore__ inline void trap() noexcept { __builtin_trap(); }
__aicore__ inline int64_t get_block_idx() noexcept { return block_idx; }
__aicore__ inline int64_t get_block_num() noexcept { return block_num; }
__aicore__ inline int64_t get_sys_cnt() noexcept { return GetSystemCycle(); }

/* Which half of a mix kernel runs: if ASCEND_IS_AIC { ... }, if ASCEND_IS_AIV { ... }. Both, where
 * one core runs the whole block. */
#define ASCEND_IS_AIC                                            \
  (::npu::detail::ThisBlock()->core_type == VNPU_UNIT_AI_CORE || \
   ::npu::detail::ThisBlock()->core_type == VNPU_UNIT_MIX)
#define ASCEND_IS_AIV                                                \
  (::npu::detail::ThisBlock()->core_type == VNPU_UNIT_VECTOR_CORE || \
   ::npu::detail::ThisBlock()->core_type == VNPU_UNIT_MIX)
#define ASCEND_IS_NOT_AIC (!ASCEND_IS_AIC)
#define ASCEND_IS_NOT_AIV (!ASCEND_IS_AIV)

#endif /* KERNEL_OPERATOR_H_ */
