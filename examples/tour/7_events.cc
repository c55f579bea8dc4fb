// Tour, 7 of 8: events between two streams. Streams run independently; an event recorded in one and
// waited for in the other puts them in order, on the device, while the host goes on.
#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "check.h"

int main() {
  constexpr uint32_t kRounds = 16;
  constexpr size_t kCount = 1 << 16;
  constexpr size_t kSize = kCount * sizeof(uint32_t);

  CHECK_ACL(aclInit(nullptr));
  CHECK_ACL(aclrtSetDevice(0));
  aclrtStream producer = nullptr;
  aclrtStream consumer = nullptr;
  CHECK_ACL(aclrtCreateStream(&producer));
  CHECK_ACL(aclrtCreateStream(&consumer));
  aclrtEvent full = nullptr;
  aclrtEvent empty = nullptr;
  CHECK_ACL(aclrtCreateEventExWithFlag(&full, ACL_EVENT_SYNC));
  CHECK_ACL(aclrtCreateEventExWithFlag(&empty, ACL_EVENT_SYNC));

  void* pinned_source = nullptr;
  void* pinned_result = nullptr;
  CHECK_ACL(aclrtMallocHost(&pinned_source, kRounds * kSize));
  CHECK_ACL(aclrtMallocHost(&pinned_result, kRounds * kSize));
  auto* source = static_cast<uint32_t*>(pinned_source);
  auto* result = static_cast<uint32_t*>(pinned_result);
  for (size_t i = 0; i < kRounds * kCount; ++i) source[i] = static_cast<uint32_t>(i * 2654435761U);
  std::fill_n(result, kRounds * kCount, 0U);
  void* buffer = nullptr;
  CHECK_ACL(aclrtMalloc(&buffer, kSize, ACL_MEM_MALLOC_HUGE_FIRST));

  // One buffer, many rounds: the producer may fill it only when it is empty, the consumer may empty
  // it only when it is full. Recording an event again starts it anew.
  for (uint32_t round = 0; round < kRounds; ++round) {
    if (round > 0) CHECK_ACL(aclrtStreamWaitEvent(producer, empty));
    CHECK_ACL(aclrtMemcpyAsync(buffer, kSize, source + round * kCount, kSize,
                               ACL_MEMCPY_HOST_TO_DEVICE, producer));
    CHECK_ACL(aclrtRecordEvent(full, producer));

    CHECK_ACL(aclrtStreamWaitEvent(consumer, full));
    CHECK_ACL(aclrtMemcpyAsync(result + round * kCount, kSize, buffer, kSize,
                               ACL_MEMCPY_DEVICE_TO_HOST, consumer));
    CHECK_ACL(aclrtRecordEvent(empty, consumer));
  }
  CHECK_ACL(aclrtSynchronizeStream(consumer));
  CHECK_TRUE(std::equal(source, source + kRounds * kCount, result));
  std::printf("two streams passed one buffer to and fro %u times, %zu bytes each, in order\n",
              kRounds, kSize);

  CHECK_ACL(aclrtSynchronizeStream(producer));
  CHECK_ACL(aclrtDestroyEvent(full));
  CHECK_ACL(aclrtDestroyEvent(empty));
  CHECK_ACL(aclrtDestroyStream(producer));
  CHECK_ACL(aclrtDestroyStream(consumer));
  CHECK_ACL(aclrtFree(buffer));
  CHECK_ACL(aclrtFreeHost(pinned_source));
  CHECK_ACL(aclrtFreeHost(pinned_result));
  CHECK_ACL(aclrtResetDevice(0));
  CHECK_ACL(aclFinalize());
  return 0;
}
