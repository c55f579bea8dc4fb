#include "tests/npucc/runner.h"

#include <cstddef>

namespace vnpu::npucc::testing {

std::string NpuccTest::Write(const std::string& name, const std::string& content) {
  const std::string path = work_.Path(name);
  WriteFile(path, content);
  return path;
}

CommandResult NpuccTest::Npucc(const std::vector<std::string>& arguments) {
  std::vector<std::string> command{NPUCC_PROGRAM};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return RunCommand(command);
}

std::string NpuccTest::DeviceErrors(const std::string& source) {
  const std::string path = Write("k.cpp", source);
  const CommandResult result = Npucc({"--device", path, "-o", Path("k.npu")});
  std::string text = result.status == 0 ? "" : result.err;
  const std::string directory = work_.directory() + "/";
  for (std::size_t at = 0; (at = text.find(directory, at)) != std::string::npos;) {
    text.erase(at, directory.size());
  }
  return text;
}

::testing::AssertionResult Contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "no \"" << part << "\" in:\n" << text;
}

}  // namespace vnpu::npucc::testing
