#ifndef FIRMWARE_LOADER_ELF_BYTES_H_
#define FIRMWARE_LOADER_ELF_BYTES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace vnpu::firmware {

// True when `size` bytes at `offset` lie within `total` bytes; no overflow for any values.
constexpr bool Fits(std::uint64_t offset, std::uint64_t size, std::uint64_t total) {
  return offset <= total && size <= total - offset;
}

// Reads a structure at any alignment; nothing when it does not fit.
template <typename T>
std::optional<T> ReadAt(std::span<const std::byte> bytes, std::uint64_t offset) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (!Fits(offset, sizeof(T), bytes.size())) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// Reads a NUL-terminated string of at most `max_length` bytes; nothing when it does not end in
// time.
inline std::optional<std::string_view> ReadString(std::span<const std::byte> bytes,
                                                  std::uint64_t offset, std::size_t max_length) {
  if (offset >= bytes.size()) return std::nullopt;
  const std::size_t limit = std::min<std::uint64_t>(bytes.size() - offset, max_length + 1);
  const auto* start = reinterpret_cast<const char*>(bytes.data() + offset);
  const void* end = std::memchr(start, 0, limit);
  if (end == nullptr) return std::nullopt;
  return std::string_view(start, static_cast<std::size_t>(static_cast<const char*>(end) - start));
}

}  // namespace vnpu::firmware

#endif  // FIRMWARE_LOADER_ELF_BYTES_H_
