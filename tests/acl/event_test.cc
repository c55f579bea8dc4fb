#include <chrono>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class EventTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    ASSERT_OK(aclrtCreateStream(&other_));
  }

  static aclrtEvent Make(uint32_t flags) {
    aclrtEvent event = nullptr;
    EXPECT_OK(aclrtCreateEventWithFlag(&event, flags));
    return event;
  }
  static aclrtEvent MakeReusable(uint32_t flags) {
    aclrtEvent event = nullptr;
    EXPECT_OK(aclrtCreateEventExWithFlag(&event, flags));
    return event;
  }
  static aclrtEventRecordedStatus Status(aclrtEvent event) {
    auto status = ACL_EVENT_RECORDED_STATUS_NOT_READY;
    EXPECT_OK(aclrtQueryEventStatus(event, &status));
    return status;
  }

  aclrtStream other_ = nullptr;
};

TEST_F(EventTest, CompletesWithItsRecord) {
  aclrtEvent event = nullptr;
  ASSERT_OK(aclrtCreateEvent(&event));
  EXPECT_EQ(Status(event), ACL_EVENT_RECORDED_STATUS_NOT_READY);
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  EXPECT_EQ(Status(event), ACL_EVENT_RECORDED_STATUS_NOT_READY);
  EXPECT_EQ(aclrtSynchronizeEventWithTimeout(event, 20), ACL_ERROR_RT_EVENT_SYNC_TIMEOUT);
  gate.Open();
  EXPECT_OK(aclrtSynchronizeEvent(event));
  EXPECT_EQ(Status(event), ACL_EVENT_RECORDED_STATUS_COMPLETE);
  EXPECT_OK(aclrtDestroyEvent(event));
  EXPECT_EQ(aclrtRecordEvent(event, stream_), ACL_ERROR_RT_INVALID_HANDLE);
}

TEST_F(EventTest, HoldsAnotherStream) {
  aclrtEvent event = nullptr;
  ASSERT_OK(aclrtCreateEvent(&event));
  DeviceArray<int> counter(1);
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  ASSERT_OK(aclrtStreamWaitEvent(other_, event));
  ASSERT_OK(Launch("increment", 1, counter.get(), other_));
  aclrtEventWaitStatus wait = ACL_EVENT_WAIT_STATUS_COMPLETE;
  EXPECT_OK(aclrtQueryEventWaitStatus(event, &wait));
  EXPECT_EQ(wait, ACL_EVENT_WAIT_STATUS_NOT_READY);
  EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(other_, 30), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  EXPECT_EQ(counter.Read()[0], 0);
  gate.Open();
  EXPECT_OK(aclrtSynchronizeStream(other_));
  EXPECT_EQ(counter.Read()[0], 1);
  EXPECT_OK(aclrtQueryEventWaitStatus(event, &wait));
  EXPECT_EQ(wait, ACL_EVENT_WAIT_STATUS_COMPLETE);
  EXPECT_OK(aclrtDestroyEvent(event));
}

TEST_F(EventTest, WaitStandsForTheRecordBeforeIt) {
  const aclrtEvent event = MakeReusable(ACL_EVENT_SYNC);
  ASSERT_OK(aclrtRecordEvent(event, other_));
  ASSERT_OK(aclrtStreamWaitEvent(other_, event));
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtRecordEvent(event, stream_));  // does not concern the wait
  EXPECT_OK(aclrtSynchronizeStream(other_));
  gate.Open();
  EXPECT_OK(aclrtDestroyEvent(event));
}

// The later record is done first, and does not stand for the earlier one.
TEST_F(EventTest, RecordInAnotherStreamDoesNotEndTheWaitForTheFirst) {
  aclrtEvent plain = nullptr;
  ASSERT_OK(aclrtCreateEvent(&plain));
  for (const aclrtEvent event : {plain, Make(ACL_EVENT_SYNC), MakeReusable(ACL_EVENT_SYNC)}) {
    aclrtStream waiting = nullptr;
    ASSERT_OK(aclrtCreateStream(&waiting));
    Gate gate(Kernel("wait_for"), stream_);
    ASSERT_OK(aclrtRecordEvent(event, stream_));
    ASSERT_OK(aclrtStreamWaitEvent(waiting, event));
    ASSERT_OK(aclrtRecordEvent(event, other_));
    EXPECT_OK(aclrtSynchronizeEvent(event));
    EXPECT_EQ(Status(event), ACL_EVENT_RECORDED_STATUS_COMPLETE);
    EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(waiting, 20), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
    gate.Open();
    EXPECT_OK(aclrtSynchronizeStream(waiting));
    EXPECT_OK(aclrtDestroyStream(waiting));
    EXPECT_OK(aclrtDestroyEvent(event));
  }
}

TEST_F(EventTest, UnrecordedEventsDifferByKind) {
  aclrtEvent plain = nullptr;
  ASSERT_OK(aclrtCreateEvent(&plain));
  EXPECT_EQ(aclrtStreamWaitEvent(other_, plain), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtSynchronizeEvent(plain), ACL_ERROR_RT_PARAM_INVALID);
  const aclrtEvent reusable = MakeReusable(ACL_EVENT_SYNC);
  EXPECT_EQ(Status(reusable), ACL_EVENT_RECORDED_STATUS_COMPLETE);
  EXPECT_OK(aclrtStreamWaitEvent(other_, reusable));
  EXPECT_OK(aclrtSynchronizeEvent(reusable));
  EXPECT_OK(aclrtSynchronizeStream(other_));
  EXPECT_OK(aclrtDestroyEvent(plain));
  EXPECT_OK(aclrtDestroyEvent(reusable));
}

TEST_F(EventTest, SyncEventMayBeWaitedForBeforeItsRecord) {
  const aclrtEvent event = Make(ACL_EVENT_SYNC);
  ASSERT_OK(aclrtStreamWaitEvent(other_, event));
  EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(other_, 30), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  EXPECT_OK(aclrtSynchronizeStream(other_));
  EXPECT_OK(aclrtDestroyEvent(event));
}

TEST_F(EventTest, ResetMakesItWaitAgain) {
  const aclrtEvent event = Make(ACL_EVENT_SYNC);
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  ASSERT_OK(aclrtStreamWaitEvent(other_, event));
  ASSERT_OK(aclrtResetEvent(event, other_));
  ASSERT_OK(aclrtSynchronizeStream(other_));
  EXPECT_EQ(Status(event), ACL_EVENT_RECORDED_STATUS_NOT_READY);
  ASSERT_OK(aclrtStreamWaitEvent(other_, event));
  EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(other_, 30), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  EXPECT_OK(aclrtSynchronizeStream(other_));
  EXPECT_EQ(Status(event), ACL_EVENT_RECORDED_STATUS_COMPLETE);
  EXPECT_OK(aclrtDestroyEvent(event));
}

TEST_F(EventTest, FlagsLimitTheUse) {
  const aclrtEvent timeline = Make(ACL_EVENT_TIME_LINE);
  EXPECT_EQ(aclrtStreamWaitEvent(other_, timeline), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtResetEvent(timeline, other_), ACL_ERROR_RT_PARAM_INVALID);
  const aclrtEvent reusable = MakeReusable(ACL_EVENT_SYNC);
  EXPECT_EQ(aclrtResetEvent(reusable, other_), ACL_ERROR_RT_PARAM_INVALID);
  aclrtEventWaitStatus wait = ACL_EVENT_WAIT_STATUS_RESERVED;
  EXPECT_EQ(aclrtQueryEventWaitStatus(reusable, &wait), ACL_ERROR_RT_PARAM_INVALID);
  aclrtEvent event = nullptr;
  EXPECT_EQ(aclrtCreateEventWithFlag(&event, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtCreateEventWithFlag(&event, 0x80), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtCreateEventExWithFlag(&event, ACL_EVENT_EXTERNAL),
            ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  EXPECT_OK(aclrtDestroyEvent(timeline));
  EXPECT_OK(aclrtDestroyEvent(reusable));
}

TEST_F(EventTest, ElapsedTimeIsMilliseconds) {
  aclrtEvent start = nullptr;
  aclrtEvent end = nullptr;
  ASSERT_OK(aclrtCreateEvent(&start));
  ASSERT_OK(aclrtCreateEvent(&end));
  float ms = -1;
  EXPECT_EQ(aclrtEventElapsedTime(&ms, start, end), ACL_ERROR_RT_EVENT_TIMESTAMP_INVALID);
  const auto before = std::chrono::steady_clock::now();
  ASSERT_OK(aclrtRecordEvent(start, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  Gate gate(Kernel("wait_for"), stream_);
  EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(stream_, 20), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  gate.Open();
  ASSERT_OK(aclrtRecordEvent(end, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  const std::chrono::duration<float, std::milli> passed = std::chrono::steady_clock::now() - before;
  ASSERT_OK(aclrtEventElapsedTime(&ms, start, end));
  EXPECT_GE(ms, 19.F);
  EXPECT_LE(ms, passed.count() + 1.F);
  EXPECT_EQ(aclrtEventElapsedTime(&ms, end, start), ACL_ERROR_RT_EVENT_TIMESTAMP_REVERSAL);
  uint64_t start_us = 0;
  uint64_t end_us = 0;
  ASSERT_OK(aclrtEventGetTimestamp(start, &start_us));
  ASSERT_OK(aclrtEventGetTimestamp(end, &end_us));
  ASSERT_OK(aclrtEventElapsedTime(&ms, start, end));
  EXPECT_NEAR(static_cast<double>(end_us - start_us), ms * 1000.0, 5.0);
  const aclrtEvent untimed = Make(ACL_EVENT_SYNC);
  ASSERT_OK(aclrtRecordEvent(untimed, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(aclrtEventGetTimestamp(untimed, &end_us), ACL_ERROR_RT_EVENT_TIMESTAMP_INVALID);
}

TEST_F(EventTest, WaitHasATimeLimit) {
  const aclrtEvent event = Make(ACL_EVENT_SYNC);
  ASSERT_OK(aclrtStreamWaitEventWithTimeout(other_, event, 1));
  EXPECT_EQ(aclrtSynchronizeStream(other_), ACL_ERROR_RT_WAIT_TIMEOUT);
  EXPECT_EQ(aclrtStreamWaitEventWithTimeout(other_, event, -1), ACL_ERROR_RT_PARAM_INVALID);
  // The stream goes on.
  EXPECT_OK(aclrtRecordEvent(event, other_));
  EXPECT_OK(aclrtSynchronizeStream(other_));
  EXPECT_OK(aclrtDestroyEvent(event));
}

TEST_F(EventTest, ManyComeAndGo) {
  uint32_t before = 0;
  ASSERT_OK(aclrtGetEventAvailNum(&before));
  for (int round = 0; round < 50; ++round) {
    std::vector<aclrtEvent> events(100);
    for (aclrtEvent& event : events) {
      event = Make(ACL_EVENT_SYNC);
      ASSERT_OK(aclrtRecordEvent(event, stream_));
      ASSERT_OK(aclrtStreamWaitEvent(other_, event));
    }
    uint32_t now = 0;
    ASSERT_OK(aclrtGetEventAvailNum(&now));
    EXPECT_EQ(now + 100, before);
    for (const aclrtEvent event : events) {
      ASSERT_OK(aclrtDestroyEvent(event));  // tasks may still use it
    }
  }
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_OK(aclrtSynchronizeStream(other_));
  uint32_t after = 0;
  ASSERT_OK(aclrtGetEventAvailNum(&after));
  EXPECT_EQ(after, before);
}

TEST_F(EventTest, IdsTellEventsApart) {
  const aclrtEvent first = Make(ACL_EVENT_SYNC);
  const aclrtEvent second = Make(ACL_EVENT_SYNC);
  uint32_t a = 0;
  uint32_t b = 0;
  EXPECT_OK(aclrtGetEventId(first, &a));
  EXPECT_OK(aclrtGetEventId(second, &b));
  EXPECT_NE(a, b);
  EXPECT_EQ(aclrtDestroyEvent(nullptr), ACL_ERROR_INVALID_PARAM);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
TEST_F(EventTest, OldQueryIsForOrdinaryEvents) {
  aclrtEvent event = nullptr;
  ASSERT_OK(aclrtCreateEvent(&event));
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  auto status = ACL_EVENT_STATUS_COMPLETE;
  ASSERT_OK(aclrtQueryEvent(event, &status));
  EXPECT_EQ(status, ACL_EVENT_STATUS_NOT_READY);
  gate.Open();
  ASSERT_OK(aclrtQueryEvent(event, &status));
  EXPECT_EQ(status, ACL_EVENT_STATUS_COMPLETE);
  EXPECT_EQ(aclrtQueryEvent(event, nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtQueryEvent(MakeReusable(ACL_EVENT_SYNC), &status), ACL_ERROR_RT_PARAM_INVALID);
}
#pragma GCC diagnostic pop

TEST_F(EventTest, DefaultFlagsChangeNothing) {
  aclrtEvent event = nullptr;
  ASSERT_OK(aclrtCreateEvent(&event));
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtRecordEventWithFlag(event, stream_, ACL_EVENT_RECORD_DEFAULT));
  ASSERT_OK(aclrtStreamWaitEventWithFlag(other_, event, 0, ACL_EVENT_WAIT_DEFAULT));
  auto status = ACL_STREAM_STATUS_COMPLETE;
  ASSERT_OK(aclrtStreamQuery(other_, &status));
  EXPECT_EQ(status, ACL_STREAM_STATUS_NOT_READY);
  gate.Open();
  EXPECT_OK(aclrtSynchronizeStream(other_));
  EXPECT_NE(aclrtRecordEventWithFlag(event, stream_, 0x8000), ACL_SUCCESS);
  EXPECT_NE(aclrtStreamWaitEventWithFlag(other_, event, 0, 0x8000), ACL_SUCCESS);
}

TEST_F(EventTest, WaitsOfTheProcessHaveALimit) {
  aclrtEvent event = Make(ACL_EVENT_SYNC);
  ASSERT_OK(aclrtSetOpWaitTimeout(1));
  ASSERT_OK(aclrtStreamWaitEvent(other_, event));  // never recorded
  ASSERT_OK(aclrtSetOpWaitTimeout(0));
  EXPECT_EQ(aclrtSynchronizeStream(other_), ACL_ERROR_RT_WAIT_TIMEOUT);
}

TEST_F(EventTest, TimesOfSynchronisationAreChecked) {
  aclrtEvent event = Make(ACL_EVENT_SYNC);
  EXPECT_EQ(aclrtSynchronizeEventWithTimeout(event, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtSynchronizeEventWithTimeout(event, -2), ACL_ERROR_RT_PARAM_INVALID);
}

}  // namespace
}  // namespace vnpu::test
