#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <thread>

#include "tests/acl/child.h"
#include "tests/acl/support.h"
#include "tests/support/temp_file.h"

namespace vnpu::test {
namespace {

using CopyTest = KernelTest;

std::vector<int> Numbers(size_t count) {
  std::vector<int> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 17);
  return numbers;
}

TEST_F(CopyTest, PageableRoundTrip) {
  for (const size_t count : {1u, 16u, 1000u, 300000u}) {
    DeviceArray<int> device(count);
    const std::vector<int> numbers = Numbers(count);
    device.Write(numbers);
    EXPECT_EQ(device.Read(), numbers);
  }
}

TEST_F(CopyTest, PinnedRoundTripInStream) {
  constexpr size_t kCount = 100000;
  PinnedArray<int> in(kCount);
  PinnedArray<int> out(kCount);
  std::iota(in.get(), in.get() + kCount, 3);
  DeviceArray<int> first(kCount);
  DeviceArray<int> second(kCount);
  ASSERT_OK(aclrtMemcpyAsync(first.get(), first.bytes(), in.get(), in.bytes(),
                             ACL_MEMCPY_HOST_TO_DEVICE, stream_));
  ASSERT_OK(aclrtMemcpyAsync(second.get(), second.bytes(), first.get(), first.bytes(),
                             ACL_MEMCPY_DEVICE_TO_DEVICE, stream_));
  ASSERT_OK(aclrtMemcpyAsync(out.get(), out.bytes(), second.get(), second.bytes(),
                             ACL_MEMCPY_DEVICE_TO_HOST, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_TRUE(std::equal(in.get(), in.get() + kCount, out.get()));
}

TEST_F(CopyTest, PageableCopyInStreamKeepsTheOrder) {
  DeviceArray<int> device(1);
  int value = 41;
  ASSERT_OK(aclrtMemcpyAsync(device.get(), 4, &value, 4, ACL_MEMCPY_HOST_TO_DEVICE, stream_));
  value = 0;  // free to use again
  ASSERT_OK(Launch("increment", 1, device.get(), stream_));
  ASSERT_OK(aclrtMemcpyAsync(&value, 4, device.get(), 4, ACL_MEMCPY_DEVICE_TO_HOST, stream_));
  EXPECT_EQ(value, 42);
}

TEST_F(CopyTest, AddressesDecideOnDefault) {
  DeviceArray<int> device(4);
  const std::vector<int> numbers = Numbers(4);
  std::vector<int> back(4);
  PinnedArray<int> pinned(4);
  ASSERT_OK(aclrtMemcpy(device.get(), 16, numbers.data(), 16, ACL_MEMCPY_DEFAULT));
  ASSERT_OK(aclrtMemcpyAsync(pinned.get(), 16, device.get(), 16, ACL_MEMCPY_DEFAULT, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  ASSERT_OK(aclrtMemcpy(back.data(), 16, pinned.get(), 16, ACL_MEMCPY_DEFAULT));
  EXPECT_EQ(back, numbers);
}

TEST_F(CopyTest, HostToHostIsSynchronousOnly) {
  const std::vector<int> from = Numbers(100);
  std::vector<int> to(100);
  EXPECT_OK(aclrtMemcpy(to.data(), 400, from.data(), 400, ACL_MEMCPY_HOST_TO_HOST));
  EXPECT_EQ(from, to);
  EXPECT_EQ(aclrtMemcpyAsync(to.data(), 400, from.data(), 400, ACL_MEMCPY_HOST_TO_HOST, stream_),
            ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
}

TEST_F(CopyTest, ArgumentsAreChecked) {
  DeviceArray<int> device(4);
  int host[4] = {};
  const auto copy = [&](void* dst, size_t room, const void* src, size_t count) {
    return aclrtMemcpy(dst, room, src, count, ACL_MEMCPY_HOST_TO_DEVICE);
  };
  EXPECT_EQ(copy(nullptr, 16, host, 16), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(copy(device.get(), 16, nullptr, 16), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(copy(device.get(), 15, host, 16), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(copy(device.get(), 16, host, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemcpy(device.get(), 16, host, 16, static_cast<aclrtMemcpyKind>(99)),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemcpyAsync(device.get(), 16, host, 16, ACL_MEMCPY_DEVICE_TO_HOST, stream_),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(
      aclrtMemcpyAsync(device.get(), 16, device.get(), 16, ACL_MEMCPY_HOST_TO_DEVICE, stream_),
      ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(CopyTest, BadAddressesFailTheCopy) {
  DeviceArray<int> device(4);
  void* const hole = mmap(nullptr, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT_EQ(aclrtMemcpy(device.get(), 16, hole, 16, ACL_MEMCPY_HOST_TO_DEVICE),
            ACL_ERROR_RT_SYS_DMA);
  munmap(hole, 8192);
  int host[4] = {};
  void* const nowhere = reinterpret_cast<char*>(device.get()) + (uint64_t{512} << 30);
  EXPECT_EQ(aclrtMemcpy(nowhere, 16, host, 16, ACL_MEMCPY_HOST_TO_DEVICE), ACL_ERROR_RT_SYS_DMA);
  // In a stream the failure comes with the next wait, once.
  PinnedArray<int> pinned(4);
  ASSERT_OK(aclrtMemcpyAsync(nowhere, 16, pinned.get(), 16, ACL_MEMCPY_HOST_TO_DEVICE, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_SYS_DMA);
  EXPECT_OK(aclrtSynchronizeStream(stream_));
}

// Memory of no file goes piece by piece, other memory in two halves at the same time.
TEST_F(CopyTest, LargeCopiesAreWhole) {
  constexpr size_t kInts = (9 << 20) / sizeof(int) + 3;
  constexpr size_t kBytes = kInts * sizeof(int);
  const std::vector<int> numbers = Numbers(kInts);
  const int file = memfd_create("numbers", MFD_CLOEXEC);
  ASSERT_EQ(ftruncate(file, kBytes), 0);
  for (const bool of_file : {false, true}) {
    DeviceArray<int> there(kInts);
    DeviceArray<int> elsewhere(kInts);
    void* const mapped =
        mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
             of_file ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, of_file ? file : -1, 0);
    ASSERT_NE(mapped, MAP_FAILED);
    auto* const host = static_cast<int*>(mapped);
    std::ranges::copy(numbers, host);
    ASSERT_OK(aclrtMemcpy(there.get(), kBytes, host, kBytes, ACL_MEMCPY_HOST_TO_DEVICE));
    ASSERT_OK(
        aclrtMemcpy(elsewhere.get(), kBytes, there.get(), kBytes, ACL_MEMCPY_DEVICE_TO_DEVICE));
    std::fill_n(host, kInts, 0);
    ASSERT_OK(aclrtMemcpy(host, kBytes, elsewhere.get(), kBytes, ACL_MEMCPY_DEVICE_TO_HOST));
    EXPECT_TRUE(std::equal(numbers.begin(), numbers.end(), host)) << of_file;
    munmap(mapped, kBytes);
  }
  close(file);
}

TEST_F(CopyTest, EitherHalfOfALargeCopyMayFail) {
  constexpr size_t kBytes = 8 << 20;
  DeviceArray<char> device(kBytes);
  for (const size_t hole : {size_t{1} << 20, size_t{7} << 20}) {
    auto* const host = static_cast<char*>(
        mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ASSERT_EQ(mprotect(host + hole, 4096, PROT_NONE), 0);
    EXPECT_EQ(aclrtMemcpy(device.get(), kBytes, host, kBytes, ACL_MEMCPY_HOST_TO_DEVICE),
              ACL_ERROR_RT_SYS_DMA);
    ASSERT_EQ(mprotect(host + hole, 4096, PROT_READ | PROT_WRITE), 0);
    EXPECT_OK(aclrtMemcpy(device.get(), kBytes, host, kBytes, ACL_MEMCPY_HOST_TO_DEVICE));
    munmap(host, kBytes);
  }
}

// Of memory that is plain, this thread copies the pieces: neither its ends nor its rights may be
// taken for granted.
TEST_F(CopyTest, LargeCopiesOfOddPartsTouchNothingElse) {
  constexpr size_t kRoom = size_t{3} << 20;
  DeviceArray<char> device(kRoom, 'd');
  for (const size_t size : {size_t{512} << 10, (size_t{512} << 10) + 1, (size_t{2} << 20) - 3}) {
    std::vector<char> host(kRoom, 'h');
    std::fill_n(host.begin() + 5, size, 'x');
    ASSERT_OK(aclrtMemset(device.get(), kRoom, 'd', kRoom));
    ASSERT_OK(
        aclrtMemcpy(device.get() + 7, size, host.data() + 5, size, ACL_MEMCPY_HOST_TO_DEVICE));
    const std::vector<char> there = device.Read();
    EXPECT_EQ(std::count(there.begin(), there.end(), 'x'), static_cast<ptrdiff_t>(size));
    EXPECT_EQ(there[6], 'd');
    EXPECT_EQ(there[7], 'x');
    EXPECT_EQ(there[7 + size], 'd');
    ASSERT_OK(aclrtMemset(device.get(), kRoom, 'd', kRoom));
    ASSERT_OK(
        aclrtMemcpy(host.data() + 11, size, device.get() + 3, size, ACL_MEMCPY_DEVICE_TO_HOST));
    EXPECT_EQ(std::count(host.begin(), host.end(), 'd'), static_cast<ptrdiff_t>(size));
    EXPECT_EQ(host[11 + size - 1], 'd');
    EXPECT_NE(host[11 + size], 'd');
  }
}

TEST_F(CopyTest, LargeCopiesFailWhereHostMemoryMayNotBeTouched) {
  constexpr size_t kBytes = 2 << 20;
  DeviceArray<char> device(kBytes, 'd');
  const auto in = [&](void* host) {
    return aclrtMemcpy(device.get(), kBytes, host, kBytes, ACL_MEMCPY_HOST_TO_DEVICE);
  };
  const auto out = [&](void* host) {
    return aclrtMemcpy(host, kBytes, device.get(), kBytes, ACL_MEMCPY_DEVICE_TO_HOST);
  };
  void* const memory =
      mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_OK(out(memory));
  ASSERT_EQ(mprotect(memory, kBytes, PROT_READ), 0);
  EXPECT_OK(in(memory));
  EXPECT_EQ(out(memory), ACL_ERROR_RT_SYS_DMA);
  ASSERT_EQ(mprotect(memory, kBytes, PROT_NONE), 0);
  EXPECT_EQ(in(memory), ACL_ERROR_RT_SYS_DMA);
  munmap(memory, kBytes);
  // A file that ends before its mapping does.
  const int file = memfd_create("short", MFD_CLOEXEC);
  ASSERT_EQ(ftruncate(file, kBytes / 2), 0);
  void* const mapped = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  EXPECT_EQ(in(mapped), ACL_ERROR_RT_SYS_DMA);
  EXPECT_EQ(out(mapped), ACL_ERROR_RT_SYS_DMA);
  ASSERT_EQ(ftruncate(file, kBytes), 0);
  EXPECT_OK(out(mapped));
  EXPECT_EQ(static_cast<char*>(mapped)[kBytes - 1], 'd');
  munmap(mapped, kBytes);
  close(file);
}

TEST_F(CopyTest, LargeCopiesFailWhereTheDeviceHasNoMemory) {
  constexpr size_t kBytes = 2 << 20;
  std::vector<char> host(kBytes);
  void* const nowhere = DeviceArray<char>(1).get() + (uint64_t{512} << 30);
  EXPECT_EQ(aclrtMemcpy(nowhere, kBytes, host.data(), kBytes, ACL_MEMCPY_HOST_TO_DEVICE),
            ACL_ERROR_RT_SYS_DMA);
  EXPECT_EQ(aclrtMemcpy(host.data(), kBytes, nowhere, kBytes, ACL_MEMCPY_DEVICE_TO_HOST),
            ACL_ERROR_RT_SYS_DMA);
  // The next one of this thread is not to blame.
  DeviceArray<char> device(kBytes);
  EXPECT_OK(aclrtMemcpy(device.get(), kBytes, host.data(), kBytes, ACL_MEMCPY_HOST_TO_DEVICE));
}

// While another thread writes it.
[[gnu::noinline, gnu::no_sanitize("thread")]] char Peek(const char* memory) {
  return *static_cast<const volatile char*>(memory);
}

using CopyResetTest = DeviceTest;
TEST_F(CopyResetTest, AResetInTheMiddleOfALargeCopyIsItsError) {
  constexpr size_t kBytes = size_t{64} << 20;
  for (int round = 0; round < 5; ++round) {
    void* device = nullptr;
    ASSERT_OK(aclrtMalloc(&device, kBytes, ACL_MEM_MALLOC_HUGE_FIRST));
    ASSERT_OK(aclrtMemset(device, kBytes, 'd', kBytes));
    std::vector<char> host(kBytes);
    std::atomic<bool> over{false};
    std::thread copier([&] {
      aclrtSetDevice(0);
      const aclError error =
          aclrtMemcpy(host.data(), kBytes, device, kBytes, ACL_MEMCPY_DEVICE_TO_HOST);
      if (error == ACL_SUCCESS) {  // the reset came too late for it
        EXPECT_EQ(host.back(), 'd');
      } else {
        EXPECT_EQ(error, ACL_ERROR_RT_LOST_HEARTBEAT);
      }
      over = true;
    });
    while (Peek(host.data()) != 'd' && !over) {
      std::this_thread::yield();
    }
    EXPECT_OK(aclrtResetDeviceForce(0));
    copier.join();
    ASSERT_OK(aclrtSetDevice(0));
  }
}

using DISABLED_LittlePinnedMemory = DeviceTest;
TEST_F(DISABLED_LittlePinnedMemory, LargeCopiesDoWithout) {
  std::vector<void*> pinned;
  for (void* memory = nullptr; aclrtMallocHost(&memory, 64 << 10) == ACL_SUCCESS;) {
    pinned.push_back(memory);
  }
  EXPECT_FALSE(pinned.empty());
  aclrtGetLastError(ACL_RT_THREAD_LEVEL);
  aclGetRecentErrMsg();
  const std::vector<int> in = Numbers(1 << 20);
  DeviceArray<int> device(in.size());
  device.Write(in);
  EXPECT_EQ(device.Read(), in);
  EXPECT_EQ(aclrtPeekAtLastError(ACL_RT_THREAD_LEVEL), ACL_SUCCESS);
  EXPECT_EQ(aclGetRecentErrMsg(), nullptr);
  for (void* memory : pinned) {
    EXPECT_OK(aclrtFreeHost(memory));
  }
}

TEST(LittlePinnedMemory, LargeCopiesDoWithout) {
  const TempFile config("pin_limit = \"8M\"\n");
  const ChildResult child =
      RunTestsInChild("DISABLED_LittlePinnedMemory.*",
                      {{"VNPU_TRANSPORT", "embedded"}, {"VNPU_CONFIG", config.path()}});
  EXPECT_EQ(child.exit_code, 0) << child.output;
  EXPECT_NE(child.output.find("PASSED"), std::string::npos) << child.output;
}

TEST_F(CopyTest, Memset) {
  DeviceArray<uint8_t> device(1000);
  ASSERT_OK(aclrtMemset(device.get(), 1000, 0x1ab, 999));
  std::vector<uint8_t> bytes = device.Read();
  EXPECT_EQ(bytes[998], 0xab);
  EXPECT_EQ(bytes[999], 0);
  ASSERT_OK(aclrtMemsetAsync(device.get() + 1, 999, 3, 10, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  bytes = device.Read();
  EXPECT_EQ(bytes[0], 0xab);
  EXPECT_EQ(bytes[1], 3);
  EXPECT_EQ(bytes[11], 0xab);
  PinnedArray<char> pinned(10);
  ASSERT_OK(aclrtMemset(pinned.get(), 10, 9, 10));
  EXPECT_EQ(pinned[9], 9);
  EXPECT_EQ(aclrtMemset(device.get(), 10, 0, 11), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemset(nullptr, 10, 0, 10), ACL_ERROR_INVALID_PARAM);
}

TEST_F(CopyTest, MemsetD32) {
  DeviceArray<uint32_t> device(8);
  ASSERT_OK(aclrtMemsetD32(device.get(), 32, 0xdeadbeef, 7));
  const std::vector<uint32_t> words = device.Read();
  EXPECT_EQ(words[6], 0xdeadbeefu);
  EXPECT_EQ(words[7], 0u);
  EXPECT_EQ(aclrtMemsetD32(device.get(), 31, 1, 8), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(CopyTest, BufferedSourcesAreTheCallersAtOnce) {
  constexpr size_t kCount = 64 * 1024 / sizeof(int);
  DeviceArray<int> device(kCount + 1);
  std::vector<int> source(kCount, 5);
  PinnedArray<int> pinned(1);
  pinned[0] = 6;
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtMemcpyAsync(device.get(), kCount * 4, source.data(), kCount * 4,
                             ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE, stream_));
  ASSERT_OK(aclrtMemcpyAsync(device.get() + kCount, 4, pinned.get(), 4,
                             ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE, stream_));
  source.assign(kCount, 0);
  pinned[0] = 0;
  gate.Open();
  const std::vector<int> got = device.Read();
  EXPECT_EQ(got.front(), 5);
  EXPECT_EQ(got[kCount - 1], 5);
  EXPECT_EQ(got[kCount], 6);
}

// Not a task of the stream (manual 11-03).
TEST_F(CopyTest, MemsetD32OfHostMemoryIsDoneAtOnce) {
  PinnedArray<uint32_t> pinned(2);
  pinned[0] = pinned[1] = 7;
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtMemsetD32Async(pinned.get(), 8, 0xdeadbeef, 1, stream_));
  EXPECT_EQ(pinned[0], 0xdeadbeefu);
  EXPECT_EQ(pinned[1], 7u);
}

TEST_F(CopyTest, MemsetD32InAStream) {
  DeviceArray<uint32_t> device(8);
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtMemsetD32Async(device.get(), 32, 0xdeadbeef, 7, stream_));
  EXPECT_EQ(device.Read()[0], 0u) << "the stream has not got there";
  gate.Open();
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(device.Read()[6], 0xdeadbeefu);
  EXPECT_EQ(device.Read()[7], 0u);
  auto* const odd = reinterpret_cast<char*>(device.get()) + 2;
  EXPECT_EQ(aclrtMemsetD32Async(odd, 16, 1, 1, stream_), ACL_ERROR_RT_ADDR_UNALIGNED);
  EXPECT_EQ(aclrtMemsetD32Async(device.get(), 32, 1, SIZE_MAX / 4 + 1, stream_),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemsetAsync(device.get(), 32, 0, 0, stream_), ACL_ERROR_RT_PARAM_INVALID);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
TEST_F(CopyTest, TheOldAsynchronousCopyWaitsForPageableMemoryOnly) {
  DeviceArray<int> device(4);
  const std::vector<int> numbers = Numbers(4);
  ASSERT_OK(aclrtMemcpyAsyncWithCondition(device.get(), 16, numbers.data(), 16,
                                          ACL_MEMCPY_HOST_TO_DEVICE, stream_));
  EXPECT_EQ(device.Read(), numbers) << "done when it returns";
  PinnedArray<int> pinned(4);
  pinned[3] = 0;
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtMemcpyAsyncWithCondition(pinned.get(), 16, device.get(), 16,
                                          ACL_MEMCPY_DEVICE_TO_HOST, stream_));
  EXPECT_EQ(pinned[3], 0);
  gate.Open();
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(pinned[3], numbers[3]);
}
#pragma GCC diagnostic pop

TEST_F(CopyTest, AFailedCopyOfPageableMemoryIsTheErrorOfTheCall) {
  DeviceArray<int> device(4);
  int* const hole =
      static_cast<int*>(mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  EXPECT_EQ(aclrtMemcpyAsync(device.get(), 16, hole, 16, ACL_MEMCPY_HOST_TO_DEVICE, stream_),
            ACL_ERROR_RT_SYS_DMA);
  munmap(hole, 4096);
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_SYS_DMA) << "and of the stream";
  EXPECT_OK(aclrtSynchronizeStream(stream_));
}

}  // namespace
}  // namespace vnpu::test
