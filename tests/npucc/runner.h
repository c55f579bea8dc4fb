// Runs npucc on sources in a directory of the test's own.
#ifndef TESTS_NPUCC_RUNNER_H_
#define TESTS_NPUCC_RUNNER_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tools/npucc/process.h"

namespace vnpu::npucc::testing {

class NpuccTest : public ::testing::Test {
 protected:
  // Writes a file into the directory and returns its path.
  std::string Write(const std::string& name, const std::string& content);
  std::string Path(const std::string& name) const { return work_.Path(name); }

  // npucc with these arguments, and what it wrote.
  static CommandResult Npucc(const std::vector<std::string>& arguments);

  // The errors of compiling a source with --device, with the directory taken out; "" on success.
  std::string DeviceErrors(const std::string& source);

  // Kernel code with kernel_operator.h before it, on line 1.
  static std::string Kernel(const std::string& code) {
    return "#include \"kernel_operator.h\"\n" + code;
  }

  WorkDirectory work_{""};
};

::testing::AssertionResult Contains(const std::string& text, const std::string& part);

}  // namespace vnpu::npucc::testing

#endif  // TESTS_NPUCC_RUNNER_H_
