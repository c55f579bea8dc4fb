// Tour, 6 of 8: a kernel. npucc compiles this file: vector_add for the device, the rest for the
// host. Eight blocks of the kernel share the work; each sees its own block number.
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "check.h"
#include "kernel_operator.h"

extern "C" __global__ __aicore__ void vector_add(GM_ADDR x, GM_ADDR y, GM_ADDR z, uint32_t count) {
  auto* a = reinterpret_cast<__gm__ uint32_t*>(x);
  auto* b = reinterpret_cast<__gm__ uint32_t*>(y);
  auto* sum = reinterpret_cast<__gm__ uint32_t*>(z);
  const uint32_t share = (count + GetBlockNum() - 1) / GetBlockNum();
  const uint32_t begin = GetBlockIdx() * share;
  const uint32_t end = begin + share < count ? begin + share : count;
  for (uint32_t i = begin; i < end; ++i) sum[i] = a[i] + b[i];
}

namespace {

constexpr uint32_t kBlocks = 8;
constexpr uint32_t kCount = 1024;
constexpr size_t kSize = kCount * sizeof(uint32_t);

// The number after --launches, 1 without it, 0 when the command line is wrong.
uint32_t ParseLaunches(int argc, char** argv) {
  if (argc == 1) return 1;
  if (argc != 3 || std::strcmp(argv[1], "--launches") != 0) return 0;
  uint32_t launches = 0;
  const char* end = argv[2] + std::strlen(argv[2]);
  return std::from_chars(argv[2], end, launches).ptr == end ? launches : 0;
}

uint8_t* CopyToDevice(const std::vector<uint32_t>& values) {
  void* memory = nullptr;
  CHECK_ACL(aclrtMalloc(&memory, kSize, ACL_MEM_MALLOC_HUGE_FIRST));
  CHECK_ACL(aclrtMemcpy(memory, kSize, values.data(), kSize, ACL_MEMCPY_HOST_TO_DEVICE));
  return static_cast<uint8_t*>(memory);
}

}  // namespace

int main(int argc, char** argv) {
  const uint32_t launches = ParseLaunches(argc, argv);
  if (launches == 0) {
    std::printf("usage: %s [--launches N]\n  Adds vector x to vector y N times (1 by default).\n",
                argv[0]);
    return argc == 2 && std::strcmp(argv[1], "--help") == 0 ? 0 : EXIT_FAILURE;
  }
  CHECK_ACL(aclInit(nullptr));
  CHECK_ACL(aclrtSetDevice(0));
  aclrtStream stream = nullptr;
  CHECK_ACL(aclrtCreateStream(&stream));

  std::vector<uint32_t> x(kCount);
  std::vector<uint32_t> y(kCount);
  for (uint32_t i = 0; i < kCount; ++i) {
    x[i] = i + 1;
    y[i] = 3 * i;
  }
  uint8_t* device_x = CopyToDevice(x);
  uint8_t* device_y = CopyToDevice(y);

  std::printf("launching vector_add %u times, %u blocks each\n", launches, kBlocks);
  std::fflush(stdout);
  const auto start = std::chrono::steady_clock::now();
  // The sum goes back to y, so that the result tells whether every single launch has run.
  for (uint32_t launch = 0; launch < launches; ++launch) {
    CHECK_ACL(vector_add<<<kBlocks, nullptr, stream>>>(device_x, device_y, device_y, kCount));
  }
  CHECK_ACL(aclrtSynchronizeStream(stream));
  const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;

  std::vector<uint32_t> result(kCount);
  CHECK_ACL(aclrtMemcpy(result.data(), kSize, device_y, kSize, ACL_MEMCPY_DEVICE_TO_HOST));
  for (uint32_t i = 0; i < kCount; ++i) CHECK_TRUE(result[i] == y[i] + launches * x[i]);
  std::printf("all %u sums are right; %.2f us a launch, the loading of the kernel included\n",
              kCount, time.count() / launches);

  CHECK_ACL(aclrtFree(device_x));
  CHECK_ACL(aclrtFree(device_y));
  CHECK_ACL(aclrtDestroyStream(stream));
  CHECK_ACL(aclrtResetDevice(0));
  CHECK_ACL(aclFinalize());
  return 0;
}
