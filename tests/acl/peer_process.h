// A second process that uses the acl interface: the test program once more, running one test that
// nothing else runs (DISABLED_...), with a line in each direction between the two.
#ifndef VNPU_TESTS_ACL_PEER_PROCESS_H_
#define VNPU_TESTS_ACL_PEER_PROCESS_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "vnpu/vnpu.h"

namespace vnpu::test {

// One end of the line: words, one after the other.
class PeerLink {
 public:
  // Where the peer process finds its end: numbers that nothing else in the test has.
  static constexpr int kPeerIn = 900;
  static constexpr int kPeerOut = 901;

  PeerLink(int in, int out) : in_(in), out_(out) {}

  void Send(const std::string& word) const {
    const std::string line = word + "\n";
    EXPECT_EQ(write(out_, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  }
  // The next word; "" and a failure when none comes for long, or the other end is gone.
  std::string Receive() const {
    constexpr int kPatienceMs = 60'000;
    std::string word;
    for (char byte = 0;;) {
      pollfd readable{in_, POLLIN, 0};
      if (poll(&readable, 1, kPatienceMs) != 1 || read(in_, &byte, 1) != 1) {
        ADD_FAILURE() << "nothing from the other process";
        return "";
      }
      if (byte == '\n') {
        return word;
      }
      word += byte;
    }
  }

 private:
  int in_;
  int out_;
};

// The line of the peer process to the one that started it.
inline PeerLink ToParent() { return {PeerLink::kPeerIn, PeerLink::kPeerOut}; }

class PeerProcess {
 public:
  // Runs the test `name`, "Suite.DISABLED_Test".
  explicit PeerProcess(const std::string& name) {
    std::array<int, 2> down{};
    std::array<int, 2> up{};
    EXPECT_EQ(pipe2(down.data(), O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(up.data(), O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, down[0], PeerLink::kPeerIn);
    posix_spawn_file_actions_adddup2(&actions, up[1], PeerLink::kPeerOut);
    std::string program = "acl_test";
    std::string all = "--gtest_also_run_disabled_tests";
    std::string brief = "--gtest_brief=1";
    std::string filter = "--gtest_filter=" + name;
    std::array<char*, 5> arguments = {program.data(), all.data(), brief.data(), filter.data(),
                                      nullptr};
    EXPECT_EQ(posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, arguments.data(), environ),
              0);
    posix_spawn_file_actions_destroy(&actions);
    close(down[0]);
    close(up[1]);
    in_ = up[0];
    out_ = down[1];
  }
  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;
  ~PeerProcess() {
    Kill();
    Wait();
    close(in_);
    close(out_);
  }

  PeerLink link() const { return {in_, out_}; }
  // The number that it answers to a word.
  int Ask(const std::string& word) const {
    link().Send(word);
    return std::atoi(link().Receive().c_str());
  }
  pid_t pid() const { return pid_; }
  void Kill() const {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
    }
  }
  // The exit status: 0 when its test has passed; -1: killed.
  int Wait() {
    int status = -1;
    if (pid_ > 0) {
      waitpid(std::exchange(pid_, -1), &status, 0);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
};

// On the embedded transport each process has a driver of its own.
inline bool ProcessesShareTheDriver() {
  const char* transport = vnpuGetTransport(0);
  return transport != nullptr && !std::string_view(transport).starts_with("embedded");
}

}  // namespace vnpu::test

#endif  // VNPU_TESTS_ACL_PEER_PROCESS_H_
