// A kernel that one file defines and another launches.
#ifndef TESTS_NPUCC_SHARED_KERNEL_H_
#define TESTS_NPUCC_SHARED_KERNEL_H_

#include "kernel_operator.h"

extern "C" __global__ __aicore__ void shared_kernel(int* out, int value);

#endif  // TESTS_NPUCC_SHARED_KERNEL_H_
