#include "tests/device/device_client.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

#include "firmware/loader/loader.h"
#include "vdev/clock.h"

namespace vnpu::test {
namespace {

using firmware::ControlOp;
using firmware::ControlReply;
using firmware::ControlRequest;
using Clock = std::chrono::steady_clock;

// Waits for `condition` without a system call at first, then gently.
template <typename Condition>
bool WaitUntil(Condition condition) {
  const auto end = Clock::now() + DeviceClient::kLimit;
  for (uint64_t i = 0; !condition(); ++i) {
    if (i > 2000) {
      if (Clock::now() > end) {
        return false;
      }
      std::this_thread::yield();
    }
    __builtin_ia32_pause();
  }
  return true;
}

bool Send(int socket, const void* data, size_t size, const std::vector<int>& fds) {
  iovec part{const_cast<void*>(data), size};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  std::vector<std::byte> control(CMSG_SPACE(fds.size() * sizeof(int)));
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(size);
}

std::optional<ControlReply> Receive(int socket) {
  pollfd ready{.fd = socket, .events = POLLIN, .revents = 0};
  const auto limit = std::chrono::milliseconds(DeviceClient::kLimit).count();
  ControlReply reply;
  if (poll(&ready, 1, static_cast<int>(limit)) != 1 ||
      recv(socket, &reply, sizeof(reply), 0) != sizeof(reply)) {
    return std::nullopt;
  }
  return reply;
}

ControlRequest Make(ControlOp op) {
  ControlRequest request;
  std::memset(static_cast<void*>(&request), 0, sizeof(request));
  request.op = op;
  return request;
}

uint64_t Rights(uint32_t prot) {
  return ((prot & VNPU_PROT_READ) != 0 ? vdev::kPteRead : 0) |
         ((prot & VNPU_PROT_WRITE) != 0 ? vdev::kPteWrite : 0);
}

}  // namespace

SharedMemory::SharedMemory(size_t size) : fd_(memfd_create("test", MFD_CLOEXEC)), size_(size) {
  void* memory = ftruncate(fd_.get(), static_cast<off_t>(size)) == 0
                     ? mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0)
                     : MAP_FAILED;
  if (memory == MAP_FAILED) {
    std::abort();
  }
  data_ = static_cast<std::byte*>(memory);
}

SharedMemory::~SharedMemory() { munmap(data_, size_); }

EventFd::EventFd() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

uint64_t EventFd::Take() const {
  constexpr int kLimitMs = 10'000;
  pollfd ready{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  uint64_t count = 0;
  const bool got = poll(&ready, 1, kLimitMs) == 1 && read(fd_.get(), &count, sizeof(count)) > 0;
  return got ? count : 0;
}

DeviceClient::DeviceClient()
    : session_(VNPU_SESSION_MEM_BYTES),
      page_table_(vdev::kTableBytes),
      board_(firmware::kBoardBytes),
      table_(page_table_.data()) {
  Start();
}

void DeviceClient::Start() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    std::abort();
  }
  socket_ = firmware::Fd(ends[0]);
  const firmware::Fd theirs(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, theirs.get(), firmware::kControlFd);
  std::string program = VNPU_DEVICE_PROGRAM;
  char* const arguments[] = {program.data(), nullptr};
  // Libraries at their usual place, so that the window is free in every build.
  const int persona = personality(0xffff'ffff);
  personality(static_cast<unsigned long>(persona) | ADDR_NO_RANDOMIZE);
  const int error = posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments, environ);
  personality(static_cast<unsigned long>(persona));
  posix_spawn_file_actions_destroy(&actions);
  EXPECT_EQ(error, 0) << program << ": " << std::strerror(error);
  prctl(PR_SET_PTRACER, pid_);
}

DeviceClient::~DeviceClient() {
  CloseSocket();
  if (pid_ > 0 && !WaitForExit()) {
    ADD_FAILURE() << "the device process does not end";
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
}

std::optional<int> DeviceClient::WaitForExit() {
  int status = 0;
  if (pid_ <= 0 || !WaitUntil([&] { return waitpid(pid_, &status, WNOHANG) == pid_; })) {
    return std::nullopt;
  }
  pid_ = -1;
  return status;
}

std::optional<ControlReply> DeviceClient::Call(const ControlRequest& request,
                                               const std::vector<int>& fds) {
  if (!Send(socket_.get(), &request, sizeof(request), fds)) {
    return std::nullopt;
  }
  return Receive(socket_.get());
}

int DeviceClient::Result(const ControlRequest& request, const std::vector<int>& fds) {
  const auto reply = Call(request, fds);
  return reply ? reply->result : -EPIPE;
}

int DeviceClient::SendRaw(const void* data, size_t size, const std::vector<int>& fds) {
  if (!Send(socket_.get(), data, size, fds)) {
    return -EPIPE;
  }
  const auto reply = Receive(socket_.get());
  return reply ? reply->result : -EPIPE;
}

ControlRequest DeviceClient::InitRequest() {
  ControlRequest request = Make(ControlOp::kInit);
  request.init.window_base = kWindow;
  request.init.clock_hz = vdev::ClockHz();
  request.init.board_slot = kSlot;
  request.init.client_pid = static_cast<uint32_t>(getpid());
  std::memcpy(request.init.units, board().units, sizeof(request.init.units));
  return request;
}

std::vector<int> DeviceClient::InitFds() const {
  return {session_.fd(), kick_.fd(), page_table_.fd(), board_.fd(), driver_.fd()};
}

int DeviceClient::Init(const Units& units) {
  board().units[VNPU_UNIT_AI_CORE] = units.ai_cores;
  board().units[VNPU_UNIT_VECTOR_CORE] = units.vector_cores;
  board().units[VNPU_UNIT_AI_CPU] = units.ai_cpus;
  board().units[VNPU_UNIT_DMA] = units.dma_engines;
  board().live_sessions.store(1);
  board().live_slots[0].store(1u << kSlot);
  return Result(InitRequest(), InitFds());
}

DeviceMemory DeviceClient::Map(uint64_t offset, uint64_t size, uint32_t prot) {
  const auto& memory = *memory_.emplace_back(std::make_unique<SharedMemory>(size));
  const uint64_t va = kWindow + offset;
  table_.MapRange(va, size, Rights(prot));
  ControlRequest request = Make(ControlOp::kMap);
  request.map.va = va;
  request.map.size = size;
  request.map.prot = prot;
  EXPECT_EQ(Result(request, {memory.fd()}), 0);
  return {va, size, memory.data(), memory.fd()};
}

int DeviceClient::Unmap(uint64_t va, uint64_t size) {
  table_.UnmapRange(va, size);
  ControlRequest request = Make(ControlOp::kUnmap);
  request.map.va = va;
  request.map.size = size;
  return Result(request);
}

int DeviceClient::Protect(uint64_t va, uint64_t size, uint32_t prot) {
  table_.MapRange(va, size, Rights(prot));
  table_.NewGeneration();
  ControlRequest request = Make(ControlOp::kProtect);
  request.map.va = va;
  request.map.size = size;
  request.map.prot = prot;
  return Result(request);
}

QueueClient& DeviceClient::CreateQueue(uint32_t id, const QueueOptions& options) {
  const uint64_t bytes = vnpu_queue_bytes(options.entries, options.arg_bytes);
  const auto& memory = *memory_.emplace_back(std::make_unique<SharedMemory>(bytes));
  ControlRequest request = Make(ControlOp::kQmemAdd);
  request.qmem.qmem_id = next_qmem_++;
  request.qmem.size = bytes;
  EXPECT_EQ(Result(request, {memory.fd()}), 0);
  ControlRequest create = Make(ControlOp::kQueueCreate);
  create.queue.queue_id = id;
  create.queue.qmem_id = request.qmem.qmem_id;
  create.queue.sq_entries = options.entries;
  create.queue.arg_bytes = options.arg_bytes;
  create.queue.priority = options.priority;
  create.queue.flags = options.flags;
  EXPECT_EQ(Result(create), 0);
  return queues_[id] = QueueClient(session(), memory.data(), id, options.entries);
}

int DeviceClient::DestroyQueue(uint32_t id, uint32_t flags) {
  ControlRequest request = Make(ControlOp::kQueueDestroy);
  request.queue.queue_id = id;
  request.queue.flags = flags;
  return Result(request);
}

void DeviceClient::Kick() const {
  const uint64_t one = 1;
  EXPECT_EQ(write(kick_.fd(), &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
}

bool DeviceClient::Publish(QueueClient& queue, const vnpu_sqe& sqe) {
  if (!WaitUntil([&] { return !queue.Full(); })) {
    return false;
  }
  if (queue.Publish(sqe)) {
    Kick();
  }
  return true;
}

bool DeviceClient::WaitFor(const QueueClient& queue, uint64_t target) {
  return WaitUntil([&] { return queue.head() >= target; });
}

uint32_t DeviceClient::Run(QueueClient& queue, vnpu_sqe sqe) {
  sqe.flags |= VNPU_SQE_CQE;
  const uint64_t task = queue.tail();
  if (!Publish(queue, sqe) || !Wait(queue)) {
    return UINT32_MAX;
  }
  while (const auto cqe = queue.Consume()) {
    if (cqe->task == task) {
      return cqe->status;
    }
  }
  return UINT32_MAX;
}

bool DeviceClient::WaitUntilAsleep() {
  return WaitUntil([&] { return Shared(session()->need_wakeup).load() == 1; });
}

int DeviceClient::LoadModule(uint32_t module_id, uint64_t offset, const std::string& path,
                             std::string* message) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)),
                                std::istreambuf_iterator<char>());
  const auto plan = firmware::Parse(std::as_bytes(std::span(bytes)));
  const uint64_t span = plan.ok() ? plan->span : VNPU_PAGE_SIZE;
  const auto& image = *memory_.emplace_back(std::make_unique<SharedMemory>(bytes.size() + 1));
  std::memcpy(image.data(), bytes.data(), bytes.size());
  const DeviceMemory object = Map(offset, span);
  ControlRequest request = Make(ControlOp::kModuleLoad);
  request.module.module_id = module_id;
  request.module.va = object.va;
  request.module.span = span;
  request.module.image_bytes = bytes.size();
  const auto reply = Call(request, {image.fd(), object.fd});
  if (!reply) {
    return -EPIPE;
  }
  if (message != nullptr) {
    *message = reply->module.message;
  }
  return reply->result;
}

int DeviceClient::UnloadModule(uint32_t module_id) {
  ControlRequest request = Make(ControlOp::kModuleUnload);
  request.module.module_id = module_id;
  return Result(request);
}

uint32_t DeviceClient::Kernel(uint32_t module_id, const std::string& name) {
  ControlRequest request = Make(ControlOp::kModuleSymbol);
  request.symbol.module_id = module_id;
  request.symbol.kind = VNPU_SYMBOL_KERNEL;
  request.symbol.index = VNPU_SYMBOL_BY_NAME;
  name.copy(request.symbol.name, sizeof(request.symbol.name) - 1);
  const auto reply = Call(request);
  return reply && reply->result == 0 ? reply->symbol.func_id : UINT32_MAX;
}

int DeviceClient::AddIrq(uint32_t irq_id, const EventFd& irq) {
  ControlRequest request = Make(ControlOp::kIrqAdd);
  request.irq.irq_id = irq_id;
  request.irq.kind = VNPU_IRQ_EVENTFD;
  return Result(request, {irq.fd()});
}

int DeviceClient::AddUringIrq(uint32_t irq_id, int ring_fd, uint64_t user_data) {
  ControlRequest request = Make(ControlOp::kIrqAdd);
  request.irq.irq_id = irq_id;
  request.irq.kind = VNPU_IRQ_URING;
  request.irq.user_data = user_data;
  request.irq.client_fd = ring_fd;
  return Result(request);
}

}  // namespace vnpu::test
