// What the members of the group and the test agree on.
#ifndef VNPU_TESTS_PROCESSES_LAYOUT_H_
#define VNPU_TESTS_PROCESSES_LAYOUT_H_

#include <cstddef>
#include <cstdint>

namespace vnpu::test {

inline constexpr int kMembers = 4;
inline constexpr int kKinds = 2;  // of memory: allocated, and physical
inline constexpr size_t kBlockBytes = size_t{64} << 10;
inline constexpr size_t kPhysicalBytes = size_t{2}
                                         << 20;  // of which the first kBlockBytes are used
inline constexpr uint32_t kWords = kBlockBytes / sizeof(uint32_t);

}  // namespace vnpu::test

#endif  // VNPU_TESTS_PROCESSES_LAYOUT_H_
