// One open file of the embedded transport: a socket with one reply to each message.
#ifndef VNPU_LIBRUNTIME_SRC_TRANSPORT_SOCKET_FILE_H_
#define VNPU_LIBRUNTIME_SRC_TRANSPORT_SOCKET_FILE_H_

#include <vnpu/transport.h>

#include <array>
#include <mutex>

#include "libruntime/src/base/unique_fd.h"
#include "libruntime/src/transport/transport.h"

namespace vnpu::runtime {

// A message and its reply: `out` bytes go along, up to `in` bytes come back.
struct SocketCall {
  vnpu_msg header{};
  const void* out = nullptr;
  size_t out_bytes = 0;
  void* in = nullptr;
  size_t in_bytes = 0;
  std::array<int, 2> fds{-1, -1};  // that go along
  UniqueFd* received = nullptr;    // for one that comes back
};

class SocketFile : public TransportFile {
 public:
  explicit SocketFile(UniqueFd socket);
  ~SocketFile() override;

  int Ioctl(unsigned long command, void* argument) override;
  ssize_t Write(std::span<const vnpu_sqe> entries) override;
  ssize_t Read(std::span<vnpu_cqe> completions) override;
  bool Alive() override;

  // Sends a message and waits for its reply: the reply's result.
  int Exchange(SocketCall& call);

 private:
  int Send(const SocketCall& call);
  int Receive(SocketCall& call);

  UniqueFd socket_;
  std::mutex mutex_;  // one message at a time
  int broken_ = 0;    // -errno of the call that broke the conversation
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_TRANSPORT_SOCKET_FILE_H_
