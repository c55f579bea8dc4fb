// The device process and its compat part.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cstring>
#include <string>

#include "tests/device/device_fixture.h"

namespace vnpu::test {
namespace {

using firmware::Fd;
using firmware::SelfTestReport;

// A device process with a plug-in.
class Compat : public testing::Test {
 protected:
  ~Compat() override {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }

  void Start(const char* argument, const std::string& plugin) {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    socket_ = Fd(ends[0]);
    const Fd theirs(ends[1]);
    const std::string path = VNPU_TEST_PLUGINS + plugin + ".so";
    const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(file) << path;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    // Out of the way of 3 and 4 first.
    posix_spawn_file_actions_adddup2(&actions, theirs.get(), 20);
    posix_spawn_file_actions_adddup2(&actions, file.get(), firmware::kCompatFd);
    posix_spawn_file_actions_adddup2(&actions, 20, firmware::kControlFd);
    posix_spawn_file_actions_addclose(&actions, 20);
    std::string program = VNPU_DEVICE_PROGRAM;
    std::string option = argument;
    char* const arguments[] = {program.data(), option.data(), nullptr};
    const int error = posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    ASSERT_EQ(error, 0);
  }
  SelfTestReport Report() {
    SelfTestReport report{};
    EXPECT_EQ(recv(socket_.get(), &report, sizeof(report), 0), sizeof(report));
    return report;
  }
  int ExitStatus() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  Fd socket_;
  pid_t pid_ = 0;
};

TEST_F(Compat, SelfTestPasses) {
  Start("--self-test", "second");
  EXPECT_EQ(Report().result, 0);
  EXPECT_EQ(ExitStatus(), 0);
}

TEST_F(Compat, SelfTestSaysWhatIsWrong) {
  Start("--self-test", "failing");
  const SelfTestReport report = Report();
  EXPECT_EQ(report.result, 7);
  EXPECT_STREQ(report.message, "the answer is not 42");
}

TEST_F(Compat, PluginsOfAnotherInterfaceAreNotTested) {
  Start("--self-test", "other_interface");
  const SelfTestReport report = Report();
  EXPECT_EQ(report.result, SelfTestReport::kNotLoaded);
  EXPECT_NE(std::string(report.message).find("interface"), std::string::npos) << report.message;
}

TEST_F(Compat, ADeviceProcessEndsRatherThanRunWithoutItsPlugin) {
  Start("--compat", "incomplete");
  EXPECT_EQ(ExitStatus(), 1);
}

TEST_F(Compat, ADeviceProcessServesWithItsPlugin) {
  Start("--compat", "second");
  firmware::ControlRequest request;
  std::memset(static_cast<void*>(&request), 0, sizeof(request));
  request.op = firmware::ControlOp::kUnmap;
  request.number = 9;
  ASSERT_EQ(send(socket_.get(), &request, sizeof(request), 0), sizeof(request));
  firmware::ControlReply reply{};
  ASSERT_EQ(recv(socket_.get(), &reply, sizeof(reply), 0), sizeof(reply));
  EXPECT_EQ(reply.number, 9u);
  EXPECT_EQ(reply.result, -ENXIO);  // not set up yet
}

}  // namespace
}  // namespace vnpu::test
