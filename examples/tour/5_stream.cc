// Tour, 5 of 8: a stream and asynchronous copies. A stream is a queue of tasks that the device runs
// one after the other; the host only appends to it, and waits when it needs the result.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <numeric>

#include "check.h"

int main() {
  constexpr size_t kCount = 1 << 20;
  constexpr size_t kSize = kCount * sizeof(uint32_t);

  CHECK_ACL(aclInit(nullptr));
  CHECK_ACL(aclrtSetDevice(0));
  aclrtStream stream = nullptr;
  CHECK_ACL(aclrtCreateStream(&stream));

  // Asynchronous copies want pinned host memory; with any other the call waits for the copy.
  void* pinned_source = nullptr;
  void* pinned_result = nullptr;
  CHECK_ACL(aclrtMallocHost(&pinned_source, kSize));
  CHECK_ACL(aclrtMallocHost(&pinned_result, kSize));
  auto* source = static_cast<uint32_t*>(pinned_source);
  auto* result = static_cast<uint32_t*>(pinned_result);
  std::iota(source, source + kCount, 7U);
  std::fill_n(result, kCount, 0U);
  void* device_memory = nullptr;
  CHECK_ACL(aclrtMalloc(&device_memory, kSize, ACL_MEM_MALLOC_HUGE_FIRST));

  // Both calls return at once. The second copy starts when the first is done: same stream.
  CHECK_ACL(
      aclrtMemcpyAsync(device_memory, kSize, source, kSize, ACL_MEMCPY_HOST_TO_DEVICE, stream));
  CHECK_ACL(
      aclrtMemcpyAsync(result, kSize, device_memory, kSize, ACL_MEMCPY_DEVICE_TO_HOST, stream));
  aclrtStreamStatus status = ACL_STREAM_STATUS_RESERVED;
  CHECK_ACL(aclrtStreamQuery(stream, &status));
  std::printf("two copies of %zu bytes are in the stream, which is %s\n", kSize,
              status == ACL_STREAM_STATUS_COMPLETE ? "already through with them" : "still at work");

  CHECK_ACL(aclrtSynchronizeStream(stream));  // Only now may the host look at the result.
  CHECK_ACL(aclrtStreamQuery(stream, &status));
  CHECK_TRUE(status == ACL_STREAM_STATUS_COMPLETE);
  CHECK_TRUE(std::equal(source, source + kCount, result));
  std::printf("after synchronising, every byte is back\n");

  CHECK_ACL(aclrtDestroyStream(stream));
  CHECK_ACL(aclrtFree(device_memory));
  CHECK_ACL(aclrtFreeHost(pinned_source));
  CHECK_ACL(aclrtFreeHost(pinned_result));
  CHECK_ACL(aclrtResetDevice(0));
  CHECK_ACL(aclFinalize());
  return 0;
}
