// Tour, 2 of 8: several devices. One thread uses every device there is, in turn.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "check.h"

int main() {
  constexpr size_t kSize = 64 << 10;

  CHECK_ACL(aclInit(nullptr));
  uint32_t count = 0;
  CHECK_ACL(aclrtGetDeviceCount(&count));
  CHECK_TRUE(count > 0);
  std::printf("%u device%s\n", count, count == 1 ? ": the only one does all the work" : "s");

  // Device numbers run from 0. Each device gets a content of its own.
  std::vector<void*> memory(count);
  for (uint32_t device = 0; device < count; ++device) {
    CHECK_ACL(aclrtSetDevice(static_cast<int32_t>(device)));
    CHECK_ACL(aclrtMalloc(&memory[device], kSize, ACL_MEM_MALLOC_HUGE_FIRST));
    CHECK_ACL(aclrtMemset(memory[device], kSize, static_cast<int32_t>(device + 1), kSize));
  }

  // Come back to each device: setting it again switches this thread over to it.
  for (uint32_t device = 0; device < count; ++device) {
    CHECK_ACL(aclrtSetDevice(static_cast<int32_t>(device)));
    int32_t current = -1;
    CHECK_ACL(aclrtGetDevice(&current));
    CHECK_TRUE(current == static_cast<int32_t>(device));

    std::vector<uint8_t> host(kSize);
    CHECK_ACL(aclrtMemcpy(host.data(), kSize, memory[device], kSize, ACL_MEMCPY_DEVICE_TO_HOST));
    const auto expected = static_cast<uint8_t>(device + 1);
    CHECK_TRUE(
        std::all_of(host.begin(), host.end(), [&](uint8_t byte) { return byte == expected; }));
    CHECK_ACL(aclrtFree(memory[device]));
    std::printf("device %u kept its %zu bytes of 0x%02x\n", device, kSize, expected);
  }

  // A device was set twice here, so it takes two resets to release it.
  for (uint32_t device = 0; device < count; ++device) {
    CHECK_ACL(aclrtResetDevice(static_cast<int32_t>(device)));
    CHECK_ACL(aclrtResetDevice(static_cast<int32_t>(device)));
  }
  CHECK_ACL(aclFinalize());
  return 0;
}
