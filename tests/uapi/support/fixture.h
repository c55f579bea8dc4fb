// Fixtures of tests that run on both transports: RAW_TEST_SUITE(Suite) after the tests.
#ifndef VNPU_TESTS_UAPI_SUPPORT_FIXTURE_H_
#define VNPU_TESTS_UAPI_SUPPORT_FIXTURE_H_

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/uapi/support/session.h"
#include "tests/uapi/support/vnpud.h"

namespace vnpu::raw {

inline constexpr uint64_t kPage = VNPU_PAGE_SIZE;
inline constexpr uint64_t kHuge = VNPU_HUGE_PAGE_SIZE;

// A driver for each test. When the test is over nothing may be left: the counters are zero, there
// is no device process, the driver ends by itself with status 0 and no sanitizer complained.
class DriverTest : public ::testing::Test {
 protected:
  // Skips the test where nodes cannot be mounted.
  void StartDriver(Transport transport, std::vector<std::string> options = {});
  void TearDown() override;

  Vnpud& vnpud() { return *vnpud_; }

  // Of the manager node, one file for the test.
  RawFile& manager();
  vnpu_ioc_counters Counters(uint32_t device = 0) { return vnpud().Counters(device); }
  // How soon all that was a session's comes back: with other tests beside, eventually.
  virtual std::chrono::milliseconds GiveBack() const { return kPatience; }
  // The counters become those given.
  void ExpectCounters(const vnpu_ioc_counters& wanted, const char* when);
  void ExpectNothingLeft();

 private:
  void ReportLog();

  std::unique_ptr<Vnpud> vnpud_;
  std::unique_ptr<RawFile> manager_;
};

class RawTest : public DriverTest, public ::testing::WithParamInterface<Transport> {
 protected:
  void SetUp() override { StartDriver(GetParam(), Options()); }
  // Further options of vnpud.
  virtual std::vector<std::string> Options() const { return {}; }

  bool OnNode() const { return GetParam() == Transport::kNode; }
};

// On device nodes alone, for what the embedded transport does not have.
class NodeTest : public DriverTest {
 protected:
  void SetUp() override { StartDriver(Transport::kNode, Options()); }
  virtual std::vector<std::string> Options() const { return {}; }
};

inline std::string TransportName(const ::testing::TestParamInfo<Transport>& info) {
  return info.param == Transport::kNode ? "Node" : "Embedded";
}

#define RAW_TEST_SUITE(Suite)                                                                     \
  INSTANTIATE_TEST_SUITE_P(                                                                       \
      On, Suite, ::testing::Values(vnpu::raw::Transport::kNode, vnpu::raw::Transport::kEmbedded), \
      vnpu::raw::TransportName)

// -errno as a name, for messages.
std::string ErrorName(int result);

::testing::AssertionResult Answers(const char* wanted_text, const char* call_text, int wanted,
                                   int64_t result);

#define EXPECT_ERRNO(wanted, call) EXPECT_PRED_FORMAT2(vnpu::raw::Answers, -(wanted), call)
#define EXPECT_OK(call) EXPECT_PRED_FORMAT2(vnpu::raw::Answers, 0, call)
#define ASSERT_OK(call) ASSERT_PRED_FORMAT2(vnpu::raw::Answers, 0, call)

}  // namespace vnpu::raw

#endif  // VNPU_TESTS_UAPI_SUPPORT_FIXTURE_H_
