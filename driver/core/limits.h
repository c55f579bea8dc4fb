// Limits of the driver beyond those of uapi/vnpu/abi.h.
#ifndef VNPU_DRIVER_CORE_LIMITS_H_
#define VNPU_DRIVER_CORE_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace vnpu::driver {

inline constexpr size_t kMaxReservations = 32768;      // a session
inline constexpr uint64_t kMaxImageBytes = 64u << 20;  // of a module
inline constexpr uint64_t kMaxQmemBytes = 1u << 30;    // one queue memory
inline constexpr uint64_t kMaxModelBytes = 1u << 30;   // memory of one model
inline constexpr uint64_t kMaxPmemBytes = uint64_t{1} << 39;
inline constexpr size_t kMaxPendingRequests = 256;   // unanswered, an open file
inline constexpr size_t kMaxWriteBytes = 64u << 10;  // one write(2)
inline constexpr size_t kMaxReadBytes = 64u << 10;   // one read(2)
inline constexpr size_t kMaxFilesOfClient = 256;     // open files of one process
inline constexpr uint64_t kSmallFdShare = 64;        // descriptors any session may have
inline constexpr uint64_t kSmallMapShare = 64;       // mappings any session may have

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_CORE_LIMITS_H_
