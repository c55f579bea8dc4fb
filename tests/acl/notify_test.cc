// Notifies within a process; between processes: ipc_notify_test.cc.
#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class NotifyTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    ASSERT_OK(aclrtCreateStream(&other_));
  }

  static aclrtNotify Make() {
    aclrtNotify notify = nullptr;
    EXPECT_OK(aclrtCreateNotify(&notify, ACL_NOTIFY_DEFAULT));
    return notify;
  }
  // Whether everything in the stream gets done within a moment.
  static bool Waits(aclrtStream stream) {
    return aclrtSynchronizeStreamWithTimeout(stream, 30) == ACL_ERROR_RT_STREAM_SYNC_TIMEOUT;
  }

  aclrtStream other_ = nullptr;
};

TEST_F(NotifyTest, HoldsAStreamUntilItsRecord) {
  const aclrtNotify notify = Make();
  DeviceArray<int> counter(1);
  ASSERT_OK(aclrtWaitAndResetNotify(notify, other_, 0));
  ASSERT_OK(Launch("increment", 1, counter.get(), other_));
  EXPECT_TRUE(Waits(other_));
  EXPECT_EQ(counter.Read()[0], 0);
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtRecordNotify(notify, stream_));
  EXPECT_TRUE(Waits(other_)) << "the recording stream has not got there";
  gate.Open();
  EXPECT_OK(aclrtSynchronizeStream(other_));
  EXPECT_EQ(counter.Read()[0], 1);
  EXPECT_OK(aclrtDestroyNotify(notify));
}

TEST_F(NotifyTest, OneRecordReleasesOneWait) {
  const aclrtNotify notify = Make();
  ASSERT_OK(aclrtRecordNotify(notify, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  ASSERT_OK(aclrtWaitAndResetNotify(notify, other_, 0));
  EXPECT_OK(aclrtSynchronizeStream(other_));
  ASSERT_OK(aclrtWaitAndResetNotify(notify, other_, 0));
  EXPECT_TRUE(Waits(other_));
  ASSERT_OK(aclrtRecordNotify(notify, stream_));
  EXPECT_OK(aclrtSynchronizeStream(other_));
  EXPECT_OK(aclrtDestroyNotify(notify));
}

TEST_F(NotifyTest, NullIsTheDefaultStream) {
  const aclrtNotify notify = Make();
  ASSERT_OK(aclrtWaitAndResetNotify(notify, other_, 0));
  ASSERT_OK(aclrtRecordNotify(notify, nullptr));
  EXPECT_OK(aclrtSynchronizeStream(other_));
  EXPECT_OK(aclrtDestroyNotify(notify));
}

TEST_F(NotifyTest, TimeLimitIsTheErrorOfTheStream) {
  const aclrtNotify notify = Make();
  ASSERT_OK(aclrtWaitAndResetNotify(notify, other_, 1));
  EXPECT_EQ(aclrtSynchronizeStream(other_), ACL_ERROR_RT_WAIT_TIMEOUT);
  EXPECT_OK(aclrtSynchronizeStream(other_)) << "the stream goes on";
  EXPECT_OK(aclrtDestroyNotify(notify));
}

TEST_F(NotifyTest, BatchResetTakesRecordsBack) {
  aclrtNotify notifies[3] = {Make(), Make(), Make()};
  for (const aclrtNotify notify : notifies) {
    ASSERT_OK(aclrtRecordNotify(notify, stream_));
  }
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  ASSERT_OK(aclrtNotifyBatchReset(notifies, 2));
  ASSERT_OK(aclrtWaitAndResetNotify(notifies[2], other_, 0));
  EXPECT_OK(aclrtSynchronizeStream(other_));
  ASSERT_OK(aclrtWaitAndResetNotify(notifies[0], other_, 0));
  EXPECT_TRUE(Waits(other_));
  ASSERT_OK(aclrtRecordNotify(notifies[0], stream_));
  EXPECT_OK(aclrtSynchronizeStream(other_));
  EXPECT_EQ(aclrtNotifyBatchReset(nullptr, 1), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtNotifyBatchReset(notifies, 0), ACL_ERROR_RT_PARAM_INVALID);
  for (const aclrtNotify notify : notifies) {
    EXPECT_OK(aclrtDestroyNotify(notify));
  }
  EXPECT_EQ(aclrtNotifyBatchReset(notifies, 1), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(NotifyTest, ArgumentsOutOfRange) {
  aclrtNotify notify = nullptr;
  EXPECT_EQ(aclrtCreateNotify(nullptr, 0), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtCreateNotify(&notify, 2), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtCreateNotify(&notify, ACL_NOTIFY_DEVICE_USE_ONLY),
            ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  EXPECT_EQ(aclrtDestroyNotify(nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtRecordNotify(nullptr, stream_), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtRecordNotify(stream_, stream_), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_EQ(aclrtWaitAndResetNotify(&notify, stream_, 0), ACL_ERROR_RT_INVALID_HANDLE);
  notify = Make();
  uint32_t id = 0;
  EXPECT_EQ(aclrtGetNotifyId(notify, nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_OK(aclrtGetNotifyId(notify, &id));
  EXPECT_EQ(aclrtRecordNotify(notify, notify), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_OK(aclrtDestroyNotify(notify));
  EXPECT_EQ(aclrtDestroyNotify(notify), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_EQ(aclrtGetNotifyId(notify, &id), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(NotifyTest, IdsTellNotifiesApart) {
  const aclrtNotify first = Make();
  const aclrtNotify second = Make();
  uint32_t a = 0;
  uint32_t b = 0;
  EXPECT_OK(aclrtGetNotifyId(first, &a));
  EXPECT_OK(aclrtGetNotifyId(second, &b));
  EXPECT_NE(a, b);
  EXPECT_OK(aclrtDestroyNotify(first));
  EXPECT_OK(aclrtDestroyNotify(second));
}

// Tasks that name a notify are carried out though it is destroyed, and do not touch the next one.
TEST_F(NotifyTest, DestroyDoesNotDisturbTasks) {
  Gate gate(Kernel("wait_for"), stream_);
  const aclrtNotify notify = Make();
  ASSERT_OK(aclrtRecordNotify(notify, stream_));
  ASSERT_OK(aclrtWaitAndResetNotify(notify, other_, 0));
  ASSERT_OK(aclrtDestroyNotify(notify));
  const aclrtNotify next = Make();
  ASSERT_OK(aclrtRecordNotify(next, nullptr));
  ASSERT_OK(aclrtSynchronizeStream(nullptr));
  EXPECT_TRUE(Waits(other_));
  gate.Open();
  EXPECT_OK(aclrtSynchronizeStream(other_));
  EXPECT_OK(aclrtDestroyNotify(next));
}

TEST_F(NotifyTest, AsManyAsADeviceHas) {
  constexpr size_t kDeviceHas = 8192;
  std::vector<aclrtNotify> all;
  aclrtNotify notify = nullptr;
  aclError error = ACL_SUCCESS;
  while (all.size() <= kDeviceHas && (error = aclrtCreateNotify(&notify, 0)) == ACL_SUCCESS) {
    all.push_back(notify);
  }
  EXPECT_EQ(error, ACL_ERROR_RT_NO_NOTIFY_RESOURCE);
  ASSERT_EQ(all.size(), kDeviceHas);
  ASSERT_OK(aclrtDestroyNotify(all.back()));
  EXPECT_OK(aclrtCreateNotify(&notify, 0));
  EXPECT_OK(aclrtDestroyNotify(notify));
}

TEST_F(NotifyTest, GoesWithItsDevice) {
  const aclrtNotify notify = Make();
  ASSERT_OK(aclrtResetDeviceForce(0));
  KernelTest::SetUp();
  EXPECT_EQ(aclrtRecordNotify(notify, stream_), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_EQ(aclrtWaitAndResetNotify(notify, stream_, 0), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_OK(aclrtDestroyNotify(notify));
}

}  // namespace
}  // namespace vnpu::test
