// An open file of the driver, spoken to with system calls alone.
#ifndef VNPU_TESTS_UAPI_SUPPORT_RAW_FILE_H_
#define VNPU_TESTS_UAPI_SUPPORT_RAW_FILE_H_

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>

namespace vnpu::raw {

// Calls answer >= 0, or -errno.
class RawFile {
 public:
  virtual ~RawFile() = default;

  virtual int Ioctl(unsigned long command, void* arg) = 0;
  virtual ssize_t Write(const void* data, size_t size) = 0;
  virtual ssize_t Read(void* data, size_t size) = 0;
  // The poll(2) bits that hold at this moment.
  virtual int PollNow() = 0;
  // Of the node or the socket.
  virtual int fd() const = 0;
};

// Opens a device node; `flags` as for open(2). nullptr: errno says why.
std::unique_ptr<RawFile> OpenNode(const std::string& path, int flags);
// Asks the driver at the other end of `driver_socket` for a file (transport.h). nullptr: errno
// says why.
std::unique_ptr<RawFile> OpenOverSocket(int driver_socket, const std::string& node);

}  // namespace vnpu::raw

#endif  // VNPU_TESTS_UAPI_SUPPORT_RAW_FILE_H_
