#include "tests/uapi/support/session.h"

#include <poll.h>
#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace vnpu::raw {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

template <typename T>
std::atomic_ref<T> Shared(T& word) {
  return std::atomic_ref<T>(word);
}

}  // namespace

// Set-up -------------------------------------------------------------------------------------

Session::Session(const Vnpud& vnpud, const std::string& node, uint32_t flags)
    : Session(vnpud.Open(node), flags) {}

Session::Session(std::unique_ptr<RawFile> file, uint32_t flags)
    : file_(std::move(file)),
      kick_(MakeEventfd()),
      mem_fd_(MakeSealedMemfd(VNPU_SESSION_MEM_BYTES)),
      mem_(Mapping::Map(mem_fd_.get(), VNPU_SESSION_MEM_BYTES)) {
  ReserveWindowAndStart(flags);
  // For pageable copies where Yama is active; elsewhere the call is unknown and not needed.
  prctl(PR_SET_PTRACER, device_pid_);
}

void Session::ReserveWindowAndStart(uint32_t flags) {
  constexpr uint64_t kFirst = uint64_t{1} << 40;
  constexpr uint64_t kLast = uint64_t{253} << 39;
  for (uint64_t base = kFirst; base <= kLast; base += VNPU_WINDOW_SIZE / 2) {
    window_ = Mapping::ReserveAt(base, VNPU_WINDOW_SIZE);
    if (window_.data() == nullptr) {
      continue;
    }
    vnpu_ioc_session arg{};
    arg.window_base = base;
    arg.flags = flags;
    arg.mem_fd = mem_fd_.get();
    arg.kick_fd = kick_.get();
    const int result = Ioctl(VNPU_IOC_SESSION, &arg);
    if (result == 0) {
      id_ = arg.session_id;
      device_pid_ = static_cast<pid_t>(arg.device_pid);
      return;
    }
    if (result != -EADDRINUSE) {
      throw std::system_error(-result, std::generic_category(), "VNPU_IOC_SESSION");
    }
  }
  throw std::runtime_error("no window that both processes can have");
}

void Session::Must(unsigned long command, void* arg, const char* what) {
  const int result = Ioctl(command, arg);
  if (result < 0) {
    throw std::system_error(-result, std::generic_category(), what);
  }
}

uint32_t Session::State() const { return Shared(mem().state).load(); }

bool Session::Lost() {
  if (State() == VNPU_SESSION_LOST) {
    return true;
  }
  const int events = file_->PollNow();
  return events < 0 || (events & (POLLERR | POLLHUP)) != 0;
}

// Memory -------------------------------------------------------------------------------------

uint64_t Session::Reserve(uint64_t size, uint64_t align) {
  vnpu_ioc_reserve arg{0, size, align, 0};
  Must(VNPU_IOC_RESERVE, &arg, "VNPU_IOC_RESERVE");
  return arg.va;
}

uint32_t Session::AllocatePmem(uint64_t size, uint32_t flags) {
  vnpu_ioc_pmem_alloc arg{};
  arg.size = size;
  arg.flags = flags;
  Must(VNPU_IOC_PMEM_ALLOC, &arg, "VNPU_IOC_PMEM_ALLOC");
  return arg.pmem_id;
}

void Session::Map(uint64_t va, uint64_t size, uint32_t pmem_id, uint64_t offset, uint32_t prot) {
  vnpu_ioc_map arg{va, size, offset, pmem_id, prot};
  Must(VNPU_IOC_MAP, &arg, "VNPU_IOC_MAP");
}

Buffer Session::Allocate(uint64_t size, uint32_t pmem_flags) {
  Buffer buffer{Reserve(size), size, AllocatePmem(size, pmem_flags)};
  Map(buffer.va, size, buffer.pmem_id);
  return buffer;
}

void Session::Free(const Buffer& buffer) {
  vnpu_ioc_unmap unmap{buffer.va, buffer.size};
  Must(VNPU_IOC_UNMAP, &unmap, "VNPU_IOC_UNMAP");
  vnpu_ioc_pmem_free free_pmem{buffer.pmem_id, 0};
  Must(VNPU_IOC_PMEM_FREE, &free_pmem, "VNPU_IOC_PMEM_FREE");
  vnpu_ioc_release release{buffer.va, 0};
  Must(VNPU_IOC_RELEASE, &release, "VNPU_IOC_RELEASE");
}

vnpu_ioc_mem_query Session::Query(uint64_t va) {
  vnpu_ioc_mem_query arg{};
  arg.va = va;
  Must(VNPU_IOC_MEM_QUERY, &arg, "VNPU_IOC_MEM_QUERY");
  return arg;
}

bool Session::Store(uint64_t va, const void* data, size_t size) {
  return Run(CopyQueue(), Copy(va, AddressOf(data), size, VNPU_COPY_SRC_PAGEABLE)) == VNPU_OK;
}

bool Session::Load(void* data, uint64_t va, size_t size) {
  return Run(CopyQueue(), Copy(AddressOf(data), va, size, VNPU_COPY_DST_PAGEABLE)) == VNPU_OK;
}

const Queue& Session::CopyQueue() {
  if (copy_queue_ == nullptr) {
    copy_queue_ = std::make_unique<Queue>(CreateQueue());
  }
  return *copy_queue_;
}

// Queues -------------------------------------------------------------------------------------

Queue Session::CreateQueue(const QueueShape& shape) {
  const uint64_t bytes = vnpu_queue_bytes(shape.entries, shape.arg_bytes);
  const UniqueFd fd = MakeSealedMemfd(bytes);
  vnpu_ioc_qmem_add add{bytes, fd.get(), 0};
  Must(VNPU_IOC_QMEM_ADD, &add, "VNPU_IOC_QMEM_ADD");
  vnpu_ioc_queue_create create{};
  create.qmem_id = add.qmem_id;
  create.flags = shape.flags;
  create.sq_entries = shape.entries;
  create.arg_bytes = shape.arg_bytes;
  create.priority = shape.priority;
  Must(VNPU_IOC_QUEUE_CREATE, &create, "VNPU_IOC_QUEUE_CREATE");
  return {create.queue_id, add.qmem_id, shape.entries, shape.arg_bytes,
          Mapping::Map(fd.get(), bytes)};
}

void Session::DestroyQueue(const Queue& queue, uint32_t flags) {
  vnpu_ioc_queue_destroy destroy{queue.id, flags};
  Must(VNPU_IOC_QUEUE_DESTROY, &destroy, "VNPU_IOC_QUEUE_DESTROY");
  vnpu_ioc_qmem_del del{queue.qmem_id, 0};
  Must(VNPU_IOC_QMEM_DEL, &del, "VNPU_IOC_QMEM_DEL");
}

std::vector<uint32_t> Session::AllocateEvents(uint32_t count) {
  vnpu_ioc_event_alloc arg{};
  arg.count = count;
  Must(VNPU_IOC_EVENT_ALLOC, &arg, "VNPU_IOC_EVENT_ALLOC");
  return {arg.event_id, arg.event_id + arg.count};
}

uint64_t Queue::Head() const { return Shared(header().sq_head).load(); }

std::vector<vnpu_cqe> Queue::TakeCompletions() const {
  std::vector<vnpu_cqe> taken;
  const uint64_t tail = Shared(header().cq_tail).load();
  uint64_t head = header().cq_head;
  for (; head < tail; ++head) {
    taken.push_back(cq()[head & (entries - 1)]);
  }
  Shared(header().cq_head).store(head);
  return taken;
}

uint64_t Session::Publish(const Queue& queue, vnpu_sqe sqe) {
  vnpu_queue_hdr& header = queue.header();
  const uint64_t index = header.sq_tail;
  if (index >= queue.entries && !WaitHead(queue, index - queue.entries + 1)) {
    // A lost device frees no room: told as its commands tell it, so that a kill is one error.
    if (Lost()) {
      throw std::system_error(EIO, std::generic_category(), "no room in the queue");
    }
    throw std::runtime_error("no room in the queue");
  }
  sqe.queue_id = queue.id;
  sqe.seq = static_cast<uint32_t>(index);
  queue.sq()[index & (queue.entries - 1)] = sqe;
  Shared(header.sq_tail).store(index + 1, std::memory_order_seq_cst);
  if (Shared(header.need_doorbell).load() == 1) {
    Shared(mem().doorbell[queue.id / 64]).fetch_or(uint64_t{1} << (queue.id % 64));
    Shared(mem().doorbell_summary).fetch_or(uint64_t{1} << (queue.id / 64));
    if (Shared(mem().need_wakeup).load() == 1 && Shared(mem().need_wakeup).exchange(0) == 1) {
      const uint64_t one = 1;
      if (write(kick_fd(), &one, sizeof(one)) != sizeof(one)) {
        throw std::system_error(errno, std::generic_category(), "kick");
      }
    }
  }
  return index;
}

// -1: the device is gone.
int Session::WaiterFd() {
  if (waiter_fd_.get() < 0) {
    UniqueFd fd = MakeEventfd();
    vnpu_ioc_irq_add add{};
    add.fd = fd.get();
    add.kind = VNPU_IRQ_EVENTFD;
    const int result = Ioctl(VNPU_IOC_IRQ_ADD, &add);
    if (result == -EIO) {
      return -1;
    }
    if (result < 0) {
      throw std::system_error(-result, std::generic_category(), "VNPU_IOC_IRQ_ADD");
    }
    waiter_fd_ = std::move(fd);
    waiter_ = add.irq_id;
  }
  return waiter_fd_.get();
}

bool Session::Block(const Queue& queue, uint64_t target, steady_clock::time_point deadline) {
  const int fd = WaiterFd();
  if (fd < 0) {
    return false;
  }
  vnpu_waiter& waiter = mem().waiters[waiter_];
  Shared(waiter.queue_id).store(queue.id);
  Shared(waiter.target).store(target);
  Shared(waiter.armed).store(1);
  Shared(queue.header().waiting).fetch_add(1);
  if (queue.Head() < target && State() != VNPU_SESSION_LOST) {
    // In slices: a device process that dies with its driver cannot post the interrupt.
    constexpr milliseconds kSlice{100};
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    pollfd interrupt{fd, POLLIN, 0};
    poll(&interrupt, 1, static_cast<int>(std::clamp(left, milliseconds{0}, kSlice).count()));
  }
  Shared(queue.header().waiting).fetch_sub(1);
  Shared(waiter.armed).store(0);
  uint64_t count = 0;
  (void)!read(fd, &count, sizeof(count));
  return queue.Head() >= target;
}

bool Session::WaitHead(const Queue& queue, uint64_t target, milliseconds limit) {
  constexpr int kSpins = 2000;
  for (int i = 0; i < kSpins; ++i) {
    if (queue.Head() >= target) {
      return true;
    }
    __builtin_ia32_pause();
  }
  const auto deadline = steady_clock::now() + limit * TimeScale();
  while (!Block(queue, target, deadline)) {
    if (Lost() || steady_clock::now() >= deadline) {
      return queue.Head() >= target;
    }
  }
  return true;
}

uint32_t Session::Run(const Queue& queue, vnpu_sqe sqe) {
  sqe.flags |= VNPU_SQE_CQE;
  const uint64_t index = Publish(queue, sqe);
  if (!WaitHead(queue, index + 1)) {
    return VNPU_E_DEVICE_LOST;
  }
  for (const vnpu_cqe& cqe : queue.TakeCompletions()) {
    if (cqe.task == index) {
      return cqe.status;
    }
  }
  throw std::runtime_error("a task is done, but its CQE is missing");
}

}  // namespace vnpu::raw
