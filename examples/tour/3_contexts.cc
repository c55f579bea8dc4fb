// Tour, 3 of 8: contexts. A context owns streams; a thread always works in one context, its
// current one. Setting a device makes a default context, more of them are made by hand.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

#include "check.h"

namespace {

constexpr size_t kSize = 64 << 10;

// Fills memory in a stream of the given context, from the thread that calls.
void FillInContext(aclrtContext context, void* memory, uint8_t value) {
  CHECK_ACL(aclrtSetCurrentContext(context));
  aclrtContext current = nullptr;
  CHECK_ACL(aclrtGetCurrentContext(&current));
  CHECK_TRUE(current == context);

  aclrtStream stream = nullptr;
  CHECK_ACL(aclrtCreateStream(&stream));  // It belongs to the current context.
  CHECK_ACL(aclrtMemsetAsync(memory, kSize, value, kSize, stream));
  CHECK_ACL(aclrtSynchronizeStream(stream));
  CHECK_ACL(aclrtDestroyStream(stream));
}

}  // namespace

int main() {
  CHECK_ACL(aclInit(nullptr));
  CHECK_ACL(aclrtSetDevice(0));
  aclrtContext default_context = nullptr;
  CHECK_ACL(aclrtGetCurrentContext(&default_context));

  std::array<aclrtContext, 2> contexts{};
  std::array<void*, 2> memory{};
  for (size_t i = 0; i < contexts.size(); ++i) {
    CHECK_ACL(aclrtCreateContext(&contexts[i], 0));  // The new context becomes the current one.
    CHECK_ACL(aclrtMalloc(&memory[i], kSize, ACL_MEM_MALLOC_HUGE_FIRST));
  }
  CHECK_TRUE(contexts[0] != contexts[1] && contexts[0] != default_context);

  // Two threads at the same time, each in a context of its own.
  std::thread first(FillInContext, contexts[0], memory[0], uint8_t{0xc1});
  std::thread second(FillInContext, contexts[1], memory[1], uint8_t{0xc2});
  first.join();
  second.join();

  // Device memory belongs to the device: it is there whatever the context.
  CHECK_ACL(aclrtSetCurrentContext(default_context));
  for (size_t i = 0; i < contexts.size(); ++i) {
    std::vector<uint8_t> host(kSize);
    CHECK_ACL(aclrtMemcpy(host.data(), kSize, memory[i], kSize, ACL_MEMCPY_DEVICE_TO_HOST));
    const auto expected = static_cast<uint8_t>(0xc1 + i);
    CHECK_TRUE(
        std::all_of(host.begin(), host.end(), [&](uint8_t byte) { return byte == expected; }));
    std::printf("context %zu filled %zu bytes with 0x%02x from its own thread\n", i + 1, kSize,
                expected);
  }

  for (size_t i = 0; i < contexts.size(); ++i) {
    CHECK_ACL(aclrtFree(memory[i]));
    CHECK_ACL(aclrtDestroyContext(contexts[i]));
  }
  CHECK_ACL(aclrtResetDevice(0));  // This takes the default context down, too.
  CHECK_ACL(aclFinalize());
  return 0;
}
