// Tour, 4 of 8: pinned host memory and synchronous copies. A synchronous copy is complete when the
// call returns. Pinned memory never leaves RAM, so the device copies from and to it by itself.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <numeric>

#include "check.h"

int main() {
  constexpr size_t kCount = 1 << 18;
  constexpr size_t kSize = kCount * sizeof(uint32_t);

  CHECK_ACL(aclInit(nullptr));
  CHECK_ACL(aclrtSetDevice(0));

  void* pinned_source = nullptr;
  void* pinned_result = nullptr;
  CHECK_ACL(aclrtMallocHost(&pinned_source, kSize));
  CHECK_ACL(aclrtMallocHost(&pinned_result, kSize));
  auto* source = static_cast<uint32_t*>(pinned_source);  // The host uses it like any memory.
  auto* result = static_cast<uint32_t*>(pinned_result);
  std::iota(source, source + kCount, 1U);
  std::fill_n(result, kCount, 0U);

  void* device_a = nullptr;
  void* device_b = nullptr;
  CHECK_ACL(aclrtMalloc(&device_a, kSize, ACL_MEM_MALLOC_HUGE_FIRST));
  CHECK_ACL(aclrtMalloc(&device_b, kSize, ACL_MEM_MALLOC_HUGE_FIRST));

  CHECK_ACL(aclrtMemcpy(device_a, kSize, source, kSize, ACL_MEMCPY_HOST_TO_DEVICE));
  CHECK_ACL(aclrtMemcpy(device_b, kSize, device_a, kSize, ACL_MEMCPY_DEVICE_TO_DEVICE));
  CHECK_ACL(aclrtMemcpy(result, kSize, device_b, kSize, ACL_MEMCPY_DEVICE_TO_HOST));
  CHECK_TRUE(std::equal(source, source + kCount, result));
  std::printf("%zu bytes went from pinned memory through two device buffers and back\n", kSize);

  CHECK_ACL(aclrtFree(device_a));
  CHECK_ACL(aclrtFree(device_b));
  CHECK_ACL(aclrtFreeHost(pinned_source));
  CHECK_ACL(aclrtFreeHost(pinned_result));
  CHECK_ACL(aclrtResetDevice(0));
  CHECK_ACL(aclFinalize());
  return 0;
}
