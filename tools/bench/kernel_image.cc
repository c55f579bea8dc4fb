#include "tools/bench/kernel_image.h"

__asm__(
    ".pushsection .rodata.bench_kernels,\"a\",@progbits\n"
    ".balign 16\n"
    "bench_kernels_begin:\n"
    ".incbin \"" KERNEL_IMAGE
    "\"\n"
    "bench_kernels_end:\n"
    ".popsection\n");

extern "C" {
extern const std::byte bench_kernels_begin[];
extern const std::byte bench_kernels_end[];
}

namespace vnpu::bench {

std::span<const std::byte> KernelImage() { return {bench_kernels_begin, bench_kernels_end}; }

}  // namespace vnpu::bench
