#include "driver/glue/embedded.h"

#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <vnpu/transport.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driver/core/file.h"

namespace vnpu::driver {
namespace {

constexpr size_t kMaxFds = 2;  // of one command

// One message as it came in.
struct Message {
  vnpu_msg header{};
  std::vector<std::byte> payload;
  std::vector<UniqueFd> fds;
  pid_t sender = 0;  // 0: unknown
};

// One socket: an open file, or the first one, which takes VNPU_MSG_OPEN alone.
struct Connection {
  UniqueFd socket;
  std::shared_ptr<File> file;
};

void TakeAncillary(msghdr* raw, Message* message) {
  for (cmsghdr* header = CMSG_FIRSTHDR(raw); header != nullptr; header = CMSG_NXTHDR(raw, header)) {
    if (header->cmsg_level != SOL_SOCKET) {
      continue;
    }
    if (header->cmsg_type == SCM_RIGHTS) {
      const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
        message->fds.emplace_back(fd);
      }
    } else if (header->cmsg_type == SCM_CREDENTIALS) {
      ucred credentials{};
      std::memcpy(&credentials, CMSG_DATA(header), sizeof(credentials));
      message->sender = credentials.pid;
    }
  }
}

// 0, -EAGAIN, -EPIPE at the end, -EPROTO for what is no message.
int Receive(int socket, Message* message) {
  message->payload.resize(VNPU_MSG_MAX_PAYLOAD);
  std::array<iovec, 2> body = {iovec{&message->header, sizeof(message->header)},
                               iovec{message->payload.data(), message->payload.size()}};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxFds * sizeof(int)) + CMSG_SPACE(sizeof(ucred))>
      ancillary{};
  msghdr raw{};
  raw.msg_iov = body.data();
  raw.msg_iovlen = body.size();
  raw.msg_control = ancillary.data();
  raw.msg_controllen = ancillary.size();
  const ssize_t got = recvmsg(socket, &raw, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) {
    return errno == EAGAIN || errno == EINTR ? -EAGAIN : -EPIPE;
  }
  if (got == 0) {
    return -EPIPE;
  }
  TakeAncillary(&raw, message);
  if (got < static_cast<ssize_t>(sizeof(vnpu_msg)) || (raw.msg_flags & MSG_TRUNC) != 0) {
    return -EPROTO;
  }
  message->payload.resize(static_cast<size_t>(got) - sizeof(vnpu_msg));
  const bool has_payload = message->header.kind != VNPU_MSG_READ;
  return !has_payload || message->header.length == message->payload.size() ? 0 : -EPROTO;
}

// A client that does not read its replies loses them.
void Send(int socket, const vnpu_msg& header, std::span<const std::byte> payload, int fd = -1) {
  std::array<iovec, 2> body = {iovec{const_cast<vnpu_msg*>(&header), sizeof(header)},
                               iovec{const_cast<std::byte*>(payload.data()), payload.size()}};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> ancillary{};
  msghdr raw{};
  raw.msg_iov = body.data();
  raw.msg_iovlen = body.size();
  if (fd >= 0) {
    raw.msg_control = ancillary.data();
    raw.msg_controllen = ancillary.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&raw);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &fd, sizeof(int));
  }
  sendmsg(socket, &raw, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Arm(int epoll, int operation, int fd) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT;
  event.data.fd = fd;
  epoll_ctl(epoll, operation, fd, &event);
}

// A message of an open file. While it is being served, no other of that file is read.
class EmbeddedRequest : public Request, public FdSource {
 public:
  EmbeddedRequest(int epoll, std::shared_ptr<Connection> connection, Message message)
      : epoll_(epoll),
        connection_(std::move(connection)),
        header_(message.header),
        received_(std::move(message.fds)) {
    command = header_.command;
    room = std::min<uint32_t>(header_.length, VNPU_MSG_MAX_PAYLOAD);
    nonblock = true;
    caller = message.sender;
    data = std::move(message.payload);
    fds = this;
  }

  // False: not a message that an open file takes.
  bool SetKind() {
    static constexpr std::pair<uint32_t, RequestKind> kKinds[] = {
        {VNPU_MSG_IOCTL, RequestKind::kIoctl},
        {VNPU_MSG_WRITE, RequestKind::kWrite},
        {VNPU_MSG_READ, RequestKind::kRead},
        {VNPU_MSG_POLL, RequestKind::kPoll}};
    for (const auto& [message_kind, request_kind] : kKinds) {
      if (header_.kind == message_kind) {
        kind = request_kind;
        return true;
      }
    }
    return false;
  }

  int Take(unsigned index, int number, UniqueFd* fd) override {
    // An io_uring cannot come along, so there is its number alone.
    if (received_.empty() && command == VNPU_IOC_IRQ_ADD) {
      return DuplicateFrom(connection_->file->client().pidfd.get(), number, fd);
    }
    if (index >= received_.size() || !received_[index].valid()) {
      return -EBADF;
    }
    *fd = std::move(received_[index]);
    return 0;
  }

  void Complete(int result) override {
    const bool carries_data =
        kind == RequestKind::kIoctl || (kind == RequestKind::kRead && result > 0);
    const std::span<const std::byte> payload =
        carries_data ? std::span(data) : std::span<std::byte>();
    vnpu_msg reply = header_;
    reply.result = result;
    reply.length = static_cast<uint32_t>(payload.size());
    Send(connection_->socket.get(), reply, payload);
    Arm(epoll_, EPOLL_CTL_MOD, connection_->socket.get());
  }

 private:
  int epoll_;
  std::shared_ptr<Connection> connection_;
  vnpu_msg header_;
  std::vector<UniqueFd> received_;
};

class Server {
 public:
  Server(Driver* driver, int fd, int signal_fd) : driver_(driver), signal_fd_(signal_fd) {
    first_.reset(fd);
  }

  int Run();

 private:
  int Start();
  // False: it is over.
  bool ServeFirst();
  void ServeFile(int fd);
  int OpenFile(const Message& message, UniqueFd* client_end);

  Driver* driver_;
  int signal_fd_;
  UniqueFd first_;
  UniqueFd epoll_;
  UniqueFd client_;  // pidfd of the process that started the driver
  ucred owner_{};
  std::map<int, std::shared_ptr<Connection>> connections_;  // by socket
};

int Server::Start() {
  const int on = 1;
  socklen_t length = sizeof(owner_);
  if (getsockopt(first_.get(), SOL_SOCKET, SO_PEERCRED, &owner_, &length) != 0 ||
      setsockopt(first_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0) {
    return -errno;
  }
  epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  client_.reset(static_cast<int>(syscall(SYS_pidfd_open, owner_.pid, 0)));
  if (!epoll_.valid() || !client_.valid()) {
    return -errno;
  }
  for (const int fd : {first_.get(), client_.get(), signal_fd_}) {
    Arm(epoll_.get(), EPOLL_CTL_ADD, fd);
  }
  return 0;
}

int Server::Run() {
  if (const int error = Start(); error != 0) {
    spdlog::error("--embedded takes a connected unix socket: {}", std::strerror(-error));
    return error;
  }
  for (;;) {
    epoll_event event{};
    const int ready = epoll_wait(epoll_.get(), &event, 1, -1);
    if (ready < 0 && errno != EINTR) {
      return -errno;
    }
    if (ready <= 0) {
      continue;
    }
    const int fd = event.data.fd;
    if (fd == client_.get() || fd == signal_fd_ || (fd == first_.get() && !ServeFirst())) {
      return 0;
    }
    if (fd != first_.get()) {
      ServeFile(fd);
    }
  }
}

int Server::OpenFile(const Message& message, UniqueFd* client_end) {
  const std::string name(reinterpret_cast<const char*>(message.payload.data()),
                         message.payload.size());
  Node node;
  if (message.header.kind != VNPU_MSG_OPEN) {
    return -EINVAL;
  }
  if (!Node::Find(name, driver_->device_count(), &node)) {
    return -ENOENT;
  }
  const pid_t sender = message.sender != 0 ? message.sender : owner_.pid;
  Client client;
  if (const int error = IdentifyClient(sender, owner_.uid, owner_.gid, &client); error != 0) {
    return error;
  }
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return -errno;
  }
  auto connection = std::make_shared<Connection>();
  connection->socket.reset(ends[0]);
  client_end->reset(ends[1]);
  const int on = 1;
  setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
  if (const int error = driver_->Open(node, std::move(client), &connection->file); error != 0) {
    return error;
  }
  connections_.emplace(ends[0], std::move(connection));
  Arm(epoll_.get(), EPOLL_CTL_ADD, ends[0]);
  return 0;
}

bool Server::ServeFirst() {
  Message message;
  const int error = Receive(first_.get(), &message);
  if (error == -EPIPE) {
    return false;
  }
  if (error != -EAGAIN) {
    UniqueFd client_end;
    vnpu_msg reply = message.header;
    reply.result = error != 0 ? error : OpenFile(message, &client_end);
    reply.length = 0;
    Send(first_.get(), reply, {}, reply.result == 0 ? client_end.get() : -1);
  }
  Arm(epoll_.get(), EPOLL_CTL_MOD, first_.get());
  return true;
}

void Server::ServeFile(int fd) {
  const auto it = connections_.find(fd);
  if (it == connections_.end()) {
    return;
  }
  const std::shared_ptr<Connection> connection = it->second;
  Message message;
  const int error = Receive(fd, &message);
  if (error == -EAGAIN) {
    Arm(epoll_.get(), EPOLL_CTL_MOD, fd);
    return;
  }
  if (error == -EPIPE) {
    connection->file->Close();
    connections_.erase(it);
    return;
  }
  auto request = std::make_unique<EmbeddedRequest>(epoll_.get(), connection, std::move(message));
  if (error != 0 || !request->SetKind()) {
    request->data.clear();
    request->Complete(-EINVAL);
    return;
  }
  connection->file->Submit(std::move(request));
}

}  // namespace

int ServeEmbedded(Driver* driver, int fd, int signal_fd) {
  Server server(driver, fd, signal_fd);
  const int result = server.Run();
  // Requests in the hands of workers refer to the server.
  driver->Remove();
  return result;
}

}  // namespace vnpu::driver
