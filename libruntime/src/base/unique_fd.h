#ifndef VNPU_LIBRUNTIME_SRC_BASE_UNIQUE_FD_H_
#define VNPU_LIBRUNTIME_SRC_BASE_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace vnpu::runtime {

// Owns a file descriptor; -1: none.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    Reset(other.Release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset(int fd = -1) {
    const int old = std::exchange(fd_, fd);
    if (old >= 0 && old != fd) {
      close(old);
    }
  }

 private:
  int fd_ = -1;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_BASE_UNIQUE_FD_H_
