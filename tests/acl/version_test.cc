// Versions and chip compatibility.
#include <array>
#include <cstdio>
#include <string>
#include <string_view>

#include "tests/acl/support.h"

namespace vnpu::test {
namespace {

std::string VersionOf(std::string package) {
  std::array<char, ACL_PKG_VERSION_MAX_SIZE> version{};
  EXPECT_OK(aclsysGetVersionStr(package.data(), version.data()));
  return version.data();
}

int32_t NumberOf(std::string package) {
  int32_t number = -1;
  EXPECT_OK(aclsysGetVersionNum(package.data(), &number));
  return number;
}

TEST(Version, NumberFollowsFromTheText) {
  for (const char* package : {"runtime", "driver", "firmware"}) {
    const std::string text = VersionOf(package);
    int major = -1;
    int minor = -1;
    int patch = -1;
    ASSERT_EQ(std::sscanf(text.c_str(), "%d.%d.%d", &major, &minor, &patch), 3) << text;
    EXPECT_EQ(NumberOf(package), major * 10'000'000 + minor * 100'000 + patch * 1'000) << package;
  }
}

TEST(Version, RuntimeIsThatOfTheInterface) { EXPECT_GE(NumberOf("runtime"), 90'000'000); }

TEST(Version, PackagesThatAreNotInstalled) {
  std::string package = "opp";
  std::array<char, ACL_PKG_VERSION_MAX_SIZE> version{};
  int32_t number = 0;
  EXPECT_EQ(aclsysGetVersionStr(package.data(), version.data()), ACL_ERROR_INVALID_FILE);
  EXPECT_EQ(aclsysGetVersionNum(package.data(), &number), ACL_ERROR_INVALID_FILE);
  EXPECT_EQ(aclsysGetVersionStr(nullptr, version.data()), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclsysGetVersionNum(package.data(), nullptr), ACL_ERROR_INVALID_PARAM);
  aclGetRecentErrMsg();
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
TEST(Version, InParts) {
  aclCANNPackageVersion version{};
  ASSERT_OK(aclsysGetCANNVersion(ACL_PKG_NAME_RUNTIME, &version));
  EXPECT_EQ(VersionOf("runtime"), version.version);
  EXPECT_EQ(VersionOf("runtime"), std::string(version.majorVersion) + "." + version.minorVersion +
                                      "." + version.patchVersion);
  EXPECT_STREQ(version.releaseVersion, "0");
  ASSERT_OK(aclsysGetCANNVersion(ACL_PKG_NAME_DRIVER, &version));
  EXPECT_EQ(VersionOf("driver"), version.version);
  EXPECT_EQ(aclsysGetCANNVersion(ACL_PKG_NAME_HCCL, &version), ACL_ERROR_INVALID_FILE);
  EXPECT_EQ(aclsysGetCANNVersion(static_cast<aclCANNPackageName>(8), &version),
            ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclsysGetCANNVersion(ACL_PKG_NAME_CANN, nullptr), ACL_ERROR_INVALID_PARAM);
  aclGetRecentErrMsg();
}
#pragma GCC diagnostic pop

TEST(Version, ChipsOfOneArchitectureAreCompatible) {
  int32_t compatible = -1;
  ASSERT_OK(aclrtCheckArchCompatibility(aclrtGetSocName(), &compatible));
  EXPECT_EQ(compatible, 1);
  ASSERT_OK(aclrtCheckArchCompatibility("Ascend910B4", &compatible));
  EXPECT_EQ(compatible, 1);
  ASSERT_OK(aclrtCheckArchCompatibility("Ascend910_9391", &compatible));
  EXPECT_EQ(compatible, 1);
  ASSERT_OK(aclrtCheckArchCompatibility("Ascend310P3", &compatible));
  EXPECT_EQ(compatible, 0);
  EXPECT_EQ(aclrtCheckArchCompatibility("Z80", &compatible), ACL_ERROR_RT_PARAM_INVALID);
  EXPECT_EQ(aclrtCheckArchCompatibility(nullptr, &compatible), ACL_ERROR_INVALID_PARAM);
  EXPECT_EQ(aclrtCheckArchCompatibility("Ascend910B1", nullptr), ACL_ERROR_INVALID_PARAM);
  aclGetRecentErrMsg();
}

}  // namespace
}  // namespace vnpu::test
