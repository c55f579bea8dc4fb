#include "libruntime/src/transport/socket_file.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "libruntime/src/base/fork.h"

namespace vnpu::runtime {
namespace {

// Longer than any command takes; a driver that is silent for so long is taken for dead.
constexpr time_t kReplySeconds = 30;

int ReadFd(const std::byte* structure, int offset) {
  int32_t fd = -1;
  std::memcpy(&fd, structure + offset, sizeof(fd));
  return fd;
}

bool BringsUring(unsigned long command, const void* argument) {
  return command == VNPU_IOC_IRQ_ADD &&
         static_cast<const vnpu_ioc_irq_add*>(argument)->kind == VNPU_IRQ_URING;
}

}  // namespace

SocketFile::SocketFile(UniqueFd socket) : socket_(std::move(socket)) {
  CloseInChild(socket_.get());
  const timeval limit{.tv_sec = kReplySeconds, .tv_usec = 0};
  setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

SocketFile::~SocketFile() { ForgetInChild(socket_.get()); }

int SocketFile::Ioctl(unsigned long command, void* argument) {
  SocketCall call;
  call.header.kind = VNPU_MSG_IOCTL;
  call.header.command = static_cast<uint32_t>(command);
  call.out = call.in = argument;
  call.out_bytes = call.in_bytes = _IOC_SIZE(command);
  if (!BringsUring(command, argument)) {
    int offsets[2] = {-1, -1};
    vnpu_ioctl_fds(command, offsets);
    for (size_t i = 0; i < std::size(offsets); ++i) {
      if (offsets[i] >= 0) {
        call.fds[i] = ReadFd(static_cast<const std::byte*>(argument), offsets[i]);
      }
    }
  }
  return Exchange(call);
}

ssize_t SocketFile::Write(std::span<const vnpu_sqe> entries) {
  const size_t count = std::min(entries.size(), VNPU_MSG_MAX_PAYLOAD / sizeof(vnpu_sqe));
  SocketCall call;
  call.header.kind = VNPU_MSG_WRITE;
  call.out = entries.data();
  call.out_bytes = count * sizeof(vnpu_sqe);
  return Exchange(call);
}

ssize_t SocketFile::Read(std::span<vnpu_cqe> completions) {
  const size_t count = std::min(completions.size(), VNPU_MSG_MAX_PAYLOAD / sizeof(vnpu_cqe));
  SocketCall call;
  call.header.kind = VNPU_MSG_READ;
  call.header.length = static_cast<uint32_t>(count * sizeof(vnpu_cqe));
  call.in = completions.data();
  call.in_bytes = count * sizeof(vnpu_cqe);
  return Exchange(call);
}

bool SocketFile::Alive() {
  pollfd state{.fd = socket_.get(), .events = 0, .revents = 0};
  return poll(&state, 1, 0) >= 0 && (state.revents & (POLLHUP | POLLERR | POLLNVAL)) == 0;
}

int SocketFile::Exchange(SocketCall& call) {
  const std::lock_guard lock(mutex_);
  if (broken_ != 0) {
    return broken_;
  }
  if (call.out_bytes > 0) {
    call.header.length = static_cast<uint32_t>(call.out_bytes);
  }
  int result = Send(call);
  if (result == -EBADF || result == -EINVAL) {
    return -EBADF;  // a descriptor of the caller; nothing was sent
  }
  if (result == 0) {
    result = Receive(call);
  }
  if (result < 0) {
    // Request and reply no longer match.
    broken_ = result;
    return result;
  }
  return call.header.result;
}

int SocketFile::Send(const SocketCall& call) {
  iovec parts[2] = {{.iov_base = const_cast<vnpu_msg*>(&call.header), .iov_len = sizeof(vnpu_msg)},
                    {.iov_base = const_cast<void*>(call.out), .iov_len = call.out_bytes}};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(2 * sizeof(int))]{};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = call.out_bytes > 0 ? 2 : 1;
  const auto count =
      static_cast<size_t>(std::ranges::count_if(call.fds, [](int fd) { return fd != -1; }));
  if (count > 0) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(count * sizeof(int));
    std::memcpy(CMSG_DATA(rights), call.fds.data(), count * sizeof(int));
  }
  ssize_t sent = 0;
  do {
    sent = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    return errno == EAGAIN ? -ETIMEDOUT : -errno;
  }
  return 0;
}

int SocketFile::Receive(SocketCall& call) {
  iovec parts[2] = {{.iov_base = &call.header, .iov_len = sizeof(vnpu_msg)},
                    {.iov_base = call.in, .iov_len = call.in_bytes}};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(sizeof(int))]{};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = call.in_bytes > 0 ? 2 : 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t received = 0;
  do {
    received = recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) {
    return errno == EAGAIN ? -ETIMEDOUT : -errno;
  }
  for (cmsghdr* item = CMSG_FIRSTHDR(&message); item != nullptr;
       item = CMSG_NXTHDR(&message, item)) {
    if (item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_RIGHTS) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(item), sizeof(fd));
      UniqueFd owned(fd);
      if (call.received != nullptr) {
        *call.received = std::move(owned);
      }
    }
  }
  return received < static_cast<ssize_t>(sizeof(vnpu_msg)) ? -ECONNRESET : 0;
}

}  // namespace vnpu::runtime
