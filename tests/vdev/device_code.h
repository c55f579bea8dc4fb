// Code that the tests let a core run, and the core itself.
#ifndef VNPU_TESTS_VDEV_DEVICE_CODE_H_
#define VNPU_TESTS_VDEV_DEVICE_CODE_H_

#include <sys/mman.h>

#include <cstdlib>
#include <mutex>

#include "vdev/core.h"

// Device code is never instrumented: what it does wrong is the point.
#define VNPU_DEVICE_CODE \
  __attribute__((noinline, no_sanitize_address, no_sanitize_thread, no_sanitize("undefined")))

namespace vnpu::vdev::test {

inline void InstallHandlersOnce() {
  static std::once_flag once;
  std::call_once(once, &Core::InstallHandlers);
}

// Anonymous memory, whole pages.
class Pages {
 public:
  explicit Pages(size_t size, int prot = PROT_READ | PROT_WRITE) : size_(size) {
    void* memory = mmap(nullptr, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
      std::abort();
    }
    data_ = static_cast<unsigned char*>(memory);
  }
  ~Pages() { munmap(data_, size_); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  unsigned char* data() const { return data_; }
  size_t size() const { return size_; }
  uint64_t va(size_t offset = 0) const { return reinterpret_cast<uint64_t>(data_) + offset; }
  void Protect(size_t offset, size_t size, int prot) const { mprotect(data_ + offset, size, prot); }

 private:
  unsigned char* data_ = nullptr;
  size_t size_;
};

}  // namespace vnpu::vdev::test

#endif  // VNPU_TESTS_VDEV_DEVICE_CODE_H_
