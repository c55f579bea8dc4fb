#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "tests/uapi/support/raw_file.h"
#include "tests/uapi/support/system.h"

namespace vnpu::raw {
namespace {

class NodeFile : public RawFile {
 public:
  explicit NodeFile(UniqueFd fd) : fd_(std::move(fd)) {}

  int Ioctl(unsigned long command, void* arg) override {
    const int result = ioctl(fd_.get(), command, arg);
    return result >= 0 ? result : -errno;
  }
  ssize_t Write(const void* data, size_t size) override {
    const ssize_t result = write(fd_.get(), data, size);
    return result >= 0 ? result : -errno;
  }
  ssize_t Read(void* data, size_t size) override {
    const ssize_t result = read(fd_.get(), data, size);
    return result >= 0 ? result : -errno;
  }
  int PollNow() override {
    pollfd poll_fd{fd_.get(), POLLIN | POLLOUT, 0};
    const int result = poll(&poll_fd, 1, 0);
    return result >= 0 ? poll_fd.revents : -errno;
  }
  int fd() const override { return fd_.get(); }

 private:
  UniqueFd fd_;
};

}  // namespace

std::unique_ptr<RawFile> OpenNode(const std::string& path, int flags) {
  UniqueFd fd(open(path.c_str(), flags | O_CLOEXEC));
  return fd.get() >= 0 ? std::make_unique<NodeFile>(std::move(fd)) : nullptr;
}

}  // namespace vnpu::raw
