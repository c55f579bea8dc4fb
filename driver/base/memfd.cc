#include "driver/base/memfd.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <string_view>

namespace vnpu::driver {
namespace {

bool IsAnonymousFile(int fd, std::string_view kind) {
  char target[64];
  const std::string link = fmt::format("/proc/self/fd/{}", fd);
  const ssize_t length = readlink(link.c_str(), target, sizeof(target));
  return length > 0 && std::string_view(target, static_cast<size_t>(length)) == kind;
}

}  // namespace

int CreateMemfd(const char* name, uint64_t bytes, UniqueFd* fd) {
  UniqueFd file(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.valid() || ftruncate(file.get(), static_cast<off_t>(bytes)) != 0 ||
      fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
    return -errno;
  }
  *fd = std::move(file);
  return 0;
}

int CheckMemfd(int fd, uint64_t bytes, bool immutable) {
  const int seals = fcntl(fd, F_GET_SEALS);
  const int wanted = F_SEAL_SHRINK | (immutable ? F_SEAL_WRITE : 0);
  const int unwanted = immutable ? 0 : F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
  if (seals < 0 || (seals & wanted) != wanted || (seals & unwanted) != 0) {
    return -EBADF;
  }
  if (!immutable && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR) {
    return -EBADF;
  }
  struct statfs fs {};
  struct stat status {};
  if (fstatfs(fd, &fs) != 0 || fs.f_type != TMPFS_MAGIC || fstat(fd, &status) != 0) {
    return -EBADF;
  }
  return static_cast<uint64_t>(status.st_size) >= bytes ? 0 : -EINVAL;
}

int CheckEventfd(int fd) { return IsAnonymousFile(fd, "anon_inode:[eventfd]") ? 0 : -EBADF; }

int CheckUring(int fd) { return IsAnonymousFile(fd, "anon_inode:[io_uring]") ? 0 : -EBADF; }

}  // namespace vnpu::driver
