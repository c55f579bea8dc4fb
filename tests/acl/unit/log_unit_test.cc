// Log files, levels of modules.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>

#include "libruntime/src/base/log.h"
#include "libruntime/src/base/plog.h"

namespace vnpu::runtime {
namespace {

namespace fs = std::filesystem;

class PlogTest : public testing::Test {
 protected:
  PlogTest() { fs::remove_all(folder_); }
  ~PlogTest() override { fs::remove_all(folder_); }

  static void Say(PlogSink& sink, const std::string& text) {
    sink.log(spdlog::details::log_msg("test", spdlog::level::info, text));
  }
  std::set<std::string> Files() const {
    std::set<std::string> files;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      files.insert(entry.path());
    }
    return files;
  }

  const fs::path folder_ = fs::temp_directory_path() / ("plog_" + std::to_string(getpid()));
};

TEST_F(PlogTest, OneFileUntilItIsFull) {
  PlogSink sink(folder_, 10, 4096);
  EXPECT_FALSE(fs::exists(folder_)) << "nothing to write yet";
  for (int i = 0; i < 10; ++i) {
    Say(sink, std::string(100, 'x'));
  }
  ASSERT_EQ(Files().size(), 1u);
  for (int i = 0; i < 40; ++i) {
    Say(sink, std::string(100, 'x'));
  }
  EXPECT_GE(Files().size(), 2u);
  for (const std::string& file : Files()) {
    EXPECT_LE(fs::file_size(file), 4096u) << file;
  }
}

TEST_F(PlogTest, OldestFilesGo) {
  PlogSink sink(folder_, 3, 1000);
  Say(sink, std::string(900, 'a'));
  const std::string first = *Files().begin();
  for (int i = 0; i < 20; ++i) {
    Say(sink, std::string(900, 'x'));
  }
  EXPECT_EQ(Files().size(), 3u);
  EXPECT_FALSE(fs::exists(first));
}

TEST_F(PlogTest, ForkedChildHasItsOwn) {
  PlogSink sink(folder_, 3, 4096);
  Say(sink, "parent");
  const pid_t child = fork();
  if (child == 0) {
    Say(sink, "child");
    _exit(0);
  }
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_EQ(Files().size(), 2u);
}

TEST(LogSettings, NumberOfFiles) {
  const std::pair<const char*, uint32_t> cases[] = {
      {"1", 1},   {"1000", 1000}, {"0", 10},   {"1001", 10},
      {"-5", 10}, {"", 10},       {"7 x", 10}, {"20", 20},
  };
  for (const auto& [text, files] : cases) {
    setenv("ASCEND_HOST_LOG_FILE_NUM", text, 1);
    EXPECT_EQ(PlogFilesFromEnvironment(), files) << text;
  }
  unsetenv("ASCEND_HOST_LOG_FILE_NUM");
  EXPECT_EQ(PlogFilesFromEnvironment(), 10u);
}

TEST(LogSettings, LevelsOfModules) {
  const auto level = [](const char* list) {
    return ModuleLevel(list, {"RUNTIME", "ASCENDCL"}, spdlog::level::err);
  };
  EXPECT_EQ(level(nullptr), spdlog::level::err);
  EXPECT_EQ(level(""), spdlog::level::err);
  EXPECT_EQ(level("RUNTIME=0"), spdlog::level::debug);
  EXPECT_EQ(level("HCCL=0:ASCENDCL=2"), spdlog::level::warn);
  EXPECT_EQ(level("RUNTIME=9"), spdlog::level::err);
  EXPECT_EQ(level("RUNTIME=9:RUNTIME=1"), spdlog::level::info);
  EXPECT_EQ(level("RUNTIME=:=:RUNTIME"), spdlog::level::err);
  EXPECT_EQ(level("XRUNTIME=0:runtime=0"), spdlog::level::err);
  EXPECT_EQ(level(":::RUNTIME=4"), spdlog::level::off);
}

}  // namespace
}  // namespace vnpu::runtime
