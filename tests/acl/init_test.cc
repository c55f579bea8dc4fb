// aclInit, aclFinalize and what can be asked without a device.
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/acl/support.h"
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

class ConfigFile {
 public:
  explicit ConfigFile(std::string_view text) : path_("acl_" + std::to_string(getpid()) + ".json") {
    std::ofstream(path_) << text;
  }
  ConfigFile(const ConfigFile&) = delete;
  ConfigFile& operator=(const ConfigFile&) = delete;
  ~ConfigFile() { std::remove(path_.c_str()); }
  const char* path() const { return path_.c_str(); }

 private:
  std::string path_;
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

TEST_F(InitTest, ConfigurationIsChecked) {
  EXPECT_EQ(aclInit("/no/such/file.json"), ACL_ERROR_INVALID_FILE);
  EXPECT_EQ(aclInit(ConfigFile("{ not json").path()), ACL_ERROR_PARSE_FILE);
  EXPECT_EQ(aclInit(ConfigFile(R"({"err_msg_mode": "7"})").path()), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_OK(aclInit(ConfigFile("{}").path()));
}

TEST_F(InitTest, DefaultDeviceNeedsNoSetDevice) {
  ASSERT_OK(aclInit(ConfigFile(R"({"defaultDevice": {"default_device": "0"}})").path()));
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
  aclrtNotify notify = nullptr;
  EXPECT_EQ(aclrtCreateNotify(&notify, 0), ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
  EXPECT_EQ(aclrtGetLastError(ACL_RT_THREAD_LEVEL), ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
}

}  // namespace
}  // namespace vnpu::test
