// Versions of the software's packages.
#include "libruntime/src/base/version.h"

#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "acl/acl_rt.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/device/driver.h"

namespace rt = vnpu::runtime;
using rt::Fail;
using rt::Guard;

namespace {

// Release of the vendor's runtime whose interface this library has. Programs compare it to decide
// which functions to call.
constexpr std::string_view kInterfaceRelease = "9.1.0";

// Version of a package; an error for one that is not there.
aclError VersionOfPackage(std::string_view package, std::string* version) {
  if (package == "runtime") {
    *version = kInterfaceRelease;
    return ACL_SUCCESS;
  }
  // The firmware comes with the driver.
  if (package == "driver" || package == "firmware") {
    std::shared_ptr<rt::Driver> driver;
    VNPU_RETURN_IF_ERROR(rt::Driver::Get(&driver));
    *version = driver->version();
    return ACL_SUCCESS;
  }
  return Fail(ACL_ERROR_INVALID_FILE,
              "package '{}' is not installed; there are runtime, driver and firmware", package);
}

template <size_t kSize>
void CopyVersionPart(std::string_view text, char (&field)[kSize]) {
  const size_t length = std::min(text.size(), kSize - 1);
  std::memcpy(field, text.data(), length);
  field[length] = 0;
}

}  // namespace

aclError aclsysGetVersionStr(char* pkgName, char* versionStr) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(pkgName);
    VNPU_REQUIRE_NOT_NULL(versionStr);
    std::string version;
    VNPU_RETURN_IF_ERROR(VersionOfPackage(pkgName, &version));
    version.resize(std::min<size_t>(version.size(), ACL_PKG_VERSION_MAX_SIZE - 1));
    std::memcpy(versionStr, version.c_str(), version.size() + 1);
    return ACL_SUCCESS;
  });
}

aclError aclsysGetVersionNum(char* pkgName, int32_t* versionNum) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(pkgName);
    VNPU_REQUIRE_NOT_NULL(versionNum);
    std::string text;
    VNPU_RETURN_IF_ERROR(VersionOfPackage(pkgName, &text));
    const auto version = rt::ParseVersion(text);
    if (!version.has_value()) {
      return Fail(ACL_ERROR_INTERNAL_ERROR, "version '{}' of package '{}' has no number", text,
                  pkgName);
    }
    *versionNum = version->Number();
    return ACL_SUCCESS;
  });
}

aclError aclsysGetCANNVersion(aclCANNPackageName name, aclCANNPackageVersion* version) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(version);
    constexpr std::array<std::string_view, 8> kNames = {
        "runtime", "runtime", "compiler", "hccl", "toolkit", "opp", "opp_kernel", "driver"};
    if (name < ACL_PKG_NAME_CANN || name > ACL_PKG_NAME_DRIVER) {
      return Fail(ACL_ERROR_INVALID_PARAM, "unknown package {}", static_cast<int>(name));
    }
    std::string text;
    VNPU_RETURN_IF_ERROR(VersionOfPackage(kNames[static_cast<size_t>(name)], &text));
    const auto parts = rt::ParseVersion(text);
    if (!parts.has_value()) {
      return Fail(ACL_ERROR_INTERNAL_ERROR, "version '{}' cannot be taken apart", text);
    }
    *version = {};
    CopyVersionPart(text, version->version);
    CopyVersionPart(std::to_string(parts->major_number), version->majorVersion);
    CopyVersionPart(std::to_string(parts->minor_number), version->minorVersion);
    CopyVersionPart(parts->release.empty() ? "0" : parts->release, version->releaseVersion);
    CopyVersionPart(std::to_string(parts->patch), version->patchVersion);
    return ACL_SUCCESS;
  });
}
