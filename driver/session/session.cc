#include "driver/session/session.h"

#include <linux/capability.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include "driver/base/memfd.h"

namespace vnpu::driver {
namespace {

using firmware::ControlOp;
using firmware::ControlRequest;

bool ValidArguments(const vnpu_ioc_session& arg) {
  return (arg.flags & ~VNPU_SESSION_FLAGS_ALL) == 0 && arg.reserved == 0 &&
         ValidWindow(arg.window_base);
}

// What a process needs so that Linux lets it reach the memory of `client`, a process of the same
// user: CAP_SYS_PTRACE, or as permitted capabilities all that the client has. Nothing that the
// client has not got itself.
uint64_t CapabilitiesToReach(pid_t client) {
  constexpr uint64_t kPtrace = uint64_t{1} << CAP_SYS_PTRACE;
  const uint64_t both = PermittedCapabilities(client) & PermittedCapabilities(getpid());
  return (both & kPtrace) != 0 ? kPtrace : both;
}

}  // namespace

Session::Session(const Params& params, uint32_t id, uint64_t window_base)
    : driver_(params.driver),
      client_(params.client),
      entry_(std::make_shared<SessionEntry>(id, params.client.pid, params.client.uid,
                                            params.client.comm, &params.device.tally())),
      context_{params.device,
               *entry_,
               params.driver.fd_budget(),
               params.driver.map_budget(),
               params.driver.signal(),
               params.driver.shares(),
               params.driver.config().pin_limit,
               nullptr},
      charge_(entry_->tally, Counted::kSessions) {
  entry_->file = params.file;
  context_.abort_fd = params.abort_fd;
  context_.caller = params.caller;
  context_.client_fd = params.client.pidfd.get();
  parts_ = std::make_unique<Parts>(&context_, window_base);
}

int Session::Begin(const Params& params, vnpu_ioc_session* arg, UniqueFd mem_fd, UniqueFd kick_fd,
                   std::unique_ptr<Session>* session) {
  if (!ValidArguments(*arg)) {
    return -EINVAL;
  }
  if (const int error = CheckMemfd(mem_fd.get(), VNPU_SESSION_MEM_BYTES); error != 0) {
    return error;
  }
  if (const int error = CheckEventfd(kick_fd.get()); error != 0) {
    return error;
  }
  std::unique_ptr<Session> made(
      new Session(params, params.driver.NextSessionId(), arg->window_base));
  made->context_.client_fences = (arg->flags & VNPU_SESSION_FENCES) != 0;
  int error = made->HoldDescriptors(std::move(mem_fd), std::move(kick_fd));
  if (error == 0) {
    error = made->memory().Create();
  }
  if (error == 0) {
    error = made->StartProcess();
  }
  if (error == 0) {
    error = made->InitProcess(*arg);
  }
  if (error != 0) {
    return error;
  }
  params.device.Register(made->entry_);
  arg->session_id = made->id();
  arg->device_pid = static_cast<uint32_t>(made->context_.process->pid());
  std::atomic_ref(made->context_.mem->device_pid).store(arg->device_pid);
  std::atomic_ref(made->context_.mem->state).store(VNPU_SESSION_RUNNING);
  spdlog::info("session {}: device {}, client {} ({}), uid {}, device process {}", made->id(),
               params.device.index(), params.client.pid, params.client.comm, params.client.uid,
               arg->device_pid);
  *session = std::move(made);
  return 0;
}

int Session::HoldDescriptors(UniqueFd mem_fd, UniqueFd kick_fd) {
  if (const int error = context_.Hold(std::move(mem_fd), &mem_fd_); error != 0) {
    return error;
  }
  if (const int error = context_.Hold(std::move(kick_fd), &kick_fd_); error != 0) {
    return error;
  }
  context_.kick_fd = kick_fd_.get();
  UniqueFd progress(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!progress.valid()) {
    return -errno;
  }
  if (const int error = context_.Hold(std::move(progress), &driver_eventfd_); error != 0) {
    return error;
  }
  const int error =
      context_.HoldMap(mem_fd_.get(), VNPU_SESSION_MEM_BYTES, PROT_READ | PROT_WRITE, &mem_map_);
  if (error == 0) {
    context_.mem = mem_map_->at<vnpu_session_mem>();
  }
  return error;
}

int Session::StartProcess() {
  board_slot_ = context_.device.board().AcquireSlot();
  if (board_slot_ < 0) {
    return board_slot_;
  }
  DeviceProcessOptions options;
  options.program = driver_.config().device_program;
  options.uid = client_.uid;
  options.gid = client_.gid;
  options.kept_capabilities = CapabilitiesToReach(client_.pid);
  options.reply_timeout_ms = driver_.config().control_timeout_ms;
  options.abort_fds = {context_.abort_fd, context_.client_fd};
  options.give_up = [this] { return IsDying(context_.caller); };
  options.lost_messages = &context_.device.faults().control;
  if (sched_getaffinity(client_.pid, sizeof(options.affinity), &options.affinity) != 0) {
    return -ESRCH;
  }
  const int error = DeviceProcess::Start(std::move(options), &context_.process);
  if (error == 0) {
    entry_->SetDevicePid(context_.process->pid());
    process_charge_ = Charge(context_.tally(), Counted::kDeviceProcesses);
    process_fds_ = Charge(context_.tally(), Counted::kFds, 2);  // its socket and its pidfd
  }
  return error;
}

int Session::InitProcess(const vnpu_ioc_session& arg) {
  UniqueFd table;
  if (const int error = memory().TableReadOnly(&table); error != 0) {
    return error;
  }
  ControlRequest request{};
  request.op = ControlOp::kInit;
  request.init.window_base = arg.window_base;
  request.init.clock_hz = context_.device.clock_hz();
  request.init.board_slot = static_cast<uint32_t>(board_slot_);
  request.init.client_pid = static_cast<uint32_t>(client_.pid);
  request.init.device = context_.device.index();
  request.init.flags = arg.flags;
  const UnitCounts& units = context_.device.units();
  std::copy(units.begin(), units.end(), request.init.units);
  const int fds[] = {mem_fd_.get(), kick_fd_.get(), table.get(), context_.device.board().fd(),
                     driver_eventfd_.get()};
  return context_.Call(request, fds);
}

void Session::OnDeviceLost() {
  TellClient();
  ReapProcess();
}

void Session::TellClient() {
  if (std::exchange(lost_, true)) {
    return;
  }
  std::atomic_ref(context_.mem->state).store(VNPU_SESSION_LOST);
  std::atomic_ref(context_.mem->device_pid).store(0);
  interrupts().WakeAll();
}

// Not a process to be counted or signalled any more, then gone for good.
void Session::ReapProcess() {
  entry_->SetDevicePid(0);
  context_.process->Reap();
  process_charge_ = {};
}

Session::~Session() {
  if (context_.process != nullptr) {
    context_.process->Kill(nullptr);
  }
  if (context_.mem != nullptr) {
    TellClient();
  }
  parts_.reset();
  mem_fd_ = {};
  kick_fd_ = {};
  driver_eventfd_ = {};
  mem_map_ = {};
  if (context_.process != nullptr) {
    // The board slot is the process's to write until it has ended.
    ReapProcess();
    context_.process.reset();
  }
  process_fds_ = {};
  if (board_slot_ >= 0) {
    context_.device.board().ReleaseSlot(board_slot_);
  }
  context_.device.Unregister(entry_.get());
  spdlog::info("session {}: ended", id());
}

}  // namespace vnpu::driver
