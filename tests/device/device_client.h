// Drives one device process as the driver does, and its queues as a client does; no driver needed.
//
//   DeviceClient device;                       // starts bin/vnpu-device
//   ASSERT_EQ(device.Init(), 0);
//   auto memory = device.Map(0, 1 << 20);      // at window_base, seen by the test at memory.host
//   auto& queue = device.CreateQueue(3);
//   device.Publish(queue, Memset(memory.va, memory.size, 7));
//   ASSERT_TRUE(device.Wait(queue));
#ifndef VNPU_TESTS_DEVICE_DEVICE_CLIENT_H_
#define VNPU_TESTS_DEVICE_DEVICE_CLIENT_H_

#include <sys/types.h>
#include <vnpu/session.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "firmware/device/board.h"
#include "firmware/device/control.h"
#include "firmware/device/fd.h"
#include "tests/support/queue_client.h"
#include "tests/support/table_builder.h"

namespace vnpu::test {

// A memfd with a mapping of it in this process.
class SharedMemory {
 public:
  explicit SharedMemory(size_t size);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  int fd() const { return fd_.get(); }
  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  firmware::Fd fd_;
  std::byte* data_ = nullptr;
  size_t size_;
};

// Device memory: at `va` for the device, at `host` for the test.
struct DeviceMemory {
  uint64_t va = 0;
  uint64_t size = 0;
  std::byte* host = nullptr;
  int fd = -1;

  template <typename T>
  T* As(uint64_t offset = 0) const {
    return reinterpret_cast<T*>(host + offset);
  }
};

// Counts what an interrupt brought.
class EventFd {
 public:
  EventFd();
  int fd() const { return fd_.get(); }
  // Waits up to ten seconds; 0: nothing came.
  uint64_t Take() const;

 private:
  firmware::Fd fd_;
};

// Not thread-safe, except Publish, Wait and Kick on queues of their own.
class DeviceClient {
 public:
  // Where every checker build lets memory be; the process is started without address randomization.
  static constexpr uint64_t kWindow = 0x7e80'0000'0000;
  static constexpr uint32_t kSlot = 2;  // of the board
  static constexpr auto kLimit = std::chrono::seconds(20);

  struct Units {
    uint32_t ai_cores = 8;
    uint32_t vector_cores = 8;
    uint32_t ai_cpus = 2;
    uint32_t dma_engines = 4;
  };

  DeviceClient();
  // Closes the socket and waits until the process is gone.
  ~DeviceClient();
  DeviceClient(const DeviceClient&) = delete;
  DeviceClient& operator=(const DeviceClient&) = delete;

  // One control message; nothing if no answer came (the process is gone).
  std::optional<firmware::ControlReply> Call(const firmware::ControlRequest& request,
                                             const std::vector<int>& fds = {});
  // The result alone; -EPIPE if no answer came.
  int Result(const firmware::ControlRequest& request, const std::vector<int>& fds = {});
  // Any bytes as a message; the result of the answer.
  int SendRaw(const void* data, size_t size, const std::vector<int>& fds = {});

  // As the arguments of kInit would be; for changes before Init().
  firmware::ControlRequest InitRequest();
  std::vector<int> InitFds() const;
  int Init() { return Init(Units{}); }
  int Init(const Units& units);

  // Maps new memory `offset` bytes into the window: page table first, as the driver does.
  // `rights`: VNPU_PROT_*. Fails the test when the device refuses.
  DeviceMemory Map(uint64_t offset, uint64_t size,
                   uint32_t prot = VNPU_PROT_READ | VNPU_PROT_WRITE);
  int Unmap(uint64_t va, uint64_t size);
  int Protect(uint64_t va, uint64_t size, uint32_t prot);

  struct QueueOptions {
    uint32_t priority = 3;
    uint32_t flags = 0;  // VNPU_QUEUE_*
    uint32_t entries = 64;
    uint32_t arg_bytes = VNPU_PAGE_SIZE;
  };
  QueueClient& CreateQueue(uint32_t id) { return CreateQueue(id, QueueOptions{}); }
  QueueClient& CreateQueue(uint32_t id, const QueueOptions& options);
  int DestroyQueue(uint32_t id, uint32_t flags = 0);

  // Waits for room, publishes by the protocol of queue.h, kicks when asked for. False: no room
  // came.
  bool Publish(QueueClient& queue, const vnpu_sqe& sqe);
  void Kick() const;
  // Waits until `target` tasks are done (all published ones). False: too long.
  bool WaitFor(const QueueClient& queue, uint64_t target);
  bool Wait(const QueueClient& queue) { return WaitFor(queue, queue.tail()); }
  // Publishes, waits, and returns how the task ended; UINT32_MAX: it did not.
  uint32_t Run(QueueClient& queue, vnpu_sqe sqe);
  // Waits until the device asks for kicks.
  bool WaitUntilAsleep();

  // Loads an image `offset` bytes into the window. 0 or -errno; `message` of the answer goes to
  // *message.
  int LoadModule(uint32_t module_id, uint64_t offset, const std::string& path,
                 std::string* message = nullptr);
  int UnloadModule(uint32_t module_id);
  // Function number of a kernel; UINT32_MAX: there is none of that name.
  uint32_t Kernel(uint32_t module_id, const std::string& name);

  int AddIrq(uint32_t irq_id, const EventFd& irq);
  // A ring of this process: its number, as a client would give it.
  int AddUringIrq(uint32_t irq_id, int ring_fd, uint64_t user_data);

  pid_t pid() const { return pid_; }
  vnpu_session_mem* session() const { return reinterpret_cast<vnpu_session_mem*>(session_.data()); }
  firmware::BoardHeader& board() const {
    return *reinterpret_cast<firmware::BoardHeader*>(board_.data());
  }
  firmware::BoardSlot& slot(uint32_t index) const {
    return *reinterpret_cast<firmware::BoardSlot*>(board_.data() + 4096ull * (1 + index));
  }
  vdev::test::TableWriter& table() { return table_; }
  const EventFd& driver_event() const { return driver_; }
  // Closes the driver's end of the socket.
  void CloseSocket() { socket_ = firmware::Fd(); }
  // Waits until the process is gone: its status as of waitpid, or nothing (too long).
  std::optional<int> WaitForExit();

 private:
  void Start();

  firmware::Fd socket_;
  pid_t pid_ = -1;
  SharedMemory session_;
  SharedMemory page_table_;
  SharedMemory board_;
  EventFd kick_;
  EventFd driver_;
  vdev::test::TableWriter table_;
  std::vector<std::unique_ptr<SharedMemory>> memory_;
  std::map<uint32_t, QueueClient> queues_;
  uint32_t next_qmem_ = 1;
};

}  // namespace vnpu::test

#endif  // VNPU_TESTS_DEVICE_DEVICE_CLIENT_H_
