// Policies and attributes of the allocating functions, and figures about memory.
#include <algorithm>
#include <cstring>
#include <numeric>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kGiB = size_t{1} << 30;

class MallocPolicyTest : public KernelTest {
 protected:
  static void* Malloc(size_t size, int policy) {
    void* memory = nullptr;
    EXPECT_OK(aclrtMallocAlign32(&memory, size, static_cast<aclrtMemMallocPolicy>(policy)));
    return memory;
  }
  static aclError MallocWith(aclrtMallocAttribute attribute) {
    aclrtMallocConfig config{.attrs = &attribute, .numAttrs = 1};
    void* memory = nullptr;
    const aclError error = aclrtMallocWithCfg(&memory, 100, ACL_MEM_MALLOC_HUGE_FIRST, &config);
    return error == ACL_SUCCESS ? aclrtFree(memory) : error;
  }
  static uint32_t PageSize(const void* memory) {
    aclrtPtrAttributes attributes{};
    EXPECT_OK(aclrtPointerGetAttributes(memory, &attributes));
    return attributes.pageSize;
  }
  static size_t FreeBytes(aclrtMemAttr attr = ACL_HBM_MEM) {
    size_t free = 0;
    size_t total = 0;
    EXPECT_OK(aclrtGetMemInfo(attr, &free, &total));
    return free;
  }
  // Bytes that an allocation takes.
  static size_t Taken(size_t size, int policy) {
    const size_t before = FreeBytes();
    void* memory = Malloc(size, policy);
    const size_t taken = before - FreeBytes();
    EXPECT_OK(aclrtFree(memory));
    EXPECT_EQ(FreeBytes(), before);
    return taken;
  }
  static std::vector<aclrtMemUsageInfo> Usage() {
    std::vector<aclrtMemUsageInfo> infos(16);
    size_t count = 0;
    EXPECT_OK(aclrtGetMemUsageInfo(0, infos.data(), infos.size(), &count));
    infos.resize(count);
    return infos;
  }
  static aclrtMemUsageInfo UsageOf(const std::string& name) {
    for (const aclrtMemUsageInfo& info : Usage()) {
      if (name == info.name) {
        return info;
      }
    }
    return {};
  }
};

TEST_F(MallocPolicyTest, PagesAreWhatThePolicySays) {
  EXPECT_EQ(PageSize(Malloc(3 * kMiB, ACL_MEM_MALLOC_HUGE_FIRST)), 2 * kMiB);
  EXPECT_EQ(PageSize(Malloc(100, ACL_MEM_MALLOC_HUGE_ONLY)), 2 * kMiB);
  EXPECT_EQ(PageSize(Malloc(3 * kMiB, ACL_MEM_MALLOC_NORMAL_ONLY)), 4096u);
  EXPECT_EQ(PageSize(Malloc(100 * kMiB, ACL_MEM_MALLOC_NORMAL_ONLY_P2P)), 4096u);
  EXPECT_EQ(PageSize(Malloc(3 * kMiB, ACL_MEM_MALLOC_HUGE_ONLY_P2P)), 2 * kMiB);
}

TEST_F(MallocPolicyTest, NumbersThatAreNoPolicyGoBySize) {
  EXPECT_EQ(PageSize(Malloc(2 * kMiB, 77)), 2 * kMiB);
  EXPECT_EQ(PageSize(Malloc(2 * kMiB - 32, 77)), 4096u);
}

TEST_F(MallocPolicyTest, HugePagesAreTakenWhole) {
  EXPECT_EQ(Taken(3 * kMiB, ACL_MEM_MALLOC_HUGE_FIRST), 4 * kMiB);
  EXPECT_EQ(Taken(100, ACL_MEM_MALLOC_HUGE_ONLY), 2 * kMiB);
  EXPECT_EQ(Taken(3 * kMiB, ACL_MEM_MALLOC_NORMAL_ONLY), 3 * kMiB);
  EXPECT_EQ(Taken(kMiB, ACL_MEM_MALLOC_HUGE_FIRST), kMiB);
  EXPECT_EQ(Taken(33 * kMiB, ACL_MEM_TYPE_HIGH_BAND_WIDTH), 34 * kMiB);
}

TEST_F(MallocPolicyTest, GiantPagesAreWholeGibibytes) {
  void* memory = Malloc(100, ACL_MEM_MALLOC_HUGE1G_ONLY);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % kGiB, 0u);
  EXPECT_OK(aclrtMemset(static_cast<char*>(memory) + kGiB - 4, 4, 1, 4));
  EXPECT_OK(aclrtFree(memory));
  EXPECT_EQ(Taken(kGiB, ACL_MEM_MALLOC_HUGE1G_ONLY_P2P), kGiB);
  size_t total = 0;
  size_t free = 0;
  ASSERT_OK(aclrtGetMemInfo(ACL_HBM_MEM_HUGE1G, &free, &total));
  EXPECT_EQ(free % kGiB, 0u);
  EXPECT_EQ(total % kGiB, 0u);
}

TEST_F(MallocPolicyTest, TooManyGiantPagesAreOutOfMemoryAndLeaveNothing) {
  const size_t before = FreeBytes();
  std::vector<void*> pages;
  aclError error = ACL_SUCCESS;
  while (error == ACL_SUCCESS && pages.size() < 64) {
    void* memory = nullptr;
    error = aclrtMallocAlign32(&memory, 1, ACL_MEM_MALLOC_HUGE1G_ONLY);
    if (error == ACL_SUCCESS) {
      pages.push_back(memory);
    }
  }
  EXPECT_EQ(error, ACL_ERROR_RT_MEMORY_ALLOCATION);
  EXPECT_EQ(pages.size(), before / kGiB);
  for (void* page : pages) {
    EXPECT_OK(aclrtFree(page));
  }
  EXPECT_EQ(FreeBytes(), before);
}

TEST_F(MallocPolicyTest, MemoryOfOnePageSizeServesTheOther) {
  const size_t before = FreeBytes();
  for (const int policy : {ACL_MEM_MALLOC_NORMAL_ONLY, ACL_MEM_MALLOC_HUGE_ONLY}) {
    std::vector<void*> blocks;
    aclError error = ACL_SUCCESS;
    while (error == ACL_SUCCESS) {
      void* memory = nullptr;
      error = aclrtMallocAlign32(&memory, 20 * kMiB, static_cast<aclrtMemMallocPolicy>(policy));
      if (error == ACL_SUCCESS) {
        blocks.push_back(memory);
      }
    }
    EXPECT_EQ(error, ACL_ERROR_RT_MEMORY_ALLOCATION);
    EXPECT_LT(FreeBytes(), 128 * kMiB) << "nearly all can be had";
    for (void* block : blocks) {
      EXPECT_OK(aclrtFree(block));
    }
    EXPECT_EQ(FreeBytes(), before);
  }
}

TEST_F(MallocPolicyTest, PaddingBelongsToTheBlock) {
  // 512 bytes and the 32 that the function adds: nobody else's memory.
  std::vector<uintptr_t> blocks;
  for (int i = 0; i < 64; ++i) {
    void* memory = nullptr;
    ASSERT_OK(aclrtMalloc(&memory, 512, ACL_MEM_MALLOC_HUGE_FIRST));
    blocks.push_back(reinterpret_cast<uintptr_t>(memory));
  }
  std::ranges::sort(blocks);
  for (size_t i = 1; i < blocks.size(); ++i) {
    EXPECT_GE(blocks[i] - blocks[i - 1], 512u + 32u);
  }
}

TEST_F(MallocPolicyTest, CachedMemoryIsNotForOtherDevices) {
  void* memory = nullptr;
  EXPECT_EQ(aclrtMallocCached(&memory, 100, ACL_MEM_MALLOC_HUGE_FIRST_P2P),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMallocCached(&memory, 100, ACL_MEM_ACCESS_USER_SPACE_READONLY),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_OK(aclrtMallocCached(&memory, 100, ACL_MEM_MALLOC_NORMAL_ONLY));
  EXPECT_OK(aclrtFree(memory));
}

TEST_F(MallocPolicyTest, ReadOnlyMemoryCannotBeWritten) {
  const auto policy = static_cast<aclrtMemMallocPolicy>(ACL_MEM_ACCESS_USER_SPACE_READONLY |
                                                        ACL_MEM_MALLOC_NORMAL_ONLY);
  void* memory = nullptr;
  ASSERT_OK(aclrtMallocWithCfg(&memory, 4096, policy, nullptr));
  EXPECT_EQ(aclrtMemset(memory, 4096, 1, 4096), ACL_ERROR_RT_SYS_DMA);
  ASSERT_OK(Launch("store_to", 1, memory, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  std::vector<char> seen(4096, 1);
  ASSERT_OK(aclrtMemcpy(seen.data(), 4096, memory, 4096, ACL_MEMCPY_DEVICE_TO_HOST));
  EXPECT_EQ(seen, std::vector<char>(4096, 0));
  EXPECT_OK(aclrtFree(memory));
  // Its neighbours are not affected.
  ASSERT_OK(aclrtMallocWithCfg(&memory, 4096, ACL_MEM_MALLOC_NORMAL_ONLY, nullptr));
  EXPECT_OK(aclrtMemset(memory, 4096, 1, 4096));
  EXPECT_OK(aclrtFree(memory));
}

TEST_F(MallocPolicyTest, AttributesAreChecked) {
  aclrtMallocAttribute attribute{};
  attribute.attr = ACL_RT_MEM_ATTR_DEVICE_ID;
  EXPECT_OK(MallocWith(attribute));
  attribute.value.deviceId = 1;
  EXPECT_EQ(MallocWith(attribute), ACL_ERROR_RT_PARAM_INVALID);
  attribute.attr = static_cast<aclrtMallocAttrType>(9);
  EXPECT_EQ(MallocWith(attribute), ACL_ERROR_RT_PARAM_INVALID);
  attribute.attr = ACL_RT_MEM_ATTR_VA_FLAG;
  EXPECT_EQ(MallocWith(attribute), ACL_ERROR_RT_PARAM_INVALID) << "for host memory";
  aclrtMallocConfig nothing{.attrs = nullptr, .numAttrs = 1};
  void* memory = nullptr;
  EXPECT_EQ(aclrtMallocWithCfg(&memory, 100, ACL_MEM_MALLOC_HUGE_FIRST, &nothing),
            ACL_ERROR_INVALID_PARAM);
}

TEST_F(MallocPolicyTest, HostMemoryHasOneAddress) {
  aclrtMallocAttribute attribute{};
  attribute.attr = ACL_RT_MEM_ATTR_VA_FLAG;
  attribute.value.vaFlag = 1;
  aclrtMallocConfig config{.attrs = &attribute, .numAttrs = 1};
  void* memory = nullptr;
  ASSERT_OK(aclrtMallocHostWithCfg(&memory, 4096, &config));
  void* on_device = nullptr;
  ASSERT_OK(aclrtHostRegister(memory, 4096, ACL_HOST_REGISTER_MAPPED, &on_device));
  EXPECT_EQ(on_device, memory);
  EXPECT_OK(aclrtHostUnregister(memory));
  EXPECT_OK(aclrtFreeHost(memory));
  attribute.value.vaFlag = 2;
  EXPECT_EQ(aclrtMallocHostWithCfg(&memory, 4096, &config), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(MallocPolicyTest, UsageAddsUpToWhatIsNotFree) {
  size_t total = 0;
  size_t free = 0;
  void* first = Malloc(40 * kMiB, ACL_MEM_MALLOC_HUGE_FIRST);
  void* second = Malloc(1000, ACL_MEM_MALLOC_NORMAL_ONLY);
  ASSERT_OK(aclrtGetMemInfo(ACL_HBM_MEM, &free, &total));
  const auto infos = Usage();
  const auto sum = std::accumulate(
      infos.begin(), infos.end(), uint64_t{0},
      [](uint64_t bytes, const aclrtMemUsageInfo& info) { return bytes + info.curMemSize; });
  EXPECT_EQ(sum, total - free);
  EXPECT_TRUE(std::ranges::is_sorted(
      infos, [](const auto& a, const auto& b) { return a.curMemSize > b.curMemSize; }));
  EXPECT_STREQ(infos[0].name, "APP");
  EXPECT_OK(aclrtFree(first));
  EXPECT_OK(aclrtFree(second));
}

TEST_F(MallocPolicyTest, UsageIsByModuleWithItsPeak) {
  aclrtMallocAttribute attribute{};
  attribute.attr = ACL_RT_MEM_ATTR_MODULE_ID;
  attribute.value.moduleId = 7;
  aclrtMallocConfig config{.attrs = &attribute, .numAttrs = 1};
  void* memory = nullptr;
  ASSERT_OK(aclrtMallocWithCfg(&memory, 3 * kMiB, ACL_MEM_MALLOC_HUGE_FIRST, &config));
  EXPECT_EQ(UsageOf("MODULE_7").curMemSize, 4 * kMiB);
  EXPECT_OK(aclrtFree(memory));
  EXPECT_EQ(UsageOf("MODULE_7").curMemSize, 0u);
  EXPECT_EQ(UsageOf("MODULE_7").memPeakSize, 4 * kMiB);
  EXPECT_GT(UsageOf("RUNTIME").curMemSize, 0u) << "the kernels' image";
}

TEST_F(MallocPolicyTest, UsageArgumentsAreChecked) {
  aclrtMemUsageInfo info{};
  size_t count = 0;
  EXPECT_EQ(aclrtGetMemUsageInfo(0, nullptr, 1, &count), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtGetMemUsageInfo(0, &info, 1, nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtGetMemUsageInfo(0, &info, 0, &count), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtGetMemUsageInfo(-1, &info, 1, &count), ACL_ERROR_RT_INVALID_DEVICEID);
  EXPECT_EQ(aclrtGetMemUsageInfo(64, &info, 1, &count), ACL_ERROR_RT_INVALID_DEVICEID);
  ASSERT_OK(aclrtFree(Malloc(100, ACL_MEM_MALLOC_HUGE_FIRST)));
  EXPECT_OK(aclrtGetMemUsageInfo(0, &info, 1, &count));
  EXPECT_EQ(count, 1u);
}

TEST_F(MallocPolicyTest, UnitsThatReachRegisteredMemory) {
  aclrtHostMemMapCapability capability{};
  ASSERT_OK(aclrtHostMemMapCapabilities(0, ACL_RT_HAC_TYPE_AIV, &capability));
  EXPECT_EQ(capability, ACL_RT_HOST_MEM_MAP_SUPPORTED);
  ASSERT_OK(aclrtHostMemMapCapabilities(0, ACL_RT_HAC_TYPE_RDMA, &capability));
  EXPECT_EQ(capability, ACL_RT_HOST_MEM_MAP_NOT_SUPPORTED);
  EXPECT_EQ(aclrtHostMemMapCapabilities(0, static_cast<aclrtHacType>(10), &capability),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtHostMemMapCapabilities(64, ACL_RT_HAC_TYPE_AIV, &capability),
            ACL_ERROR_RT_INVALID_DEVICEID);
  EXPECT_EQ(aclrtHostMemMapCapabilities(0, ACL_RT_HAC_TYPE_AIV, nullptr), ACL_ERROR_INVALID_PARAM);
}

}  // namespace
}  // namespace vnpu::test
