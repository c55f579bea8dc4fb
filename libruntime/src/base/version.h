// Version numbers such as 9.1.0 and 9.1.0-rc.2.
#ifndef VNPU_LIBRUNTIME_SRC_BASE_VERSION_H_
#define VNPU_LIBRUNTIME_SRC_BASE_VERSION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vnpu::runtime {

struct Version {
  // Not named major and minor alone: those are macros of <sys/sysmacros.h>.
  uint32_t major_number = 0;
  uint32_t minor_number = 0;
  uint32_t patch = 0;
  std::string release;  // "alpha.1", "beta.1", "rc.1"; empty for a release

  // A number that grows with the version: 10000000 for each major, 100000 for each minor, 1000 for
  // each patch number; what comes before a release is less than it by alpha, beta, rc.
  int32_t Number() const;
};

// Nothing for what is no version.
std::optional<Version> ParseVersion(std::string_view text);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_BASE_VERSION_H_
