#include <gtest/gtest.h>

#include "libruntime/src/device/driver.h"

namespace vnpu::runtime {
namespace {

using Devices = std::vector<uint32_t>;

TEST(VisibleDevices, UnsetMeansAll) {
  EXPECT_EQ(VisibleDevices(nullptr, 3), (Devices{0, 1, 2}));
  EXPECT_EQ(VisibleDevices("", 2), (Devices{0, 1}));
}

TEST(VisibleDevices, ListChooses) {
  EXPECT_EQ(VisibleDevices("1", 3), (Devices{1}));
  EXPECT_EQ(VisibleDevices("0,2", 3), (Devices{0, 2}));
}

TEST(VisibleDevices, ListEndsAtWhatIsNoDevice) {
  EXPECT_EQ(VisibleDevices("1, 2", 8), (Devices{1}));
  EXPECT_EQ(VisibleDevices("1,3,8", 8), (Devices{1, 3}));
  EXPECT_EQ(VisibleDevices("x", 8), Devices{});
}

}  // namespace
}  // namespace vnpu::runtime
