// Memory pools ordered by streams.
#include <atomic>
#include <thread>
#include <vector>

#include "acl/acl_rt_memory_soma.h"
#include "tests/acl/pool_support.h"
#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class PoolTest : public WithPool<KernelTest> {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    ASSERT_OK(aclrtCreateStream(&other_));
    pool_ = Create(64 * kPoolMiB);
  }
  static void Switch(aclrtMemPool pool, aclrtMemPoolAttr attr, uint32_t value) {
    ASSERT_OK(aclrtMemPoolSetAttr(pool, attr, &value));
  }
  void SetThreshold(uint64_t bytes) {
    ASSERT_OK(aclrtMemPoolSetAttr(pool_, ACL_RT_MEM_POOL_ATTR_RELEASE_THRESHOLD, &bytes));
  }
  static uint64_t FreeOnDevice() {
    size_t free = 0;
    size_t total = 0;
    EXPECT_OK(aclrtGetMemInfo(ACL_HBM_MEM, &free, &total));
    return free;
  }

  aclrtStream other_ = nullptr;
};

TEST_F(PoolTest, MemoryIsThereForTheTasksThatFollow) {
  constexpr uint32_t kCount = 1000;
  auto* memory = static_cast<int*>(Malloc(pool_, kCount * sizeof(int), stream_));
  struct {
    int* out;
    uint32_t count;
  } args{memory, kCount};
  ASSERT_OK(Launch("fill_index", 4, args, stream_));
  const PinnedArray<int> seen(kCount);
  ASSERT_OK(aclrtMemcpyAsync(seen.get(), seen.bytes(), memory, seen.bytes(),
                             ACL_MEMCPY_DEVICE_TO_HOST, stream_));
  ASSERT_OK(aclrtMemPoolFreeAsync(memory, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(seen[7], 3);
}

TEST_F(PoolTest, StreamReusesWhatItFreedWithoutWaiting) {
  void* first = Malloc(pool_, 3 * kPoolMiB, stream_);
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtMemPoolFreeAsync(first, stream_));
  void* second = Malloc(pool_, 3 * kPoolMiB, stream_);
  EXPECT_EQ(second, first);
  EXPECT_EQ(Used(), 3 * kPoolMiB);
}

TEST_F(PoolTest, ClosestSizeIsReused) {
  void* large = Malloc(pool_, 8 * kPoolMiB, stream_);
  void* fitting = Malloc(pool_, 5 * kPoolMiB, stream_);
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtMemPoolFreeAsync(large, stream_));
  ASSERT_OK(aclrtMemPoolFreeAsync(fitting, stream_));
  EXPECT_EQ(Malloc(pool_, 5 * kPoolMiB, stream_), fitting);
}

TEST_F(PoolTest, OtherStreamsGetOtherMemoryWhileItIsInUse) {
  void* first = Malloc(pool_, 3 * kPoolMiB, stream_);
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtMemPoolFreeAsync(first, stream_));
  EXPECT_NE(Malloc(pool_, 3 * kPoolMiB, other_), first);
}

TEST_F(PoolTest, SizesBeyondAllMemoryAreRefused) {
  for (const size_t max_size : {size_t{0}, SIZE_MAX}) {
    aclrtMemPool pool = Create(max_size);
    void* memory = nullptr;
    for (const size_t size : {SIZE_MAX, SIZE_MAX - 600, SIZE_MAX / 2 + 1}) {
      EXPECT_EQ(aclrtMemPoolMallocAsync(&memory, size, pool, stream_),
                ACL_ERROR_RT_MEMORY_ALLOCATION);
    }
    EXPECT_EQ(memory, nullptr);
    ASSERT_OK(aclrtMemPoolFreeAsync(Malloc(pool, 1, stream_), stream_));
  }
}

// The pool cannot grow, but has memory that the stream freed.
TEST_F(PoolTest, WhatIsTriedFirstLeavesNoError) {
  aclrtMemPool pool = Create(0);
  void* large = Malloc(pool, 512 * kPoolMiB, stream_);
  std::vector<void*> rest;
  for (void* memory = nullptr;
       aclrtMalloc(&memory, 32 * kPoolMiB, ACL_MEM_MALLOC_HUGE_FIRST) == ACL_SUCCESS;) {
    rest.push_back(memory);
  }
  aclGetRecentErrMsg();
  EXPECT_EQ(aclrtStreamQuery(nullptr, nullptr), ACL_ERROR_INVALID_PARAM);  // the program's own
  aclGetRecentErrMsg();
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtMemPoolFreeAsync(large, stream_));
  EXPECT_EQ(Malloc(pool, 64 * kPoolMiB, stream_), large);
  EXPECT_EQ(aclrtGetLastError(ACL_RT_THREAD_LEVEL), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclGetRecentErrMsg(), nullptr);
  for (void* memory : rest) {
    EXPECT_OK(aclrtFree(memory));
  }
}

TEST_F(PoolTest, FullPoolMakesAnotherStreamWait) {
  aclrtMemPool small = Create(4 * kPoolMiB);
  void* first = Malloc(small, 3 * kPoolMiB, stream_);
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtMemPoolFreeAsync(first, stream_));
  void* second = Malloc(small, 3 * kPoolMiB, other_);
  EXPECT_EQ(second, first);
  ASSERT_OK(aclrtMemsetAsync(second, 4, 1, 4, other_));
  EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(other_, 20), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  gate.Open();
  EXPECT_OK(aclrtSynchronizeStream(other_));
}

TEST_F(PoolTest, FullPoolWithoutInternalDependenciesIsOutOfMemory) {
  aclrtMemPool small = Create(4 * kPoolMiB);
  Switch(small, ACL_RT_MEM_POOL_REUSE_ALLOW_INTERNAL_DEPENDENCIES, 0);
  void* first = Malloc(small, 3 * kPoolMiB, stream_);
  {
    Gate gate(Kernel("wait_for"), stream_);
    ASSERT_OK(aclrtMemPoolFreeAsync(first, stream_));
    void* second = nullptr;
    EXPECT_EQ(aclrtMemPoolMallocAsync(&second, 3 * kPoolMiB, small, other_),
              ACL_ERROR_RT_MEMORY_ALLOCATION);
    gate.Open();
  }
  EXPECT_EQ(Malloc(small, 3 * kPoolMiB, other_), first);
}

TEST_F(PoolTest, FinishedStreamsMemoryIsTakenOpportunistically) {
  aclrtMemPool small = Create(4 * kPoolMiB);
  Switch(small, ACL_RT_MEM_POOL_REUSE_ALLOW_INTERNAL_DEPENDENCIES, 0);
  void* first = Malloc(small, 3 * kPoolMiB, stream_);
  ASSERT_OK(aclrtMemsetAsync(first, 4, 1, 4, stream_));
  ASSERT_OK(aclrtMemPoolFreeAsync(first, stream_));
  aclrtStreamStatus status = ACL_STREAM_STATUS_NOT_READY;
  while (status != ACL_STREAM_STATUS_COMPLETE) {
    ASSERT_OK(aclrtStreamQuery(stream_, &status));
  }
  EXPECT_EQ(Malloc(small, 3 * kPoolMiB, other_), first);
}

TEST_F(PoolTest, AttributesHaveDefaultsAndKeepWhatIsSet) {
  uint32_t setting = 7;
  for (const auto attr :
       {ACL_RT_MEM_POOL_REUSE_FOLLOW_EVENT_DEPENDENCIES, ACL_RT_MEM_POOL_REUSE_ALLOW_OPPORTUNISTIC,
        ACL_RT_MEM_POOL_REUSE_ALLOW_INTERNAL_DEPENDENCIES}) {
    ASSERT_OK(aclrtMemPoolGetAttr(pool_, attr, &setting));
    EXPECT_EQ(setting, 1u);
    Switch(pool_, attr, 0);
    ASSERT_OK(aclrtMemPoolGetAttr(pool_, attr, &setting));
    EXPECT_EQ(setting, 0u);
    setting = 2;
    EXPECT_EQ(aclrtMemPoolSetAttr(pool_, attr, &setting), ACL_ERROR_RT_PARAM_INVALID);
  }
  EXPECT_EQ(Get(ACL_RT_MEM_POOL_ATTR_RELEASE_THRESHOLD), 0u);
  SetThreshold(5 * kPoolMiB);
  EXPECT_EQ(Get(ACL_RT_MEM_POOL_ATTR_RELEASE_THRESHOLD), 5 * kPoolMiB);
  uint64_t value = 0;
  for (const auto attr :
       {ACL_RT_MEM_POOL_ATTR_RESERVED_MEM_CURRENT, ACL_RT_MEM_POOL_ATTR_USED_MEM_CURRENT}) {
    EXPECT_EQ(aclrtMemPoolSetAttr(pool_, attr, &value), ACL_ERROR_RT_PARAM_INVALID);
  }
  value = 1;
  EXPECT_EQ(aclrtMemPoolSetAttr(pool_, ACL_RT_MEM_POOL_ATTR_USED_MEM_HIGH, &value),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemPoolGetAttr(pool_, static_cast<aclrtMemPoolAttr>(9), &value),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemPoolGetAttr(pool_, ACL_RT_MEM_POOL_ATTR_USED_MEM_HIGH, nullptr),
            ACL_ERROR_INVALID_PARAM);
}

TEST_F(PoolTest, FiguresFollowTheMemory) {
  EXPECT_EQ(Used(), 0u);
  EXPECT_EQ(Reserved(), 0u);
  void* a = Malloc(pool_, kPoolMiB, stream_);
  void* b = Malloc(pool_, 3 * kPoolMiB, stream_);
  EXPECT_EQ(Used(), 4 * kPoolMiB);
  EXPECT_GE(Reserved(), 4 * kPoolMiB);
  const uint64_t reserved = Reserved();
  ASSERT_OK(aclrtMemPoolFreeAsync(a, stream_));
  EXPECT_EQ(Used(), 3 * kPoolMiB);
  EXPECT_EQ(Reserved(), reserved);
  EXPECT_EQ(Get(ACL_RT_MEM_POOL_ATTR_USED_MEM_HIGH), 4 * kPoolMiB);
  EXPECT_EQ(Get(ACL_RT_MEM_POOL_ATTR_RESERVED_MEM_HIGH), reserved);
  uint64_t zero = 0;
  ASSERT_OK(aclrtMemPoolSetAttr(pool_, ACL_RT_MEM_POOL_ATTR_USED_MEM_HIGH, &zero));
  EXPECT_EQ(Get(ACL_RT_MEM_POOL_ATTR_USED_MEM_HIGH), 0u);
  ASSERT_OK(aclrtMemPoolFreeAsync(b, stream_));
}

TEST_F(PoolTest, SynchronisingReleasesWhatIsAboveTheThreshold) {
  const uint64_t before = FreeOnDevice();
  void* memory = Malloc(pool_, 10 * kPoolMiB, stream_);
  ASSERT_OK(aclrtMemPoolFreeAsync(memory, stream_));
  EXPECT_EQ(Reserved(), 10 * kPoolMiB);
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(Reserved(), 0u);
  EXPECT_EQ(FreeOnDevice(), before);

  SetThreshold(16 * kPoolMiB);
  memory = Malloc(pool_, 10 * kPoolMiB, stream_);
  ASSERT_OK(aclrtMemPoolFreeAsync(memory, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(Reserved(), 10 * kPoolMiB);
}

TEST_F(PoolTest, TrimmingLeavesWhatIsInUseAndWhatIsAskedFor) {
  SetThreshold(UINT64_MAX);
  void* used = Malloc(pool_, 4 * kPoolMiB, stream_);
  void* idle = Malloc(pool_, 6 * kPoolMiB, stream_);
  ASSERT_OK(aclrtMemPoolFreeAsync(idle, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  ASSERT_OK(aclrtMemPoolTrimTo(pool_, 10 * kPoolMiB));
  EXPECT_EQ(Reserved(), 10 * kPoolMiB);
  ASSERT_OK(aclrtMemPoolTrimTo(pool_, 0));
  EXPECT_EQ(Reserved(), 4 * kPoolMiB);
  EXPECT_OK(aclrtMemset(used, 4 * kPoolMiB, 1, 4 * kPoolMiB));
}

TEST_F(PoolTest, TrimmingDoesNotTakeWhatTasksStillUse) {
  void* memory = Malloc(pool_, 4 * kPoolMiB, stream_);
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtMemsetAsync(memory, 4 * kPoolMiB, 1, 4 * kPoolMiB, stream_));
  ASSERT_OK(aclrtMemPoolFreeAsync(memory, stream_));
  ASSERT_OK(aclrtMemPoolTrimTo(pool_, 0));
  EXPECT_EQ(Reserved(), 4 * kPoolMiB);
  gate.Open();
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(Reserved(), 0u);
}

TEST_F(PoolTest, DestroyedPoolGoesWithItsLastMemory) {
  const uint64_t before = FreeOnDevice();
  void* memory = Malloc(pool_, 4 * kPoolMiB, stream_);
  ASSERT_OK(aclrtMemPoolDestroy(pool_));
  EXPECT_EQ(aclrtMemPoolDestroy(pool_), ACL_ERROR_RT_INVALID_HANDLE);
  void* more = nullptr;
  EXPECT_EQ(aclrtMemPoolMallocAsync(&more, 1, pool_, stream_), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_OK(aclrtMemset(memory, 4 * kPoolMiB, 1, 4 * kPoolMiB));
  ASSERT_OK(aclrtMemPoolFreeAsync(memory, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(FreeOnDevice(), before);
}

TEST_F(PoolTest, ForeignAndFreedMemoryIsRefused) {
  void* memory = Malloc(pool_, 4096, stream_);
  EXPECT_EQ(aclrtFree(memory), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtMemPoolFreeAsync(memory, stream_));
  EXPECT_EQ(aclrtMemPoolFreeAsync(memory, stream_), ACL_ERROR_RT_PARAM_INVALID);
  const DeviceArray<int> foreign(1);
  EXPECT_EQ(aclrtMemPoolFreeAsync(foreign.get(), stream_), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemPoolFreeAsync(nullptr, stream_), ACL_ERROR_INVALID_PARAM);
}

TEST_F(PoolTest, MoreThanThePoolOrTheDeviceHasIsOutOfMemory) {
  void* memory = nullptr;
  EXPECT_EQ(aclrtMemPoolMallocAsync(&memory, 65 * kPoolMiB, pool_, stream_),
            ACL_ERROR_RT_MEMORY_ALLOCATION);
  EXPECT_EQ(aclrtMemPoolMallocAsync(&memory, 0, pool_, stream_), ACL_ERROR_RT_PARAM_INVALID);
  aclrtMemPool large = Create(size_t{1} << 50);
  EXPECT_EQ(aclrtMemPoolMallocAsync(&memory, size_t{1} << 40, large, stream_),
            ACL_ERROR_RT_MEMORY_ALLOCATION);
  EXPECT_OK(aclrtMemPoolFreeAsync(Malloc(large, 4096, stream_), stream_));
}

TEST_F(PoolTest, OddPoolsAreRefused) {
  aclrtMemPool pool = nullptr;
  aclrtMemPoolProps properties = Properties(0);
  EXPECT_EQ(aclrtMemPoolCreate(nullptr, &properties), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtMemPoolCreate(&pool, nullptr), ACL_ERROR_INVALID_PARAM);
  properties.location.type = ACL_MEM_LOCATION_TYPE_HOST;
  EXPECT_EQ(aclrtMemPoolCreate(&pool, &properties), ACL_ERROR_RT_PARAM_INVALID);
  properties = Properties(0);
  properties.reserved[31] = 1;
  EXPECT_EQ(aclrtMemPoolCreate(&pool, &properties), ACL_ERROR_RT_PARAM_INVALID);
  properties = Properties(0);
  properties.location.id = 63;
  EXPECT_EQ(aclrtMemPoolCreate(&pool, &properties), ACL_ERROR_RT_INVALID_DEVICEID);
  properties = Properties(0);
  properties.handleType = ACL_MEM_HANDLE_TYPE_POSIX;
  EXPECT_EQ(aclrtMemPoolCreate(&pool, &properties), ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
}

TEST_F(PoolTest, ResetMakesPoolsStale) {
  Malloc(pool_, 4096, stream_);
  ASSERT_OK(aclrtResetDeviceForce(0));
  ASSERT_OK(aclrtSetDevice(0));
  EXPECT_EQ(aclrtMemPoolDestroy(pool_), ACL_ERROR_RT_INVALID_HANDLE);
}

// Each thread fills blocks with a value of its own and looks whether they keep it.
TEST_F(PoolTest, StreamsDoNotDisturbEachOther) {
  constexpr int kThreads = 4;
  constexpr size_t kBytes = 300'000;
  aclrtMemPool small = Create(4 * kPoolMiB);
  std::atomic<int> wrong{0};
  const auto work = [&](int value) {
    EXPECT_OK(aclrtSetDevice(0));
    aclrtStream stream = nullptr;
    EXPECT_OK(aclrtCreateStream(&stream));
    const PinnedArray<uint8_t> seen(kBytes);
    for (int i = 0; i < 100; ++i) {
      void* memory = Malloc(small, kBytes, stream);
      EXPECT_OK(aclrtMemsetAsync(memory, kBytes, value, kBytes, stream));
      EXPECT_OK(
          aclrtMemcpyAsync(seen.get(), kBytes, memory, kBytes, ACL_MEMCPY_DEVICE_TO_HOST, stream));
      EXPECT_OK(aclrtMemPoolFreeAsync(memory, stream));
      if (i % 10 == 9) {
        EXPECT_OK(aclrtSynchronizeStream(stream));
        wrong += seen[0] != value || seen[kBytes - 1] != value ? 1 : 0;
      }
    }
    EXPECT_OK(aclrtDestroyStream(stream));
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back(work, t + 1);
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace vnpu::test
