// Counting notifies.
#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class CntNotifyTest : public DeviceTest {
 protected:
  void SetUp() override {
    DeviceTest::SetUp();
    ASSERT_OK(aclrtCreateStream(&recorder_));
    ASSERT_OK(aclrtCreateStream(&waiter_));
    ASSERT_OK(aclrtCntNotifyCreate(&notify_, 0));
  }

  void Record(aclrtCntNotifyRecordMode mode, uint32_t value) {
    aclrtCntNotifyRecordInfo info{mode, value};
    ASSERT_OK(aclrtCntNotifyRecord(notify_, recorder_, &info));
    ASSERT_OK(aclrtSynchronizeStream(recorder_));
  }
  void Wait(aclrtCntNotifyWaitMode mode, uint32_t value, bool clear = false, uint32_t timeout = 0) {
    aclrtCntNotifyWaitInfo info{mode, value, timeout, static_cast<uint8_t>(clear ? 1 : 0), {}};
    ASSERT_OK(aclrtCntNotifyWaitWithTimeout(notify_, waiter_, &info));
  }
  bool Waits() const {
    return aclrtSynchronizeStreamWithTimeout(waiter_, 20) == ACL_ERROR_RT_STREAM_SYNC_TIMEOUT;
  }
  // The count is `value` exactly.
  void ExpectCount(uint32_t value) {
    Wait(ACL_RT_CNT_NOTIFY_WAIT_EQUAL_MODE, value, false, 1);
    EXPECT_OK(aclrtSynchronizeStream(waiter_)) << "not " << value;
  }

  aclrtStream recorder_ = nullptr;
  aclrtStream waiter_ = nullptr;
  aclrtCntNotify notify_ = nullptr;
};

TEST_F(CntNotifyTest, RecordModes) {
  ExpectCount(0);
  Record(ACL_RT_CNT_NOTIFY_RECORD_SET_VALUE_MODE, 12);
  ExpectCount(12);
  Record(ACL_RT_CNT_NOTIFY_RECORD_ADD_MODE, 3);
  ExpectCount(15);
  Record(ACL_RT_CNT_NOTIFY_RECORD_BIT_AND_MODE, 9);
  ExpectCount(9);
  Record(ACL_RT_CNT_NOTIFY_RECORD_BIT_OR_MODE, 4);
  ExpectCount(13);
  Record(ACL_RT_CNT_NOTIFY_RECORD_SET_VALUE_MODE, UINT32_MAX);
  ExpectCount(UINT32_MAX);
}

TEST_F(CntNotifyTest, WaitModes) {
  struct Case {
    aclrtCntNotifyWaitMode mode;
    uint32_t too_early;
    uint32_t over;
  };
  const Case cases[] = {{ACL_RT_CNT_NOTIFY_WAIT_LESS_MODE, 6, 5},
                        {ACL_RT_CNT_NOTIFY_WAIT_EQUAL_MODE, 7, 6},
                        {ACL_RT_CNT_NOTIFY_WAIT_BIGGER_MODE, 6, 7},
                        {ACL_RT_CNT_NOTIFY_WAIT_BIGGER_OR_EQUAL_MODE, 5, 6},
                        {ACL_RT_CNT_NOTIFY_WAIT_EQUAL_WITH_BITMASK_MODE, 5, 14}};
  for (const Case& c : cases) {
    Record(ACL_RT_CNT_NOTIFY_RECORD_SET_VALUE_MODE, c.too_early);
    Wait(c.mode, 6);
    EXPECT_TRUE(Waits()) << c.mode;
    Record(ACL_RT_CNT_NOTIFY_RECORD_SET_VALUE_MODE, c.over);
    EXPECT_OK(aclrtSynchronizeStream(waiter_)) << c.mode;
    ExpectCount(c.over);
  }
}

TEST_F(CntNotifyTest, ManyRecordsOneWait) {
  Wait(ACL_RT_CNT_NOTIFY_WAIT_BIGGER_OR_EQUAL_MODE, 100);
  for (int i = 0; i < 99; ++i) {
    aclrtCntNotifyRecordInfo info{ACL_RT_CNT_NOTIFY_RECORD_ADD_MODE, 1};
    ASSERT_OK(aclrtCntNotifyRecord(notify_, recorder_, &info));
  }
  EXPECT_TRUE(Waits());
  Record(ACL_RT_CNT_NOTIFY_RECORD_ADD_MODE, 1);
  EXPECT_OK(aclrtSynchronizeStream(waiter_));
}

TEST_F(CntNotifyTest, ClearAndReset) {
  Record(ACL_RT_CNT_NOTIFY_RECORD_SET_VALUE_MODE, 5);
  Wait(ACL_RT_CNT_NOTIFY_WAIT_EQUAL_MODE, 5, /*clear=*/true);
  EXPECT_OK(aclrtSynchronizeStream(waiter_));
  ExpectCount(0);
  Record(ACL_RT_CNT_NOTIFY_RECORD_SET_VALUE_MODE, 5);
  ASSERT_OK(aclrtCntNotifyReset(notify_, recorder_));
  ASSERT_OK(aclrtSynchronizeStream(recorder_));
  ExpectCount(0);
}

TEST_F(CntNotifyTest, TimeLimitIsTheErrorOfTheStream) {
  Wait(ACL_RT_CNT_NOTIFY_WAIT_EQUAL_MODE, 1, false, 1);
  EXPECT_EQ(aclrtSynchronizeStream(waiter_), ACL_ERROR_RT_WAIT_TIMEOUT);
}

TEST_F(CntNotifyTest, ArgumentsOutOfRange) {
  aclrtCntNotify other = nullptr;
  EXPECT_EQ(aclrtCntNotifyCreate(nullptr, 0), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtCntNotifyCreate(&other, 1), ACL_ERROR_RT_PARAM_INVALID);
  aclrtCntNotifyRecordInfo record{static_cast<aclrtCntNotifyRecordMode>(3), 1};
  EXPECT_EQ(aclrtCntNotifyRecord(notify_, recorder_, &record), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtCntNotifyRecord(notify_, recorder_, nullptr), ACL_ERROR_INVALID_PARAM);
  aclrtCntNotifyWaitInfo wait{static_cast<aclrtCntNotifyWaitMode>(5), 1, 0, 0, {}};
  EXPECT_EQ(aclrtCntNotifyWaitWithTimeout(notify_, waiter_, &wait), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtCntNotifyWaitWithTimeout(notify_, waiter_, nullptr), ACL_ERROR_INVALID_PARAM);
  wait = {ACL_RT_CNT_NOTIFY_WAIT_EQUAL_MODE, 1, 0, 2, {}};
  EXPECT_EQ(aclrtCntNotifyWaitWithTimeout(notify_, waiter_, &wait), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtCntNotifyReset(nullptr, recorder_), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtRecordNotify(notify_, recorder_), ACL_ERROR_RT_INVALID_HANDLE)
      << "it is no plain notify";
  uint32_t id = 0;
  EXPECT_OK(aclrtCntNotifyGetId(notify_, &id));
  EXPECT_OK(aclrtCntNotifyDestroy(notify_));
  EXPECT_EQ(aclrtCntNotifyDestroy(notify_), ACL_ERROR_RT_INVALID_HANDLE);
  EXPECT_EQ(aclrtCntNotifyGetId(notify_, &id), ACL_ERROR_RT_INVALID_HANDLE);
}

}  // namespace
}  // namespace vnpu::test
