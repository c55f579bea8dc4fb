// A driver process and ways to talk to it, for tests.
#ifndef VNPU_TESTS_DRIVER_HARNESS_H_
#define VNPU_TESTS_DRIVER_HARNESS_H_

#include <gtest/gtest.h>
#include <sys/types.h>
#include <vnpu/ioctl.h>
#include <vnpu/queue.h>
#include <vnpu/session.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "driver/base/mapping.h"
#include "driver/base/unique_fd.h"

namespace vnpu::driver {

// An open node. Calls answer as the system calls do, but with -errno.
class TestFile {
 public:
  virtual ~TestFile() = default;
  virtual int Ioctl(unsigned long command, void* arg) = 0;
  virtual ssize_t Write(const void* data, size_t size) = 0;  // does not wait
  virtual ssize_t Read(void* data, size_t size) = 0;         // does not wait
  virtual int Poll() = 0;                                    // bits that hold now
  // Negotiates the version with all features.
  int Agree();
};

// A driver of its own for each test, with the fake device process.
class TestDriver {
 public:
  virtual ~TestDriver() = default;
  // nullptr, with errno: cannot.
  virtual std::unique_ptr<TestFile> Open(const std::string& node) = 0;
  virtual pid_t pid() const = 0;
  // Where the nodes are; "" on the embedded transport.
  virtual std::string mount_point() const { return ""; }
};

enum class Transport { kEmbedded, kFuse };

// `fault`: see fake_device.cc. nullptr, after a line saying why, when this machine cannot mount.
std::unique_ptr<TestDriver> StartDriver(Transport transport,
                                        const std::vector<std::string>& options = {},
                                        const std::string& fault = "");

// False: no mounts here.
bool CanMount();

UniqueFd MakeMemfd(uint64_t bytes, unsigned seals);

// A session on a node, with what a client brings along.
class TestSession {
 public:
  // Sets the session up; `result` of VNPU_IOC_SESSION.
  explicit TestSession(TestDriver* driver, const std::string& node = "davinci0");

  TestFile& file() { return *file_; }
  vnpu_session_mem* mem() const { return map_.at<vnpu_session_mem>(); }
  int result() const { return result_; }
  const vnpu_ioc_session& info() const { return info_; }

  // A queue of the driver or of the client; fails the test when it cannot be made.
  uint32_t MakeQueue(uint32_t entries, uint32_t flags);
  // Reserves and allocates; the address and the object.
  int Allocate(uint64_t size, uint64_t* va, uint32_t* pmem);
  void Close() { file_.reset(); }
  // Allows the held fake device to finish tasks.
  void Unhold();

 private:
  std::unique_ptr<TestFile> file_;
  UniqueFd mem_fd_;
  UniqueFd kick_fd_;
  Mapping map_;
  vnpu_ioc_session info_{};
  int result_ = 0;
};

// Counters of a device, by way of the manager node.
vnpu_ioc_counters CountersOf(TestDriver* driver, uint32_t device = 0);
// True when they are all zero.
bool AllZero(const vnpu_ioc_counters& counters);

// Runs `body` in a child process, which exits with what it returns.
pid_t Fork(const std::function<int()>& body);
// Waits for a child; its exit status, or 1000 + the signal that ended it.
int Join(pid_t pid);

// Looks until it holds, for at most five seconds.
bool Eventually(const std::function<bool()>& holds);

// Tests that run on both transports.
class OnBothTransports : public testing::TestWithParam<Transport> {
 protected:
  void SetUp() override {
    if (GetParam() == Transport::kFuse && !CanMount()) {
      GTEST_SKIP() << "may not mount FUSE here";
    }
  }
};

std::string TransportName(const testing::TestParamInfo<Transport>& info);

#define VNPU_ON_BOTH_TRANSPORTS(suite)        \
  INSTANTIATE_TEST_SUITE_P(Transports, suite, \
                           testing::Values(Transport::kEmbedded, Transport::kFuse), TransportName)

}  // namespace vnpu::driver

#endif  // VNPU_TESTS_DRIVER_HARNESS_H_
