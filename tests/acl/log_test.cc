// Where the log goes and what is in it.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/acl/child.h"
#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

namespace fs = std::filesystem;

class LogTest : public testing::Test {
 protected:
  LogTest() { fs::remove_all(folder_); }
  ~LogTest() override { fs::remove_all(folder_); }

  // Runs the tests of that name with clean log settings and these.
  ChildResult Run(const std::string& name, Environment settings) {
    for (const char* each :
         {"ASCEND_GLOBAL_LOG_LEVEL", "ASCEND_MODULE_LOG_LEVEL", "ASCEND_SLOG_PRINT_TO_STDOUT",
          "ASCEND_LOG_PRINT_TO_STDOUT", "ASCEND_PROCESS_LOG_PATH", "ASCEND_WORK_PATH"}) {
      bool given = false;
      for (const auto& [key, value] : settings) {
        given = given || key == each;
      }
      if (!given) {
        settings.emplace_back(each, "");
      }
    }
    ChildResult child = RunTestsInChild("DISABLED_LogChild." + name, settings);
    EXPECT_EQ(child.exit_code, 0) << child.output;
    return child;
  }
  // The text of the child's only log file.
  std::string LogFile(const std::string& folder, pid_t pid) {
    std::string found;
    for (const auto& entry : fs::directory_iterator(folder)) {
      EXPECT_TRUE(found.empty()) << entry.path();
      found = entry.path();
    }
    const std::string name = fs::path(found).filename();
    EXPECT_TRUE(name.starts_with("plog-" + std::to_string(pid) + "_")) << name;
    EXPECT_TRUE(name.ends_with(".log")) << name;
    std::ostringstream text;
    text << std::ifstream(found).rdbuf();
    return text.str();
  }

  const fs::path folder_ = fs::temp_directory_path() / ("acl_log_" + std::to_string(getpid()));
};

testing::AssertionResult HasText(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos ? testing::AssertionSuccess()
                                              : testing::AssertionFailure()
                                                    << "no '" << part << "' in\n"
                                                    << text;
}

// One line of each kind.
TEST(DISABLED_LogChild, Speak) {
  ACL_APP_LOG(ACL_DEBUG, "app debug");
  ACL_APP_LOG(ACL_INFO, "app info %s %d", "text", 42);
  ACL_APP_LOG(ACL_WARNING, "app warning");
  ACL_APP_LOG(ACL_ERROR, "app error");
  EXPECT_EQ(aclInit("/no/such/file"), ACL_ERROR_INVALID_FILE);
  aclAppLog(static_cast<aclLogLevel>(9), "f", "f.cc", 1, "level out of range");
  aclAppLog(ACL_ERROR, nullptr, nullptr, 1, "nameless");
  aclAppLog(ACL_ERROR, "f", "f.cc", 1, nullptr);
}

TEST(DISABLED_LogChild, SpeakLong) {
  ACL_APP_LOG(ACL_ERROR, "%s", (std::string(5000, 'x') + "end").c_str());
}

TEST_F(LogTest, FilesLieUnderTheProcessLogPath) {
  const ChildResult child = Run("Speak", {{"ASCEND_PROCESS_LOG_PATH", folder_ / "deep"},
                                          {"ASCEND_WORK_PATH", folder_ / "work"}});
  const std::string log = LogFile(folder_ / "deep/debug/plog", child.pid);
  EXPECT_TRUE(HasText(log, "[ERROR] APP(" + std::to_string(child.pid) + ",acl_test):"));
  EXPECT_TRUE(HasText(log, "log_test.cc:"));
  EXPECT_TRUE(HasText(log, "app error"));
  EXPECT_TRUE(HasText(log, "nameless"));
  EXPECT_TRUE(HasText(log, "[ERROR] RUNTIME("));
  EXPECT_TRUE(HasText(log, "/no/such/file"));
  EXPECT_FALSE(HasText(log, "app warning")) << "errors alone by default";
  EXPECT_FALSE(HasText(log, "out of range"));
  EXPECT_FALSE(HasText(child.output, "app error"));
  EXPECT_FALSE(fs::exists(folder_ / "work"));
}

TEST_F(LogTest, WorkPathHasAFolderForLogs) {
  const ChildResult child =
      Run("Speak", {{"ASCEND_WORK_PATH", folder_}, {"ASCEND_GLOBAL_LOG_LEVEL", "0"}});
  const std::string log = LogFile(folder_ / "log/debug/plog", child.pid);
  for (const char* part : {"[DEBUG] APP(", "[INFO] APP(", "app info text 42", "[WARNING] APP("}) {
    EXPECT_TRUE(HasText(log, part));
  }
}

TEST_F(LogTest, StandardOutputGoesBeforeFiles) {
  const ChildResult child =
      Run("Speak", {{"ASCEND_PROCESS_LOG_PATH", folder_}, {"ASCEND_SLOG_PRINT_TO_STDOUT", "1"}});
  EXPECT_TRUE(HasText(child.output, "app error"));
  EXPECT_FALSE(fs::exists(folder_));
}

TEST_F(LogTest, StandardErrorWithoutAFolder) {
  EXPECT_TRUE(HasText(Run("Speak", {}).output, "app error"));
}

TEST_F(LogTest, FolderThatCannotBeMadeLosesNothing) {
  std::ofstream(folder_) << "a file";
  EXPECT_TRUE(HasText(Run("Speak", {{"ASCEND_PROCESS_LOG_PATH", folder_}}).output, "app error"));
}

TEST_F(LogTest, LevelsOfModules) {
  const ChildResult child = Run("Speak", {{"ASCEND_GLOBAL_LOG_LEVEL", "4"},
                                          {"ASCEND_MODULE_LOG_LEVEL", "HCCL=0:APP=1"},
                                          {"ASCEND_PROCESS_LOG_PATH", folder_}});
  const std::string log = LogFile(folder_ / "debug/plog", child.pid);
  EXPECT_TRUE(HasText(log, "app info"));
  EXPECT_FALSE(HasText(log, "app debug"));
  EXPECT_FALSE(HasText(log, "RUNTIME("));
}

TEST_F(LogTest, NoFileWithoutAMessage) {
  Run("Speak", {{"ASCEND_GLOBAL_LOG_LEVEL", "4"}, {"ASCEND_PROCESS_LOG_PATH", folder_}});
  EXPECT_FALSE(fs::exists(folder_));
}

TEST_F(LogTest, LongMessagesAreCutOff) {
  const ChildResult child = Run("SpeakLong", {{"ASCEND_PROCESS_LOG_PATH", folder_}});
  const std::string log = LogFile(folder_ / "debug/plog", child.pid);
  EXPECT_TRUE(HasText(log, std::string(1023, 'x') + "\n"));
  EXPECT_FALSE(HasText(log, "end"));
}

}  // namespace
}  // namespace vnpu::test
