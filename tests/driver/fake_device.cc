// A device process without a device: answers control messages, finishes tasks when it is kicked.
//
// VNPU_FAKE_DEVICE="OP:FAULT" makes it misbehave at the control message with number OP: "silent"
// (no answer), "garbage" (a reply of the wrong size), "chatty" (two replies), "die", or an errno
// number to answer with. "hold" as the whole text: tasks are finished only once the client has set
// the last event register.
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vnpu/queue.h>
#include <vnpu/session.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "firmware/device/control.h"

namespace {

using vnpu::firmware::ControlOp;
using vnpu::firmware::ControlReply;
using vnpu::firmware::ControlRequest;

template <typename T>
std::atomic_ref<T> Shared(T& word) {
  return std::atomic_ref<T>(word);
}

struct FakeQueue {
  std::byte* base = nullptr;
  uint64_t entries = 0;
  bool driver_submit = false;
};

class FakeDevice {
 public:
  explicit FakeDevice(const std::string& fault) : hold_(fault == "hold") {
    const size_t colon = fault.find(':');
    if (colon != std::string::npos) {
      fault_op_ = std::stoi(fault.substr(0, colon));
      fault_ = fault.substr(colon + 1);
    }
  }

  void Run() {
    for (;;) {
      // Progress that a client allows without a kick is noticed by the time-out.
      pollfd fds[] = {{vnpu::firmware::kControlFd, POLLIN, 0}, {kick_fd_, POLLIN, 0}};
      poll(fds, kick_fd_ >= 0 ? 2 : 1, hold_ ? 5 : -1);
      if (kick_fd_ >= 0 && (fds[1].revents & POLLIN) != 0) {
        uint64_t count = 0;
        [[maybe_unused]] const ssize_t got = read(kick_fd_, &count, sizeof(count));
      }
      if (fds[0].revents != 0 && !ServeControl()) {
        return;
      }
      if (session_ != nullptr) {
        FinishTasks();
      }
    }
  }

 private:
  bool ServeControl() {
    ControlRequest request;
    std::vector<int> fds;
    if (!Receive(&request, &fds)) {
      return false;
    }
    ControlReply reply;
    std::memset(static_cast<void*>(&reply), 0, sizeof(reply));
    reply.number = request.number;
    if (static_cast<int>(request.op) == fault_op_) {
      if (fault_ == "die") {
        return false;
      }
      if (fault_ == "silent") {
        return true;
      }
      if (fault_ == "garbage") {
        send(vnpu::firmware::kControlFd, &reply, 3, 0);
        return true;
      }
      if (fault_ == "chatty") {
        send(vnpu::firmware::kControlFd, &reply, sizeof(reply), 0);
      } else {
        reply.result = -std::atoi(fault_.c_str());
      }
    }
    if (reply.result == 0) {
      Obey(request, fds, &reply);
    }
    for (const int fd : fds) {
      if (fd != kick_fd_ && fd != driver_fd_) {
        close(fd);
      }
    }
    send(vnpu::firmware::kControlFd, &reply, sizeof(reply), 0);
    return true;
  }

  static bool Receive(ControlRequest* request, std::vector<int>* fds) {
    iovec body{request, sizeof(*request)};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(8 * sizeof(int))> ancillary{};
    msghdr message{};
    message.msg_iov = &body;
    message.msg_iovlen = 1;
    message.msg_control = ancillary.data();
    message.msg_controllen = ancillary.size();
    if (recvmsg(vnpu::firmware::kControlFd, &message, 0) !=
        static_cast<ssize_t>(sizeof(*request))) {
      return false;
    }
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header != nullptr) {
      fds->resize((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
      std::memcpy(fds->data(), CMSG_DATA(header), fds->size() * sizeof(int));
    }
    return true;
  }

  void Obey(const ControlRequest& request, const std::vector<int>& fds, ControlReply* reply) {
    switch (request.op) {
      case ControlOp::kInit:
        session_ = static_cast<vnpu_session_mem*>(mmap(
            nullptr, VNPU_SESSION_MEM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fds.at(0), 0));
        kick_fd_ = fds.at(1);
        driver_fd_ = fds.at(4);
        Shared(session_->need_wakeup).store(1);
        break;
      case ControlOp::kQmemAdd:
        qmems_[request.qmem.qmem_id] = static_cast<std::byte*>(
            mmap(nullptr, request.qmem.size, PROT_READ | PROT_WRITE, MAP_SHARED, fds.at(0), 0));
        break;
      case ControlOp::kQueueCreate:
        queues_[request.queue.queue_id] = {qmems_.at(request.queue.qmem_id) + request.queue.offset,
                                           request.queue.sq_entries,
                                           (request.queue.flags & VNPU_QUEUE_DRIVER_SUBMIT) != 0};
        break;
      case ControlOp::kQueueDestroy:
        queues_.erase(request.queue.queue_id);
        break;
      case ControlOp::kModuleSymbol:
        reply->symbol = request.symbol;
        break;
      default:
        break;
    }
  }

  void FinishTasks() {
    Shared(session_->need_wakeup).store(1);
    if (hold_ && Shared(session_->events[VNPU_MAX_EVENTS - 1].seq).load() == 0) {
      return;
    }
    for (auto& [id, queue] : queues_) {
      Finish(id, queue);
    }
  }

  void Finish(uint32_t id, const FakeQueue& queue) {
    auto* header = reinterpret_cast<vnpu_queue_hdr*>(queue.base);
    const auto* sq = reinterpret_cast<const vnpu_sqe*>(queue.base + VNPU_QUEUE_SQ_OFFSET);
    auto* cq = reinterpret_cast<vnpu_cqe*>(queue.base + vnpu_queue_cq_offset(queue.entries));
    const uint64_t tail = Shared(header->sq_tail).load();
    uint64_t head = Shared(header->sq_head).load();
    uint64_t cq_tail = Shared(header->cq_tail).load();
    const bool progress = head != tail;
    for (; head != tail; ++head) {
      const vnpu_sqe& sqe = sq[head & (queue.entries - 1)];
      const bool room = cq_tail - Shared(header->cq_head).load() < queue.entries;
      if ((sqe.flags & VNPU_SQE_CQE) != 0 && room) {
        cq[cq_tail & (queue.entries - 1)] = {head, 0, id, VNPU_OK, 0};
        ++cq_tail;
      }
    }
    Shared(header->cq_tail).store(cq_tail);
    Shared(header->sq_head).store(head);
    if (progress && Shared(header->driver_wait).exchange(0) != 0) {
      const uint64_t one = 1;
      [[maybe_unused]] const ssize_t written = write(driver_fd_, &one, sizeof(one));
    }
  }

  bool hold_;
  int fault_op_ = -1;
  std::string fault_;
  vnpu_session_mem* session_ = nullptr;
  int kick_fd_ = -1;
  int driver_fd_ = -1;
  std::map<uint32_t, std::byte*> qmems_;
  std::map<uint32_t, FakeQueue> queues_;
};

}  // namespace

int main() {
  const char* fault = std::getenv("VNPU_FAKE_DEVICE");
  FakeDevice(fault != nullptr ? fault : "").Run();
  return 0;
}
