// Memory with one address on host and device.
#include <algorithm>
#include <array>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

constexpr uint64_t kManagedUnit = uint64_t{2} << 20;
constexpr aclrtMemManagedLocation kOnDevice{.type = ACL_MEM_LOCATIONTYPE_DEVICE, .id = 0};
constexpr aclrtMemManagedLocation kOnHost{.type = ACL_MEM_LOCATIONTYPE_HOST, .id = 0};
constexpr aclrtMemManagedLocation kNowhere{.type = ACL_MEM_LOCATIONTYPE_INVALID, .id = 0};

class ManagedTest : public KernelTest {
 protected:
  static char* Allocate(uint64_t size) {
    void* memory = nullptr;
    EXPECT_OK(aclrtMemAllocManaged(&memory, size, ACL_RT_MEM_ATTACH_GLOBAL));
    return static_cast<char*>(memory);
  }
  static int32_t Number(aclrtMemManagedRangeAttribute attribute, const void* memory, size_t size) {
    int32_t value = -99;
    EXPECT_OK(aclrtMemManagedGetAttr(attribute, memory, size, &value, sizeof(value)));
    return value;
  }
};

TEST_F(ManagedTest, HostAndDeviceUseOneAddress) {
  auto* numbers = reinterpret_cast<int*>(Allocate(1000));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(numbers) % kManagedUnit, 0u);
  numbers[0] = 41;
  ASSERT_OK(Launch("increment", 1, numbers, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(numbers[0], 42);
  aclrtPtrAttributes attributes{};
  ASSERT_OK(aclrtPointerGetAttributes(numbers, &attributes));
  EXPECT_EQ(attributes.location.type, ACL_MEM_LOCATION_TYPE_MANAGED);
  EXPECT_EQ(aclrtFreeHost(numbers), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_OK(aclrtFree(numbers));
  EXPECT_EQ(aclrtFree(numbers), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(ManagedTest, AllocationsAreApart) {
  std::vector<char*> blocks;
  for (const uint64_t size : {uint64_t{1}, kManagedUnit, kManagedUnit + 1, 40 * kManagedUnit}) {
    blocks.push_back(Allocate(size));
    std::fill_n(blocks.back(), size, static_cast<char>(blocks.size()));
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_EQ(blocks[i][0], static_cast<char>(i + 1));
    EXPECT_OK(aclrtFree(blocks[i]));
  }
}

TEST_F(ManagedTest, CopiesTakeItForHostAndForDevice) {
  char* managed = Allocate(kManagedUnit);
  const DeviceArray<char> device(100, 7);
  const PinnedArray<char> pinned(100);
  std::array<char, 100> pageable{};
  for (const auto kind : {ACL_MEMCPY_DEVICE_TO_HOST, ACL_MEMCPY_DEVICE_TO_DEVICE}) {
    managed[99] = 0;
    ASSERT_OK(aclrtMemcpyAsync(managed, 100, device.get(), 100, kind, stream_));
    ASSERT_OK(aclrtSynchronizeStream(stream_));
    EXPECT_EQ(managed[99], 7);
  }
  ASSERT_OK(aclrtMemcpyAsync(pinned.get(), 100, managed, 100, ACL_MEMCPY_DEVICE_TO_HOST, stream_));
  ASSERT_OK(
      aclrtMemcpyAsync(managed + 200, 100, managed, 100, ACL_MEMCPY_DEVICE_TO_DEVICE, stream_));
  ASSERT_OK(aclrtMemsetAsync(managed, 100, 5, 100, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(pinned[50], 7);
  EXPECT_EQ(managed[250], 7);
  ASSERT_OK(aclrtMemcpy(pageable.data(), 100, managed, 100, ACL_MEMCPY_DEVICE_TO_HOST));
  EXPECT_EQ(pageable[99], 5);
  ASSERT_OK(aclrtMemset(managed, 100, 6, 100));
  EXPECT_EQ(managed[0], 6);
}

TEST_F(ManagedTest, RangesAroundAddressesAreAllocations) {
  for (int i = 0; i < 3; ++i) {
    char* const memory = Allocate(100);
    void* base = nullptr;
    size_t size = 0;
    ASSERT_OK(aclrtMemGetAddressRange(memory + 99, &base, &size));
    EXPECT_EQ(base, memory);
    EXPECT_EQ(size, kManagedUnit);
  }
}

TEST_F(ManagedTest, AdviceIsRememberedForEachPage) {
  char* memory = Allocate(3 * kManagedUnit);
  const auto read_mostly = ACL_MEM_RANGE_ATTRIBUTE_READ_MOSTLY;
  EXPECT_EQ(Number(read_mostly, memory, kManagedUnit), 0);
  ASSERT_OK(
      aclrtMemManagedAdvise(memory, 2 * kManagedUnit, ACL_MEM_ADVISE_SET_READ_MOSTLY, kNowhere));
  EXPECT_EQ(Number(read_mostly, memory, 2 * kManagedUnit), 1);
  EXPECT_EQ(Number(read_mostly, memory, 2 * kManagedUnit + 1), 0) << "one page is not";
  ASSERT_OK(
      aclrtMemManagedAdvise(memory, kManagedUnit, ACL_MEM_ADVISE_UNSET_READ_MOSTLY, kNowhere));
  EXPECT_EQ(Number(read_mostly, memory, 1), 0);
  EXPECT_EQ(Number(read_mostly, memory + kManagedUnit, 1), 1);
}

TEST_F(ManagedTest, PreferredLocation) {
  char* memory = Allocate(2 * kManagedUnit);
  const auto preferred = ACL_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION;
  const auto type = ACL_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION_TYPE;
  EXPECT_EQ(Number(preferred, memory, kManagedUnit), -2);
  EXPECT_EQ(Number(type, memory, kManagedUnit), ACL_MEM_LOCATIONTYPE_INVALID);
  const auto set = ACL_MEM_ADVISE_SET_PREFERRED_LOCATION;
  ASSERT_OK(aclrtMemManagedAdvise(memory, kManagedUnit, set, kOnDevice));
  EXPECT_EQ(Number(preferred, memory, kManagedUnit), 0);
  EXPECT_EQ(Number(ACL_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION_ID, memory, kManagedUnit), 0);
  EXPECT_EQ(Number(type, memory, kManagedUnit), ACL_MEM_LOCATIONTYPE_DEVICE);
  EXPECT_EQ(Number(preferred, memory, 2 * kManagedUnit), -2) << "the pages differ";
  ASSERT_OK(aclrtMemManagedAdvise(memory, 2 * kManagedUnit, set, kOnHost));
  EXPECT_EQ(Number(preferred, memory, 2 * kManagedUnit), -1);
  const aclrtMemManagedLocation here{.type = ACL_MEM_LOCATIONTYPE_HOST_NUMA_CURRENT, .id = 99};
  ASSERT_OK(aclrtMemManagedAdvise(memory, 2 * kManagedUnit, set, here));
  EXPECT_EQ(Number(type, memory, 2 * kManagedUnit), ACL_MEM_LOCATIONTYPE_HOST_NUMA);
  ASSERT_OK(aclrtMemManagedAdvise(memory, 2 * kManagedUnit, ACL_MEM_ADVISE_UNSET_PREFERRED_LOCATION,
                                  kNowhere));
  EXPECT_EQ(Number(preferred, memory, kManagedUnit), -2);
}

TEST_F(ManagedTest, AccessorsAreListed) {
  char* memory = Allocate(kManagedUnit);
  ASSERT_OK(aclrtMemManagedAdvise(memory, kManagedUnit, ACL_MEM_ADVISE_SET_ACCESSED_BY, kOnDevice));
  ASSERT_OK(aclrtMemManagedAdvise(memory, kManagedUnit, ACL_MEM_ADVISE_SET_ACCESSED_BY, kOnHost));
  std::array<int32_t, 4> numbers{};
  const auto get = [&](size_t bytes) {
    return aclrtMemManagedGetAttr(ACL_MEM_RANGE_ATTRIBUTE_ACCESSED_BY, memory, kManagedUnit,
                                  numbers.data(), bytes);
  };
  ASSERT_OK(get(sizeof(numbers)));
  EXPECT_EQ(numbers, (std::array<int32_t, 4>{0, -1, -2, -2}));
  ASSERT_OK(
      aclrtMemManagedAdvise(memory, kManagedUnit, ACL_MEM_ADVISE_UNSET_ACCESSED_BY, kOnDevice));
  ASSERT_OK(get(sizeof(numbers)));
  EXPECT_EQ(numbers, (std::array<int32_t, 4>{-1, -2, -2, -2}));
  EXPECT_EQ(get(6), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(get(0), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(ManagedTest, SeveralAttributesAtOnce) {
  char* memory = Allocate(kManagedUnit);
  ASSERT_OK(aclrtMemManagedAdvise(memory, kManagedUnit, ACL_MEM_ADVISE_SET_READ_MOSTLY, kNowhere));
  aclrtMemManagedRangeAttribute attributes[] = {
      ACL_MEM_RANGE_ATTRIBUTE_READ_MOSTLY, ACL_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION_TYPE};
  int32_t flag = 0;
  aclrtMemManagedLocationType type = ACL_MEM_LOCATIONTYPE_HOST;
  void* data[] = {&flag, &type};
  size_t sizes[] = {sizeof(flag), sizeof(type)};
  ASSERT_OK(aclrtMemManagedGetAttrs(attributes, 2, memory, kManagedUnit, data, sizes));
  EXPECT_EQ(flag, 1);
  EXPECT_EQ(type, ACL_MEM_LOCATIONTYPE_INVALID);
  sizes[1] = 3;
  EXPECT_EQ(aclrtMemManagedGetAttrs(attributes, 2, memory, kManagedUnit, data, sizes),
            ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(ManagedTest, PrefetchTakesItsPlaceInTheStream) {
  char* memory = Allocate(2 * kManagedUnit);
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtMemManagedPrefetchAsync(memory, kManagedUnit, kOnDevice, 0, stream_));
  const auto last = ACL_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION;
  EXPECT_EQ(Number(last, memory, kManagedUnit), 0) << "as it was asked for, not as it was done";
  EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(stream_, 20), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  gate.Open();
  const void* ranges[] = {memory, memory + kManagedUnit};
  size_t sizes[] = {kManagedUnit, kManagedUnit};
  aclrtMemManagedLocation places[] = {kOnHost, kOnDevice};
  size_t firsts[] = {0, 1};
  ASSERT_OK(aclrtMemManagedPrefetchBatchAsync(ranges, sizes, 2, places, firsts, 2, 0, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(Number(last, memory, kManagedUnit), -1);
  EXPECT_EQ(Number(last, memory + kManagedUnit, kManagedUnit), 0);
  firsts[1] = 2;
  EXPECT_EQ(aclrtMemManagedPrefetchBatchAsync(ranges, sizes, 2, places, firsts, 2, 0, stream_),
            ACL_ERROR_RT_PARAM_INVALID);
  firsts[0] = 1;
  EXPECT_EQ(aclrtMemManagedPrefetchBatchAsync(ranges, sizes, 2, places, firsts, 1, 0, stream_),
            ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(ManagedTest, BadArgumentsAreRefused) {
  void* got = nullptr;
  EXPECT_EQ(aclrtMemAllocManaged(nullptr, 1, 1), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtMemAllocManaged(&got, 0, 1), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemAllocManaged(&got, 1, 2), ACL_ERROR_RT_PARAM_INVALID);
  char* memory = Allocate(kManagedUnit);
  const auto advise = [&](const void* at, uint64_t size, int advice,
                          aclrtMemManagedLocation where) {
    return aclrtMemManagedAdvise(at, size, static_cast<aclrtMemManagedAdviseType>(advice), where);
  };
  EXPECT_EQ(advise(memory, kManagedUnit + 1, 0, kOnHost), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(advise(memory, 2 * kManagedUnit, 0, kOnHost), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(advise(memory, kManagedUnit, 6, kOnHost), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(advise(memory, kManagedUnit, 2, kNowhere), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(advise(memory, kManagedUnit, 2, {.type = ACL_MEM_LOCATIONTYPE_DEVICE, .id = 63}),
            ACL_ERROR_RT_INVALID_DEVICEID);
  const DeviceArray<int> other(1);
  EXPECT_EQ(advise(other.get(), kManagedUnit, 0, kOnHost), ACL_ERROR_RT_PARAM_INVALID);
  int32_t value = 0;
  EXPECT_EQ(
      aclrtMemManagedGetAttr(ACL_MEM_RANGE_ATTRIBUTE_READ_MOSTLY, memory, kManagedUnit, &value, 8),
      ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemManagedPrefetchAsync(memory, kManagedUnit, kOnDevice, 1, stream_),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemManagedPrefetchAsync(memory, kManagedUnit, kNowhere, 0, stream_),
            ACL_ERROR_RT_PARAM_INVALID);
}

}  // namespace
}  // namespace vnpu::test
