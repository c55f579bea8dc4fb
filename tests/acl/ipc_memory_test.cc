// Device memory shared by key between processes, and within one.
#include <string>

#include "acl/acl_rt_memory_soma.h"
#include "tests/acl/other_process.h"
#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class IpcMemoryTest : public DeviceTest {
 protected:
  static constexpr size_t kMegabyte = size_t{1} << 20;
  static constexpr uint64_t kAnyProcess = ACL_RT_IPC_MEM_EXPORT_FLAG_DISABLE_PID_VALIDATION;

  static std::string Export(void* memory, size_t size, uint64_t flags = kAnyProcess) {
    char key[65] = "";
    EXPECT_OK(aclrtIpcMemGetExportKey(memory, size, key, sizeof(key), flags));
    return key;
  }
  static aclError TryExport(void* memory, size_t size) {
    char key[65] = "";
    return aclrtIpcMemGetExportKey(memory, size, key, sizeof(key), 0);
  }
  static size_t FreeBytes() {
    size_t free = 0;
    size_t total = 0;
    EXPECT_OK(aclrtGetMemInfo(ACL_HBM_MEM, &free, &total));
    return free;
  }
};

// For what takes two processes on one driver.
class IpcProcessTest : public IpcMemoryTest {
 protected:
  void SetUp() override {
    IpcMemoryTest::SetUp();
    if (!OnNode()) {
      GTEST_SKIP() << "processes with embedded drivers share nothing";
    }
  }
};

TEST_F(IpcMemoryTest, WithinAProcessAKeyGivesAnotherAddress) {
  DeviceArray<int> memory(kMegabyte / 4);
  memory.Write({41});
  const std::string key = Export(memory.get(), memory.bytes(), 0);
  EXPECT_EQ(key.size(), 64u);
  void* other = nullptr;
  ASSERT_OK(aclrtIpcMemImportByKey(&other, key.c_str(), 0));
  EXPECT_NE(other, memory.get());
  const int value = 42;
  ASSERT_OK(aclrtMemcpy(other, 4, &value, 4, ACL_MEMCPY_DEFAULT));
  EXPECT_EQ(memory.Read()[0], 42);
  EXPECT_EQ(aclrtIpcMemImportByKey(&other, key.c_str(), 0), ACL_ERROR_RT_PARAM_INVALID)
      << "it is imported already";
  EXPECT_OK(aclrtIpcMemClose(key.c_str()));
  EXPECT_EQ(aclrtMemcpy(other, 4, &value, 4, ACL_MEMCPY_DEFAULT), ACL_ERROR_RT_SYS_DMA);
  EXPECT_OK(aclrtIpcMemClose(key.c_str()));
  EXPECT_EQ(aclrtIpcMemClose(key.c_str()), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtIpcMemImportByKey(&other, key.c_str(), 0), ACL_ERROR_RT_PARAM_INVALID);
}

class IpcMemoryUseTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    char key[65] = "";
    ASSERT_OK(aclrtMalloc(&memory_, size_t{1} << 20, ACL_MEM_MALLOC_HUGE_FIRST));
    ASSERT_OK(aclrtMemset(memory_, 4, 0, 4));
    ASSERT_OK(aclrtIpcMemGetExportKey(memory_, size_t{1} << 20, key, sizeof(key),
                                      ACL_RT_IPC_MEM_EXPORT_FLAG_DISABLE_PID_VALIDATION));
    key_ = key;
  }
  void Import() { ASSERT_OK(aclrtIpcMemImportByKey(&imported_, key_.c_str(), 0)); }

  void* memory_ = nullptr;
  void* imported_ = nullptr;
  std::string key_;
};

TEST_F(IpcMemoryUseTest, TasksSubmittedBeforeTheCloseGetTheirTime) {
  constexpr int kTimes = 50;
  for (int i = 0; i < kTimes; ++i) {
    Import();
    ASSERT_OK(Launch("increment", 1, imported_, stream_));
    ASSERT_OK(aclrtIpcMemClose(key_.c_str()));
    ASSERT_OK(aclrtSynchronizeStream(stream_));
  }
  int count = 0;
  ASSERT_OK(aclrtMemcpy(&count, 4, memory_, 4, ACL_MEMCPY_DEVICE_TO_HOST));
  EXPECT_EQ(count, kTimes);
}

TEST_F(IpcMemoryUseTest, TheCloseDoesNotWaitForEver) {
  Import();
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(Launch("increment", 1, imported_, stream_));
  ASSERT_OK(aclrtIpcMemClose(key_.c_str()));
  aclrtStreamStatus status = ACL_STREAM_STATUS_COMPLETE;
  ASSERT_OK(aclrtStreamQuery(stream_, &status));
  EXPECT_EQ(status, ACL_STREAM_STATUS_NOT_READY);
  gate.Open();  // and takes the error
}

TEST_F(IpcMemoryTest, OnlyMemoryWithPagesOfItsOwn) {
  DeviceArray<char> small(100);
  EXPECT_EQ(TryExport(small.get(), 100), ACL_ERROR_RT_ADDR_UNALIGNED);
  DeviceArray<char> page(4096);
  EXPECT_OK(TryExport(page.get(), 4096));
  EXPECT_EQ(TryExport(page.get(), kMegabyte), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(TryExport(page.get(), 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(TryExport(page.get() + 512, 512), ACL_ERROR_RT_ADDR_UNALIGNED);
  DeviceArray<char> large(100'000);
  EXPECT_OK(TryExport(large.get(), 100'000));
  DeviceArray<char> single(40 * kMegabyte);
  EXPECT_OK(TryExport(single.get() + 4096, 4096));
  PinnedArray<char> pinned(4096);
  EXPECT_EQ(TryExport(pinned.get(), 4096), ACL_ERROR_RT_PARAM_INVALID);
  int host = 0;
  EXPECT_EQ(TryExport(&host, 4), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_NE(TryExport(nullptr, 4096), ACL_SUCCESS);
}

TEST_F(IpcMemoryTest, PagesOfEachSizeAreShared) {
  for (const auto policy : {ACL_MEM_MALLOC_HUGE_FIRST, ACL_MEM_MALLOC_HUGE_ONLY,
                            ACL_MEM_MALLOC_NORMAL_ONLY, ACL_MEM_MALLOC_NORMAL_ONLY_P2P}) {
    void* memory = nullptr;
    ASSERT_OK(aclrtMalloc(&memory, 4096, policy));
    const std::string key = Export(memory, 4096);
    void* other = nullptr;
    ASSERT_OK(aclrtIpcMemImportByKey(&other, key.c_str(), 0));
    const int value = 42;
    int seen = 0;
    ASSERT_OK(aclrtMemcpy(other, 4, &value, 4, ACL_MEMCPY_HOST_TO_DEVICE));
    ASSERT_OK(aclrtMemcpy(&seen, 4, memory, 4, ACL_MEMCPY_DEVICE_TO_HOST));
    EXPECT_EQ(seen, 42) << policy;
    EXPECT_OK(aclrtIpcMemClose(key.c_str()));
    EXPECT_OK(aclrtIpcMemClose(key.c_str()));
    EXPECT_OK(aclrtFree(memory));
  }
}

TEST_F(IpcMemoryTest, ReadOnlyMemoryAndPoolsAreNotShared) {
  const auto policy = static_cast<aclrtMemMallocPolicy>(ACL_MEM_ACCESS_USER_SPACE_READONLY |
                                                        ACL_MEM_MALLOC_NORMAL_ONLY);
  void* memory = nullptr;
  ASSERT_OK(aclrtMalloc(&memory, 4096, policy));
  EXPECT_EQ(TryExport(memory, 4096), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_OK(aclrtFree(memory));

  aclrtMemPoolProps properties{};
  properties.allocType = ACL_MEM_ALLOCATION_TYPE_PINNED;
  properties.location = {.id = 0, .type = ACL_MEM_LOCATION_TYPE_DEVICE};
  aclrtMemPool pool = nullptr;
  ASSERT_OK(aclrtMemPoolCreate(&pool, &properties));
  aclrtStream stream = nullptr;
  ASSERT_OK(aclrtCreateStream(&stream));
  ASSERT_OK(aclrtMemPoolMallocAsync(&memory, kMegabyte, pool, stream));
  EXPECT_EQ(TryExport(memory, kMegabyte), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtMemPoolFreeAsync(memory, stream));
  ASSERT_OK(aclrtDestroyStream(stream));
  EXPECT_OK(aclrtMemPoolDestroy(pool));
}

TEST_F(IpcMemoryTest, ArgumentsAreChecked) {
  DeviceArray<char> memory(4096);
  char text[65] = "";
  EXPECT_EQ(aclrtIpcMemGetExportKey(memory.get(), 4096, text, 64, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtIpcMemGetExportKey(memory.get(), 4096, text, 65, 2), ACL_ERROR_RT_PARAM_INVALID);
  const std::string key = Export(memory.get(), 4096);
  void* other = nullptr;
  std::string wrong = key;
  wrong[63] = wrong[63] == '0' ? '1' : '0';
  for (const std::string& bad :
       {std::string(), std::string("x"), key + "0", key.substr(1), key.substr(1) + "g", wrong}) {
    EXPECT_EQ(aclrtIpcMemImportByKey(&other, bad.c_str(), 0), ACL_ERROR_RT_PARAM_INVALID) << bad;
    EXPECT_EQ(aclrtIpcMemClose(bad.c_str()), ACL_ERROR_RT_PARAM_INVALID) << bad;
  }
  EXPECT_EQ(aclrtIpcMemImportByKey(&other, key.c_str(), 2), ACL_ERROR_RT_PARAM_INVALID);
  int32_t pids[] = {1, 0};
  EXPECT_EQ(aclrtIpcMemSetImportPid(key.c_str(), pids, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtIpcMemSetImportPid(key.c_str(), pids, 2), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtIpcMemSetImportPid(wrong.c_str(), pids, 1), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_OK(aclrtIpcMemSetImportPid(key.c_str(), pids, 1));
  EXPECT_OK(aclrtIpcMemSetAttr(key.c_str(), ACL_RT_IPC_MEM_ATTR_ACCESS_LINK,
                               ACL_RT_IPC_MEM_ATTR_ACCESS_LINK_HCCS));
  EXPECT_EQ(aclrtIpcMemSetAttr(key.c_str(), ACL_RT_IPC_MEM_ATTR_ACCESS_LINK, 7),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtIpcMemSetAttr(wrong.c_str(), ACL_RT_IPC_MEM_ATTR_ACCESS_LINK, 0),
            ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(IpcMemoryTest, FreedMemoryIsNotHandedOutWhileSomebodyHasIt) {
  void* memory = nullptr;
  ASSERT_OK(aclrtMalloc(&memory, kMegabyte, ACL_MEM_MALLOC_HUGE_FIRST));
  const std::string key = Export(memory, kMegabyte);
  void* lent = nullptr;
  ASSERT_OK(aclrtIpcMemImportByKey(&lent, key.c_str(), 0));
  const int secret = 1;
  ASSERT_OK(aclrtFree(memory));
  EXPECT_EQ(aclrtFree(memory), ACL_ERROR_RT_PARAM_INVALID) << "the second time";
  // All of the region: nothing of it is what was lent.
  std::vector<void*> others;
  for (int i = 0; i < 64; ++i) {
    void* other = nullptr;
    ASSERT_OK(aclrtMalloc(&other, kMegabyte, ACL_MEM_MALLOC_HUGE_FIRST));
    EXPECT_NE(other, memory);
    ASSERT_OK(aclrtMemcpy(other, 4, &secret, 4, ACL_MEMCPY_HOST_TO_DEVICE));
    others.push_back(other);
  }
  int seen = -1;
  ASSERT_OK(aclrtMemcpy(&seen, 4, lent, 4, ACL_MEMCPY_DEVICE_TO_HOST));
  EXPECT_EQ(seen, 0);
  ASSERT_OK(aclrtIpcMemClose(key.c_str()));
  // Then it comes back, before more is asked of the device.
  const size_t free = FreeBytes();
  bool back = false;
  for (int i = 0; i < 128 && !back; ++i) {
    void* other = nullptr;
    ASSERT_OK(aclrtMalloc(&other, kMegabyte, ACL_MEM_MALLOC_HUGE_FIRST));
    back = other == memory;
    others.push_back(other);
  }
  EXPECT_TRUE(back) << free;
  for (void* other : others) {
    EXPECT_OK(aclrtFree(other));
  }
}

TEST_F(IpcMemoryTest, KeysEndWithTheDevice) {
  void* memory = nullptr;
  ASSERT_OK(aclrtMalloc(&memory, 4096, ACL_MEM_MALLOC_HUGE_FIRST));
  const std::string key = Export(memory, 4096);
  ASSERT_OK(aclrtResetDeviceForce(0));
  ASSERT_OK(aclrtSetDevice(0));
  AwaitEmptyDevice();
  void* other = nullptr;
  EXPECT_EQ(aclrtIpcMemImportByKey(&other, key.c_str(), 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtIpcMemClose(key.c_str()), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(IpcMemoryTest, EmbeddedDriversSayWhyNothingIsShared) {
  if (OnNode()) {
    GTEST_SKIP() << "for embedded drivers";
  }
  DeviceArray<char> memory(4096);
  const std::string key = Export(memory.get(), 4096);
  OtherProcess other;
  ASSERT_EQ(other.Number("device 0"), 0);
  EXPECT_EQ(other.Number("import " + key + " 0"), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_NE(other.Ask("message").find("device nodes"), std::string::npos);
}

TEST_F(IpcProcessTest, ProcessesShareMemory) {
  DeviceArray<int> memory(kMegabyte / 4);
  memory.Write({41});
  const std::string key = Export(memory.get(), memory.bytes());
  OtherProcess other;
  ASSERT_EQ(other.Number("device 0"), 0);
  ASSERT_EQ(other.Number("import " + key + " 0"), 0);
  EXPECT_EQ(other.Number("read"), 41);
  EXPECT_EQ(other.Number("increment"), 0);
  EXPECT_EQ(memory.Read()[0], 42);
  EXPECT_EQ(other.Number("close " + key), 0);
  EXPECT_EQ(other.Ask("read"), "error " + std::to_string(ACL_ERROR_RT_SYS_DMA));
  EXPECT_OK(aclrtIpcMemClose(key.c_str()));
  EXPECT_EQ(other.Number("import " + key + " 0"), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(IpcProcessTest, OnlyListedProcessesImport) {
  DeviceArray<int> memory(1024);
  memory.Write({3});
  const std::string key = Export(memory.get(), memory.bytes(), ACL_RT_IPC_MEM_EXPORT_FLAG_DEFAULT);
  OtherProcess other;
  ASSERT_EQ(other.Number("device 0"), 0);
  EXPECT_EQ(other.Number("import " + key + " 0"), ACL_ERROR_RT_NO_PERMISSION);
  auto pid = static_cast<int32_t>(other.Number("pid"));
  EXPECT_EQ(pid, other.pid());
  ASSERT_OK(aclrtIpcMemSetImportPid(key.c_str(), &pid, 1));
  EXPECT_EQ(other.Number("import " + key + " 0"), 0);
  EXPECT_EQ(other.Number("read"), 3);
}

TEST_F(IpcProcessTest, MemoryOutlivesItsProcess) {
  const size_t before = FreeBytes();
  auto other = std::make_unique<OtherProcess>();
  ASSERT_EQ(other->Number("device 0"), 0);
  const std::string key = other->Ask("export 67108864 1");
  ASSERT_EQ(other->Number("write 77"), 0);
  void* memory = nullptr;
  ASSERT_OK(aclrtIpcMemImportByKey(&memory, key.c_str(), 0));
  other->Kill();
  int value = 0;
  ASSERT_OK(aclrtMemcpy(&value, 4, memory, 4, ACL_MEMCPY_DEVICE_TO_HOST));
  EXPECT_EQ(value, 77);
  ASSERT_OK(aclrtIpcMemClose(key.c_str()));
  // The driver needs a moment to notice the end of a process.
  while (FreeBytes() < before) {
  }
  EXPECT_EQ(FreeBytes(), before);
}

TEST_F(IpcProcessTest, AnotherDeviceTakesPeerAccess) {
  DeviceArray<int> memory(1024);
  memory.Write({8});
  const std::string key = Export(memory.get(), memory.bytes());
  OtherProcess other;
  if (other.Number("device 1") != 0) {
    GTEST_SKIP() << "takes two devices";
  }
  EXPECT_EQ(other.Number("import " + key + " 0"), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_EQ(other.Number("peer 0"), 0);
  EXPECT_EQ(other.Number("import " + key + " 0"), 0);
  EXPECT_EQ(other.Number("increment"), 0);
  EXPECT_EQ(memory.Read()[0], 9);
  OtherProcess third;
  ASSERT_EQ(third.Number("device 1"), 0);
  EXPECT_EQ(third.Number("import " + key + " 1"), 0) << "the flag gives access";
  EXPECT_EQ(third.Number("read"), 9);
}

}  // namespace
}  // namespace vnpu::test
