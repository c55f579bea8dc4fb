// aclInit, aclFinalize and what can be asked without a device.
#include <atomic>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/acl/support.h"
#include "tests/support/temp_file.h"
#include "vnpu/vnpu.h"

namespace vnpu::test {
namespace {

class InitTest : public testing::Test {
 protected:
  void TearDown() override {
    aclFinalize();
    aclGetRecentErrMsg();
  }
};

TEST_F(InitTest, RepeatedInitSaysSo) {
  ASSERT_OK(aclInit(nullptr));
  EXPECT_EQ(aclInit(nullptr), ACL_ERROR_REPEAT_INITIALIZE);
  EXPECT_OK(aclFinalize());
  EXPECT_EQ(aclFinalize(), ACL_ERROR_REPEAT_FINALIZE);
  EXPECT_OK(aclInit(nullptr));
}

TEST_F(InitTest, ReferencesAreCounted) {
  ASSERT_OK(aclInit(nullptr));
  EXPECT_EQ(aclInit(nullptr), ACL_ERROR_REPEAT_INITIALIZE);
  uint64_t left = 0;
  EXPECT_OK(aclFinalizeReference(&left));
  EXPECT_EQ(left, 1u);
  EXPECT_OK(aclFinalizeReference(&left));
  EXPECT_EQ(left, 0u);
  EXPECT_NE(aclFinalizeReference(nullptr), ACL_SUCCESS);
}

TEST_F(InitTest, FinalizeTakesAllReferencesBack) {
  ASSERT_OK(aclInit(nullptr));
  EXPECT_EQ(aclInit(nullptr), ACL_ERROR_REPEAT_INITIALIZE);
  EXPECT_EQ(aclInit(nullptr), ACL_ERROR_REPEAT_INITIALIZE);
  EXPECT_OK(aclFinalize());
  EXPECT_EQ(aclFinalizeReference(nullptr), ACL_ERROR_REPEAT_FINALIZE);
}

TEST_F(InitTest, ReferencesOfThreadsAreCounted) {
  std::vector<std::thread> threads;
  std::atomic<int> firsts = 0;
  std::atomic<int> lasts = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const aclError error = aclInit(nullptr);
      EXPECT_TRUE(error == ACL_SUCCESS || error == ACL_ERROR_REPEAT_INITIALIZE) << error;
      firsts += error == ACL_SUCCESS ? 1 : 0;
      uint64_t left = 99;
      EXPECT_OK(aclFinalizeReference(&left));
      lasts += left == 0 ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_GE(firsts.load(), 1);
  EXPECT_EQ(firsts.load(), lasts.load());
}

TEST_F(InitTest, OnlyTheFirstConfigurationCounts) {
  ASSERT_OK(aclInit(TempFile("{}").path()));
  EXPECT_EQ(aclInit(TempFile(R"({"defaultDevice": {"default_device": "0"}})").path()),
            ACL_ERROR_REPEAT_INITIALIZE);
  EXPECT_EQ(aclInit("/no/such/file"), ACL_ERROR_REPEAT_INITIALIZE);
  std::thread([] {
    aclrtContext context = nullptr;
    EXPECT_EQ(aclrtGetCurrentContext(&context), ACL_ERROR_RT_CONTEXT_NULL);
  }).join();
}

TEST_F(InitTest, FailedInitCountsForNothing) {
  EXPECT_EQ(aclInit("/no/such/file"), ACL_ERROR_INVALID_FILE);
  EXPECT_NE(aclFinalize(), ACL_SUCCESS);
  EXPECT_OK(aclInit(nullptr));
}

TEST_F(InitTest, SetDeviceGoesBeforeTheDefaultDevice) {
  ASSERT_OK(aclInit(TempFile(R"({"defaultDevice": {"default_device": "1000"}})").path()));
  aclrtStream stream = nullptr;
  std::thread([&] { EXPECT_EQ(aclrtCreateStream(&stream), ACL_ERROR_RT_INVALID_DEVICEID); }).join();
  ASSERT_OK(aclrtSetDevice(0));
  EXPECT_OK(aclrtCreateStream(&stream));
}

TEST_F(InitTest, ErrorsOfThreadsAreTheirOwn) {
  aclrtGetLastError(ACL_RT_THREAD_LEVEL);
  aclGetRecentErrMsg();
  std::thread([] {
    EXPECT_EQ(aclrtGetRunMode(nullptr), ACL_ERROR_INVALID_PARAM);
    EXPECT_EQ(aclrtPeekAtLastError(ACL_RT_THREAD_LEVEL), ACL_ERROR_INVALID_PARAM);
  }).join();
  EXPECT_EQ(aclrtPeekAtLastError(ACL_RT_THREAD_LEVEL), ACL_SUCCESS);
  EXPECT_EQ(aclGetRecentErrMsg(), nullptr);
  EXPECT_EQ(aclrtPeekAtLastError(static_cast<aclrtLastErrLevel>(1)), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtGetLastError(static_cast<aclrtLastErrLevel>(1)), ACL_ERROR_INVALID_PARAM);
}

TEST_F(InitTest, NewestMessageComesFirst) {
  aclGetRecentErrMsg();
  EXPECT_EQ(aclrtGetRunMode(nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtGetDeviceCount(nullptr), ACL_ERROR_INVALID_PARAM);
  const char* message = aclGetRecentErrMsg();
  ASSERT_NE(message, nullptr);
  const std::string_view text = message;
  EXPECT_LT(text.find("aclrtGetDeviceCount"), text.find("aclrtGetRunMode")) << text;
  EXPECT_NE(text.find("null"), std::string_view::npos) << "the cause";
  EXPECT_NE(text.find("100000"), std::string_view::npos) << "the code";
}

TEST_F(InitTest, ConfigurationIsChecked) {
  EXPECT_EQ(aclInit("/no/such/file.json"), ACL_ERROR_INVALID_FILE);
  EXPECT_EQ(aclInit(TempFile("{ not json").path()), ACL_ERROR_PARSE_FILE);
  EXPECT_EQ(aclInit(TempFile(R"({"err_msg_mode": "7"})").path()), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_OK(aclInit(TempFile("{}").path()));
}

TEST_F(InitTest, DefaultDeviceNeedsNoSetDevice) {
  ASSERT_OK(aclInit(TempFile(R"({"defaultDevice": {"default_device": "0"}})").path()));
  aclrtStream stream = nullptr;
  EXPECT_OK(aclrtCreateStream(&stream));
  int32_t device = -1;
  EXPECT_OK(aclrtGetDevice(&device));
  EXPECT_EQ(device, 0);
}

TEST_F(InitTest, FinalizeEndsSessions) {
  ASSERT_OK(aclInit(nullptr));
  ASSERT_OK(aclrtSetDevice(0));
  EXPECT_GT(DeviceProcess(), 0);
  ASSERT_OK(aclFinalize());
  EXPECT_EQ(DeviceProcess(), 0);
  EXPECT_EQ(aclrtCreateStream(nullptr), ACL_ERROR_INVALID_PARAM);
}

TEST_F(InitTest, DevicesCanBeCounted) {
  uint32_t count = 0;
  ASSERT_OK(aclrtGetDeviceCount(&count));
  EXPECT_GE(count, 1u);
  EXPECT_EQ(aclrtGetDeviceCount(nullptr), ACL_ERROR_INVALID_PARAM);
  const char* name = aclrtGetSocName();
  ASSERT_NE(name, nullptr);
  EXPECT_TRUE(std::string_view(name).starts_with("Ascend")) << name;
  aclrtRunMode mode = ACL_DEVICE;
  EXPECT_OK(aclrtGetRunMode(&mode));
  EXPECT_EQ(mode, ACL_HOST);
}

TEST_F(InitTest, TransportIsTold) {
  const char* transport = vnpuGetTransport(0);
  ASSERT_NE(transport, nullptr);
  const std::string_view text = transport;
  EXPECT_TRUE(text.starts_with("device node ") || text.starts_with("embedded: ")) << text;
  EXPECT_EQ(vnpuGetTransport(1000), nullptr);
}

TEST_F(InitTest, VersionIsThatOfTheHeaders) {
  int32_t major = 0;
  int32_t minor = 0;
  int32_t patch = 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  EXPECT_OK(aclrtGetVersion(&major, &minor, &patch));
#pragma GCC diagnostic pop
  EXPECT_EQ(major, ACL_MAJOR_VERSION);
  EXPECT_EQ(minor, ACL_MINOR_VERSION);
  EXPECT_EQ(patch, ACL_PATCH_VERSION);
}

TEST_F(InitTest, ErrorsAreKeptUntilTaken) {
  aclrtGetLastError(ACL_RT_THREAD_LEVEL);
  aclGetRecentErrMsg();
  EXPECT_EQ(aclrtGetRunMode(nullptr), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtPeekAtLastError(ACL_RT_THREAD_LEVEL), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtGetLastError(ACL_RT_THREAD_LEVEL), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtPeekAtLastError(ACL_RT_THREAD_LEVEL), ACL_SUCCESS);
  const char* message = aclGetRecentErrMsg();
  ASSERT_NE(message, nullptr);
  EXPECT_NE(std::string_view(message).find("aclrtGetRunMode"), std::string_view::npos) << message;
  EXPECT_EQ(aclGetRecentErrMsg(), nullptr);
}

TEST_F(InitTest, UnsupportedFunctionsSaySo) {
  aclrtServerPid server{};
  EXPECT_EQ(aclrtNotifySetImportPidInterServer(nullptr, &server, 1),
            ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  EXPECT_EQ(aclrtGetLastError(ACL_RT_THREAD_LEVEL), ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
}

}  // namespace
}  // namespace vnpu::test
