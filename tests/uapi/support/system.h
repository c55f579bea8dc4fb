// Owned descriptors, mappings and memory files of the raw tests.
#ifndef VNPU_TESTS_UAPI_SUPPORT_SYSTEM_H_
#define VNPU_TESTS_UAPI_SUPPORT_SYSTEM_H_

#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace vnpu::raw {

// Throws errno as a std::system_error.
[[noreturn]] void Fail(const char* what);

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  void Reset() {
    if (fd_ >= 0) {
      close(fd_);
      fd_ = -1;
    }
  }

 private:
  int fd_ = -1;
};

// A mapping; made by Map or Reserve, which throw std::system_error.
class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Mapping();

  static Mapping Map(int fd, size_t size);
  // Addresses without access, exactly at `address`; nothing (data() is nullptr) when taken.
  static Mapping ReserveAt(uint64_t address, size_t size);

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  Mapping(void* data, size_t size) : data_(static_cast<std::byte*>(data)), size_(size) {}

  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// A memory file of `bytes` with the seals `seals` (F_SEAL_*). Throws std::system_error.
UniqueFd MakeMemfd(size_t bytes, unsigned seals);
// Sealed against shrinking, as the driver wants it.
UniqueFd MakeSealedMemfd(size_t bytes);
// The content of a file in a memory file sealed against shrinking and writing.
UniqueFd MakeImageFd(const void* data, size_t size);
UniqueFd MakeEventfd();

std::string ReadFile(const std::string& path);

// Time limits are multiples of this: sanitizers make everything slower.
int TimeScale();

// A number from the environment; `value` if it is not there.
uint64_t FromEnvironment(const char* name, uint64_t value);

// Looks at `condition` every millisecond until it holds; false when it never does within `limit`
// (scaled by TimeScale).
bool Eventually(std::chrono::milliseconds limit, const std::function<bool()>& condition);

}  // namespace vnpu::raw

#endif  // VNPU_TESTS_UAPI_SUPPORT_SYSTEM_H_
