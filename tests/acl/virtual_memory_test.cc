#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

constexpr size_t kHuge = size_t{2} << 20;

class VirtualMemoryTest : public KernelTest {
 protected:
  static aclrtPhysicalMemProp Properties(aclrtMemAttr attr = ACL_HBM_MEM_HUGE) {
    return {.handleType = ACL_MEM_HANDLE_TYPE_NONE,
            .allocationType = ACL_MEM_ALLOCATION_TYPE_PINNED,
            .memAttr = attr,
            .location = {.id = 0, .type = ACL_MEM_LOCATION_TYPE_DEVICE},
            .reserve = 0};
  }
  static aclrtDrvMemHandle Physical(size_t size, aclrtMemAttr attr = ACL_HBM_MEM_HUGE) {
    const aclrtPhysicalMemProp properties = Properties(attr);
    aclrtDrvMemHandle handle = nullptr;
    EXPECT_OK(aclrtMallocPhysical(&handle, size, &properties, 0));
    return handle;
  }
  static char* Reserve(size_t size) {
    void* address = nullptr;
    EXPECT_OK(aclrtReserveMemAddress(&address, size, 0, nullptr, 0));
    return static_cast<char*>(address);
  }
  // What a kernel of this stream reads after it added 1.
  int Increment(void* address) {
    int value = -1;
    EXPECT_OK(Launch("increment", 1, address, stream_));
    EXPECT_OK(aclrtSynchronizeStream(stream_));
    EXPECT_OK(aclrtMemcpy(&value, 4, address, 4, ACL_MEMCPY_DEVICE_TO_HOST));
    return value;
  }
  static size_t FreeBytes() {
    size_t free = 0;
    size_t total = 0;
    EXPECT_OK(aclrtGetMemInfo(ACL_HBM_MEM, &free, &total));
    return free;
  }
};

TEST_F(VirtualMemoryTest, MappedMemoryIsUsable) {
  char* const address = Reserve(kHuge);
  const aclrtDrvMemHandle handle = Physical(kHuge);
  ASSERT_OK(aclrtMapMem(address, kHuge, 0, handle, 0));
  EXPECT_EQ(Increment(address), 1);
  EXPECT_OK(aclrtUnmapMem(address));
  EXPECT_OK(aclrtFreePhysical(handle));
  EXPECT_OK(aclrtReleaseMemAddress(address));
}

TEST_F(VirtualMemoryTest, TwoRangesShareOnePhysical) {
  char* const address = Reserve(2 * kHuge);
  const aclrtDrvMemHandle handle = Physical(kHuge);
  ASSERT_OK(aclrtMapMem(address, kHuge, 0, handle, 0));
  ASSERT_OK(aclrtMapMem(address + kHuge, kHuge, 0, handle, 0));
  EXPECT_EQ(Increment(address), 1);
  EXPECT_EQ(Increment(address + kHuge), 2);
  ASSERT_OK(aclrtUnmapMem(address));
  EXPECT_EQ(Increment(address + kHuge), 3);
}

TEST_F(VirtualMemoryTest, PiecesMakeOneRange) {
  constexpr size_t kPage = 4096;
  char* const address = Reserve(kHuge);
  ASSERT_OK(aclrtMapMem(address, kPage, 0, Physical(kPage, ACL_MEM_NORMAL), 0));
  ASSERT_OK(aclrtMapMem(address + kPage, kPage, 0, Physical(kPage, ACL_MEM_NORMAL), 0));
  const std::vector<char> bytes(2 * kPage, 'x');
  std::vector<char> back(2 * kPage);
  ASSERT_OK(aclrtMemcpy(address, 2 * kPage, bytes.data(), 2 * kPage, ACL_MEMCPY_DEFAULT));
  ASSERT_OK(aclrtMemcpy(back.data(), 2 * kPage, address, 2 * kPage, ACL_MEMCPY_DEFAULT));
  EXPECT_EQ(back, bytes);
  // Behind the pieces nothing is mapped.
  EXPECT_EQ(aclrtMemcpy(address + 2 * kPage, 1, bytes.data(), 1, ACL_MEMCPY_DEFAULT),
            ACL_ERROR_RT_SYS_DMA);
}

TEST_F(VirtualMemoryTest, FreedMemoryStaysWhileMapped) {
  const size_t before = FreeBytes();
  char* const address = Reserve(kHuge);
  const aclrtDrvMemHandle handle = Physical(kHuge);
  ASSERT_OK(aclrtMapMem(address, kHuge, 0, handle, 0));
  EXPECT_EQ(before - FreeBytes(), kHuge);
  ASSERT_OK(aclrtFreePhysical(handle));
  EXPECT_EQ(aclrtFreePhysical(handle), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_EQ(Increment(address), 1);
  EXPECT_EQ(before - FreeBytes(), kHuge);
  ASSERT_OK(aclrtUnmapMem(address));
  EXPECT_EQ(FreeBytes(), before);
  EXPECT_EQ(aclrtFreePhysical(handle), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(VirtualMemoryTest, RetainedHandlesAreFreedAsOften) {
  const size_t before = FreeBytes();
  char* const address = Reserve(kHuge);
  const aclrtDrvMemHandle handle = Physical(kHuge);
  aclrtDrvMemHandle same = nullptr;
  EXPECT_EQ(aclrtMemRetainAllocationHandle(address, &same), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtMapMem(address, kHuge, 0, handle, 0));
  ASSERT_OK(aclrtMemRetainAllocationHandle(address, &same));
  EXPECT_EQ(same, handle);
  ASSERT_OK(aclrtUnmapMem(address));
  ASSERT_OK(aclrtFreePhysical(handle));
  EXPECT_EQ(before - FreeBytes(), kHuge);
  ASSERT_OK(aclrtFreePhysical(same));
  EXPECT_EQ(FreeBytes(), before);
}

TEST_F(VirtualMemoryTest, AccessComesWithSetAccess) {
  char* const address = Reserve(kHuge);
  ASSERT_OK(aclrtMemMapNoAccess(address, kHuge, 0, Physical(kHuge), 0));
  aclrtMemLocation here{.id = 0, .type = ACL_MEM_LOCATION_TYPE_DEVICE};
  uint64_t flag = 7;
  ASSERT_OK(aclrtMemGetAccess(address, &here, &flag));
  EXPECT_EQ(flag, ACL_RT_MEM_ACCESS_FLAGS_NONE);
  int value = 1;
  EXPECT_EQ(aclrtMemcpy(address, 4, &value, 4, ACL_MEMCPY_DEFAULT), ACL_ERROR_RT_SYS_DMA);
  aclrtMemAccessDesc access{
      .flags = ACL_RT_MEM_ACCESS_FLAGS_READWRITE, .location = here, .rsv = {}};
  EXPECT_EQ(aclrtMemSetAccess(address, kHuge / 2, &access, 1), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtMemSetAccess(address, kHuge, &access, 1));
  ASSERT_OK(aclrtMemGetAccess(address, &here, &flag));
  EXPECT_EQ(flag, ACL_RT_MEM_ACCESS_FLAGS_READWRITE);
  EXPECT_EQ(Increment(address), 1);
  access.flags = ACL_RT_MEM_ACCESS_FLAGS_READ;
  EXPECT_EQ(aclrtMemSetAccess(address, kHuge, &access, 1), ACL_ERROR_RT_PARAM_INVALID);
  access.flags = ACL_RT_MEM_ACCESS_FLAGS_READWRITE;
  access.location.type = ACL_MEM_LOCATION_TYPE_HOST;
  EXPECT_EQ(aclrtMemSetAccess(address, kHuge, &access, 1), ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
}

TEST_F(VirtualMemoryTest, MapsAreChecked) {
  char* const address = Reserve(2 * kHuge);
  const aclrtDrvMemHandle handle = Physical(kHuge);
  EXPECT_EQ(aclrtMapMem(address, kHuge / 2, 0, handle, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMapMem(address, kHuge, 4096, handle, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMapMem(address, kHuge, 0, handle, 1), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMapMem(address + 4096, kHuge, 0, handle, 0), ACL_ERROR_RT_ADDR_UNALIGNED);
  EXPECT_EQ(aclrtMapMem(address + 2 * kHuge, kHuge, 0, handle, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMapMem(address, kHuge, 0, address, 0), ACL_ERROR_RT_INVALID_HANDLE);
  ASSERT_OK(aclrtMapMem(address, kHuge, 0, handle, 0));
  EXPECT_EQ(aclrtMapMem(address, kHuge, 0, handle, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtReleaseMemAddress(address), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtUnmapMem(address + kHuge), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtUnmapMem(address));
  EXPECT_EQ(aclrtReleaseMemAddress(address + kHuge), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtReleaseMemAddress(address));
  EXPECT_EQ(aclrtReleaseMemAddress(address), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(VirtualMemoryTest, AddressesMayBeChosen) {
  char* const first = Reserve(kHuge);
  ASSERT_OK(aclrtReleaseMemAddress(first));
  void* address = nullptr;
  ASSERT_OK(aclrtReserveMemAddress(&address, kHuge, 0, first, 0));
  EXPECT_EQ(address, first);
  EXPECT_EQ(aclrtReserveMemAddress(&address, kHuge, 0, first, 0), ACL_ERROR_RT_MEMORY_ALLOCATION);
  EXPECT_EQ(aclrtReserveMemAddress(&address, kHuge, 0, first + 4096, 0),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtReserveMemAddress(&address, kHuge, 1, nullptr, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtReserveMemAddress(&address, 0, 0, nullptr, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtReserveMemAddress(&address, size_t{1} << 50, 0, nullptr, 0),
            ACL_ERROR_RT_MEMORY_ALLOCATION);
}

TEST_F(VirtualMemoryTest, PropertiesAndGranularity) {
  const auto granularity = [](aclrtMemAttr attr) {
    aclrtPhysicalMemProp properties = Properties(attr);
    size_t bytes = 0;
    EXPECT_OK(aclrtMemGetAllocationGranularity(&properties, ACL_RT_MEM_ALLOC_GRANULARITY_MINIMUM,
                                               &bytes));
    return bytes;
  };
  EXPECT_EQ(granularity(ACL_MEM_NORMAL), 4096u);
  EXPECT_EQ(granularity(ACL_HBM_MEM_HUGE), kHuge);
  EXPECT_EQ(granularity(ACL_HBM_MEM_HUGE1G), size_t{1} << 30);
  aclrtPhysicalMemProp properties = Properties(ACL_DDR_MEM_HUGE);
  aclrtDrvMemHandle handle = nullptr;
  EXPECT_EQ(aclrtMallocPhysical(&handle, kHuge, &properties, 0), ACL_ERROR_RT_PARAM_INVALID);
  properties = Properties(ACL_MEM_HUGE);
  EXPECT_EQ(aclrtMallocPhysical(&handle, 0, &properties, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMallocPhysical(&handle, size_t{1} << 50, &properties, 0),
            ACL_ERROR_RT_MEMORY_ALLOCATION);
  properties.location.id = 63;
  EXPECT_EQ(aclrtMallocPhysical(&handle, kHuge, &properties, 0), ACL_ERROR_RT_INVALID_DEVICEID);
  properties.location = {.id = 0, .type = ACL_MEM_LOCATION_TYPE_UNREGISTERED};
  EXPECT_EQ(aclrtMallocPhysical(&handle, kHuge, &properties, 0), ACL_ERROR_RT_PARAM_INVALID);
  properties = Properties(ACL_HBM_MEM_HUGE1G);
  properties.location.type = ACL_MEM_LOCATION_TYPE_HOST;
  EXPECT_EQ(aclrtMallocPhysical(&handle, kHuge, &properties, 0), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtMemGetAllocationPropertiesFromHandle(Physical(1, ACL_MEM_HUGE), &properties));
  EXPECT_EQ(properties.memAttr, ACL_MEM_HUGE);
}

TEST_F(VirtualMemoryTest, HostMemoryIsReachedByBoth) {
  const size_t before = FreeBytes();
  aclrtPhysicalMemProp properties = Properties(ACL_DDR_MEM_NORMAL);
  properties.location.type = ACL_MEM_LOCATION_TYPE_HOST;
  size_t granularity = 0;
  ASSERT_OK(aclrtMemGetAllocationGranularity(&properties, ACL_RT_MEM_ALLOC_GRANULARITY_MINIMUM,
                                             &granularity));
  EXPECT_EQ(granularity, 4096u);
  aclrtDrvMemHandle handle = nullptr;
  ASSERT_OK(aclrtMallocPhysical(&handle, 8192, &properties, 0));
  auto* const words = reinterpret_cast<int*>(Reserve(kHuge));
  ASSERT_OK(aclrtMapMem(words, 8192, 0, handle, 0));
  words[0] = 41;
  EXPECT_OK(Launch("increment", 1, words, stream_));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(words[0], 42);
  EXPECT_EQ(FreeBytes(), before) << "nothing of the device";
  // It counts as host memory.
  aclrtPtrAttributes attributes{};
  ASSERT_OK(aclrtPointerGetAttributes(words, &attributes));
  EXPECT_EQ(attributes.location.type, ACL_MEM_LOCATION_TYPE_HOST);
  DeviceArray<int> device(1);
  ASSERT_OK(aclrtMemcpyAsync(device.get(), 4, words, 4, ACL_MEMCPY_HOST_TO_DEVICE, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(device.Read()[0], 42);
  uint64_t flag = 0;
  aclrtMemLocation host{.id = 0, .type = ACL_MEM_LOCATION_TYPE_HOST};
  ASSERT_OK(aclrtMemGetAccess(words, &host, &flag));
  EXPECT_EQ(flag, ACL_RT_MEM_ACCESS_FLAGS_READWRITE);
  uint64_t shareable = 0;
  EXPECT_EQ(aclrtMemExportToShareableHandle(handle, ACL_MEM_HANDLE_TYPE_NONE, 0, &shareable),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtFreeHost(words), ACL_ERROR_RT_PARAM_INVALID) << "it is unmapped, not freed";
  ASSERT_OK(aclrtUnmapMem(words));
  EXPECT_EQ(Launch("increment", 1, words, stream_), ACL_SUCCESS);
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  ASSERT_OK(aclrtMapMem(words + 1024, 8192, 0, handle, 0));
  EXPECT_EQ(words[1024], 42) << "the memory itself has stayed";
}

TEST_F(VirtualMemoryTest, HostMemoryWithoutAccess) {
  aclrtPhysicalMemProp properties = Properties(ACL_MEM_HUGE);
  properties.location.type = ACL_MEM_LOCATION_TYPE_HOST_NUMA;
  aclrtDrvMemHandle handle = nullptr;
  ASSERT_OK(aclrtMallocPhysical(&handle, kHuge, &properties, 0));
  auto* const words = reinterpret_cast<int*>(Reserve(kHuge));
  ASSERT_OK(aclrtMemMapNoAccess(words, kHuge, 0, handle, 0));
  aclrtMemAccessDesc access{.flags = ACL_RT_MEM_ACCESS_FLAGS_READWRITE,
                            .location = {.id = 0, .type = ACL_MEM_LOCATION_TYPE_HOST},
                            .rsv = {}};
  uint64_t flag = 7;
  ASSERT_OK(aclrtMemGetAccess(words, &access.location, &flag));
  EXPECT_EQ(flag, ACL_RT_MEM_ACCESS_FLAGS_NONE);
  ASSERT_OK(aclrtMemSetAccess(words, kHuge, &access, 1));
  words[0] = 1;
  EXPECT_EQ(words[0], 1);
  EXPECT_OK(aclrtUnmapMem(words));
  EXPECT_OK(aclrtFreePhysical(handle));
}

TEST_F(VirtualMemoryTest, HandlesEndWithTheDevice) {
  const aclrtDrvMemHandle handle = Physical(kHuge);
  ASSERT_OK(aclrtResetDeviceForce(0));
  EXPECT_EQ(aclrtFreePhysical(handle), ACL_ERROR_RT_INVALID_HANDLE);
  ASSERT_OK(aclrtSetDevice(0));
  EXPECT_EQ(aclrtFreePhysical(handle), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(VirtualMemoryTest, TypesOfAddressesAreTold) {
  DeviceArray<int> device(1);
  void* addresses[2] = {device.get(), Reserve(kHuge)};
  uint32_t fits = 7;
  ASSERT_OK(aclrtCheckMemType(addresses, 1, ACL_RT_MEM_TYPE_DEV, &fits, 0));
  EXPECT_EQ(fits, 1u);
  ASSERT_OK(aclrtCheckMemType(addresses, 2, ACL_RT_MEM_TYPE_DEV, &fits, 0));
  EXPECT_EQ(fits, 0u);
  ASSERT_OK(aclrtCheckMemType(addresses, 2, ACL_RT_MEM_TYPE_DEV | ACL_RT_MEM_TYPE_RSVD, &fits, 0));
  EXPECT_EQ(fits, 1u);
  ASSERT_OK(aclrtCheckMemType(addresses, 1, ACL_RT_MEM_TYPE_DVPP, &fits, 0));
  EXPECT_EQ(fits, 0u);
  EXPECT_EQ(aclrtCheckMemType(addresses, 1, 1, &fits, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtCheckMemType(addresses, 1, 2, &fits, 1), ACL_ERROR_RT_PARAM_INVALID);
}

}  // namespace
}  // namespace vnpu::test
