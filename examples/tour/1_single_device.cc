// Tour, 1 of 8: one device. Initialise acl, take device 0, use its memory, give it back.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "check.h"

int main() {
  constexpr size_t kSize = 1 << 20;
  constexpr uint8_t kFill = 0x5a;

  CHECK_ACL(aclInit(nullptr));   // Once, before any other acl function.
  CHECK_ACL(aclrtSetDevice(0));  // From here on this thread works with device 0.

  size_t free_bytes = 0;
  size_t total_bytes = 0;
  CHECK_ACL(aclrtGetMemInfo(ACL_HBM_MEM, &free_bytes, &total_bytes));
  std::printf("device 0 is an %s, %zu of %zu MiB of its memory are free\n", aclrtGetSocName(),
              free_bytes >> 20, total_bytes >> 20);

  // Device memory has an address, but only the device can use it: data comes and goes by copies.
  void* device_memory = nullptr;
  CHECK_ACL(aclrtMalloc(&device_memory, kSize, ACL_MEM_MALLOC_HUGE_FIRST));
  CHECK_ACL(aclrtMemset(device_memory, kSize, kFill, kSize));

  std::vector<uint8_t> host(kSize);
  CHECK_ACL(aclrtMemcpy(host.data(), kSize, device_memory, kSize, ACL_MEMCPY_DEVICE_TO_HOST));
  CHECK_TRUE(std::all_of(host.begin(), host.end(), [](uint8_t byte) { return byte == kFill; }));
  std::printf("set %zu bytes of device memory to 0x%02x and read them back\n", kSize, kFill);

  CHECK_ACL(aclrtFree(device_memory));
  CHECK_ACL(aclrtResetDevice(0));
  CHECK_ACL(aclFinalize());
  return 0;
}
