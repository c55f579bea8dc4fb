#include "firmware/device/mapping.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vnpu/ioctl.h>

#include <algorithm>
#include <cerrno>

namespace vnpu::firmware {
namespace {

// The bare system call: thread checkers refuse fixed addresses that they do not keep watch over.
void* RawMmap(uint64_t va, uint64_t size, int prot, int flags, int fd, uint64_t offset) {
  return reinterpret_cast<void*>(syscall(SYS_mmap, va, size, prot, flags, fd, offset));
}

}  // namespace

Mapping::Mapping(int fd, uint64_t offset, size_t size, int prot) {
  struct stat status {};
  if (fstat(fd, &status) != 0) {
    return;
  }
  // Beyond its end the memory could be mapped, but not touched.
  const auto end = static_cast<uint64_t>(status.st_size);
  if (offset > end || size > end - offset) {
    errno = EINVAL;
    return;
  }
  void* data = mmap(nullptr, size, prot, MAP_SHARED, fd, static_cast<off_t>(offset));
  if (data != MAP_FAILED) {
    data_ = static_cast<std::byte*>(data);
    size_ = size;
  }
}

Mapping::~Mapping() {
  if (data_ != nullptr) {
    munmap(data_, size_);
  }
}

int HostProt(uint32_t prot) {
  return ((prot & VNPU_PROT_READ) != 0 ? PROT_READ : 0) |
         ((prot & VNPU_PROT_WRITE) != 0 ? PROT_WRITE : 0);
}

int Window::Reserve(uint64_t base) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
  void* got = RawMmap(base, VNPU_WINDOW_SIZE, PROT_NONE, flags, -1, 0);
  if (got == MAP_FAILED) {
    // ENOMEM and EINVAL: beyond what a process may map. Another window may do.
    const bool taken = errno == EEXIST || errno == ENOMEM || errno == EINVAL;
    return taken ? -EADDRINUSE : -errno;
  }
  bases_.push_back(base);
  return 0;
}

bool Window::Contains(uint64_t va, uint64_t size) const {
  return std::ranges::any_of(bases_, [&](uint64_t base) {
    return va - base < VNPU_WINDOW_SIZE && size > 0 && size <= VNPU_WINDOW_SIZE - (va - base);
  });
}

int Window::Map(uint64_t va, uint64_t size, uint32_t prot, int fd, uint64_t offset) const {
  if (!Contains(va, size)) {
    return -EINVAL;
  }
  if (RawMmap(va, size, HostProt(prot), MAP_SHARED | MAP_FIXED, fd, offset) == MAP_FAILED) {
    return -errno;
  }
  if (size >= VNPU_HUGE_PAGE_SIZE) {
    // An offer, not a need: without huge pages it is only slower.
    madvise(reinterpret_cast<void*>(va), size, MADV_HUGEPAGE);
  }
  return 0;
}

int Window::Unmap(uint64_t va, uint64_t size) const {
  if (!Contains(va, size)) {
    return -EINVAL;
  }
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  return RawMmap(va, size, PROT_NONE, flags, -1, 0) == MAP_FAILED ? -errno : 0;
}

int Window::Protect(uint64_t va, uint64_t size, int prot) const {
  if (!Contains(va, size)) {
    return -EINVAL;
  }
  return mprotect(reinterpret_cast<void*>(va), size, prot) != 0 ? -errno : 0;
}

}  // namespace vnpu::firmware
