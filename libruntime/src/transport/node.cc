// Device nodes: open, ioctl, read and write.
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "libruntime/src/base/fork.h"
#include "libruntime/src/base/unique_fd.h"
#include "libruntime/src/transport/transport.h"

namespace vnpu::runtime {
namespace {

class NodeFile : public TransportFile {
 public:
  explicit NodeFile(UniqueFd fd) : fd_(std::move(fd)) { CloseInChild(fd_.get()); }
  ~NodeFile() override { ForgetInChild(fd_.get()); }

  int Ioctl(unsigned long command, void* argument) override {
    int result = 0;
    do {
      result = ioctl(fd_.get(), command, argument);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
  }

  ssize_t Write(std::span<const vnpu_sqe> entries) override {
    ssize_t result = 0;
    do {
      result = write(fd_.get(), entries.data(), entries.size_bytes());
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
  }

  ssize_t Read(std::span<vnpu_cqe> completions) override {
    ssize_t result = 0;
    do {
      result = read(fd_.get(), completions.data(), completions.size_bytes());
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
  }

  bool Alive() override {
    // A FUSE file whose daemon is gone answers every call with ENOTCONN or ECONNABORTED.
    vnpu_device_info info{};
    const int result = Ioctl(VNPU_IOC_DEVICE_QUERY, &info);
    return result != -ENOTCONN && result != -ECONNABORTED && result != -EIO;
  }

  bool ReadInfoPage(vnpu_device_info* info) override {
    void* page = mmap(nullptr, VNPU_PAGE_SIZE, PROT_READ, MAP_PRIVATE, fd_.get(), VNPU_INFO_OFFSET);
    if (page == MAP_FAILED) {  // a driver or system without mmap on nodes
      return false;
    }
    std::memcpy(info, page, sizeof(*info));
    munmap(page, VNPU_PAGE_SIZE);
    return true;
  }

  int WritableFd() const override { return fd_.get(); }

 private:
  UniqueFd fd_;
};

class NodeTransport : public Transport {
 public:
  explicit NodeTransport(std::string folder) : folder_(std::move(folder)) {}

  int Open(const std::string& node, std::unique_ptr<TransportFile>* file) override {
    UniqueFd fd(open((folder_ + "/" + node).c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (!fd.valid()) {
      return -errno;
    }
    *file = std::make_unique<NodeFile>(std::move(fd));
    return 0;
  }

  std::string Describe(uint32_t index) const override {
    return "device node " + folder_ + "/davinci" + std::to_string(index);
  }

 private:
  std::string folder_;
};

}  // namespace

std::unique_ptr<Transport> MakeNodeTransport(std::string folder) {
  return std::make_unique<NodeTransport>(std::move(folder));
}

}  // namespace vnpu::runtime
