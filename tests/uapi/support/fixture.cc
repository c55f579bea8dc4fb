#include "tests/uapi/support/fixture.h"

#include <cstring>
#include <iostream>

namespace vnpu::raw {
namespace {

bool Same(vnpu_ioc_counters a, vnpu_ioc_counters b) {
  // Busy units are an instant's view.
  std::memset(a.units, 0, sizeof(a.units));
  std::memset(b.units, 0, sizeof(b.units));
  return std::memcmp(&a, &b, sizeof(a)) == 0;
}

bool SanitizerComplained(const std::string& log) {
  for (const char* mark : {"ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:",
                           "WARNING: ThreadSanitizer", "FATAL: ThreadSanitizer"}) {
    if (log.find(mark) != std::string::npos) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string ErrorName(int result) {
  if (result >= 0) {
    return "result " + std::to_string(result);
  }
  const char* name = strerrorname_np(-result);
  return name != nullptr ? name : "errno " + std::to_string(-result);
}

::testing::AssertionResult Answers(const char*, const char* call_text, int wanted, int64_t result) {
  if (result == wanted) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure()
         << call_text << " answers " << ErrorName(static_cast<int>(result)) << " instead of "
         << ErrorName(wanted);
}

void DriverTest::StartDriver(Transport transport, std::vector<std::string> options) {
  if (transport == Transport::kNode) {
    static const std::string reason = WhyNoNode();
    if (!reason.empty()) {
      GTEST_SKIP() << "no device nodes here: " << reason;
    }
  }
  vnpud_ = std::make_unique<Vnpud>(transport, std::move(options));
}

RawFile& DriverTest::manager() {
  if (manager_ == nullptr) {
    manager_ = vnpud().Open("davinci_manager");
  }
  return *manager_;
}

void DriverTest::ExpectCounters(const vnpu_ioc_counters& wanted, const char* when) {
  vnpu_ioc_counters seen{};
  EXPECT_TRUE(Eventually(GiveBack(),
                         [&] {
                           seen = Counters(wanted.device);
                           return Same(seen, wanted);
                         }))
      << when << ": " << ToString(seen) << "; wanted: " << ToString(wanted);
}

void DriverTest::ExpectNothingLeft() {
  vnpu_ioc_counters seen{};
  EXPECT_TRUE(Eventually(GiveBack(),
                         [&] {
                           seen = Counters();
                           return AllZero(seen);
                         }))
      << "left behind: " << ToString(seen);
  EXPECT_TRUE(Eventually(GiveBack(), [&] { return vnpud().DeviceProcesses().empty(); }))
      << "a device process is left behind";
}

void DriverTest::ReportLog() {
  const std::string log = vnpud_->Log();
  constexpr size_t kShown = 8000;
  std::cerr << "log of vnpud:\n" << log.substr(log.size() > kShown ? log.size() - kShown : 0);
}

void DriverTest::TearDown() {
  if (vnpud_ == nullptr) {
    return;
  }
  if (vnpud_->Running()) {
    ExpectNothingLeft();
    manager_.reset();
    const std::optional<int> status = vnpud_->Stop();
    EXPECT_TRUE(status.has_value()) << "vnpud does not end";
    EXPECT_EQ(status.value_or(0), 0) << "exit status of vnpud, or minus a signal";
  } else {
    ADD_FAILURE() << "vnpud has ended before its time";
  }
  EXPECT_FALSE(SanitizerComplained(vnpud_->Log()));
  if (HasFailure()) {
    ReportLog();
  }
}

}  // namespace vnpu::raw
