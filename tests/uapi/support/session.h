// A session as a client makes it: window, session memory, kick eventfd, device memory, queues.
#ifndef VNPU_TESTS_UAPI_SUPPORT_SESSION_H_
#define VNPU_TESTS_UAPI_SUPPORT_SESSION_H_

#include <vnpu/ioctl.h>
#include <vnpu/queue.h>
#include <vnpu/session.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/uapi/support/raw_file.h"
#include "tests/uapi/support/system.h"
#include "tests/uapi/support/vnpud.h"

namespace vnpu::raw {

// Every wait of a test ends after this long (scaled by TimeScale).
inline constexpr std::chrono::milliseconds kPatience{20'000};

// Device memory: one object mapped at one reservation.
struct Buffer {
  uint64_t va = 0;
  uint64_t size = 0;
  uint32_t pmem_id = 0;
};

// How a queue is laid out in queue memory of its own.
struct QueueShape {
  uint32_t entries = 64;
  uint32_t arg_bytes = 0;
  uint32_t flags = 0;  // VNPU_QUEUE_*
  uint32_t priority = 0;
};

// The client's side of one queue.
struct Queue {
  uint32_t id = 0;
  uint32_t qmem_id = 0;
  uint32_t entries = 0;
  uint32_t arg_bytes = 0;
  Mapping memory;

  vnpu_queue_hdr& header() const { return *reinterpret_cast<vnpu_queue_hdr*>(memory.data()); }
  vnpu_sqe* sq() const { return reinterpret_cast<vnpu_sqe*>(memory.data() + VNPU_QUEUE_SQ_OFFSET); }
  const vnpu_cqe* cq() const {
    return reinterpret_cast<const vnpu_cqe*>(memory.data() + vnpu_queue_cq_offset(entries));
  }
  std::byte* args() const { return memory.data() + vnpu_queue_arg_offset(entries); }
  // Tasks done.
  uint64_t Head() const;
  // Takes what the device has posted.
  std::vector<vnpu_cqe> TakeCompletions() const;
};

// A window that every device process has free; the checkers leave few such places.
#ifdef __SANITIZE_THREAD__
inline constexpr uint64_t kFreeWindow = 0x7e80'0000'0000;
inline constexpr bool kOneWindow = true;  // a process has room for one
#else
inline constexpr bool kOneWindow = false;
inline constexpr uint64_t kFreeWindow = uint64_t{32} << 40;
#endif

// Functions throw std::system_error, naming the command, when something fails that must not.
// Used by one thread at a time.
class Session {
 public:
  // On a file whose version is negotiated.
  explicit Session(std::unique_ptr<RawFile> file, uint32_t flags = 0);  // VNPU_SESSION_*
  explicit Session(const Vnpud& vnpud, const std::string& node = "davinci0", uint32_t flags = 0);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  RawFile& file() { return *file_; }
  uint64_t window() const { return reinterpret_cast<uint64_t>(window_.data()); }
  vnpu_session_mem& mem() const { return *reinterpret_cast<vnpu_session_mem*>(mem_.data()); }
  int kick_fd() const { return kick_.get(); }
  uint32_t id() const { return id_; }
  pid_t device_pid() const { return device_pid_; }
  // enum vnpu_session_state
  uint32_t State() const;
  // By its state, or because the file says that the driver is gone.
  bool Lost();

  // 0 or -errno.
  int Ioctl(unsigned long command, void* arg) { return file_->Ioctl(command, arg); }
  // Must succeed.
  void Must(unsigned long command, void* arg, const char* what);

  // Memory.
  uint64_t Reserve(uint64_t size, uint64_t align = 0);
  uint32_t AllocatePmem(uint64_t size, uint32_t flags = 0);
  void Map(uint64_t va, uint64_t size, uint32_t pmem_id, uint64_t offset = 0,
           uint32_t prot = VNPU_PROT_READ | VNPU_PROT_WRITE);
  Buffer Allocate(uint64_t size, uint32_t pmem_flags = 0);
  void Free(const Buffer& buffer);
  vnpu_ioc_mem_query Query(uint64_t va);

  // Queues.
  Queue CreateQueue(const QueueShape& shape = {});
  void DestroyQueue(const Queue& queue, uint32_t flags = 0);
  std::vector<uint32_t> AllocateEvents(uint32_t count);

  // Publishes as queue.h says; the task's index. Waits for room.
  uint64_t Publish(const Queue& queue, vnpu_sqe sqe);
  // Waits, spinning first and then by a waiter slot and an interrupt, until `target` tasks are
  // done. False when the session is lost or it takes too long.
  bool WaitHead(const Queue& queue, uint64_t target, std::chrono::milliseconds limit = kPatience);
  // Registers the interrupt that WaitHead would register when it first sleeps.
  void PrepareWait() { WaiterFd(); }
  // Publishes and waits: the task's status, from its CQE. VNPU_E_DEVICE_LOST when it never comes.
  uint32_t Run(const Queue& queue, vnpu_sqe sqe);

  // Copies between the test's memory and device memory; false when the copy failed.
  bool Store(uint64_t va, const void* data, size_t size);
  bool Load(void* data, uint64_t va, size_t size);

 private:
  void ReserveWindowAndStart(uint32_t flags);
  const Queue& CopyQueue();
  int WaiterFd();
  bool Block(const Queue& queue, uint64_t target, std::chrono::steady_clock::time_point deadline);

  std::unique_ptr<RawFile> file_;
  UniqueFd kick_;
  UniqueFd mem_fd_;
  Mapping mem_;
  Mapping window_;
  uint32_t id_ = 0;
  pid_t device_pid_ = 0;
  UniqueFd waiter_fd_;
  uint32_t waiter_ = 0;
  std::unique_ptr<Queue> copy_queue_;
};

// SQEs; queue_id and seq are filled in by Publish.
vnpu_sqe Nop(uint8_t flags = 0);
vnpu_sqe Copy(uint64_t dst, uint64_t src, uint64_t size, uint32_t copy_flags = 0);
vnpu_sqe Memset(uint64_t dst, uint64_t size, uint32_t value, uint32_t width = 1);
vnpu_sqe EventRecord(uint32_t event_id, uint64_t seq);
vnpu_sqe EventWait(uint32_t event_id, uint64_t seq, uint32_t timeout_us = 0);
vnpu_sqe EventReset(uint32_t event_id);
// Arguments inline; at most VNPU_SQE_INLINE_BYTES.
vnpu_sqe Kernel(uint32_t func_id, uint32_t blocks, std::span<const uint64_t> args);

// An address of the test's own memory, for pageable copies.
inline uint64_t AddressOf(const void* data) { return reinterpret_cast<uint64_t>(data); }

}  // namespace vnpu::raw

#endif  // VNPU_TESTS_UAPI_SUPPORT_SESSION_H_
