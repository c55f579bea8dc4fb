// Owner of a file descriptor.
#ifndef VNPU_DRIVER_BASE_UNIQUE_FD_H_
#define VNPU_DRIVER_BASE_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace vnpu::driver {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    const int old = std::exchange(fd_, fd);
    if (old >= 0) {
      close(old);
    }
  }

 private:
  int fd_ = -1;
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_BASE_UNIQUE_FD_H_
