/* The keywords of kernel code. npucc includes this header before every source. */
#ifndef NPU_KEYWORDS_H_
#define NPU_KEYWORDS_H_

#ifndef __NPUCC__
#error "this file has kernel code: compile it with npucc"
#endif

/* __global__ marks a kernel, the second keyword says which core runs it:
 *
 *   __global__ __aicore__ void k(...)             AI core
 *   __global__ __cube__ void k(...)               AI core
 *   __global__ __vector__ void k(...)             vector core
 *   __global__ __mix__(cube, vector) void k(...)  AI core with its vector cores, so many of each
 *   __global__ __aicpu__ uint32_t k(...)          AI CPU; the result, when not void, must be 0
 *
 * Without __global__, __aicore__ marks a function that kernels call. */
#if defined(NPUCC_SCAN)
#define __global__ npucc_global_marker
#define __aicore__ npucc_core_marker(VNPU_UNIT_AI_CORE, 0, 0)
#define __cube__ npucc_core_marker(VNPU_UNIT_AI_CORE, 0, 0)
#define __vector__ npucc_core_marker(VNPU_UNIT_VECTOR_CORE, 0, 0)
#define __mix__(cube, vector) npucc_core_marker(VNPU_UNIT_MIX, (cube), (vector))
#define __aicpu__ npucc_core_marker(VNPU_UNIT_AI_CPU, 0, 0)
#else
#if defined(__NPU_DEVICE__)
#define __global__ __attribute__((used))
#else
#define __global__               \
  __attribute__((used, noinline, \
                 error("a kernel is launched, kernel<<<blockDim, l2ctrl, stream>>>(...)")))
#endif
#define __aicore__
#define __cube__
#define __vector__
#define __mix__(cube, vector)
#define __aicpu__
#endif

/* Memory spaces. The virtual core has one address space, so they are documentation. */
#define __gm__
#define __ubuf__
#define __cbuf__
#define __ca__
#define __cb__
#define __cc__
#define __fbuf__

#endif /* NPU_KEYWORDS_H_ */
