#include "acl/acl_rt_allocator.h"
#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

// The application's side: blocks of device memory.
struct BlockCount {
  int live = 0;
};
void* AllocBlock(aclrtAllocator allocator, size_t size) {
  ++static_cast<BlockCount*>(allocator)->live;
  void* memory = nullptr;
  return aclrtMalloc(&memory, size, ACL_MEM_MALLOC_HUGE_FIRST) == ACL_SUCCESS ? memory : nullptr;
}
void FreeBlock(aclrtAllocator allocator, aclrtAllocatorBlock block) {
  --static_cast<BlockCount*>(allocator)->live;
  aclrtFree(block);
}
void* AllocBlockAt(aclrtAllocator allocator, size_t size, aclrtAllocatorAddr /*address*/) {
  return AllocBlock(allocator, size);
}
void* AddressOfBlock(aclrtAllocatorBlock block) { return block; }

// What aclrtAllocatorGetByStream gives.
struct RegisteredAllocator {
  aclrtAllocatorDesc desc = nullptr;
  aclrtAllocator allocator = nullptr;
  aclrtAllocatorAllocFunc alloc = nullptr;
  aclrtAllocatorFreeFunc free = nullptr;
  aclrtAllocatorAllocAdviseFunc alloc_advise = nullptr;
  aclrtAllocatorGetAddrFromBlockFunc address_of = nullptr;
};

class AllocatorTest : public DeviceTest {
 protected:
  void SetUp() override {
    DeviceTest::SetUp();
    ASSERT_OK(aclrtCreateStream(&stream_));
    desc_ = aclrtAllocatorCreateDesc();
    ASSERT_NE(desc_, nullptr);
  }
  void Fill(aclrtAllocatorDesc desc, void* pool) {
    ASSERT_OK(aclrtAllocatorSetObjToDesc(desc, pool));
    ASSERT_OK(aclrtAllocatorSetAllocFuncToDesc(desc, AllocBlock));
    ASSERT_OK(aclrtAllocatorSetFreeFuncToDesc(desc, FreeBlock));
    ASSERT_OK(aclrtAllocatorSetGetAddrFromBlockFuncToDesc(desc, AddressOfBlock));
  }
  static aclError Get(aclrtStream stream, RegisteredAllocator* got) {
    return aclrtAllocatorGetByStream(stream, &got->desc, &got->allocator, &got->alloc, &got->free,
                                     &got->alloc_advise, &got->address_of);
  }

  BlockCount pool_;
  aclrtStream stream_ = nullptr;
  aclrtAllocatorDesc desc_ = nullptr;
};

TEST_F(AllocatorTest, StreamGivesBackWhatWasRegistered) {
  Fill(desc_, &pool_);
  ASSERT_OK(aclrtAllocatorSetAllocAdviseFuncToDesc(desc_, AllocBlockAt));
  ASSERT_OK(aclrtAllocatorRegister(stream_, desc_));
  RegisteredAllocator got;
  ASSERT_OK(Get(stream_, &got));
  EXPECT_EQ(got.desc, desc_);
  EXPECT_EQ(got.allocator, &pool_);
  EXPECT_EQ(got.alloc_advise, AllocBlockAt);
  void* block = got.alloc(got.allocator, 256);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(pool_.live, 1);
  EXPECT_OK(aclrtMemset(got.address_of(block), 256, 1, 256));
  got.free(got.allocator, block);
  EXPECT_EQ(pool_.live, 0);
}

TEST_F(AllocatorTest, LastRegistrationCounts) {
  BlockCount other;
  Fill(desc_, &pool_);
  ASSERT_OK(aclrtAllocatorRegister(stream_, desc_));
  ASSERT_OK(aclrtAllocatorSetObjToDesc(desc_, &other));
  RegisteredAllocator got;
  ASSERT_OK(Get(stream_, &got));
  EXPECT_EQ(got.allocator, &pool_) << "a description is taken as it is when it is registered";
  ASSERT_OK(aclrtAllocatorRegister(stream_, desc_));
  ASSERT_OK(Get(stream_, &got));
  EXPECT_EQ(got.allocator, &other);
}

TEST_F(AllocatorTest, RegistrationOutlivesTheDescription) {
  Fill(desc_, &pool_);
  ASSERT_OK(aclrtAllocatorRegister(stream_, desc_));
  ASSERT_OK(aclrtAllocatorDestroyDesc(desc_));
  RegisteredAllocator got;
  ASSERT_OK(Get(stream_, &got));
  EXPECT_EQ(got.alloc, AllocBlock);
  EXPECT_EQ(aclrtAllocatorDestroyDesc(desc_), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(AllocatorTest, UnregisteringTwiceIsNoError) {
  Fill(desc_, &pool_);
  ASSERT_OK(aclrtAllocatorRegister(stream_, desc_));
  EXPECT_OK(aclrtAllocatorUnregister(stream_));
  EXPECT_OK(aclrtAllocatorUnregister(stream_));
  RegisteredAllocator got;
  EXPECT_EQ(Get(stream_, &got), ACL_ERROR_RT_PARAM_INVALID);
  aclrtStream gone = stream_;
  ASSERT_OK(aclrtDestroyStream(stream_));
  EXPECT_OK(aclrtAllocatorUnregister(gone));
  EXPECT_OK(aclrtAllocatorUnregister(nullptr));
}

TEST_F(AllocatorTest, StreamsDoNotShare) {
  Fill(desc_, &pool_);
  ASSERT_OK(aclrtAllocatorRegister(stream_, desc_));
  aclrtStream other = nullptr;
  ASSERT_OK(aclrtCreateStream(&other));
  RegisteredAllocator got;
  EXPECT_EQ(Get(other, &got), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(AllocatorTest, BadArgumentsAreRefused) {
  RegisteredAllocator got;
  EXPECT_EQ(aclrtAllocatorRegister(stream_, desc_), ACL_ERROR_RT_PARAM_INVALID) << "it is empty";
  EXPECT_EQ(aclrtAllocatorRegister(nullptr, desc_), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtAllocatorRegister(stream_, nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtAllocatorRegister(stream_, &got), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_EQ(aclrtAllocatorSetObjToDesc(desc_, nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtAllocatorSetAllocFuncToDesc(nullptr, AllocBlock), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtAllocatorSetFreeFuncToDesc(desc_, nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(Get(nullptr, &got), ACL_ERROR_INVALID_PARAM);
}

}  // namespace
}  // namespace vnpu::test
