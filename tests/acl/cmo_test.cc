// Cache maintenance: what it orders, for there is nothing to maintain.
#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class CmoTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    ASSERT_OK(aclrtCreateStream(&other_));
    ASSERT_OK(aclrtMalloc(&memory_, 4096, ACL_MEM_MALLOC_HUGE_FIRST));
  }
  static aclrtBarrierTaskInfo Barrier(uint32_t number) {
    aclrtBarrierTaskInfo info{};
    info.barrierNum = 1;
    info.cmoInfo[0] = {.cmoType = ACL_RT_CMO_TYPE_INVALID, .barrierId = number};
    return info;
  }
  static bool IsComplete(aclrtStream stream) {
    aclrtStreamStatus status{};
    EXPECT_OK(aclrtStreamQuery(stream, &status));
    return status == ACL_STREAM_STATUS_COMPLETE;
  }

  aclrtStream other_ = nullptr;
  void* memory_ = nullptr;
};

TEST_F(CmoTest, WaitHoldsTheStreamUntilTheInvalidation) {
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtCmoAsyncWithBarrier(memory_, 4096, ACL_RT_CMO_TYPE_INVALID, 3, stream_));
  aclrtBarrierTaskInfo wait = Barrier(3);
  ASSERT_OK(aclrtCmoWaitBarrier(&wait, other_, 0));
  EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(other_, 20), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  EXPECT_FALSE(IsComplete(other_));
  gate.Open();
  EXPECT_OK(aclrtSynchronizeStream(other_));
}

TEST_F(CmoTest, OtherOperationsTakeNoNumber) {
  for (const aclrtCmoType type :
       {ACL_RT_CMO_TYPE_PREFETCH, ACL_RT_CMO_TYPE_WRITEBACK, ACL_RT_CMO_TYPE_FLUSH}) {
    EXPECT_OK(aclrtCmoAsyncWithBarrier(memory_, 4096, type, 0, stream_));
    EXPECT_EQ(aclrtCmoAsyncWithBarrier(memory_, 4096, type, 1, stream_),
              ACL_ERROR_RT_PARAM_INVALID);
  }
  EXPECT_EQ(aclrtCmoAsyncWithBarrier(memory_, 4096, ACL_RT_CMO_TYPE_INVALID, 0, stream_),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_OK(aclrtSynchronizeStream(stream_));
}

TEST_F(CmoTest, BadBarriersAreRefused) {
  aclrtBarrierTaskInfo info = Barrier(77);
  EXPECT_EQ(aclrtCmoWaitBarrier(&info, stream_, 0), ACL_ERROR_RT_PARAM_INVALID) << "none such";
  ASSERT_OK(aclrtCmoAsyncWithBarrier(memory_, 64, ACL_RT_CMO_TYPE_INVALID, 77, stream_));
  EXPECT_OK(aclrtCmoWaitBarrier(&info, stream_, 0));
  EXPECT_EQ(aclrtCmoWaitBarrier(&info, stream_, 1), ACL_ERROR_RT_PARAM_INVALID);
  info.cmoInfo[0].cmoType = ACL_RT_CMO_TYPE_FLUSH;
  EXPECT_EQ(aclrtCmoWaitBarrier(&info, stream_, 0), ACL_ERROR_RT_PARAM_INVALID);
  info.barrierNum = ACL_RT_CMO_MAX_BARRIER_NUM + 1;
  EXPECT_EQ(aclrtCmoWaitBarrier(&info, stream_, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtCmoWaitBarrier(nullptr, stream_, 0), ACL_ERROR_INVALID_PARAM);
  int here = 0;
  EXPECT_EQ(aclrtCmoAsyncWithBarrier(&here, 4, ACL_RT_CMO_TYPE_FLUSH, 0, stream_),
            ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(CmoTest, PrefetchByDescriptor) {
  size_t size = 0;
  ASSERT_OK(aclrtCmoGetDescSize(&size));
  void* desc = nullptr;
  ASSERT_OK(aclrtMalloc(&desc, size, ACL_MEM_MALLOC_HUGE_FIRST));
  ASSERT_OK(aclrtCmoSetDesc(desc, memory_, 4096));
  EXPECT_OK(aclrtCmoAsyncWithDesc(desc, ACL_RT_CMO_TYPE_PREFETCH, stream_, nullptr));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  int here = 0;
  EXPECT_EQ(aclrtCmoSetDesc(&here, memory_, 4096), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtCmoSetDesc(desc, &here, 4), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtCmoSetDesc(desc, memory_, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtCmoAsyncWithDesc(desc, ACL_RT_CMO_TYPE_FLUSH, stream_, nullptr),
            ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  EXPECT_EQ(aclrtCmoAsyncWithDesc(&here, ACL_RT_CMO_TYPE_PREFETCH, stream_, nullptr),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtCmoAsyncWithDesc(desc, ACL_RT_CMO_TYPE_PREFETCH, stream_, &here),
            ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(CmoTest, FlushingTheCacheIsForTheCurrentDevice) {
  EXPECT_OK(aclrtDeviceL2CacheFlush(nullptr));
  int here = 0;
  EXPECT_EQ(aclrtDeviceL2CacheFlush(&here), ACL_ERROR_RT_PARAM_INVALID);
}

}  // namespace
}  // namespace vnpu::test
