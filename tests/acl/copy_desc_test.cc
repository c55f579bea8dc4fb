// Copies whose ends stand in memory: by descriptor and with offsets.
#include <optional>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class CopyDescTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    size_t size = 0;
    ASSERT_OK(aclrtGetMemcpyDescSize(kInnerDevice, &size));
    ASSERT_OK(aclrtMalloc(&desc_, size, ACL_MEM_MALLOC_HUGE_FIRST));
  }
  aclError CopyByDesc() { return aclrtMemcpyAsyncWithDesc(desc_, kInnerDevice, stream_); }
  aclError Synchronize() { return aclrtSynchronizeStream(stream_); }

  void* desc_ = nullptr;
};

TEST_F(CopyDescTest, CopiesWhatTheDescriptorSays) {
  const DeviceArray<int> from(100, 1);
  const DeviceArray<int> to(100, 0);
  ASSERT_OK(aclrtSetMemcpyDesc(desc_, kInnerDevice, from.get(), to.get() + 10, 80 * sizeof(int),
                               nullptr));
  ASSERT_OK(CopyByDesc());
  ASSERT_OK(Synchronize());
  const std::vector<int> seen = to.Read();
  EXPECT_EQ(seen[9], 0);
  EXPECT_EQ(seen[10], 0x01010101);
  EXPECT_EQ(seen[89], 0x01010101);
  EXPECT_EQ(seen[90], 0);
}

TEST_F(CopyDescTest, DescriptorIsReadWhenTheTaskRuns) {
  const DeviceArray<int> first(1, 1);
  const DeviceArray<int> second(1, 2);
  const DeviceArray<int> to(1, 0);
  ASSERT_OK(aclrtSetMemcpyDesc(desc_, kInnerDevice, first.get(), to.get(), sizeof(int), nullptr));
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(CopyByDesc());
  ASSERT_OK(aclrtSetMemcpyDesc(desc_, kInnerDevice, second.get(), to.get(), sizeof(int), nullptr));
  gate.Open();
  ASSERT_OK(Synchronize());
  EXPECT_EQ(to.Read()[0], 0x02020202);
}

TEST_F(CopyDescTest, OneDescriptorServesManyCopies) {
  const DeviceArray<int> from(4, 0);
  const DeviceArray<int> to(4, 0);
  ASSERT_OK(aclrtSetMemcpyDesc(desc_, kInnerDevice, from.get(), to.get(), from.bytes(), nullptr));
  for (int i = 1; i <= 3; ++i) {
    ASSERT_OK(aclrtMemsetAsync(from.get(), from.bytes(), i, from.bytes(), stream_));
    ASSERT_OK(CopyByDesc());
  }
  ASSERT_OK(Synchronize());
  EXPECT_EQ(to.Read(), std::vector<int>(4, 0x03030303));
}

TEST_F(CopyDescTest, DescriptorThatMakesNoSenseFailsItsTaskAlone) {
  ASSERT_OK(aclrtMemset(desc_, 32, 0xff, 32));
  ASSERT_OK(CopyByDesc());
  EXPECT_EQ(Synchronize(), ACL_ERROR_RT_SYS_DMA);
  ASSERT_OK(Launch("nothing", 1, stream_));
  EXPECT_OK(Synchronize());
}

TEST_F(CopyDescTest, BadArgumentsOfDescriptorsAreRefused) {
  size_t size = 0;
  EXPECT_EQ(aclrtGetMemcpyDescSize(ACL_MEMCPY_HOST_TO_DEVICE, &size), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtGetMemcpyDescSize(kInnerDevice, nullptr), ACL_ERROR_INVALID_PARAM);
  const DeviceArray<int> memory(2);
  int here = 0;
  const auto set = [&](void* desc, void* src, void* dst, size_t count) {
    return aclrtSetMemcpyDesc(desc, kInnerDevice, src, dst, count, nullptr);
  };
  EXPECT_EQ(set(nullptr, memory.get(), memory.get() + 1, 4), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(set(desc_, memory.get(), nullptr, 4), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(set(&here, memory.get(), memory.get() + 1, 4), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(set(desc_, &here, memory.get(), 4), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(set(desc_, memory.get(), memory.get() + 1, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtSetMemcpyDesc(desc_, kInnerDevice, memory.get(), memory.get() + 1, 4, &here),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemcpyAsyncWithDesc(&here, kInnerDevice, stream_), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtMemcpyAsyncWithDesc(desc_, ACL_MEMCPY_DEVICE_TO_DEVICE, stream_),
            ACL_ERROR_RT_PARAM_INVALID);
}

class CopyOffsetTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    from_.emplace(4);
    from_->Write({11, 22, 33, 44});
    to_.emplace(4);
  }
  // Four bytes from `src` + 4 to `dst` + 8.
  aclError Copy(void* dst, void* src) {
    return aclrtMemcpyAsyncWithOffset(static_cast<void**>(dst), to_->bytes(), 8,
                                      static_cast<const void**>(src), 4, 4, kInnerDevice, stream_);
  }
  void ExpectCopied() {
    ASSERT_OK(aclrtSynchronizeStream(stream_));
    EXPECT_EQ(to_->Read(), (std::vector<int>{0, 0, 22, 0}));
  }

  std::optional<DeviceArray<int>> from_;
  std::optional<DeviceArray<int>> to_;
};

TEST_F(CopyOffsetTest, PointersInDeviceMemory) {
  DeviceArray<void*> pointers(2);
  pointers.Write({to_->get(), from_->get()});
  ASSERT_OK(Copy(pointers.get(), pointers.get() + 1));
  ExpectCopied();
}

TEST_F(CopyOffsetTest, PointersInPinnedMemory) {
  const PinnedArray<void*> pointers(2);
  pointers[0] = to_->get();
  pointers[1] = from_->get();
  ASSERT_OK(Copy(&pointers[0], &pointers[1]));
  ExpectCopied();
}

TEST_F(CopyOffsetTest, PointersOnTheStackAreReadAtOnce) {
  void* to = to_->get();
  void* from = from_->get();
  ASSERT_OK(Copy(&to, &from));
  to = from = nullptr;
  ExpectCopied();
}

TEST_F(CopyOffsetTest, PointersOfTheDeviceAreReadWhenTheTaskRuns) {
  DeviceArray<void*> pointers(2);
  pointers.Write({to_->get(), nullptr});
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(Copy(pointers.get(), pointers.get() + 1));
  pointers.Write({to_->get(), from_->get()});
  gate.Open();
  ExpectCopied();
}

TEST_F(CopyOffsetTest, BadPointerInDeviceMemoryFailsTheTask) {
  DeviceArray<void*> pointers(2, 0);
  ASSERT_OK(Copy(pointers.get(), pointers.get() + 1));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_SYS_DMA);
}

TEST_F(CopyOffsetTest, BadArgumentsAreRefused) {
  void* to = to_->get();
  const void* from = from_->get();
  int here = 0;
  void* host = &here;
  const auto copy = [&](void** dst, size_t room, size_t offset, size_t count,
                        aclrtMemcpyKind kind) {
    return aclrtMemcpyAsyncWithOffset(dst, room, offset, &from, count, 0, kind, stream_);
  };
  EXPECT_EQ(copy(nullptr, 16, 0, 4, kInnerDevice), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(copy(&to, 16, 0, 0, kInnerDevice), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(copy(&to, 16, 13, 4, kInnerDevice), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(copy(&to, 16, SIZE_MAX, 4, kInnerDevice), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(copy(&to, 16, 0, 4, ACL_MEMCPY_DEVICE_TO_DEVICE), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(copy(&host, 16, 0, 4, kInnerDevice), ACL_ERROR_RT_PARAM_INVALID);
}

}  // namespace
}  // namespace vnpu::test
