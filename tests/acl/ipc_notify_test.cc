// Notifies between processes, and between devices of one process.
#include "tests/acl/peer_process.h"
#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

constexpr size_t kKeyBytes = 65;

class IpcNotifyTest : public DeviceTest {
 protected:
  void SetUp() override {
    DeviceTest::SetUp();
    ASSERT_OK(aclrtCreateStream(&stream_));
    ASSERT_OK(aclrtCreateNotify(&notify_, ACL_NOTIFY_DEFAULT));
  }

  std::string Export(uint64_t flags) {
    char key[kKeyBytes] = {};
    EXPECT_OK(aclrtNotifyGetExportKey(notify_, key, sizeof(key), flags));
    return key;
  }

  aclrtStream stream_ = nullptr;
  aclrtNotify notify_ = nullptr;
};

// The other process: imports what it is told to and records it when it is told to.
TEST(IpcNotifyPeer, DISABLED_Records) {
  const PeerLink parent = ToParent();
  ASSERT_OK(aclrtSetDevice(0));
  aclrtStream stream = nullptr;
  ASSERT_OK(aclrtCreateStream(&stream));
  aclrtNotify notify = nullptr;
  for (std::string word = parent.Receive(); word != "end"; word = parent.Receive()) {
    aclError answer = ACL_SUCCESS;
    if (word == "record") {
      answer = aclrtRecordNotify(notify, stream);
    } else if (word == "wait") {
      answer = aclrtWaitAndResetNotify(notify, stream, 0);
    } else if (word == "export") {
      char key[kKeyBytes];
      answer = aclrtNotifyGetExportKey(notify, key, sizeof(key), 0);
    } else if (word == "reset") {
      answer = aclrtNotifyBatchReset(&notify, 1);
    } else if (word == "destroy") {
      answer = aclrtDestroyNotify(notify);
    } else {
      answer = aclrtNotifyImportByKey(&notify, word.c_str(),
                                      ACL_RT_NOTIFY_IMPORT_FLAG_ENABLE_PEER_ACCESS);
    }
    parent.Send(std::to_string(answer));
  }
  EXPECT_OK(aclrtSynchronizeStream(stream));
  EXPECT_OK(aclrtResetDeviceForce(0));
}

TEST_F(IpcNotifyTest, AnotherProcessEndsTheWait) {
  PeerProcess peer("IpcNotifyPeer.DISABLED_Records");
  const std::string key = Export(ACL_RT_NOTIFY_EXPORT_FLAG_DISABLE_PID_VALIDATION);
  if (!ProcessesShareTheDriver()) {
    EXPECT_EQ(peer.Ask(key), ACL_ERROR_RT_PARAM_INVALID);
    return;
  }
  ASSERT_EQ(peer.Ask(key), ACL_SUCCESS);
  for (int round = 0; round < 20; ++round) {
    ASSERT_OK(aclrtWaitAndResetNotify(notify_, stream_, 0));
    if (round % 4 == 0) {
      EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(stream_, 20), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
    }
    ASSERT_EQ(peer.Ask("record"), ACL_SUCCESS);
    ASSERT_OK(aclrtSynchronizeStream(stream_)) << round;
  }
  EXPECT_EQ(peer.Ask("destroy"), ACL_SUCCESS);
  peer.link().Send("end");
  EXPECT_EQ(peer.Wait(), 0);
  EXPECT_OK(aclrtDestroyNotify(notify_));
}

TEST_F(IpcNotifyTest, OnlyTheCreatorWaitsResetsAndExports) {
  if (!ProcessesShareTheDriver()) {
    GTEST_SKIP() << "one driver for each process";
  }
  PeerProcess peer("IpcNotifyPeer.DISABLED_Records");
  ASSERT_EQ(peer.Ask(Export(ACL_RT_NOTIFY_EXPORT_FLAG_DISABLE_PID_VALIDATION)), ACL_SUCCESS);
  EXPECT_EQ(peer.Ask("wait"), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(peer.Ask("export"), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(peer.Ask("reset"), ACL_ERROR_RT_PARAM_INVALID);
  peer.link().Send("end");
  EXPECT_EQ(peer.Wait(), 0);
}

TEST_F(IpcNotifyTest, OnlyListedProcessesImport) {
  int32_t pid = 1;
  EXPECT_EQ(aclrtNotifySetImportPid(notify_, &pid, 1), ACL_ERROR_RT_PARAM_INVALID)
      << "not exported yet";
  const std::string key = Export(ACL_RT_NOTIFY_EXPORT_FLAG_DEFAULT);
  if (!ProcessesShareTheDriver()) {
    GTEST_SKIP() << "one driver for each process";
  }
  PeerProcess peer("IpcNotifyPeer.DISABLED_Records");
  EXPECT_EQ(peer.Ask(key), ACL_ERROR_RT_NO_PERMISSION);
  pid = peer.pid();
  ASSERT_OK(aclrtNotifySetImportPid(notify_, &pid, 1));
  EXPECT_EQ(peer.Ask(key), ACL_SUCCESS);
  ASSERT_EQ(peer.Ask("record"), ACL_SUCCESS);
  ASSERT_OK(aclrtWaitAndResetNotify(notify_, stream_, 0));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  peer.link().Send("end");
  EXPECT_EQ(peer.Wait(), 0);
}

TEST_F(IpcNotifyTest, DestroyedByItsCreatorNobodyImportsIt) {
  const std::string key = Export(ACL_RT_NOTIFY_EXPORT_FLAG_DISABLE_PID_VALIDATION);
  EXPECT_OK(aclrtDestroyNotify(notify_));
  aclrtNotify imported = nullptr;
  EXPECT_EQ(aclrtNotifyImportByKey(&imported, key.c_str(), 0), ACL_ERROR_RT_PARAM_INVALID);
}

TEST_F(IpcNotifyTest, KilledProcessesLeaveTheNotifyUsable) {
  if (!ProcessesShareTheDriver()) {
    GTEST_SKIP() << "one driver for each process";
  }
  const std::string key = Export(ACL_RT_NOTIFY_EXPORT_FLAG_DISABLE_PID_VALIDATION);
  for (int round = 0; round < 2; ++round) {
    PeerProcess peer("IpcNotifyPeer.DISABLED_Records");
    ASSERT_EQ(peer.Ask(key), ACL_SUCCESS);
    ASSERT_EQ(peer.Ask("record"), ACL_SUCCESS);
    ASSERT_OK(aclrtWaitAndResetNotify(notify_, stream_, 0));
    EXPECT_OK(aclrtSynchronizeStream(stream_));
    peer.Kill();
    EXPECT_EQ(peer.Wait(), -1);
  }
  EXPECT_OK(aclrtDestroyNotify(notify_));
}

TEST_F(IpcNotifyTest, ImportInTheOwnProcess) {
  const std::string key = Export(ACL_RT_NOTIFY_EXPORT_FLAG_DEFAULT);
  aclrtNotify imported = nullptr;
  ASSERT_OK(aclrtNotifyImportByKey(&imported, key.c_str(), 0));
  ASSERT_OK(aclrtWaitAndResetNotify(notify_, stream_, 0));
  ASSERT_OK(aclrtRecordNotify(imported, nullptr));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_OK(aclrtDestroyNotify(imported));
}

TEST_F(IpcNotifyTest, ArgumentsOutOfRange) {
  char key[kKeyBytes] = {};
  EXPECT_EQ(aclrtNotifyGetExportKey(notify_, nullptr, sizeof(key), 0), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtNotifyGetExportKey(notify_, key, sizeof(key) - 1, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtNotifyGetExportKey(notify_, key, sizeof(key), 1), ACL_ERROR_RT_PARAM_INVALID);
  ASSERT_OK(aclrtNotifyGetExportKey(notify_, key, sizeof(key), 0));
  EXPECT_EQ(std::string(key).size(), kKeyBytes - 1);
  EXPECT_EQ(Export(0), key) << "the same key each time";
  aclrtNotify imported = nullptr;
  EXPECT_EQ(aclrtNotifyImportByKey(nullptr, key, 0), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtNotifyImportByKey(&imported, nullptr, 0), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtNotifyImportByKey(&imported, key, 1), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtNotifyImportByKey(&imported, "short", 0), ACL_ERROR_RT_PARAM_INVALID);
  key[10] = 'x';
  EXPECT_EQ(aclrtNotifyImportByKey(&imported, key, 0), ACL_ERROR_RT_PARAM_INVALID);
  key[10] = key[11] == '0' ? '1' : '0';
  key[11] = key[10];
  EXPECT_EQ(aclrtNotifyImportByKey(&imported, key, 0), ACL_ERROR_RT_PARAM_INVALID);
  int32_t pid = 0;
  EXPECT_EQ(aclrtNotifySetImportPid(notify_, nullptr, 1), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtNotifySetImportPid(notify_, &pid, 0), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtNotifySetImportPid(notify_, &pid, 1), ACL_ERROR_RT_PARAM_INVALID);
}

// Device 0 is the fixture's, device 1 the other one.
class TwoDeviceNotifyTest : public IpcNotifyTest {
 protected:
  void SetUp() override {
    if (!HaveTwoDevices()) {
      GTEST_SKIP() << "takes two devices";
    }
    IpcNotifyTest::SetUp();
    ASSERT_OK(aclrtSetDevice(1));
    ASSERT_OK(aclrtCreateStream(&other_));
  }
  void TearDown() override {
    aclrtResetDeviceForce(1);
    IpcNotifyTest::TearDown();
  }

  aclrtStream other_ = nullptr;
};

TEST_F(TwoDeviceNotifyTest, AnotherDeviceRecords) {
  ASSERT_OK(aclrtSetDevice(0));
  ASSERT_OK(aclrtWaitAndResetNotify(notify_, stream_, 0));
  EXPECT_EQ(aclrtSynchronizeStreamWithTimeout(stream_, 20), ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  ASSERT_OK(aclrtSetDevice(1));
  ASSERT_OK(aclrtRecordNotify(notify_, other_));
  EXPECT_EQ(aclrtWaitAndResetNotify(notify_, other_, 0), ACL_ERROR_RT_PARAM_INVALID)
      << "it waits on its own device";
  ASSERT_OK(aclrtSetDevice(0));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  // Shared by now: its own device still records it, too.
  ASSERT_OK(aclrtRecordNotify(notify_, nullptr));
  ASSERT_OK(aclrtWaitAndResetNotify(notify_, stream_, 0));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_OK(aclrtDestroyNotify(notify_));
}

TEST_F(TwoDeviceNotifyTest, CountsOfTwoDevicesAddUp) {
  ASSERT_OK(aclrtSetDevice(0));
  aclrtCntNotify count = nullptr;
  ASSERT_OK(aclrtCntNotifyCreate(&count, 0));
  aclrtCntNotifyWaitInfo wait{ACL_RT_CNT_NOTIFY_WAIT_EQUAL_MODE, 200, 0, 1, {}};
  ASSERT_OK(aclrtCntNotifyWaitWithTimeout(count, stream_, &wait));
  aclrtStream recorder = nullptr;
  ASSERT_OK(aclrtCreateStream(&recorder));
  aclrtCntNotifyRecordInfo add{ACL_RT_CNT_NOTIFY_RECORD_ADD_MODE, 1};
  for (int i = 0; i < 100; ++i) {
    ASSERT_OK(aclrtSetDevice(0));
    ASSERT_OK(aclrtCntNotifyRecord(count, recorder, &add));
    ASSERT_OK(aclrtSetDevice(1));
    ASSERT_OK(aclrtCntNotifyRecord(count, other_, &add));
  }
  ASSERT_OK(aclrtSetDevice(0));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
  EXPECT_OK(aclrtCntNotifyDestroy(count));
}

TEST_F(TwoDeviceNotifyTest, TheOtherDeviceMayBeReset) {
  ASSERT_OK(aclrtRecordNotify(notify_, other_));
  ASSERT_OK(aclrtSynchronizeStream(other_));
  ASSERT_OK(aclrtResetDeviceForce(1));
  ASSERT_OK(aclrtSetDevice(1));
  ASSERT_OK(aclrtCreateStream(&other_));
  ASSERT_OK(aclrtSetDevice(0));
  ASSERT_OK(aclrtWaitAndResetNotify(notify_, stream_, 0));
  ASSERT_OK(aclrtSynchronizeStream(stream_));
  ASSERT_OK(aclrtWaitAndResetNotify(notify_, stream_, 0));
  ASSERT_OK(aclrtSetDevice(1));
  ASSERT_OK(aclrtRecordNotify(notify_, other_));
  ASSERT_OK(aclrtSetDevice(0));
  EXPECT_OK(aclrtSynchronizeStream(stream_));
}

}  // namespace
}  // namespace vnpu::test
