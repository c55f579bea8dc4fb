// Physical memory shared between processes, and mapped a second time.
#include <array>
#include <string>
#include <string_view>

#include "tests/acl/other_process.h"
#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class SharingTest : public DeviceTest {
 protected:
  static constexpr size_t kHuge = size_t{2} << 20;
  static constexpr uint64_t kAnyProcess = ACL_RT_VMM_EXPORT_FLAG_DISABLE_PID_VALIDATION;

  void SetUp() override {
    DeviceTest::SetUp();
    aclrtPhysicalMemProp properties{};
    properties.memAttr = ACL_HBM_MEM_HUGE;
    properties.location.type = ACL_MEM_LOCATION_TYPE_DEVICE;
    ASSERT_OK(aclrtMallocPhysical(&physical_, kHuge, &properties, 0));
    address_ = Reserve(kHuge);
    ASSERT_OK(aclrtMapMem(address_, kHuge, 0, physical_, 0));
  }

  static int* Reserve(size_t size) {
    void* address = nullptr;
    EXPECT_OK(aclrtReserveMemAddress(&address, size, 0, nullptr, 0));
    return static_cast<int*>(address);
  }
  uint64_t Export(uint64_t flags = kAnyProcess) {
    uint64_t handle = 0;
    EXPECT_OK(aclrtMemExportToShareableHandle(physical_, ACL_MEM_HANDLE_TYPE_NONE, flags, &handle));
    return handle;
  }
  static void Store(void* address, int value) {
    EXPECT_OK(aclrtMemcpy(address, 4, &value, 4, ACL_MEMCPY_HOST_TO_DEVICE));
  }
  static int Load(const void* address) {
    int value = -1;
    EXPECT_OK(aclrtMemcpy(&value, 4, address, 4, ACL_MEMCPY_DEVICE_TO_HOST));
    return value;
  }

  aclrtDrvMemHandle physical_ = nullptr;
  int* address_ = nullptr;
};

class SharingProcessTest : public SharingTest {
 protected:
  void SetUp() override {
    SharingTest::SetUp();
    if (!OnNode()) {
      GTEST_SKIP() << "processes with embedded drivers share nothing";
    }
  }
};

TEST_F(SharingTest, MemoryHasOneShareableHandle) {
  const uint64_t handle = Export(0);
  EXPECT_NE(handle, 0u);
  uint64_t second = 0;
  EXPECT_EQ(aclrtMemExportToShareableHandle(physical_, ACL_MEM_HANDLE_TYPE_NONE, 0, &second),
            ACL_ERROR_RT_PARAM_INVALID);
  aclrtDrvMemHandle imported = nullptr;
  EXPECT_EQ(aclrtMemImportFromShareableHandle(handle, 0, &imported), ACL_ERROR_RT_PARAM_INVALID)
      << "for other processes only";
  int32_t pid = 1;
  EXPECT_OK(aclrtMemSetPidToShareableHandle(handle, &pid, 1));
  EXPECT_EQ(aclrtMemSetPidToShareableHandle(handle + 1, &pid, 1), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemSetPidToShareableHandle(handle, &pid, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_NE(aclrtMemSetPidToShareableHandle(handle, nullptr, 1), ACL_SUCCESS);
}

TEST_F(SharingTest, ArgumentsAreChecked) {
  uint64_t handle = 0;
  EXPECT_EQ(aclrtMemExportToShareableHandle(physical_, ACL_MEM_HANDLE_TYPE_POSIX, 0, &handle),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemExportToShareableHandle(physical_, ACL_MEM_HANDLE_TYPE_NONE, 2, &handle),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemExportToShareableHandle(&handle, ACL_MEM_HANDLE_TYPE_NONE, 0, &handle),
            ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_EQ(aclrtMemExportToShareableHandleV2(physical_, 0,
                                              static_cast<aclrtMemSharedHandleType>(3), &handle),
            ACL_ERROR_RT_PARAM_INVALID);
  aclrtDrvMemHandle imported = nullptr;
  EXPECT_EQ(aclrtMemImportFromShareableHandle(12345, 0, &imported), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemImportFromShareableHandle(12345, 64, &imported), ACL_ERROR_RT_INVALID_DEVICEID);
  aclGetRecentErrMsg();
  EXPECT_EQ(aclrtMemImportFromShareableHandle(0, 0, &imported), ACL_ERROR_RT_PARAM_INVALID);
  const std::string_view message = aclGetRecentErrMsg();
  EXPECT_EQ(message.find("already"), std::string_view::npos)
      << "memory that is not shared has no handle, 0 neither: " << message;
  EXPECT_EQ(
      aclrtMemImportFromShareableHandleV2(&handle, ACL_MEM_SHARE_HANDLE_TYPE_DEFAULT, 1, &imported),
      ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemMapSetLink(physical_, ACL_RT_MEM_ACCESS_LINK_HCCS), ACL_ERROR_RT_PARAM_INVALID)
      << "not imported";
}

TEST_F(SharingTest, AddressesCanBeMappedASecondTime) {
  int* const alias = Reserve(kHuge);
  ASSERT_OK(aclrtMemMapSelectedLink(alias, kHuge, address_, ACL_RT_MEM_LINK_IDX_0));
  Store(alias, 12);
  EXPECT_EQ(Load(address_), 12);
  EXPECT_EQ(aclrtMemMapSelectedLink(alias, kHuge, address_, 0), ACL_ERROR_RT_PARAM_INVALID)
      << "mapped already";
  ASSERT_OK(aclrtUnmapMem(alias));
  EXPECT_EQ(aclrtMemMapSelectedLink(alias, kHuge, address_, 2), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemMapSelectedLink(alias, 2 * kHuge, address_, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemMapSelectedLink(alias + 1024, kHuge, address_, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemMapSelectedLink(address_, kHuge, alias, 0), ACL_ERROR_RT_PARAM_INVALID)
      << "nothing is mapped there";
}

TEST_F(SharingTest, SeveralPiecesAreMappedASecondTime) {
  int* const from = Reserve(2 * kHuge);
  int* const to = Reserve(2 * kHuge);
  constexpr size_t kStep = kHuge / sizeof(int);
  aclrtDrvMemHandle second = nullptr;
  aclrtPhysicalMemProp properties{};
  properties.memAttr = ACL_HBM_MEM_HUGE;
  properties.location.type = ACL_MEM_LOCATION_TYPE_DEVICE;
  ASSERT_OK(aclrtMallocPhysical(&second, kHuge, &properties, 0));
  ASSERT_OK(aclrtMapMem(from, kHuge, 0, physical_, 0));
  ASSERT_OK(aclrtMapMem(from + kStep, kHuge, 0, second, 0));
  ASSERT_OK(aclrtMemMapSelectedLink(to, 2 * kHuge, from, ACL_RT_MEM_LINK_IDX_1));
  Store(to, 1);
  Store(to + kStep, 2);
  EXPECT_EQ(Load(from), 1);
  EXPECT_EQ(Load(from + kStep), 2);
  EXPECT_OK(aclrtUnmapMem(to));
  EXPECT_OK(aclrtUnmapMem(to + kStep));
}

TEST_F(SharingTest, RangesAroundAddresses) {
  const auto range = [](void* address) {
    void* base = nullptr;
    size_t size = 0;
    EXPECT_OK(aclrtMemGetAddressRange(address, &base, &size));
    return std::pair(base, size);
  };
  EXPECT_EQ(range(address_ + 100), std::pair(static_cast<void*>(address_), kHuge));
  // The sizes hold the 32 bytes that aclrtMalloc adds.
  DeviceArray<char> small(1000);
  EXPECT_EQ(range(small.get() + 999), std::pair(static_cast<void*>(small.get()), size_t{1536}));
  DeviceArray<char> pages(3 * 4096);
  EXPECT_EQ(range(pages.get() + 5000),
            std::pair(static_cast<void*>(pages.get()), size_t{4 * 4096}));
  DeviceArray<char> large(20 * kHuge);
  EXPECT_EQ(range(large.get() + kHuge), std::pair(static_cast<void*>(large.get()), 21 * kHuge));
  PinnedArray<char> pinned(1024);
  EXPECT_EQ(range(pinned.get() + 1), std::pair(static_cast<void*>(pinned.get()), size_t{1024}));
  void* base = nullptr;
  size_t size = 0;
  EXPECT_EQ(aclrtMemGetAddressRange(&size, &base, &size), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemGetAddressRange(Reserve(kHuge), &base, &size), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(SharingTest, LargeRangesAtChosenAddresses) {
  constexpr size_t kGigabyte = size_t{1} << 30;
  int* const first = Reserve(kGigabyte);
  ASSERT_OK(aclrtReleaseMemAddress(first));
  void* address = nullptr;
  ASSERT_OK(aclrtReserveMemAddressNoUCMemory(&address, kGigabyte, 0, first, 0));
  EXPECT_EQ(address, first);
  EXPECT_EQ(aclrtReserveMemAddressNoUCMemory(&address, kHuge, 0, first, 0),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtReserveMemAddressNoUCMemory(&address, 0, 0, first, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_NE(aclrtReserveMemAddressNoUCMemory(&address, kGigabyte, 0, nullptr, 0), ACL_SUCCESS);
}

TEST_F(SharingProcessTest, ProcessesShareMemory) {
  Store(address_, 5);
  const uint64_t handle = Export();
  OtherProcess other;
  ASSERT_EQ(other.Number("device 0"), 0);
  ASSERT_EQ(other.Number("open " + std::to_string(handle) + " 0"), 0);
  EXPECT_EQ(other.Number("increment"), 0);
  EXPECT_EQ(Load(address_), 6);
  EXPECT_EQ(other.Number("open " + std::to_string(handle) + " 0"), ACL_ERROR_RT_PARAM_INVALID)
      << "it has the memory already";
  // The memory stays for who still has it, but the handle has ended.
  ASSERT_OK(aclrtUnmapMem(address_));
  ASSERT_OK(aclrtFreePhysical(physical_));
  EXPECT_EQ(other.Number("read"), 6);
  OtherProcess late;
  ASSERT_EQ(late.Number("device 0"), 0);
  EXPECT_EQ(late.Number("open " + std::to_string(handle) + " 0"), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(other.Number("unmap"), 0);
  EXPECT_EQ(other.Number("free"), 0);
}

TEST_F(SharingProcessTest, OnlyListedProcessesImport) {
  const uint64_t handle = Export(ACL_RT_VMM_EXPORT_FLAG_DEFAULT);
  OtherProcess other;
  ASSERT_EQ(other.Number("device 0"), 0);
  EXPECT_EQ(other.Number("open " + std::to_string(handle) + " 0"), ACL_ERROR_RT_NO_PERMISSION);
  auto pid = static_cast<int32_t>(other.Number("pid"));
  ASSERT_OK(aclrtMemSetPidToShareableHandle(handle, &pid, 1));
  EXPECT_EQ(other.Number("open " + std::to_string(handle) + " 0"), 0);
}

TEST_F(SharingProcessTest, MemoryOutlivesItsProcess) {
  OtherProcess other;
  ASSERT_EQ(other.Number("device 0"), 0);
  const auto handle = std::strtoull(other.Ask("share 2097152 1").c_str(), nullptr, 10);
  ASSERT_EQ(other.Number("write 9"), 0);
  aclrtDrvMemHandle imported = nullptr;
  ASSERT_OK(aclrtMemImportFromShareableHandle(handle, 0, &imported));
  aclrtDrvMemHandle again = nullptr;
  EXPECT_EQ(aclrtMemImportFromShareableHandle(handle, 0, &again), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_OK(aclrtMemMapSetLink(imported, ACL_RT_MEM_ACCESS_LINK_HCCS));
  EXPECT_EQ(aclrtMemMapSetLink(imported, ACL_RT_MEM_ACCESS_UB_ONE_PORT_PATH),
            ACL_ERROR_RT_LINK_TYPE_NOT_SUPPORTED);
  aclrtPhysicalMemProp properties{};
  ASSERT_OK(aclrtMemGetAllocationPropertiesFromHandle(imported, &properties));
  EXPECT_EQ(properties.memAttr, ACL_HBM_MEM_HUGE);
  other.Kill();
  int* const address = Reserve(kHuge);
  ASSERT_OK(aclrtMapMem(address, kHuge, 0, imported, 0));
  EXPECT_EQ(Load(address), 9);
  uint64_t passed_on = 0;
  EXPECT_EQ(aclrtMemExportToShareableHandle(imported, ACL_MEM_HANDLE_TYPE_NONE, 0, &passed_on),
            ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(SharingProcessTest, AnotherDeviceTakesPeerAccess) {
  Store(address_, 1);
  const uint64_t handle = Export();
  OtherProcess other;
  if (other.Number("device 1") != 0) {
    GTEST_SKIP() << "takes two devices";
  }
  EXPECT_EQ(other.Number("open " + std::to_string(handle) + " 1"), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(other.Number("free"), 0);
  ASSERT_EQ(other.Number("peer 0"), 0);
  EXPECT_EQ(other.Number("open " + std::to_string(handle) + " 1"), 0);
  EXPECT_EQ(other.Number("increment"), 0);
  EXPECT_EQ(Load(address_), 2);
}

TEST_F(SharingProcessTest, HandlesOfTheOtherKind) {
  Store(address_, 31);
  aclrtMemFabricHandle handle{};
  ASSERT_OK(aclrtMemExportToShareableHandleV2(physical_, kAnyProcess,
                                              ACL_MEM_SHARE_HANDLE_TYPE_FABRIC, &handle));
  int32_t pid = 1;
  EXPECT_OK(aclrtMemSetPidToShareableHandleV2(&handle, ACL_MEM_SHARE_HANDLE_TYPE_FABRIC, &pid, 1));
  std::string text;
  for (const uint8_t byte : handle.data) {
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x", byte);
    text += digits.data();
  }
  OtherProcess other;
  ASSERT_EQ(other.Number("device 0"), 0);
  ASSERT_EQ(other.Number("fabric " + text), 0);
  EXPECT_EQ(other.Number("read"), 31);
}

}  // namespace
}  // namespace vnpu::test
