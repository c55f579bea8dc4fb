#include "tests/acl/support.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <utility>

namespace vnpu::test {
namespace {

// Unless it is said otherwise: an embedded driver, and what it offers.
[[maybe_unused]] const bool environment_set = [] {
  constexpr std::array<std::pair<const char*, const char*>, 4> kDefaults{{
      {"VNPU_DEVICES", "2"},
      {"VNPU_HBM_SIZE", "2G"},
      {"VNPU_LOG_LEVEL", "error"},
      {"VNPU_TRANSPORT", "embedded"},
  }};
  for (const auto& [name, value] : kDefaults) {
    setenv(name, value, /*overwrite=*/0);
  }
  return true;
}();

// The inodes of the session memories that a process has mapped. There can be several: an event that
// was not destroyed keeps the memory of its session.
std::set<std::string> SessionMemoriesOf(const std::string& pid) {
  std::set<std::string> inodes;
  std::ifstream maps("/proc/" + pid + "/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("memfd:vnpu-session") != std::string::npos) {
      // address perms offset dev inode path
      size_t field = 0;
      for (int i = 0; i < 4; ++i) {
        field = line.find(' ', field) + 1;
      }
      inodes.insert(line.substr(field, line.find(' ', field) - field));
    }
  }
  return inodes;
}

}  // namespace

testing::AssertionResult IsOk(aclError error) {
  if (error == ACL_SUCCESS) {
    return testing::AssertionSuccess();
  }
  const char* message = aclGetRecentErrMsg();
  return testing::AssertionFailure() << error << ": " << (message != nullptr ? message : "");
}

void AwaitEmptyDevice() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  size_t free = 0;
  size_t total = 1;
  while (free != total && std::chrono::steady_clock::now() < deadline) {
    ASSERT_OK(aclrtGetMemInfo(ACL_HBM_MEM, &free, &total));
  }
  EXPECT_EQ(free, total) << "somebody else uses memory of the device";
}

void DeviceTest::SetUp() {
  ASSERT_OK(aclrtSetDevice(0));
  // Not in processes that run one test beside this one's.
  static bool used_before = false;
  if (std::exchange(used_before, true)) {
    AwaitEmptyDevice();
  }
}

void DeviceTest::TearDown() {
  // A test may have reset it already.
  aclrtResetDeviceForce(0);
  aclGetRecentErrMsg();
}

void KernelTest::SetUp() {
  DeviceTest::SetUp();
  ASSERT_OK(aclrtCreateStream(&stream_));
  ASSERT_OK(aclrtBinaryLoadFromFile(VNPU_TEST_KERNELS, nullptr, &binary_));
}

aclrtFuncHandle KernelTest::Kernel(const char* name) {
  aclrtFuncHandle handle = nullptr;
  EXPECT_OK(aclrtBinaryGetFunction(binary_, name, &handle));
  return handle;
}

Gate::Gate(aclrtFuncHandle wait_for, aclrtStream stream) : stream_(stream) {
  flag_[0] = 0;
  int* address = flag_.get();
  EXPECT_OK(aclrtLaunchKernelWithHostArgs(wait_for, 1, stream, nullptr, &address, sizeof(address),
                                          nullptr, 0));
}

void Gate::Open() {
  __atomic_store_n(flag_.get(), 1, __ATOMIC_RELEASE);
  // The kernel reads the flag to its end.
  aclrtSynchronizeStream(stream_);
}

pid_t DeviceProcess() {
  const std::set<std::string> ours = SessionMemoriesOf("self");
  pid_t found = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string process = entry.path().filename();
    const pid_t pid = std::atoi(process.c_str());
    if (pid <= 0 || pid == getpid()) {
      continue;
    }
    std::string name;
    std::ifstream(entry.path() / "comm") >> name;
    if (name != "vnpu-device") {
      continue;
    }
    for (const std::string& memory : SessionMemoriesOf(process)) {
      found = ours.contains(memory) ? pid : found;
    }
  }
  return found;
}

std::vector<char> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool HaveTwoDevices() {
#ifdef __SANITIZE_THREAD__
  return false;  // the address space of a process under ThreadSanitizer has room for one
#else
  uint32_t count = 0;
  EXPECT_OK(aclrtGetDeviceCount(&count));
  return count >= 2;
#endif
}

}  // namespace vnpu::test
