#include "driver/config/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace vnpu::driver {
namespace {

ParsedConfig Parse(std::vector<const char*> words) {
  words.insert(words.begin(), "vnpud");
  return ParseConfig(static_cast<int>(words.size()), words.data());
}

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"VNPU_SOC", "VNPU_DEVICES", "VNPU_HBM_SIZE", "VNPU_CONFIG"}) {
      unsetenv(name);
    }
  }
  void TearDown() override {
    SetUp();
    unlink(file_.c_str());
  }
  // A configuration file with this text.
  const char* File(const std::string& text) {
    file_ = testing::TempDir() + "vnpu_config_test." + std::to_string(getpid()) + ".toml";
    std::ofstream(file_) << text;
    return file_.c_str();
  }
  std::string file_;
};

TEST_F(ConfigTest, Defaults) {
  const auto parsed = Parse({});
  ASSERT_TRUE(parsed.config);
  EXPECT_EQ(parsed.config->mount_point, "/dev/vnpu");
  EXPECT_EQ(parsed.config->devices, 1u);
  EXPECT_EQ(parsed.config->soc->name, "Ascend910B1");
  EXPECT_EQ(parsed.config->hbm_bytes, parsed.config->soc->hbm_bytes);
  EXPECT_EQ(parsed.config->mode, 0666u);
  EXPECT_EQ(parsed.config->log_level, "info");
  EXPECT_TRUE(parsed.config->device_program.ends_with("/vnpu-device"));
}

TEST_F(ConfigTest, CommandLineOverEnvironmentOverFile) {
  const char* file = File("devices = 3\nsoc = \"Ascend310P3\"\nhbm_size = \"1G\"\n");
  setenv("VNPU_DEVICES", "4", 1);
  setenv("VNPU_SOC", "Ascend910B3", 1);
  const auto parsed = Parse({"--config", file, "--devices", "5"});
  ASSERT_TRUE(parsed.config) << parsed.output;
  EXPECT_EQ(parsed.config->devices, 5u);
  EXPECT_EQ(parsed.config->soc->name, "Ascend910B3");
  EXPECT_EQ(parsed.config->hbm_bytes, uint64_t{1} << 30);
}

TEST_F(ConfigTest, FileByEnvironment) {
  setenv("VNPU_CONFIG", File("devices = 2\nmode = \"0640\"\n"), 1);
  const auto parsed = Parse({});
  ASSERT_TRUE(parsed.config) << parsed.output;
  EXPECT_EQ(parsed.config->devices, 2u);
  EXPECT_EQ(parsed.config->mode, 0640u);
}

TEST_F(ConfigTest, ComplaintsNameTheSettingAndTheRemedy) {
  const std::vector<std::pair<std::vector<const char*>, const char*>> cases = {
      {{"--devices", "0"}, "1 to 64"},
      {{"--devices", "65"}, "1 to 64"},
      {{"--devices", "two"}, "1 to 64"},
      {{"--soc", "Ascend1"}, "Ascend910B1, Ascend910B2"},
      {{"--hbm-size", "12Q"}, "2M to 512G"},
      {{"--hbm-size", "99999999T"}, "2M to 512G"},
      {{"--mode", "9"}, "octal"},
      {{"--owner", "no such user"}, "no such user"},
      {{"--log-level", "loud"}, "debug"},
      {{"--control-timeout-ms", "1"}, "10 to 600000"},
  };
  for (const auto& [words, text] : cases) {
    const auto parsed = Parse(words);
    EXPECT_FALSE(parsed.config);
    EXPECT_EQ(parsed.exit_code, 2);
    EXPECT_NE(parsed.output.find(text), std::string::npos) << parsed.output;
    EXPECT_EQ(parsed.output.find('\n'), parsed.output.size() - 1) << parsed.output;
  }
}

TEST_F(ConfigTest, BadFiles) {
  EXPECT_NE(Parse({"--config", "/no/such/file"}).exit_code, 0);
  EXPECT_NE(Parse({"--config", File("devices = [1]\n")}).output.find("devices"), std::string::npos);
  EXPECT_NE(Parse({"--config", File("colour = 1\n")}).output.find("colour"), std::string::npos);
  EXPECT_NE(Parse({"--config", File("devices = \n")}).output.find("line 1"), std::string::npos);
}

TEST_F(ConfigTest, HelpAndVersion) {
  const auto help = Parse({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_NE(help.output.find("--hbm-size"), std::string::npos);
  EXPECT_EQ(Parse({"--version"}).exit_code, 0);
  EXPECT_NE(Parse({"--no-such-option"}).exit_code, 0);
}

TEST(ParseBytes, Units) {
  EXPECT_EQ(ParseBytes("4096"), 4096u);
  EXPECT_EQ(ParseBytes("3K"), 3072u);
  EXPECT_EQ(ParseBytes("2MiB"), uint64_t{2} << 20);
  EXPECT_EQ(ParseBytes("1gB"), uint64_t{1} << 30);
  for (const char* bad : {"", "G", "1X", "1GG", "-1", "1 G", "18446744073709551615K"}) {
    EXPECT_FALSE(ParseBytes(bad)) << bad;
  }
}

TEST(SocProfiles, EveryChipHasWhatADeviceNeeds) {
  for (const SocProfile& profile : SocProfiles()) {
    EXPECT_EQ(FindSocProfile(profile.name), &profile);
    EXPECT_GT(profile.ai_cores, 0u);
    EXPECT_GT(profile.vector_cores, 0u);
    EXPECT_GT(profile.ai_cpus, 0u);
    EXPECT_GT(profile.dma_channels, 0u);
    EXPECT_EQ(profile.hbm_bytes % (2u << 20), 0u);
    EXPECT_LT(profile.name.size(), 32u);
  }
  EXPECT_EQ(FindSocProfile("Ascend999"), nullptr);
}

}  // namespace
}  // namespace vnpu::driver
