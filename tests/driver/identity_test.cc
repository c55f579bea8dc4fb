#include "driver/core/identity.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace vnpu::driver {
namespace {

class IdentityTest : public testing::Test {
 protected:
  IdentityTest() { config_.soc = FindSocProfile("Ascend910B1"); }

  static std::string Uuid(const vnpu_ioc_identity& identity) {
    return {reinterpret_cast<const char*>(identity.uuid), sizeof(identity.uuid)};
  }

  Config config_;
};

TEST_F(IdentityTest, LastsOverRestarts) {
  const vnpu_ioc_identity first = MakeIdentity("machine", config_, 3);
  const vnpu_ioc_identity again = MakeIdentity("machine", config_, 3);
  EXPECT_EQ(Uuid(first), Uuid(again));
  EXPECT_STREQ(first.pci_bus_id, again.pci_bus_id);
  EXPECT_EQ(Uuid(MakeIdentity(config_, 3)), Uuid(MakeIdentity(config_, 3)));
}

TEST_F(IdentityTest, DistinctForEveryDevice) {
  std::set<std::string> uuids;
  std::set<std::string> addresses;
  for (uint32_t i = 0; i < VNPU_MAX_DEVICES; ++i) {
    const vnpu_ioc_identity identity = MakeIdentity("machine", config_, i);
    EXPECT_EQ(identity.device, i);
    EXPECT_EQ(std::string(identity.pci_bus_id).size(), 12u) << identity.pci_bus_id;
    uuids.insert(Uuid(identity));
    addresses.insert(identity.pci_bus_id);
  }
  Config elsewhere = config_;
  elsewhere.mount_point = "/run/vnpu";
  uuids.insert(Uuid(MakeIdentity("machine", elsewhere, 0)));
  elsewhere.embedded_fd = 5;
  uuids.insert(Uuid(MakeIdentity("machine", elsewhere, 0)));
  uuids.insert(Uuid(MakeIdentity("another", config_, 0)));
  EXPECT_EQ(uuids.size(), VNPU_MAX_DEVICES + 3);
  EXPECT_EQ(addresses.size(), VNPU_MAX_DEVICES);
}

TEST_F(IdentityTest, MarkedAsVersion8) {
  const vnpu_ioc_identity identity = MakeIdentity("machine", config_, 0);
  EXPECT_EQ(identity.uuid[6] >> 4, 8);
  EXPECT_EQ(identity.uuid[8] >> 6, 2);
}

}  // namespace
}  // namespace vnpu::driver
