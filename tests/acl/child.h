// Tests that need an environment of their own run in a process of their own: the test program, with
// the tests that the filter names. Those tests are called DISABLED_..., so that nothing else runs
// them.
#ifndef VNPU_TESTS_ACL_CHILD_H_
#define VNPU_TESTS_ACL_CHILD_H_

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace vnpu::test {

struct ChildResult {
  int exit_code = -1;  // -1: did not exit by itself
  pid_t pid = 0;
  std::string output;  // standard output and error
};

using Environment = std::vector<std::pair<std::string, std::string>>;

// Runs the tests with the environment of this process, changed as `changes` says; an empty value
// takes a variable away.
ChildResult RunTestsInChild(const std::string& filter, const Environment& changes);

}  // namespace vnpu::test

#endif  // VNPU_TESTS_ACL_CHILD_H_
