// Owner of a memory mapping.
#ifndef VNPU_DRIVER_BASE_MAPPING_H_
#define VNPU_DRIVER_BASE_MAPPING_H_

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <utility>

namespace vnpu::driver {

class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Mapping& operator=(Mapping&& other) noexcept {
    reset();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }
  ~Mapping() { reset(); }

  // Maps [offset, offset + size) of `fd` shared. Returns 0 or -errno.
  int Map(int fd, size_t size, int prot, off_t offset = 0) {
    reset();
    void* data = mmap(nullptr, size, prot, MAP_SHARED, fd, offset);
    if (data == MAP_FAILED) {
      return -errno;
    }
    data_ = data;
    size_ = size;
    return 0;
  }
  void reset() {
    if (data_ != nullptr) {
      munmap(data_, size_);
      data_ = nullptr;
      size_ = 0;
    }
  }

  bool valid() const { return data_ != nullptr; }
  size_t size() const { return size_; }
  template <typename T = std::byte>
  T* at(size_t offset = 0) const {
    return reinterpret_cast<T*>(static_cast<std::byte*>(data_) + offset);
  }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_BASE_MAPPING_H_
