// The device image of kernels.cc.
#ifndef VNPU_TOOLS_BENCH_KERNEL_IMAGE_H_
#define VNPU_TOOLS_BENCH_KERNEL_IMAGE_H_

#include <cstddef>
#include <span>

namespace vnpu::bench {

// As npucc made it; lives as long as the program.
std::span<const std::byte> KernelImage();

}  // namespace vnpu::bench

#endif  // VNPU_TOOLS_BENCH_KERNEL_IMAGE_H_
