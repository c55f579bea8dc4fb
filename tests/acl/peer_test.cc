// Devices that reach each other's memory.
#include <memory>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

// Devices 0 and 1, both open, 0 the current one.
class PeerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!HaveTwoDevices()) {
      GTEST_SKIP() << "takes two devices";
    }
    for (const int32_t device : {1, 0}) {
      ASSERT_OK(aclrtSetDevice(device));
    }
  }
  void TearDown() override {
    for (const int32_t device : {0, 1}) {
      aclrtResetDeviceForce(device);
    }
    aclGetRecentErrMsg();
  }

  static void* Malloc(int32_t device, size_t bytes = 4096) {
    void* memory = nullptr;
    EXPECT_OK(aclrtSetDevice(device));
    EXPECT_OK(aclrtMalloc(&memory, bytes, ACL_MEM_MALLOC_HUGE_FIRST_P2P));
    return memory;
  }
  static void Enable(int32_t device, int32_t peer) {
    EXPECT_OK(aclrtSetDevice(device));
    EXPECT_OK(aclrtDeviceEnablePeerAccess(peer, 0));
  }
  static void Disable(int32_t device, int32_t peer) {
    EXPECT_OK(aclrtSetDevice(device));
    EXPECT_OK(aclrtDeviceDisablePeerAccess(peer));
  }
  static void Store(void* memory, int value) {
    EXPECT_OK(aclrtMemcpy(memory, 4, &value, 4, ACL_MEMCPY_HOST_TO_DEVICE));
  }
  static int Load(const void* memory) {
    int value = -1;
    EXPECT_OK(aclrtMemcpy(&value, 4, memory, 4, ACL_MEMCPY_DEVICE_TO_HOST));
    return value;
  }
  // A kernel on `device` adds 1; the stream's error.
  static aclError Increment(int32_t device, void* memory) {
    EXPECT_OK(aclrtSetDevice(device));
    aclrtStream stream = nullptr;
    aclrtBinHandle binary = nullptr;
    aclrtFuncHandle function = nullptr;
    EXPECT_OK(aclrtCreateStream(&stream));
    EXPECT_OK(aclrtBinaryLoadFromFile(VNPU_TEST_KERNELS, nullptr, &binary));
    EXPECT_OK(aclrtBinaryGetFunction(binary, "increment", &function));
    EXPECT_OK(aclrtLaunchKernelWithHostArgs(function, 1, stream, nullptr, &memory, sizeof(memory),
                                            nullptr, 0));
    const aclError error = aclrtSynchronizeStream(stream);
    EXPECT_OK(aclrtDestroyStream(stream));
    return error;
  }
  static int Status(int32_t device, int32_t peer) {
    int32_t status = -1;
    EXPECT_OK(aclrtDevicePeerAccessStatus(device, peer, &status));
    return status;
  }
};

TEST_F(PeerTest, DevicesCanReachEachOther) {
  int32_t can = 0;
  ASSERT_OK(aclrtDeviceCanAccessPeer(&can, 0, 1));
  EXPECT_EQ(can, 1);
  EXPECT_EQ(aclrtDeviceCanAccessPeer(&can, 0, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtDeviceCanAccessPeer(&can, 0, 64), ACL_ERROR_RT_INVALID_DEVICEID);
  EXPECT_EQ(aclrtDeviceCanAccessPeer(&can, -1, 0), ACL_ERROR_RT_INVALID_DEVICEID);
  EXPECT_NE(aclrtDeviceCanAccessPeer(nullptr, 0, 1), ACL_SUCCESS);
  uint64_t link = 0;
  ASSERT_OK(aclrtGetDevicesTopo(0, 1, &link));
  EXPECT_EQ(link, ACL_RT_DEVS_TOPOLOGY_HCCS);
  EXPECT_EQ(aclrtGetDevicesTopo(0, 64, &link), ACL_ERROR_RT_INVALID_DEVICEID);
}

TEST_F(PeerTest, ReadOnlyMemoryIsSoForPeers) {
  const auto policy = static_cast<aclrtMemMallocPolicy>(ACL_MEM_ACCESS_USER_SPACE_READONLY |
                                                        ACL_MEM_MALLOC_NORMAL_ONLY);
  void* memory = nullptr;
  ASSERT_OK(aclrtSetDevice(1));
  ASSERT_OK(aclrtMalloc(&memory, 4096, policy));
  Enable(0, 1);
  EXPECT_EQ(Increment(0, memory), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(Load(memory), 0);
}

TEST_F(PeerTest, AccessHasOneDirection) {
  Enable(0, 1);
  EXPECT_EQ(Status(0, 1), 1);
  EXPECT_EQ(Status(1, 0), 0);
  Disable(0, 1);
  EXPECT_EQ(Status(0, 1), 0);
  EXPECT_EQ(aclrtDeviceEnablePeerAccess(0, 0), ACL_ERROR_RT_PARAM_INVALID) << "itself";
  EXPECT_EQ(aclrtDeviceEnablePeerAccess(1, 1), ACL_ERROR_RT_PARAM_INVALID) << "flags";
  EXPECT_EQ(aclrtDeviceEnablePeerAccess(64, 0), ACL_ERROR_RT_INVALID_DEVICEID);
  EXPECT_EQ(aclrtDeviceDisablePeerAccess(64), ACL_ERROR_RT_INVALID_DEVICEID);
  int32_t status = 0;
  EXPECT_EQ(aclrtDevicePeerAccessStatus(0, 64, &status), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(PeerTest, CopiesTakeAccessOfOneOfTheTwo) {
  void* const a = Malloc(0);
  void* const b = Malloc(1);
  Store(a, 11);
  Store(b, 22);
  EXPECT_EQ(aclrtMemcpy(b, 4, a, 4, ACL_MEMCPY_DEVICE_TO_DEVICE), ACL_ERROR_RT_PARAM_INVALID);
  Enable(0, 1);
  EXPECT_OK(aclrtMemcpy(b, 4, a, 4, ACL_MEMCPY_DEVICE_TO_DEVICE));
  EXPECT_EQ(Load(b), 11);
  Store(b, 33);
  EXPECT_OK(aclrtMemcpy(a, 4, b, 4, ACL_MEMCPY_DEFAULT));
  EXPECT_EQ(Load(a), 33);
  Disable(0, 1);
  EXPECT_EQ(aclrtMemcpy(a, 4, b, 4, ACL_MEMCPY_DEFAULT), ACL_ERROR_RT_PARAM_INVALID);
  Enable(1, 0);
  Store(b, 44);
  EXPECT_OK(aclrtMemcpy(a, 4, b, 4, ACL_MEMCPY_DEFAULT));
  EXPECT_EQ(Load(a), 44);
}

TEST_F(PeerTest, CopiesInAStreamAreForADeviceWithAccess) {
  void* const a = Malloc(0);
  void* const b = Malloc(1);
  Store(a, 5);
  aclrtStream on_a = nullptr;
  aclrtStream on_b = nullptr;
  ASSERT_OK(aclrtSetDevice(1));
  ASSERT_OK(aclrtCreateStream(&on_b));
  ASSERT_OK(aclrtSetDevice(0));
  ASSERT_OK(aclrtCreateStream(&on_a));
  const auto copy = [&](aclrtStream stream) {
    return aclrtMemcpyAsync(b, 4, a, 4, ACL_MEMCPY_DEVICE_TO_DEVICE, stream);
  };
  EXPECT_EQ(copy(on_a), ACL_ERROR_RT_PARAM_INVALID);
  Enable(0, 1);
  ASSERT_OK(copy(on_a));
  ASSERT_OK(aclrtSynchronizeStream(on_a));
  EXPECT_EQ(Load(b), 5);
  ASSERT_OK(aclrtSetDevice(1));
  EXPECT_EQ(copy(on_b), ACL_ERROR_RT_STREAM_CONTEXT) << "device 1 has no access";
  Enable(1, 0);
  Store(a, 6);
  ASSERT_OK(copy(on_b));
  ASSERT_OK(aclrtSynchronizeStream(on_b));
  EXPECT_EQ(Load(b), 6);
  ASSERT_OK(aclrtMemsetAsync(a, 4, 0, 4, on_b));
  ASSERT_OK(aclrtSynchronizeStream(on_b));
  EXPECT_EQ(Load(a), 0);
}

TEST_F(PeerTest, LargeCopies) {
  constexpr size_t kBytes = size_t{40} << 20;
  void* const a = Malloc(0, kBytes);
  void* const b = Malloc(1, kBytes);
  Enable(1, 0);
  const std::vector<char> pattern(kBytes, 'p');
  std::vector<char> seen(kBytes);
  ASSERT_OK(aclrtMemcpy(a, kBytes, pattern.data(), kBytes, ACL_MEMCPY_HOST_TO_DEVICE));
  ASSERT_OK(aclrtMemcpy(b, kBytes, a, kBytes, ACL_MEMCPY_DEVICE_TO_DEVICE));
  ASSERT_OK(aclrtMemcpy(seen.data(), kBytes, b, kBytes, ACL_MEMCPY_DEVICE_TO_HOST));
  EXPECT_EQ(seen, pattern);
}

TEST_F(PeerTest, KernelsReachMemoryOfPeers) {
  void* const before = Malloc(1);
  Store(before, 0);
  EXPECT_EQ(Increment(0, before), ACL_ERROR_RT_AICORE_EXCEPTION);
  Enable(0, 1);
  EXPECT_EQ(Increment(0, before), ACL_SUCCESS);
  // Memory from a region, and on its own, that is allocated later.
  void* const after = Malloc(1, size_t{48} << 20);
  Store(after, 7);
  EXPECT_EQ(Increment(0, after), ACL_SUCCESS);
  EXPECT_EQ(Load(before), 1);
  EXPECT_EQ(Load(after), 8);
  void* const own = Malloc(0);
  EXPECT_EQ(Increment(1, own), ACL_ERROR_RT_AICORE_EXCEPTION) << "not the other direction";
  Disable(0, 1);
  EXPECT_EQ(Increment(0, before), ACL_ERROR_RT_AICORE_EXCEPTION);
}

TEST_F(PeerTest, FreedMemoryIsGoneForPeersToo) {
  Enable(0, 1);
  void* const memory = Malloc(1, size_t{48} << 20);
  EXPECT_EQ(Increment(0, memory), ACL_SUCCESS);
  ASSERT_OK(aclrtFree(memory));
  EXPECT_EQ(Increment(0, memory), ACL_ERROR_RT_AICORE_EXCEPTION);
}

TEST_F(PeerTest, ResetEndsWhatADeviceMayReach) {
  Enable(0, 1);
  Enable(1, 0);
  ASSERT_OK(aclrtResetDeviceForce(1));
  EXPECT_EQ(Status(1, 0), 0);
  EXPECT_EQ(Status(0, 1), 1) << "the right of the other device lasts";
  void* const memory = Malloc(1);
  Store(memory, 1);
  EXPECT_EQ(Increment(0, memory), ACL_SUCCESS) << "from when the peer is open again";
  Disable(0, 1);
}

TEST_F(PeerTest, AccessMayBeAskedForBeforeThePeerIsOpen) {
  ASSERT_OK(aclrtResetDeviceForce(1));
  Enable(0, 1);
  void* const memory = Malloc(1);
  Store(memory, 1);
  EXPECT_EQ(Increment(0, memory), ACL_SUCCESS);
  EXPECT_EQ(Load(memory), 2);
}

TEST_F(PeerTest, MappedPhysicalMemory) {
  constexpr size_t kHuge = size_t{2} << 20;
  ASSERT_OK(aclrtSetDevice(1));
  aclrtPhysicalMemProp properties{};
  properties.memAttr = ACL_HBM_MEM_HUGE;
  properties.location = {.id = 1, .type = ACL_MEM_LOCATION_TYPE_DEVICE};
  aclrtDrvMemHandle handle = nullptr;
  void* address = nullptr;
  ASSERT_OK(aclrtMallocPhysical(&handle, kHuge, &properties, 0));
  ASSERT_OK(aclrtReserveMemAddress(&address, kHuge, 0, nullptr, 0));
  ASSERT_OK(aclrtMapMem(address, kHuge, 0, handle, 0));
  aclrtMemAccessDesc access{.flags = ACL_RT_MEM_ACCESS_FLAGS_READWRITE,
                            .location = {.id = 0, .type = ACL_MEM_LOCATION_TYPE_DEVICE},
                            .rsv = {}};
  EXPECT_EQ(aclrtMemSetAccess(address, kHuge, &access, 1), ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  uint64_t flag = 0;
  ASSERT_OK(aclrtMemGetAccess(address, &access.location, &flag));
  EXPECT_EQ(flag, ACL_RT_MEM_ACCESS_FLAGS_NONE);
  Enable(0, 1);
  EXPECT_OK(aclrtMemSetAccess(address, kHuge, &access, 1));
  ASSERT_OK(aclrtMemGetAccess(address, &access.location, &flag));
  EXPECT_EQ(flag, ACL_RT_MEM_ACCESS_FLAGS_READWRITE);
  EXPECT_EQ(Increment(0, address), ACL_SUCCESS);
  EXPECT_EQ(Load(address), 1);
  ASSERT_OK(aclrtUnmapMem(address));
  EXPECT_EQ(Increment(0, address), ACL_ERROR_RT_AICORE_EXCEPTION);
}

TEST_F(PeerTest, MappingForAPeerTakesAccess) {
  void* const memory = Malloc(1, 8192);
  EXPECT_EQ(aclrtMemP2PMap(memory, 8192, 0, 0), ACL_ERROR_RT_PARAM_INVALID);
  Enable(0, 1);
  EXPECT_OK(aclrtMemP2PMap(memory, 8192, 0, 0));
  EXPECT_EQ(aclrtMemP2PMap(memory, 3 * 8192, 0, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemP2PMap(memory, 0, 0, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemP2PMap(memory, 8192, 0, 1), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemP2PMap(memory, 8192, 64, 0), ACL_ERROR_RT_INVALID_DEVICEID);
  int on_host = 0;
  EXPECT_EQ(aclrtMemP2PMap(&on_host, 4, 0, 0), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(PeerTest, KernelsHaveNoAtomicOperations) {
  const aclrtAtomicOperation operations[] = {ACL_RT_ATOMIC_OPERATION_INTEGER_ADD,
                                             ACL_RT_ATOMIC_OPERATION_DMA_ADD};
  uint32_t capabilities[] = {7, 7};
  ASSERT_OK(aclrtDeviceGetHostAtomicCapabilities(capabilities, operations, 2, 0));
  EXPECT_EQ(capabilities[0] | capabilities[1], 0u);
  ASSERT_OK(aclrtDeviceGetP2PAtomicCapabilities(capabilities, operations, 2, 0, 1));
  EXPECT_EQ(aclrtDeviceGetP2PAtomicCapabilities(capabilities, operations, 2, 0, 64),
            ACL_ERROR_RT_INVALID_DEVICEID);
  EXPECT_EQ(aclrtDeviceGetHostAtomicCapabilities(capabilities, operations, 0, 0),
            ACL_ERROR_RT_PARAM_INVALID);
}

}  // namespace
}  // namespace vnpu::test
