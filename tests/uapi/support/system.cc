#include "tests/uapi/support/system.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>

#include "tests/support/eventually.h"

namespace vnpu::raw {
[[noreturn]] void Fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

Mapping::~Mapping() {
  if (data_ != nullptr) {
    munmap(data_, size_);
  }
}

Mapping Mapping::Map(int fd, size_t size) {
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) {
    Fail("mmap");
  }
  return {data, size};
}

Mapping Mapping::ReserveAt(uint64_t address, size_t size) {
  void* wanted = reinterpret_cast<void*>(address);
  void* data = mmap(wanted, size, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  return data == wanted ? Mapping(data, size) : Mapping();
}

UniqueFd MakeMemfd(size_t bytes, unsigned seals) {
  UniqueFd fd(memfd_create("raw-test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (fd.get() < 0) {
    Fail("memfd_create");
  }
  if (ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) {
    Fail("ftruncate");
  }
  if (seals != 0 && fcntl(fd.get(), F_ADD_SEALS, seals) != 0) {
    Fail("F_ADD_SEALS");
  }
  return fd;
}

UniqueFd MakeSealedMemfd(size_t bytes) { return MakeMemfd(bytes, F_SEAL_SHRINK); }

UniqueFd MakeImageFd(const void* data, size_t size) {
  UniqueFd fd = MakeMemfd(size, 0);
  if (pwrite(fd.get(), data, size, 0) != static_cast<ssize_t>(size)) {
    Fail("pwrite of an image");
  }
  if (fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
    Fail("F_ADD_SEALS");
  }
  return fd;
}

UniqueFd MakeEventfd() {
  UniqueFd fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (fd.get() < 0) {
    Fail("eventfd");
  }
  return fd;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  // A process may end while its file is read: unlike an iterator, << does not throw then.
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

int TimeScale() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(VNPU_COVERAGE)
  return 10;
#else
  return 1;
#endif
}

uint64_t FromEnvironment(const char* name, uint64_t value) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : value;
}

bool Eventually(std::chrono::milliseconds limit, const std::function<bool()>& condition) {
  return test::Eventually(limit * TimeScale(), condition);
}

}  // namespace vnpu::raw
