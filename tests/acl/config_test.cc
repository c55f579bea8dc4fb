// The configuration file of aclInit.
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include "tests/acl/child.h"
#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

class ConfigTest : public testing::Test {
 protected:
  void TearDown() override {
    aclFinalize();
    std::remove(path_.c_str());
    aclrtDeviceSetLimit(ACL_RT_DEV_LIMIT_SIMD_STACK_SIZE, 0);
    aclrtDeviceSetLimit(ACL_RT_DEV_LIMIT_SIMD_PRINTF_FIFO_SIZE_PER_CORE, 32768);
    aclGetRecentErrMsg();
  }
  // What aclInit says to a file with this text.
  aclError Init(std::string_view text) {
    std::ofstream(path_) << text;
    return aclInit(path_.c_str());
  }
  static size_t Limit(aclrtDeviceLimit limit) {
    size_t value = 0;
    EXPECT_OK(aclrtDeviceGetLimit(limit, &value));
    return value;
  }

  const std::string path_ = "acl_config_" + std::to_string(getpid()) + ".json";
};

TEST_F(ConfigTest, StackSizeIsTheLimit) {
  ASSERT_OK(Init(R"({"StackSize": {"aicore_stack_size": 40000}})"));
  EXPECT_EQ(Limit(ACL_RT_DEV_LIMIT_SIMD_STACK_SIZE), 49152u);
  ASSERT_OK(aclrtDeviceSetLimit(ACL_RT_DEV_LIMIT_SIMD_STACK_SIZE, 65536));
  EXPECT_EQ(Limit(ACL_RT_DEV_LIMIT_SIMD_STACK_SIZE), 65536u) << "the later one counts";
}

TEST_F(ConfigTest, PrintfMemoryIsTheLimit) {
  ASSERT_OK(Init(R"({"simd_printf_fifo_size_per_core": "1048576"})"));
  EXPECT_EQ(Limit(ACL_RT_DEV_LIMIT_SIMD_PRINTF_FIFO_SIZE_PER_CORE), 1u << 20);
}

TEST_F(ConfigTest, MistakesLeaveEverythingAsItWas) {
  EXPECT_EQ(Init(R"({"StackSize": {"aicore_stack_size": 65536},
                     "simd_printf_fifo_size_per_core": 12})"),
            ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(Limit(ACL_RT_DEV_LIMIT_SIMD_STACK_SIZE), 32768u);
  EXPECT_EQ(aclFinalize(), aclFinalize()) << "not initialized";
  EXPECT_OK(Init("{}"));
}

TEST_F(ConfigTest, MistakesAreNamed) {
  const std::pair<const char*, aclError> cases[] = {
      {R"({"defaultDevice": "0"})", ACL_ERROR_RT_PARAM_INVALID},
      {R"({"defaultDevice": {}})", ACL_ERROR_RT_PARAM_INVALID},
      {R"({"defaultDevice": {"default_device": -1}})", ACL_ERROR_RT_PARAM_INVALID},
      {R"({"defaultDevice": {"default_device": "one"}})", ACL_ERROR_RT_PARAM_INVALID},
      {R"({"StackSize": {"aicore_stack_size": 196609}})", ACL_ERROR_RT_PARAM_INVALID},
      {R"({"StackSize": 32768})", ACL_ERROR_RT_PARAM_INVALID},
      {R"({"err_msg_mode": true})", ACL_ERROR_RT_PARAM_INVALID},
      {R"({"max_opqueue_num": 0})", ACL_ERROR_INVALID_MAX_OPQUEUE_NUM_CONFIG},
      {R"({"max_opqueue_num": "many"})", ACL_ERROR_INVALID_MAX_OPQUEUE_NUM_CONFIG},
      {R"([])", ACL_ERROR_PARSE_FILE},
      {"", ACL_ERROR_PARSE_FILE},
      {R"({"err_msg_mode": 1,})", ACL_ERROR_PARSE_FILE},
  };
  for (const auto& [text, code] : cases) {
    EXPECT_EQ(Init(text), code) << text;
    const char* message = aclGetRecentErrMsg();
    ASSERT_NE(message, nullptr);
  }
  EXPECT_EQ(aclInit("/"), ACL_ERROR_INVALID_FILE);
}

TEST_F(ConfigTest, ParseErrorsTellThePlace) {
  EXPECT_EQ(Init("{\n  \"err_msg_mode\": oops\n}"), ACL_ERROR_PARSE_FILE);
  const char* message = aclGetRecentErrMsg();
  ASSERT_NE(message, nullptr);
  EXPECT_NE(std::string_view(message).find(path_), std::string_view::npos) << message;
  EXPECT_NE(std::string_view(message).find("line 2"), std::string_view::npos) << message;
}

TEST_F(ConfigTest, DepthHasALimit) {
  const auto nested = [](int depth, const char* open, const char* close) {
    std::string text = R"({"dump": )";
    for (int i = 0; i < depth; ++i) {
      text += open;
    }
    text += "1";
    for (int i = 0; i < depth; ++i) {
      text += close;
    }
    return text + "}";
  };
  EXPECT_EQ(Init(nested(10, "{\"a\": ", "}")), ACL_ERROR_PARSE_FILE);
  EXPECT_EQ(Init(nested(11, "[", "]")), ACL_ERROR_PARSE_FILE);
  EXPECT_EQ(Init(nested(100'000, "[", "]")), ACL_ERROR_PARSE_FILE);
  EXPECT_OK(Init(nested(9, "{\"a\": ", "}")));
  aclFinalize();
  EXPECT_OK(Init(nested(10, "[", "]")));
}

TEST_F(ConfigTest, SettingsEndWithFinalize) {
  ASSERT_OK(Init(R"({"err_msg_mode": "1", "defaultDevice": {"default_device": 0}})"));
  std::thread([] { EXPECT_EQ(aclrtGetRunMode(nullptr), ACL_ERROR_INVALID_PARAM); }).join();
  EXPECT_NE(aclGetRecentErrMsg(), nullptr) << "messages of the process";
  ASSERT_OK(aclFinalize());
  ASSERT_OK(Init("{}"));
  std::thread([] { EXPECT_EQ(aclrtGetRunMode(nullptr), ACL_ERROR_INVALID_PARAM); }).join();
  EXPECT_EQ(aclGetRecentErrMsg(), nullptr) << "messages of another thread";
  aclrtContext context = nullptr;
  std::thread([&] {
    EXPECT_EQ(aclrtGetCurrentContext(&context), ACL_ERROR_RT_CONTEXT_NULL);
  }).join();
}

using DISABLED_ConfigChild = ConfigTest;

TEST_F(DISABLED_ConfigChild, UnknownSettings) {
  EXPECT_OK(Init(R"({"colour": "red", "dump": {"dump_path": "/tmp"},
                     "simt_printf_fifo_size": 1048576, "max_opqueue_num": "10000",
                     "StackSize": {"simt_stack_size": 1024, "height": 3},
                     "defaultDevice": {"default_device": 0, "spare": 1}})"));
}

TEST_F(ConfigTest, SettingsWithoutEffectAreWarnedAbout) {
  const ChildResult child =
      RunTestsInChild("DISABLED_ConfigChild.UnknownSettings",
                      {{"ASCEND_GLOBAL_LOG_LEVEL", "2"}, {"ASCEND_SLOG_PRINT_TO_STDOUT", "1"}});
  EXPECT_EQ(child.exit_code, 0) << child.output;
  const std::string file = "acl_config_" + std::to_string(child.pid) + ".json";
  for (const char* key : {"colour", "dump", "simt_printf_fifo_size", "StackSize.simt_stack_size",
                          "StackSize.height", "defaultDevice.spare"}) {
    const std::string wanted = "'" + std::string(key) + "' in " + file;
    EXPECT_NE(child.output.find(wanted), std::string::npos) << wanted << "\n" << child.output;
  }
  EXPECT_EQ(child.output.find("max_opqueue_num"), std::string::npos);
  EXPECT_NE(child.output.find("[WARNING] RUNTIME("), std::string::npos);
}

}  // namespace
}  // namespace vnpu::test
