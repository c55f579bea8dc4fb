#include <gtest/gtest.h>

#include "libruntime/src/base/version.h"

namespace vnpu::runtime {
namespace {

int32_t NumberOf(const char* text) {
  const auto version = ParseVersion(text);
  return version.has_value() ? version->Number() : -1;
}

TEST(VersionNumber, WeighsTheParts) {
  EXPECT_EQ(NumberOf("9.0.0"), 90'000'000);
  EXPECT_EQ(NumberOf("8.5.1"), 80'501'000);
  EXPECT_EQ(NumberOf("8.5"), 80'500'000);
}

TEST(VersionNumber, GrowsTowardsTheRelease) {
  const char* const kOrder[] = {"9.0.0-alpha.1", "9.0.0-alpha.2", "9.0.0-beta.1", "9.0.0-beta.2",
                                "9.0.0-rc.1",    "9.0.0-rc.2",    "9.0.0",        "9.0.1"};
  for (size_t i = 1; i < std::size(kOrder); ++i) {
    EXPECT_LT(NumberOf(kOrder[i - 1]), NumberOf(kOrder[i])) << kOrder[i];
  }
}

TEST(VersionNumber, NeedsAVersion) {
  for (const char* text : {"", "9", "nine.one", "9.x", "9.0.x", "9.0.0 final"}) {
    EXPECT_FALSE(ParseVersion(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace vnpu::runtime
