// The driver as a program: starting, refusing to start, ending, and what is left of it.
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>

#include "tests/driver/harness.h"

namespace vnpu::driver {
namespace {

struct Outcome {
  int code = -1;
  std::string text;
};

// Runs a command of a shell; what it prints on both outputs.
Outcome Shell(const std::string& command) {
  Outcome outcome;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::array<char, 512> buffer{};
  while (fgets(buffer.data(), buffer.size(), pipe) != nullptr) {
    outcome.text += buffer.data();
  }
  const int status = pclose(pipe);
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

const std::string kVnpud = std::string(VNPU_TEST_VNPUD) + " --device-program /bin/false";
const std::string kCtl = VNPU_TEST_CTL;
const std::string kSmi = VNPU_TEST_SMI;

class DaemonTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!CanMount()) {
      GTEST_SKIP() << "may not mount FUSE here";
    }
    std::string path = testing::TempDir() + "vnpudXXXXXX";
    folder_ = mkdtemp(path.data());
    nodes_ = folder_ + "/nodes";
  }
  void TearDown() override {
    if (!folder_.empty()) {
      Shell(kCtl + " stop --mount-point " + nodes_);
      umount2(nodes_.c_str(), MNT_DETACH);
      std::filesystem::remove_all(folder_);
    }
  }
  std::string folder_;
  std::string nodes_;
};

TEST_F(DaemonTest, StartStatusStop) {
  const std::string at = " --mount-point " + nodes_;
  EXPECT_EQ(Shell(kCtl + " status" + at).code, 3);
  const std::string pid_file = folder_ + "/pid";
  const Outcome started = Shell(kCtl + " start" + at + " --devices 2 --pid-file " + pid_file +
                                " --log-file " + folder_ + "/log");
  EXPECT_EQ(started.code, 0) << started.text;
  EXPECT_NE(started.text.find("serves 2 device(s)"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(pid_file));
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/log"));
  const Outcome status = Shell(kCtl + " status" + at);
  EXPECT_EQ(status.code, 0);
  EXPECT_NE(status.text.find("device 1: Ascend910B1"), std::string::npos) << status.text;
  EXPECT_EQ(Shell(kCtl + " counters --json" + at).text.find("\"sessions\": 0") != std::string::npos,
            true);
  const Outcome smi = Shell("VNPU_DEV_DIR=" + nodes_ + " " + kSmi + " info --sample-ms 10");
  EXPECT_EQ(smi.code, 0);
  EXPECT_NE(smi.text.find("910B1"), std::string::npos);
  EXPECT_EQ(Shell(kCtl + " stop" + at).code, 0);
  EXPECT_FALSE(std::filesystem::exists(nodes_));
  EXPECT_FALSE(std::filesystem::exists(pid_file));
  EXPECT_EQ(Shell(kCtl + " stop" + at).code, 3);
  EXPECT_EQ(Shell("VNPU_DEV_DIR=" + nodes_ + " " + kSmi + " info").code, 1);
}

TEST_F(DaemonTest, ASecondDriverIsRefused) {
  ASSERT_EQ(Shell(kVnpud + " --mount-point " + nodes_).code, 0);
  const Outcome second = Shell(kVnpud + " --mount-point " + nodes_);
  EXPECT_EQ(second.code, 1);
  EXPECT_NE(second.text.find("another vnpud"), std::string::npos) << second.text;
  EXPECT_EQ(Shell(kCtl + " status --mount-point " + nodes_).code, 0);
}

TEST_F(DaemonTest, AfterAKillTheNextStartCleansUp) {
  ASSERT_EQ(Shell(kVnpud + " --mount-point " + nodes_ + " --pid-file " + folder_ + "/pid").code, 0);
  Shell("kill -9 $(cat " + folder_ + "/pid)");
  struct stat status {};
  ASSERT_TRUE(Eventually([&] { return stat(nodes_.c_str(), &status) != 0 && errno == ENOTCONN; }));
  EXPECT_EQ(Shell(kCtl + " status --mount-point " + nodes_).code, 3);
  EXPECT_EQ(Shell(kVnpud + " --mount-point " + nodes_).code, 0);
  EXPECT_EQ(Shell(kCtl + " status --mount-point " + nodes_).code, 0);
}

TEST_F(DaemonTest, StopTakesADeadMountAway) {
  ASSERT_EQ(Shell(kVnpud + " --mount-point " + nodes_ + " --pid-file " + folder_ + "/pid").code, 0);
  Shell("kill -9 $(cat " + folder_ + "/pid)");
  struct stat status {};
  ASSERT_TRUE(Eventually([&] { return stat(nodes_.c_str(), &status) != 0 && errno == ENOTCONN; }));
  EXPECT_EQ(Shell(kCtl + " stop --mount-point " + nodes_).code, 0);
  EXPECT_EQ(stat(nodes_.c_str(), &status), 0);
}

TEST_F(DaemonTest, ComplaintsOnStart) {
  std::filesystem::create_directory(folder_ + "/d");
  std::filesystem::create_symlink("/dev/null", folder_ + "/file");
  const Outcome not_a_folder = Shell(kVnpud + " --mount-point " + folder_ + "/file");
  EXPECT_EQ(not_a_folder.code, 1);
  EXPECT_NE(not_a_folder.text.find("not a directory"), std::string::npos) << not_a_folder.text;
  EXPECT_EQ(Shell(kVnpud + " --mount-point /no/such/folder/nodes").code, 1);
  EXPECT_EQ(Shell(kVnpud + " --devices 0").code, 2);
  EXPECT_EQ(Shell(kVnpud + " --mount-point " + nodes_ + " --log-file /proc/no/log").code, 1);
  EXPECT_FALSE(std::filesystem::exists(nodes_));
}

TEST_F(DaemonTest, UnmountingEndsTheDriver) {
  ASSERT_EQ(Shell(kVnpud + " --mount-point " + nodes_ + " --pid-file " + folder_ + "/pid").code, 0);
  ASSERT_EQ(umount(nodes_.c_str()), 0);
  EXPECT_TRUE(Eventually([&] { return !std::filesystem::exists(folder_ + "/pid"); }));
}

TEST(Embedded, EndsWithItsClient) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = Fork([&] {
    const auto driver = StartDriver(Transport::kEmbedded);
    const TestSession session(driver.get());
    const std::array<pid_t, 2> pids = {driver->pid(),
                                       static_cast<pid_t>(session.info().device_pid)};
    if (write(ends[1], pids.data(), sizeof(pids)) != sizeof(pids)) {
      return 1;
    }
    kill(getpid(), SIGKILL);
    return 0;
  });
  std::array<pid_t, 2> pids{};
  ASSERT_EQ(read(ends[0], pids.data(), sizeof(pids)), static_cast<ssize_t>(sizeof(pids)));
  EXPECT_EQ(Join(child), 1000 + SIGKILL);
  // An orphan may stay a zombie where nobody reaps it.
  for (const pid_t pid : pids) {
    EXPECT_TRUE(Eventually([&] {
      return !std::filesystem::exists("/proc/" + std::to_string(pid) + "/exe") ||
             access(("/proc/" + std::to_string(pid) + "/exe").c_str(), F_OK) != 0;
    }));
  }
  close(ends[0]);
  close(ends[1]);
}

TEST(Embedded, DriverKilledGivesErrors) {
  const auto driver = StartDriver(Transport::kEmbedded);
  const auto file = driver->Open("davinci0");
  ASSERT_EQ(file->Agree(), 0);
  kill(driver->pid(), SIGTERM);
  EXPECT_TRUE(Eventually([&] {
    vnpu_device_info info{};
    return file->Ioctl(VNPU_IOC_DEVICE_QUERY, &info) < 0;
  }));
  EXPECT_EQ(driver->Open("davinci0"), nullptr);
}

TEST_F(DaemonTest, FirmwareIsListedUpgradedAndRefused) {
  const std::string at = " --mount-point " + nodes_;
  const std::string plugins = VNPU_TEST_PLUGINS;
  ASSERT_EQ(Shell(kCtl + " start" + at + " --devices 2 --log-file " + folder_ + "/log").code, 0);
  const Outcome before = Shell(kCtl + " firmware list" + at);
  EXPECT_EQ(before.code, 0);
  EXPECT_NE(before.text.find("davinci1"), std::string::npos) << before.text;
  EXPECT_NE(before.text.find("active"), std::string::npos) << before.text;
  const std::string upgrade = kCtl + " firmware upgrade ";
  const Outcome refused = Shell(upgrade + plugins + "failing.so --device 1" + at);
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.text.find("the answer is not 42"), std::string::npos) << refused.text;
  const Outcome done = Shell(upgrade + plugins + "second.so --device 1" + at);
  EXPECT_EQ(done.code, 0) << done.text;
  const Outcome after = Shell(kCtl + " firmware list" + at);
  const size_t second = after.text.find("2.0.0-second");
  ASSERT_NE(second, std::string::npos) << after.text;
  EXPECT_EQ(after.text.find("2.0.0-second", second + 1), std::string::npos) << "on device 1 alone";
  EXPECT_EQ(Shell(upgrade + plugins + "second.so" + at).code, 0) << "on both";
  EXPECT_NE(Shell(upgrade + "/no/such/file" + at).text.find("No such file"), std::string::npos);
  EXPECT_EQ(Shell(upgrade + plugins + "second.so --device 9" + at).code, 1);
}

}  // namespace
}  // namespace vnpu::driver
