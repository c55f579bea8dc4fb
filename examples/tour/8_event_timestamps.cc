// Tour, 8 of 8: time on the device. Events made for it note the time at which the stream reaches
// them; the difference of two is how long the tasks between them took.
#include <cmath>
#include <cstdint>
#include <cstdio>

#include "check.h"

int main() {
  constexpr size_t kSize = 32 << 20;
  constexpr int kCopies = 4;

  CHECK_ACL(aclInit(nullptr));
  CHECK_ACL(aclrtSetDevice(0));
  aclrtStream stream = nullptr;
  CHECK_ACL(aclrtCreateStream(&stream));
  aclrtEvent start = nullptr;
  aclrtEvent end = nullptr;
  CHECK_ACL(aclrtCreateEventExWithFlag(&start, ACL_EVENT_TIME_LINE));
  CHECK_ACL(aclrtCreateEventExWithFlag(&end, ACL_EVENT_TIME_LINE));
  void* from = nullptr;
  void* to = nullptr;
  CHECK_ACL(aclrtMalloc(&from, kSize, ACL_MEM_MALLOC_HUGE_FIRST));
  CHECK_ACL(aclrtMalloc(&to, kSize, ACL_MEM_MALLOC_HUGE_FIRST));
  CHECK_ACL(aclrtMemset(from, kSize, 1, kSize));

  CHECK_ACL(aclrtRecordEvent(start, stream));
  for (int copy = 0; copy < kCopies; ++copy) {
    CHECK_ACL(aclrtMemcpyAsync(to, kSize, from, kSize, ACL_MEMCPY_DEVICE_TO_DEVICE, stream));
  }
  CHECK_ACL(aclrtRecordEvent(end, stream));
  CHECK_ACL(aclrtSynchronizeStream(stream));  // Both events are past now.

  float milliseconds = 0;
  CHECK_ACL(aclrtEventElapsedTime(&milliseconds, start, end));
  CHECK_TRUE(milliseconds > 0);

  uint64_t start_us = 0;  // Microseconds since the device started.
  uint64_t end_us = 0;
  CHECK_ACL(aclrtEventGetTimestamp(start, &start_us));
  CHECK_ACL(aclrtEventGetTimestamp(end, &end_us));
  CHECK_TRUE(end_us >= start_us);
  // The same time in whole microseconds: both ends may be off by almost one.
  CHECK_TRUE(std::fabs(milliseconds * 1e3 - static_cast<double>(end_us - start_us)) <= 2);

  std::printf("%d copies of %zu MiB on the device took %.3f ms: %.1f GB/s\n", kCopies, kSize >> 20,
              milliseconds, kCopies * kSize / (milliseconds * 1e6));

  CHECK_ACL(aclrtDestroyEvent(start));
  CHECK_ACL(aclrtDestroyEvent(end));
  CHECK_ACL(aclrtDestroyStream(stream));
  CHECK_ACL(aclrtFree(from));
  CHECK_ACL(aclrtFree(to));
  CHECK_ACL(aclrtResetDevice(0));
  CHECK_ACL(aclFinalize());
  return 0;
}
