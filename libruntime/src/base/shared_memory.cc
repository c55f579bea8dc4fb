#include "libruntime/src/base/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>

namespace vnpu::runtime {

[[gnu::noinline, gnu::no_sanitize("thread")]] void CopyUnguarded(void* to, const void* from,
                                                                 size_t bytes) {
  auto* const target = static_cast<unsigned char*>(to);
  const auto* const source = static_cast<const unsigned char*>(from);
  for (size_t i = 0; i < bytes; ++i) {
    target[i] = __atomic_load_n(source + i, __ATOMIC_RELAXED);
  }
}

UniqueFd MakeMemfd(const char* name, size_t bytes) {
  UniqueFd fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid() || ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0 ||
      fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK) != 0) {
    return UniqueFd();
  }
  return fd;
}

bool FreezeMemfd(int fd) { return fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW) == 0; }

Mapping::~Mapping() {
  if (data_ != nullptr) {
    munmap(data_, bytes_);
  }
}

Mapping Mapping::Shared(int fd, size_t bytes) {
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) {
    return {};
  }
  return {static_cast<std::byte*>(data), bytes};
}

}  // namespace vnpu::runtime
