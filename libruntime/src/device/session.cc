#include "libruntime/src/device/session.h"

#include <linux/membarrier.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/fork.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/base/round_up.h"
#include "libruntime/src/callback/host_calls.h"
#include "libruntime/src/device/peer_access.h"
#include "libruntime/src/device/process_limits.h"
#include "libruntime/src/event/event_pool.h"
#include "libruntime/src/kernel/print.h"
#include "libruntime/src/memory/copy.h"
#include "libruntime/src/memory/copy_engine.h"
#include "libruntime/src/memory/device_memory.h"
#include "libruntime/src/memory/host_registry.h"
#include "libruntime/src/memory/managed_memory.h"
#include "libruntime/src/memory/memory_pool.h"
#include "libruntime/src/memory/memory_usage.h"
#include "libruntime/src/memory/pinned_memory.h"
#include "libruntime/src/memory/virtual_memory.h"
#include "libruntime/src/queue/queue_pool.h"
#include "libruntime/src/wait/thread_irq.h"
#include "libruntime/src/wait/wait.h"

namespace vnpu::runtime {

namespace {

std::atomic<uint64_t> next_serial{1};

}  // namespace

aclError Session::Open(std::shared_ptr<Driver> driver, uint32_t index,
                       std::shared_ptr<Session>* session) {
  auto fresh = std::make_shared<Session>(std::move(driver), index);
  VNPU_RETURN_IF_ERROR(fresh->OpenFile());
  VNPU_RETURN_IF_ERROR(fresh->ShareMemory());
  VNPU_RETURN_IF_ERROR(fresh->StartDevice());
  ThreadIrq irq;
  const int registered = GetThreadIrq(*fresh, &irq);
  if (registered < 0) {
    return FailErrno(-registered, "cannot register this thread's interrupt with the driver");
  }
  *session = std::move(fresh);
  return ACL_SUCCESS;
}

Session::Session(std::shared_ptr<Driver> driver, uint32_t index)
    : driver_(std::move(driver)),
      index_(index),
      serial_(next_serial.fetch_add(1)),
      queues_(std::make_unique<QueuePool>(*this)),
      events_(std::make_unique<EventPool>(*this)),
      device_memory_(std::make_unique<DeviceMemory>(*this)),
      pinned_memory_(std::make_unique<PinnedMemory>(*this)),
      virtual_memory_(std::make_unique<VirtualMemory>(*this)),
      host_registry_(std::make_unique<HostRegistry>(*this)),
      managed_memory_(std::make_unique<ManagedMemory>(*this)),
      memory_pools_(std::make_unique<MemoryPools>(*this)),
      memory_usage_(std::make_unique<MemoryUsage>()),
      peer_exports_(std::make_unique<PeerExports>(*this)),
      copies_(std::make_unique<CopyEngine>(*this)),
      prints_(std::make_unique<KernelPrints>(*this)),
      host_calls_(std::make_unique<HostCalls>(*this)) {}

Session::~Session() { Close(); }

aclError Session::OpenFile() {
  const std::string node = "davinci" + std::to_string(driver_->number_of(index_));
  const int opened = driver_->Open(node, &file_, &features_);
  if (opened < 0) {
    return FailErrno(-opened,
                     fmt::format("cannot open device {} ({})", index_, driver_->Describe(index_)));
  }
  device_fences_ = (features_ & VNPU_FEATURE_BARRIER) != 0 &&
                   syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
  if (file_->ReadInfoPage(&info_)) {
    return ACL_SUCCESS;
  }
  const int asked = Call(VNPU_IOC_DEVICE_QUERY, info_);
  return asked < 0 ? FailErrno(-asked, "cannot query the device") : ACL_SUCCESS;
}

aclError Session::ShareMemory() {
  mem_fd_ = MakeMemfd("vnpu-session", VNPU_SESSION_MEM_BYTES);
  if (mem_fd_.valid()) {
    mapping_ = Mapping::Shared(mem_fd_.get(), VNPU_SESSION_MEM_BYTES);
  }
  kick_blocks_ = MaySpin();
  kick_.Reset(eventfd(0, EFD_CLOEXEC | (kick_blocks_ ? 0 : EFD_NONBLOCK)));
  if (!mapping_ || !kick_.valid()) {
    return FailErrno(errno, "no memory to share with the device");
  }
  mem_ = reinterpret_cast<vnpu_session_mem*>(mapping_.data());
  size_t limit = 0;
  VNPU_RETURN_IF_ERROR(GetProcessLimit(ACL_RT_DEV_LIMIT_SIMD_STACK_SIZE, &limit));
  SetKernelStack(limit);
  VNPU_RETURN_IF_ERROR(GetProcessLimit(ACL_RT_DEV_LIMIT_SIMD_PRINTF_FIFO_SIZE_PER_CORE, &limit));
  VNPU_RETURN_IF_ERROR(prints_->SetFifoBytes(limit));
  return ACL_SUCCESS;
}

aclError Session::StartDevice() {
  for (const uint64_t base : Window::Candidates(index_)) {
    Window window;
    if (!window.Reserve(base)) {
      Log().debug("no window at {:#x}: {}", base, std::strerror(errno));
      continue;
    }
    vnpu_ioc_session request{};
    request.window_base = base;
    request.flags = (device_fences_ ? VNPU_SESSION_FENCES : 0) |
                    ((features_ & VNPU_FEATURE_TASK_TIMES) != 0 ? VNPU_SESSION_ASKS_FOR_TIMES : 0) |
                    ((features_ & VNPU_FEATURE_SEQ_LAST) != 0 ? VNPU_SESSION_SEQ_LAST : 0);
    request.mem_fd = mem_fd_.get();
    request.kick_fd = kick_.get();
    const int result = Call(VNPU_IOC_SESSION, request);
    if (result == -EADDRINUSE) {
      Log().debug("the device process cannot have a window at {:#x}", base);
      continue;
    }
    if (result < 0) {
      return Fail(ACL_ERROR_RT_DEV_SETUP_ERROR, "the driver cannot start device {}: {}", index_,
                  std::strerror(-result));
    }
    window_ = std::move(window);
    AllowPageableAccess(request.device_pid);
    Log().info("device {}: session {} with device process {}, window at {:#x}", index_,
               request.session_id, request.device_pid, base);
    return ACL_SUCCESS;
  }
  return Fail(ACL_ERROR_RT_DEV_SETUP_ERROR,
              "no free range of {} GiB of addresses for device {}; reset another device first",
              VNPU_WINDOW_SIZE >> 30, index_);
}

void Session::AllowPageableAccess(uint32_t device_pid) const {
  // One process can be named, and its descendants may: name the driver, the parent of the device
  // processes of all sessions. In a pid namespace of its own this process cannot name it.
  if (prctl(PR_SET_PTRACER, driver_->pid()) == 0 || prctl(PR_SET_PTRACER, device_pid) == 0) {
    return;
  }
  int scope = 0;
  std::ifstream("/proc/sys/kernel/yama/ptrace_scope") >> scope;
  if (scope == 1) {
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
  }
}

void Session::Close() {
  if (closed_.exchange(true)) {
    return;
  }
  if (!ForkedWhileOpen()) {
    host_calls_->Close();
    prints_->Flush(std::nullopt);
  }
  {
    const std::unique_lock lock(file_mutex_);
    if (ForkedWhileOpen()) {
      [[maybe_unused]] TransportFile* parents = file_.release();
      return;
    }
    file_.reset();
  }
  virtual_memory_->Drop();
  host_registry_->Drop();
  memory_pools_->Drop();
  copies_->Close();
  window_ = Window();
}

ssize_t Session::WriteEntries(std::span<const vnpu_sqe> entries) {
  const std::shared_lock lock(file_mutex_);
  if (file_ == nullptr) {
    return -ENOTCONN;
  }
  if (const int fd = file_->WritableFd(); fd >= 0) {
    if (Interrupt* interrupt = GetThreadInterrupt(); interrupt != nullptr) {
      const ssize_t written = interrupt->Write(fd, entries.data(), entries.size_bytes());
      if (written != -ENOSYS) {
        return written;
      }
    }
  }
  return file_->Write(entries);
}

ssize_t Session::ReadCompletions(std::span<vnpu_cqe> completions) {
  const std::shared_lock lock(file_mutex_);
  return file_ == nullptr ? -ENOTCONN : file_->Read(completions);
}

bool Session::CheckAlive() {
  if (!usable()) {
    return false;
  }
  const std::shared_lock lock(file_mutex_);
  return file_ != nullptr && file_->Alive();
}

void Session::NoteCpu() const {
  StoreShared(mem_->kick_cpu, static_cast<uint32_t>(sched_getcpu() + 1), std::memory_order_relaxed);
}

[[gnu::hot]] void Session::Kick() const {
  NoteCpu();
  SignalEventfd(kick_.get());
  // Linux likes to wake the device's worker on this CPU. What it has to do is soon done, as a rule,
  // and often has been by now: the worker would only go to sleep before this thread goes on.
  if (LoadShared(mem_->doorbell_summary) != 0) {
    sched_yield();
  }
}

int Session::KickBySleeping() const {
  if (kick_blocks_) {  // io_uring would leave the write to another thread
    Kick();
    return -1;
  }
  StoreShared(mem_->kick_cpu, 0u, std::memory_order_relaxed);
  return kick_.get();
}

void Session::SetKernelStack(uint64_t bytes) {
  constexpr uint64_t kStep = 16u << 10;
  const auto rounded =
      std::clamp<uint64_t>(bytes, VNPU_KERNEL_STACK_DEFAULT, VNPU_KERNEL_STACK_MAX);
  StoreShared(mem_->kernel_stack_bytes, static_cast<uint32_t>(RoundUp(rounded, kStep)));
}

uint32_t Session::kernel_stack() const { return LoadShared(mem_->kernel_stack_bytes); }

aclError Session::SyncArea(uint64_t* address) {
  const std::lock_guard lock(sync_area_mutex_);
  if (sync_area_ == 0) {
    uint64_t fresh = 0;
    VNPU_RETURN_IF_ERROR(device_memory_->Allocate(
        MemoryRequest{.size = VNPU_PAGE_SIZE, .component = kRuntimeItself}, &fresh));
    const aclError zeroed = FillNow(reinterpret_cast<void*>(fresh), VNPU_PAGE_SIZE, 0, 1);
    if (zeroed != ACL_SUCCESS) {
      device_memory_->Free(fresh);
      return zeroed;
    }
    sync_area_ = fresh;
  }
  *address = sync_area_;
  return ACL_SUCCESS;
}

void Session::NameFunction(uint32_t func_id, std::string name) {
  const std::lock_guard lock(names_mutex_);
  function_names_[func_id] = std::move(name);
}

std::string Session::FunctionName(uint32_t func_id) const {
  const std::lock_guard lock(names_mutex_);
  const auto found = function_names_.find(func_id);
  return found == function_names_.end() ? "?" : found->second;
}

}  // namespace vnpu::runtime
