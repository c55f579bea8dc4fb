#include <sys/socket.h>
#include <vnpu/ioctl.h>
#include <vnpu/transport.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <span>
#include <vector>

#include "tests/uapi/support/raw_file.h"
#include "tests/uapi/support/system.h"

namespace vnpu::raw {
namespace {

struct Reply {
  int result = 0;
  std::vector<std::byte> payload;
  UniqueFd fd;
};

int Send(int socket, const vnpu_msg& message, const void* payload, std::span<const int> fds) {
  iovec parts[2] = {{const_cast<vnpu_msg*>(&message), sizeof(message)},
                    {const_cast<void*>(payload), payload != nullptr ? message.length : 0}};
  alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = parts;
  header.msg_iovlen = 2;
  if (!fds.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(c), fds.data(), fds.size_bytes());
  }
  return sendmsg(socket, &header, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int Receive(int socket, Reply* reply) {
  vnpu_msg message{};
  std::vector<std::byte> payload(VNPU_MSG_MAX_PAYLOAD);
  iovec parts[2] = {{&message, sizeof(message)}, {payload.data(), payload.size()}};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = parts;
  header.msg_iovlen = 2;
  header.msg_control = control;
  header.msg_controllen = sizeof(control);
  const ssize_t got = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  if (got < 0) {
    return -errno;
  }
  if (got < static_cast<ssize_t>(sizeof(message))) {
    return -EPIPE;  // the driver is gone
  }
  const cmsghdr* c = CMSG_FIRSTHDR(&header);
  if (c != nullptr && c->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(c), sizeof(fd));
    reply->fd = UniqueFd(fd);
  }
  payload.resize(std::min<size_t>(message.length, static_cast<size_t>(got) - sizeof(message)));
  reply->payload = std::move(payload);
  reply->result = message.result;
  return 0;
}

int Exchange(int socket, const vnpu_msg& message, const void* payload, std::span<const int> fds,
             Reply* reply) {
  const int error = Send(socket, message, payload, fds);
  return error != 0 ? error : Receive(socket, reply);
}

bool IsUringTarget(unsigned long command, const void* arg) {
  return command == VNPU_IOC_IRQ_ADD &&
         static_cast<const vnpu_ioc_irq_add*>(arg)->kind == VNPU_IRQ_URING;
}

// Descriptors that the command brings; numbers below zero are left out.
std::vector<int> DescriptorsOf(unsigned long command, const void* arg) {
  int offsets[2];
  vnpu_ioctl_fds(command, offsets);
  std::vector<int> fds;
  for (const int offset : offsets) {
    int fd = -1;
    if (offset >= 0 && !IsUringTarget(command, arg)) {
      std::memcpy(&fd, static_cast<const std::byte*>(arg) + offset, sizeof(fd));
    }
    if (fd >= 0) {
      fds.push_back(fd);
    }
  }
  return fds;
}

class SocketFile : public RawFile {
 public:
  explicit SocketFile(UniqueFd socket) : socket_(std::move(socket)) {}

  int Ioctl(unsigned long command, void* arg) override {
    const size_t size = _IOC_SIZE(command);
    const vnpu_msg message{VNPU_MSG_IOCTL, static_cast<uint32_t>(command), 0,
                           static_cast<uint32_t>(size)};
    Reply reply;
    const int error = Call(message, arg, DescriptorsOf(command, arg), &reply);
    if (error == 0 && (_IOC_DIR(command) & _IOC_READ) != 0) {
      std::copy_n(reply.payload.begin(), std::min(size, reply.payload.size()),
                  static_cast<std::byte*>(arg));
    }
    return error != 0 ? error : reply.result;
  }
  ssize_t Write(const void* data, size_t size) override {
    const vnpu_msg message{VNPU_MSG_WRITE, 0, 0,
                           static_cast<uint32_t>(std::min<size_t>(size, VNPU_MSG_MAX_PAYLOAD))};
    Reply reply;
    const int error = Call(message, data, {}, &reply);
    return error != 0 ? error : reply.result;
  }
  ssize_t Read(void* data, size_t size) override {
    const vnpu_msg message{VNPU_MSG_READ, 0, 0,
                           static_cast<uint32_t>(std::min<size_t>(size, VNPU_MSG_MAX_PAYLOAD))};
    Reply reply;
    const int error = Call(message, nullptr, {}, &reply);
    std::copy_n(reply.payload.begin(), std::min(size, reply.payload.size()),
                static_cast<std::byte*>(data));
    return error != 0 ? error : reply.result;
  }
  int PollNow() override {
    Reply reply;
    const int error = Call(vnpu_msg{VNPU_MSG_POLL, 0, 0, 0}, nullptr, {}, &reply);
    return error != 0 ? error : reply.result;
  }
  int fd() const override { return socket_.get(); }

 private:
  // One request at a time, so that threads may share the file as they may share a node.
  int Call(const vnpu_msg& message, const void* payload, std::span<const int> fds, Reply* reply) {
    const std::scoped_lock lock(mutex_);
    return Exchange(socket_.get(), message, payload, fds, reply);
  }

  std::mutex mutex_;
  UniqueFd socket_;
};

}  // namespace

std::unique_ptr<RawFile> OpenOverSocket(int driver_socket, const std::string& node) {
  const vnpu_msg message{VNPU_MSG_OPEN, 0, 0, static_cast<uint32_t>(node.size())};
  Reply reply;
  int error = Exchange(driver_socket, message, node.data(), {}, &reply);
  if (error == 0) {
    error = reply.result;
  }
  if (error < 0 || reply.fd.get() < 0) {
    errno = error < 0 ? -error : EPROTO;
    return nullptr;
  }
  return std::make_unique<SocketFile>(std::move(reply.fd));
}

}  // namespace vnpu::raw
