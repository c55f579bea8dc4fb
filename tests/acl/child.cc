#include "tests/acl/child.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace vnpu::test {
namespace {

std::vector<std::string> ChangedEnvironment(const Environment& changes) {
  std::vector<std::string> variables;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string variable = *each;
    const std::string name = variable.substr(0, variable.find('='));
    const bool changed = std::any_of(changes.begin(), changes.end(),
                                     [&](const auto& change) { return change.first == name; });
    if (!changed) {
      variables.push_back(variable);
    }
  }
  for (const auto& [name, value] : changes) {
    if (!value.empty()) {
      variables.push_back(name + "=" + value);
    }
  }
  return variables;
}

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

ChildResult RunTestsInChild(const std::string& filter, const Environment& changes) {
  ChildResult result;
  std::vector<std::string> words = {"acl_test", "--gtest_also_run_disabled_tests",
                                    "--gtest_filter=" + filter};
  std::vector<std::string> variables = ChangedEnvironment(changes);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return result;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  const int error = posix_spawn(&result.pid, "/proc/self/exe", &actions, nullptr,
                                Pointers(words).data(), Pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error == 0) {
    std::array<char, 4096> chunk{};
    for (ssize_t got = 0; (got = read(ends[0], chunk.data(), chunk.size())) > 0;) {
      result.output.append(chunk.data(), static_cast<size_t>(got));
    }
    int status = 0;
    if (waitpid(result.pid, &status, 0) == result.pid && WIFEXITED(status)) {
      result.exit_code = WEXITSTATUS(status);
    }
  }
  close(ends[0]);
  return result;
}

}  // namespace vnpu::test
