// Stopping the tasks of streams and devices.
#include <future>
#include <thread>
#include <vector>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class AbortTest : public KernelTest {
 protected:
  void ExpectWorks(aclrtStream stream) {
    DeviceArray<int> counter(1);
    EXPECT_OK(Launch("increment", 1, counter.get(), stream));
    EXPECT_OK(aclrtSynchronizeStream(stream));
    EXPECT_EQ(counter.Read()[0], 1);
  }
  // What a wait of another thread, under way or about to be, comes to.
  std::future<aclError> InAnotherThread(std::function<aclError()> wait, std::promise<void>* begun) {
    aclrtContext context = nullptr;
    EXPECT_OK(aclrtGetCurrentContext(&context));
    return std::async(std::launch::async, [=] {
      aclrtSetCurrentContext(context);
      begun->set_value();
      return wait();
    });
  }
};

TEST_F(AbortTest, StopsWhatRunsAndDropsWhatWaits) {
  DeviceArray<int> counter(1);
  ASSERT_OK(Launch("spin_forever", 2, stream_));
  ASSERT_OK(Launch("increment", 1, counter.get(), stream_));
  ASSERT_OK(aclrtStreamAbort(stream_));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(counter.Read()[0], 0);
  ExpectWorks(stream_);
}

TEST_F(AbortTest, IdleStream) {
  ASSERT_OK(aclrtStreamAbort(stream_));
  ASSERT_OK(aclrtStreamStop(stream_));
  ExpectWorks(stream_);
}

TEST_F(AbortTest, DefaultStream) {
  ASSERT_OK(Launch("spin_forever", 1, nullptr));
  ASSERT_OK(aclrtStreamAbort(nullptr));
  ExpectWorks(nullptr);
  EXPECT_EQ(aclrtStreamStop(nullptr), ACL_ERROR_INVALID_PARAM);
}

TEST_F(AbortTest, FullQueueIsEmptied) {
  PinnedArray<int> counter(1);
  counter[0] = 0;
  ASSERT_OK(Launch("spin_forever", 1, stream_));
  for (int i = 0; i < 1000; ++i) {
    ASSERT_OK(Launch("increment", 1, counter.get(), stream_));
  }
  ASSERT_OK(aclrtStreamAbort(stream_));
  ExpectWorks(stream_);
  EXPECT_EQ(counter[0], 0);
}

TEST_F(AbortTest, WaitsOfOthersAreTold) {
  ASSERT_OK(Launch("spin_forever", 1, stream_));
  aclrtEvent event = nullptr;
  ASSERT_OK(aclrtCreateEvent(&event));
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  std::promise<void> begun[2];
  // No way to see that they have begun to wait: both outcomes of the race are checked.
  auto stream_wait = InAnotherThread([&] { return aclrtSynchronizeStream(stream_); }, &begun[0]);
  auto event_wait = InAnotherThread([&] { return aclrtSynchronizeEvent(event); }, &begun[1]);
  begun[0].get_future().wait();
  begun[1].get_future().wait();
  EXPECT_EQ(stream_wait.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  ASSERT_OK(aclrtStreamAbort(stream_));
  EXPECT_EQ(stream_wait.get(), ACL_ERROR_RT_STREAM_ABORT);
  EXPECT_EQ(event_wait.get(), ACL_ERROR_RT_STREAM_ABORT);
  EXPECT_OK(aclrtDestroyEvent(event));
}

TEST_F(AbortTest, OtherStreamsGoOn) {
  aclrtStream other = nullptr;
  ASSERT_OK(aclrtCreateStream(&other));
  aclrtEvent event = nullptr;
  ASSERT_OK(aclrtCreateEvent(&event));
  ASSERT_OK(Launch("spin_forever", 1, stream_));
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  ASSERT_OK(aclrtStreamWaitEvent(other, event));
  ASSERT_OK(aclrtStreamAbort(stream_));
  EXPECT_OK(aclrtSynchronizeStream(other));
  ExpectWorks(other);
  EXPECT_OK(aclrtDestroyEvent(event));
}

TEST_F(AbortTest, WaitForAnEventThatNeverComesEnds) {
  aclrtEvent event = nullptr;
  ASSERT_OK(aclrtCreateEventWithFlag(&event, ACL_EVENT_SYNC));
  ASSERT_OK(aclrtStreamWaitEvent(stream_, event));
  ASSERT_OK(aclrtStreamAbort(stream_));
  ExpectWorks(stream_);
  EXPECT_OK(aclrtDestroyEvent(event));
}

TEST_F(AbortTest, StopEndsOneTask) {
  PinnedArray<int> counter(1);
  counter[0] = 0;
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(Launch("increment", 1, counter.get(), stream_));
  // The kernel may not have begun when the stop comes.
  while (counter[0] == 0) {
    ASSERT_OK(aclrtStreamStop(stream_));
    const aclError error = aclrtSynchronizeStreamWithTimeout(stream_, 20);
    EXPECT_TRUE(error == ACL_ERROR_RT_STREAM_ABORT || error == ACL_ERROR_RT_STREAM_SYNC_TIMEOUT)
        << error;
  }
  ExpectWorks(stream_);
}

TEST_F(AbortTest, FailureBeforeItIsForgotten) {
  ASSERT_OK(Launch("store_to", 1, uint64_t{8}, stream_));
  ASSERT_OK(aclrtStreamAbort(stream_));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
}

TEST_F(AbortTest, DeviceAbortStopsAllStreams) {
  std::vector<aclrtStream> streams(3);
  for (aclrtStream& stream : streams) {
    ASSERT_OK(aclrtCreateStream(&stream));
    ASSERT_OK(Launch("spin_forever", 1, stream));
    ASSERT_OK(Launch("spin_forever", 1, stream));
  }
  ASSERT_OK(aclrtDeviceTaskAbort(0, 10000));
  EXPECT_OK(aclrtSynchronizeDevice());
  for (aclrtStream stream : streams) {
    ExpectWorks(stream);
  }
  EXPECT_OK(aclrtDeviceTaskAbort(0, 0));
}

TEST_F(AbortTest, DeviceAbortRevivesAContextThatStoppedOnAFailure) {
  ASSERT_OK(aclrtSetStreamFailureMode(stream_, ACL_STOP_ON_FAILURE));
  ASSERT_OK(Launch("store_to", 1, uint64_t{8}, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  EXPECT_EQ(Launch("nothing", 1, stream_), ACL_ERROR_RT_AICORE_EXCEPTION);
  ASSERT_OK(aclrtDeviceTaskAbort(0, 1000));
  ExpectWorks(stream_);
  ASSERT_OK(Launch("store_to", 1, uint64_t{8}, stream_));
  EXPECT_EQ(aclrtSynchronizeStream(stream_), ACL_ERROR_RT_AICORE_EXCEPTION) << "the mode stays";
}

struct Stages {
  std::vector<aclrtDeviceTaskAbortStage> seen;
  uint32_t timeout = 0;
  int32_t answer = 0;
};
int32_t NoteStage(int32_t device, aclrtDeviceTaskAbortStage stage, uint32_t timeout, void* args) {
  auto& stages = *static_cast<Stages*>(args);
  EXPECT_EQ(device, 0);
  stages.seen.push_back(stage);
  stages.timeout = timeout;
  return stages.answer;
}

TEST_F(AbortTest, CallbacksBeforeAndBehindTheAbort) {
  Stages stages;
  ASSERT_OK(aclrtSetDeviceTaskAbortCallback("test", &NoteStage, &stages));
  EXPECT_EQ(aclrtSetDeviceTaskAbortCallback("test", &NoteStage, &stages),
            ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtDeviceTaskAbort(0, 5000));
  EXPECT_EQ(stages.seen,
            (std::vector{ACL_RT_DEVICE_TASK_ABORT_PRE, ACL_RT_DEVICE_TASK_ABORT_POST}));
  EXPECT_GT(stages.timeout, 0u);
  EXPECT_LE(stages.timeout, 5000u);
  stages.answer = 3;
  EXPECT_EQ(aclrtDeviceTaskAbort(0, 5000), ACL_ERROR_RT_DEVICE_TASK_ABORT);
  ASSERT_OK(aclrtSetDeviceTaskAbortCallback("test", nullptr, nullptr));
  EXPECT_EQ(aclrtSetDeviceTaskAbortCallback("test", nullptr, nullptr), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtDeviceTaskAbort(0, 5000));
  EXPECT_EQ(stages.seen.size(), 3u);
  EXPECT_EQ(aclrtSetDeviceTaskAbortCallback("", &NoteStage, nullptr), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtSetDeviceTaskAbortCallback(nullptr, &NoteStage, nullptr), ACL_ERROR_INVALID_PARAM);
}

aclError inner = ACL_SUCCESS;
int32_t AbortAgain(int32_t device, aclrtDeviceTaskAbortStage, uint32_t, void*) {
  inner = aclrtDeviceTaskAbort(device, 100);
  return 0;
}

TEST_F(AbortTest, DeviceAbortErrors) {
  EXPECT_EQ(aclrtDeviceTaskAbort(-1, 0), ACL_ERROR_RT_INVALID_DEVICEID);
  EXPECT_EQ(aclrtDeviceTaskAbort(1000, 0), ACL_ERROR_RT_INVALID_DEVICEID);
  EXPECT_EQ(aclrtDeviceTaskAbort(0, 36u * 60 * 1000 + 1), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtSetDeviceTaskAbortCallback("again", &AbortAgain, nullptr));
  EXPECT_OK(aclrtDeviceTaskAbort(0, 1000));
  EXPECT_EQ(inner, ACL_ERROR_RT_DEVICE_TASK_ABORT);
  ASSERT_OK(aclrtSetDeviceTaskAbortCallback("again", nullptr, nullptr));
  EXPECT_EQ(aclrtStreamAbort(reinterpret_cast<aclrtStream>(8)), ACL_ERROR_RT_INVALID_HANDLE);
}

}  // namespace
}  // namespace vnpu::test
