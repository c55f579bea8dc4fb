// Events between processes, and between devices of one process.
#include <cstring>

#include "tests/acl/peer_process.h"
#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

aclrtEvent MakeIpcEvent() {
  aclrtEvent event = nullptr;
  EXPECT_OK(aclrtCreateEventExWithFlag(&event, ACL_EVENT_IPC));
  return event;
}

aclrtEventRecordedStatus Status(aclrtEvent event) {
  auto status = ACL_EVENT_RECORDED_STATUS_NOT_READY;
  EXPECT_OK(aclrtQueryEventStatus(event, &status));
  return status;
}

// Handles as text, for the line between processes.
std::string ToText(const aclrtIpcEventHandle& handle) {
  std::string text;
  for (const char byte : handle.reserved) {
    char digits[3];
    std::snprintf(digits, sizeof(digits), "%02x", static_cast<unsigned char>(byte));
    text += digits;
  }
  return text;
}
aclrtIpcEventHandle FromText(const std::string& text) {
  aclrtIpcEventHandle handle{};
  for (size_t i = 0; i < sizeof(handle.reserved) && 2 * i + 1 < text.size(); ++i) {
    handle.reserved[i] = static_cast<char>(std::stoi(text.substr(2 * i, 2), nullptr, 16));
  }
  return handle;
}

class IpcEventTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    ASSERT_OK(aclrtCreateStream(&other_));
    event_ = MakeIpcEvent();
  }
  std::string Handle() {
    aclrtIpcEventHandle handle{};
    EXPECT_OK(aclrtIpcGetEventHandle(event_, &handle));
    return ToText(handle);
  }

  aclrtStream other_ = nullptr;
  aclrtEvent event_ = nullptr;
};

// The other process does what it is told to with the event of the handle that it gets first.
class IpcEventPeer : public KernelTest {};
TEST_F(IpcEventPeer, DISABLED_Obeys) {
  const PeerLink parent = ToParent();
  aclrtEvent event = nullptr;
  for (std::string word = parent.Receive(); word != "end"; word = parent.Receive()) {
    int answer = ACL_SUCCESS;
    if (word == "wait") {
      answer = aclrtStreamWaitEvent(stream_, event);
    } else if (word == "record") {
      answer = aclrtRecordEvent(event, stream_);
    } else if (word == "synchronize") {
      answer = aclrtSynchronizeStreamWithTimeout(stream_, 10'000);
    } else if (word == "try") {
      answer = aclrtSynchronizeStreamWithTimeout(stream_, 30);
    } else if (word == "synchronize_event") {
      answer = aclrtSynchronizeEventWithTimeout(event, 10'000);
    } else if (word == "status") {
      answer = Status(event);
    } else if (word == "spin") {
      answer = Launch("spin_forever", 1, stream_);
    } else {
      answer = aclrtIpcOpenEventHandle(FromText(word), &event);
    }
    parent.Send(std::to_string(answer));
  }
  EXPECT_OK(aclrtDestroyEvent(event));
}

TEST_F(IpcEventTest, HoldsAStreamOfAnotherProcess) {
  PeerProcess peer("IpcEventPeer.DISABLED_Obeys");
  if (!ProcessesShareTheDriver()) {
    EXPECT_EQ(peer.Ask(Handle()), ACL_ERROR_RT_PARAM_INVALID);
    return;
  }
  ASSERT_EQ(peer.Ask(Handle()), ACL_SUCCESS);
  EXPECT_EQ(peer.Ask("status"), ACL_EVENT_RECORDED_STATUS_COMPLETE) << "never recorded";
  for (int round = 0; round < 5; ++round) {
    Gate gate(Kernel("wait_for"), stream_);
    ASSERT_OK(aclrtRecordEvent(event_, stream_));
    EXPECT_EQ(Status(event_), ACL_EVENT_RECORDED_STATUS_NOT_READY);
    EXPECT_EQ(peer.Ask("status"), ACL_EVENT_RECORDED_STATUS_NOT_READY);
    ASSERT_EQ(peer.Ask("wait"), ACL_SUCCESS);
    EXPECT_EQ(peer.Ask("try"), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
    gate.Open();
    EXPECT_EQ(peer.Ask("synchronize"), ACL_SUCCESS);
    EXPECT_EQ(peer.Ask("synchronize_event"), ACL_SUCCESS);
    EXPECT_EQ(peer.Ask("status"), ACL_EVENT_RECORDED_STATUS_COMPLETE);
    EXPECT_EQ(Status(event_), ACL_EVENT_RECORDED_STATUS_COMPLETE);
  }
  peer.link().Send("end");
  EXPECT_EQ(peer.Wait(), 0);
  EXPECT_OK(aclrtDestroyEvent(event_));
}

TEST_F(IpcEventTest, TheOtherProcessRecordsToo) {
  if (!ProcessesShareTheDriver()) {
    GTEST_SKIP() << "one driver for each process";
  }
  PeerProcess peer("IpcEventPeer.DISABLED_Obeys");
  ASSERT_OK(aclrtRecordEvent(event_, stream_));
  ASSERT_EQ(peer.Ask(Handle()), ACL_SUCCESS);
  // Holds the peer's stream, and so its record.
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtRecordEvent(event_, stream_));
  ASSERT_EQ(peer.Ask("wait"), ACL_SUCCESS);
  ASSERT_EQ(peer.Ask("record"), ACL_SUCCESS);
  ASSERT_OK(aclrtStreamWaitEvent(other_, event_));
  EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(other_, 30), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  EXPECT_EQ(aclrtSynchronizeEventWithTimeout(event_, 30), ACL_ERROR_RT_EVENT_SYNC_TIMEOUT);
  gate.Open();
  EXPECT_OK(aclrtSynchronizeEvent(event_));
  EXPECT_OK(aclrtSynchronizeStream(other_));
  peer.link().Send("end");
  EXPECT_EQ(peer.Wait(), 0);
}

// kill -9 of a process that others wait for.
TEST_F(IpcEventTest, AKilledProcessHoldsNobody) {
  if (!ProcessesShareTheDriver()) {
    GTEST_SKIP() << "one driver for each process";
  }
  PeerProcess peer("IpcEventPeer.DISABLED_Obeys");
  ASSERT_EQ(peer.Ask(Handle()), ACL_SUCCESS);
  ASSERT_EQ(peer.Ask("spin"), ACL_SUCCESS);
  ASSERT_EQ(peer.Ask("record"), ACL_SUCCESS);
  ASSERT_OK(aclrtStreamWaitEvent(stream_, event_));
  EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(stream_, 30), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  peer.Kill();
  EXPECT_OK(aclrtSynchronizeStreamWithTimeout(stream_, 10'000));
  EXPECT_OK(aclrtSynchronizeEventWithTimeout(event_, 10'000));
}

TEST_F(IpcEventTest, DestroyedByItsCreatorNobodyOpensIt) {
  const std::string handle = Handle();
  EXPECT_OK(aclrtDestroyEvent(event_));
  aclrtEvent opened = nullptr;
  EXPECT_EQ(aclrtIpcOpenEventHandle(FromText(handle), &opened), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(IpcEventTest, WorksWithinOneProcess) {
  aclrtEvent opened = nullptr;
  ASSERT_OK(aclrtIpcOpenEventHandle(FromText(Handle()), &opened));
  ASSERT_OK(aclrtStreamWaitEvent(other_, opened)) << "never recorded: nothing to wait for";
  EXPECT_OK(aclrtSynchronizeStream(other_));
  EXPECT_OK(aclrtSynchronizeEvent(event_));
  {
    Gate gate(Kernel("wait_for"), stream_);
    ASSERT_OK(aclrtRecordEvent(event_, stream_));
    ASSERT_OK(aclrtStreamWaitEvent(other_, opened));
    ASSERT_OK(aclrtRecordEvent(opened, other_));
    EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(other_, 30), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
    ASSERT_OK(aclrtStreamWaitEventWithTimeout(other_, event_, 1)) << "for its own record";
  }
  EXPECT_OK(aclrtSynchronizeStream(other_));
  EXPECT_EQ(Status(event_), ACL_EVENT_RECORDED_STATUS_COMPLETE);
  EXPECT_OK(aclrtDestroyEvent(opened));
}

// The later record does not stand for the earlier one.
TEST_F(IpcEventTest, RecordInAnotherStreamDoesNotEndTheWaitForTheFirst) {
  aclrtStream recording = nullptr;
  ASSERT_OK(aclrtCreateStream(&recording));
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtRecordEvent(event_, stream_));
  ASSERT_OK(aclrtStreamWaitEvent(other_, event_));
  ASSERT_OK(aclrtRecordEvent(event_, recording));
  EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(other_, 30), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  gate.Open();
  EXPECT_OK(aclrtSynchronizeStream(other_));
  EXPECT_OK(aclrtSynchronizeStream(recording));
  EXPECT_OK(aclrtSynchronizeEvent(event_));
}

TEST_F(IpcEventTest, WaitHasATimeLimit) {
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtRecordEvent(event_, stream_));
  ASSERT_OK(aclrtStreamWaitEventWithTimeout(other_, event_, 1));
  EXPECT_EQ(aclrtSynchronizeStream(other_), ACL_ERROR_RT_WAIT_TIMEOUT);
}

TEST_F(IpcEventTest, WhatItIsNotFor) {
  uint32_t id = 0;
  float ms = 0;
  uint64_t stamp = 0;
  aclrtEventWaitStatus wait = ACL_EVENT_WAIT_STATUS_RESERVED;
  ASSERT_OK(aclrtRecordEvent(event_, stream_));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_EQ(aclrtResetEvent(event_, stream_), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtQueryEventWaitStatus(event_, &wait), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtEventElapsedTime(&ms, event_, event_), ACL_ERROR_RT_EVENT_TIMESTAMP_INVALID);
  EXPECT_EQ(aclrtEventGetTimestamp(event_, &stamp), ACL_ERROR_RT_EVENT_TIMESTAMP_INVALID);
  EXPECT_EQ(aclrtGetEventId(event_, &id), ACL_ERROR_RT_PARAM_INVALID);
  aclrtEvent plain = nullptr;
  aclrtIpcEventHandle handle{};
  EXPECT_EQ(aclrtCreateEventExWithFlag(&plain, ACL_EVENT_IPC | ACL_EVENT_SYNC),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtCreateEventWithFlag(&plain, ACL_EVENT_IPC), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtCreateEventExWithFlag(&plain, ACL_EVENT_SYNC));
  EXPECT_EQ(aclrtIpcGetEventHandle(plain, &handle), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtIpcGetEventHandle(event_, nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtIpcGetEventHandle(nullptr, &handle), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtIpcOpenEventHandle(handle, &plain), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtIpcGetEventHandle(event_, &handle));
  EXPECT_EQ(aclrtIpcOpenEventHandle(handle, nullptr), ACL_ERROR_INVALID_PARAM);
  aclrtEvent opened = nullptr;
  ASSERT_OK(aclrtIpcOpenEventHandle(handle, &opened));
  EXPECT_EQ(aclrtIpcGetEventHandle(opened, &handle), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(IpcEventTest, HoldsAStreamOfAnotherDevice) {
  if (!HaveTwoDevices()) {
    GTEST_SKIP() << "takes two devices";
  }
  const std::string handle = Handle();
  Gate gate(Kernel("wait_for"), stream_);
  ASSERT_OK(aclrtRecordEvent(event_, stream_));
  ASSERT_OK(aclrtSetDevice(1));
  aclrtStream there = nullptr;
  aclrtEvent opened = nullptr;
  ASSERT_OK(aclrtCreateStream(&there));
  EXPECT_EQ(aclrtStreamWaitEvent(there, event_), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtIpcOpenEventHandle(FromText(handle), &opened));
  ASSERT_OK(aclrtStreamWaitEvent(there, opened));
  EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(there, 30), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  ASSERT_OK(aclrtSetDevice(0));
  gate.Open();
  ASSERT_OK(aclrtSetDevice(1));
  EXPECT_OK(aclrtSynchronizeStream(there));
  EXPECT_OK(aclrtDestroyEvent(opened));
  EXPECT_OK(aclrtResetDeviceForce(1));
  ASSERT_OK(aclrtSetDevice(0));
}

// Ordinary events stay on their device, except that the host may ask from anywhere.
TEST_F(IpcEventTest, OrdinaryEventsOfAnotherDevice) {
  if (!HaveTwoDevices()) {
    GTEST_SKIP() << "takes two devices";
  }
  aclrtEvent event = nullptr;
  ASSERT_OK(aclrtCreateEvent(&event));
  ASSERT_OK(aclrtRecordEvent(event, stream_));
  ASSERT_OK(aclrtSetDevice(1));
  aclrtStream there = nullptr;
  ASSERT_OK(aclrtCreateStream(&there));
  EXPECT_EQ(aclrtRecordEvent(event, there), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtStreamWaitEvent(there, event), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_OK(aclrtSynchronizeEvent(event));
  EXPECT_EQ(Status(event), ACL_EVENT_RECORDED_STATUS_COMPLETE);
  EXPECT_OK(aclrtResetDeviceForce(1));
  ASSERT_OK(aclrtSetDevice(0));
}

}  // namespace
}  // namespace vnpu::test
