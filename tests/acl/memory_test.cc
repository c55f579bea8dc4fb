#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <random>
#include <thread>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

using MemoryTest = DeviceTest;

void* Malloc(size_t size) {
  void* memory = nullptr;
  EXPECT_OK(aclrtMalloc(&memory, size, ACL_MEM_MALLOC_HUGE_FIRST));
  return memory;
}

// A task of the stream that takes a while.
void SlowTask(void* done) {
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ++*static_cast<std::atomic<int>*>(done);
}

TEST_F(MemoryTest, BlocksAreAlignedAndApart) {
  std::vector<std::pair<uintptr_t, size_t>> blocks;
  for (const size_t size : {1u, 63u, 64u, 511u, 512u, 513u, 4096u, 1000000u}) {
    const auto address = reinterpret_cast<uintptr_t>(Malloc(size));
    EXPECT_EQ(address % 64, 0u);
    // The padding of the manual belongs to the block: 32 bytes after rounding up to 32.
    blocks.emplace_back(address, size);
  }
  std::ranges::sort(blocks);
  for (size_t i = 1; i < blocks.size(); ++i) {
    EXPECT_GE(blocks[i].first, blocks[i - 1].first + blocks[i - 1].second);
  }
  for (const auto& [address, size] : blocks) {
    EXPECT_OK(aclrtFree(reinterpret_cast<void*>(address)));
  }
}

TEST_F(MemoryTest, BadArgumentsAreRefused) {
  void* memory = nullptr;
  EXPECT_EQ(aclrtMalloc(nullptr, 1, ACL_MEM_MALLOC_HUGE_FIRST), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtMalloc(&memory, 0, ACL_MEM_MALLOC_HUGE_FIRST), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtFree(nullptr), ACL_ERROR_INVALID_PARAM);
  int here = 0;
  EXPECT_EQ(aclrtFree(&here), ACL_ERROR_RT_PARAM_INVALID);
  memory = Malloc(4096);
  EXPECT_EQ(aclrtFree(static_cast<char*>(memory) + 512), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtFreeHost(memory), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_OK(aclrtFree(memory));
  EXPECT_EQ(aclrtFree(memory), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(MemoryTest, FreeWithSynchronisationWaitsForTheDevice) {
  aclrtStream stream = nullptr;
  ASSERT_OK(aclrtCreateStream(&stream));
  std::atomic<int> done{0};
  ASSERT_OK(aclrtLaunchHostFunc(stream, &SlowTask, &done));
  ASSERT_OK(aclrtFreeWithDevSync(Malloc(4096)));
  EXPECT_EQ(done.load(), 1);
  void* pinned = nullptr;
  ASSERT_OK(aclrtMallocHost(&pinned, 4096));
  ASSERT_OK(aclrtLaunchHostFunc(stream, &SlowTask, &done));
  ASSERT_OK(aclrtFreeHostWithDevSync(pinned));
  EXPECT_EQ(done.load(), 2);
  EXPECT_EQ(aclrtFreeWithDevSync(nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtFreeWithDevSync(&done), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtFreeHostWithDevSync(&done), ACL_ERROR_RT_PARAM_INVALID);
}

// The caches are coherent: there is nothing to do, but the arguments must make sense.
TEST_F(MemoryTest, CachesNeedNoFlushing) {
  void* memory = Malloc(4096);
  EXPECT_OK(aclrtMemFlush(memory, 4096));
  EXPECT_OK(aclrtMemInvalidate(memory, 4096));
  EXPECT_EQ(aclrtMemFlush(memory, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemInvalidate(memory, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemFlush(nullptr, 1), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtMemInvalidate(nullptr, 1), ACL_ERROR_INVALID_PARAM);
  EXPECT_OK(aclrtFree(memory));
}

TEST_F(MemoryTest, MemoryForTheTaskSchedulerIsDeviceMemory) {
  void* memory = nullptr;
  ASSERT_OK(aclrtMallocForTaskScheduler(&memory, 64, ACL_MEM_MALLOC_HUGE_FIRST, nullptr));
  EXPECT_OK(aclrtMemset(memory, 64, 1, 64));
  EXPECT_OK(aclrtFree(memory));
  EXPECT_EQ(aclrtMallocForTaskScheduler(&memory, 0, ACL_MEM_MALLOC_HUGE_FIRST, nullptr),
            ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(MemoryTest, TooMuchIsOutOfMemory) {
  size_t free = 0;
  size_t total = 0;
  ASSERT_OK(aclrtGetMemInfo(ACL_HBM_MEM, &free, &total));
  void* memory = nullptr;
  EXPECT_EQ(aclrtMalloc(&memory, total + 1, ACL_MEM_MALLOC_HUGE_FIRST),
            ACL_ERROR_RT_MEMORY_ALLOCATION);
  EXPECT_EQ(aclrtMalloc(&memory, SIZE_MAX, ACL_MEM_MALLOC_HUGE_FIRST),
            ACL_ERROR_RT_MEMORY_ALLOCATION);
  // The device still gives what it has.
  EXPECT_OK(aclrtFree(Malloc(1 << 20)));
}

TEST_F(MemoryTest, ExhaustedMemoryComesBack) {
  size_t free = 0;
  size_t total = 0;
  ASSERT_OK(aclrtGetMemInfo(ACL_HBM_MEM, &free, &total));
  const size_t piece = std::max<size_t>(free / 16, 1);
  std::vector<void*> pieces;
  aclError error = ACL_SUCCESS;
  while (error == ACL_SUCCESS && pieces.size() < 64) {
    void* memory = nullptr;
    error = aclrtMalloc(&memory, piece, ACL_MEM_MALLOC_HUGE_FIRST);
    if (error == ACL_SUCCESS) {
      pieces.push_back(memory);
    }
  }
  EXPECT_EQ(error, ACL_ERROR_RT_MEMORY_ALLOCATION);
  EXPECT_GE(pieces.size(), 14u);
  for (void* memory : pieces) {
    EXPECT_OK(aclrtFree(memory));
  }
  size_t free_again = 0;
  ASSERT_OK(aclrtGetMemInfo(ACL_HBM_MEM, &free_again, &total));
  EXPECT_EQ(free_again, free);
}

TEST_F(MemoryTest, InfoFollowsAllocations) {
  size_t before = 0;
  size_t during = 0;
  size_t total = 0;
  ASSERT_OK(aclrtGetMemInfo(ACL_HBM_MEM, &before, &total));
  EXPECT_LE(before, total);
  void* memory = nullptr;
  ASSERT_OK(aclrtMallocAlign32(&memory, 10 << 20, ACL_MEM_MALLOC_HUGE_FIRST));
  ASSERT_OK(aclrtGetMemInfo(ACL_HBM_MEM, &during, &total));
  EXPECT_EQ(before - during, size_t{10} << 20);
  EXPECT_OK(aclrtFree(memory));
  ASSERT_OK(aclrtGetMemInfo(ACL_MEM_NORMAL, &during, &total));
  EXPECT_EQ(before, during);
  ASSERT_OK(aclrtGetMemInfo(ACL_DDR_MEM, &during, &total));
  EXPECT_EQ(total, 0u);
}

TEST_F(MemoryTest, InfoCountsWhatMovesOnce) {
  std::atomic<bool> over{false};
  std::thread other([&over] {
    EXPECT_OK(aclrtSetDevice(0));
    while (!over) {
      void* const first = Malloc(size_t{24} << 20);
      void* const second = Malloc(size_t{24} << 20);
      void* const third = Malloc(size_t{24} << 20);
      EXPECT_OK(aclrtFree(first));
      EXPECT_OK(aclrtFree(second));
      EXPECT_OK(aclrtFree(third));
    }
  });
  for (int i = 0; i < 2000; ++i) {
    size_t free = 0;
    size_t total = 0;
    EXPECT_OK(aclrtGetMemInfo(ACL_HBM_MEM, &free, &total));
    EXPECT_LE(free, total) << i;
  }
  over = true;
  other.join();
}

TEST_F(MemoryTest, DeviceMemoryIsNotTheHosts) {
  void* const memory = Malloc(64);
  // The system touches it as this process would.
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_EQ(write(ends[1], memory, 1), -1);
  EXPECT_EQ(errno, EFAULT);
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  EXPECT_EQ(read(ends[0], memory, 1), -1);
  EXPECT_EQ(errno, EFAULT);
  close(ends[0]);
  close(ends[1]);
  EXPECT_OK(aclrtFree(memory));
}

TEST_F(MemoryTest, RandomBlocksKeepTheirContents) {
  std::mt19937 random(42);
  struct Block {
    void* memory;
    uint32_t size;
    uint8_t value;
  };
  std::vector<Block> blocks;
  std::vector<uint8_t> host;
  for (int i = 0; i < 500; ++i) {
    if (blocks.size() > 40 || (!blocks.empty() && random() % 3 == 0)) {
      const size_t victim = random() % blocks.size();
      const Block block = blocks[victim];
      host.assign(block.size, 0);
      ASSERT_OK(aclrtMemcpy(host.data(), block.size, block.memory, block.size,
                            ACL_MEMCPY_DEVICE_TO_HOST));
      ASSERT_TRUE(std::ranges::all_of(host, [&](uint8_t byte) { return byte == block.value; }));
      ASSERT_OK(aclrtFree(block.memory));
      blocks.erase(blocks.begin() + static_cast<ptrdiff_t>(victim));
    } else {
      const uint32_t size = 1 + random() % (1u << (8 + random() % 13));
      Block block{.memory = Malloc(size), .size = size, .value = static_cast<uint8_t>(random())};
      ASSERT_OK(aclrtMemset(block.memory, size, block.value, size));
      blocks.push_back(block);
    }
  }
}

TEST_F(MemoryTest, PinnedMemoryIsTheHosts) {
  void* memory = nullptr;
  ASSERT_OK(aclrtMallocHost(&memory, 100000));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % 64, 0u);
  std::memset(memory, 7, 100000);
  EXPECT_EQ(aclrtFree(memory), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_OK(aclrtFreeHost(memory));
  EXPECT_EQ(aclrtFreeHost(memory), ACL_ERROR_RT_PARAM_INVALID);
  int here = 0;
  EXPECT_EQ(aclrtFreeHost(&here), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMallocHost(&memory, 0), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(MemoryTest, LargePinnedBlocksAreTheirOwn) {
  constexpr size_t kSize = 40u << 20;
  void* memory = nullptr;
  ASSERT_OK(aclrtMallocHost(&memory, kSize));
  std::memset(memory, 1, kSize);
  EXPECT_OK(aclrtFreeHost(memory));
}

TEST_F(MemoryTest, AttributesTellThePlace) {
  aclrtPtrAttributes attributes{};
  void* device = Malloc(64);
  EXPECT_OK(aclrtPointerGetAttributes(device, &attributes));
  EXPECT_EQ(attributes.location.type, ACL_MEM_LOCATION_TYPE_DEVICE);
  PinnedArray<char> pinned(64);
  EXPECT_OK(aclrtPointerGetAttributes(pinned.get(), &attributes));
  EXPECT_EQ(attributes.location.type, ACL_MEM_LOCATION_TYPE_HOST);
  int here = 0;
  EXPECT_OK(aclrtPointerGetAttributes(&here, &attributes));
  EXPECT_EQ(attributes.location.type, ACL_MEM_LOCATION_TYPE_UNREGISTERED);
  EXPECT_OK(aclrtFree(device));
}

TEST_F(MemoryTest, ThreadsAllocateAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      EXPECT_OK(aclrtSetDevice(0));
      for (int i = 0; i < 200; ++i) {
        void* memory = Malloc(1000 * (t + 1));
        EXPECT_OK(aclrtMemset(memory, 1000, t, 1000));
        EXPECT_OK(aclrtFree(memory));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace vnpu::test
