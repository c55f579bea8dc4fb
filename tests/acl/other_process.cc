#include "tests/acl/other_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>

#include "libruntime/include/vnpu/vnpu.h"

namespace vnpu::test {

OtherProcess::OtherProcess() {
  int to[2];
  int from[2];
  EXPECT_EQ(pipe2(to, O_CLOEXEC), 0);
  EXPECT_EQ(pipe2(from, O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO);
  std::string program = VNPU_TEST_OTHER_PROCESS;
  std::array<char*, 2> arguments{program.data(), nullptr};
  EXPECT_EQ(posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments.data(), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  close(to[0]);
  close(from[1]);
  commands_ = fdopen(to[1], "w");
  answers_ = fdopen(from[0], "r");
}

OtherProcess::~OtherProcess() {
  std::fclose(commands_);
  std::fclose(answers_);
  if (pid_ > 0) {
    waitpid(pid_, nullptr, 0);
  }
}

std::string OtherProcess::Ask(const std::string& command) {
  std::fprintf(commands_, "%s\n", command.c_str());
  std::fflush(commands_);
  std::array<char, 512> line{};
  if (std::fgets(line.data(), line.size(), answers_) == nullptr) {
    ADD_FAILURE() << "the other process does not answer '" << command << "'";
    return "";
  }
  std::string answer = line.data();
  answer.pop_back();  // the end of the line
  return answer;
}

int64_t OtherProcess::Number(const std::string& command) {
  return std::strtoll(Ask(command).c_str(), nullptr, 10);
}

void OtherProcess::Kill() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

bool OnNode() {
  const char* transport = vnpuGetTransport(0);
  return transport != nullptr && std::string_view(transport).starts_with("device node");
}

}  // namespace vnpu::test
