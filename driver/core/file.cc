#include "driver/core/file.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "driver/core/file_ops.h"
#include "driver/core/limits.h"

namespace vnpu::driver {
namespace {

void SignalOwn(const UniqueFd& fd) {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(fd.get(), &one, sizeof(one));
}

// Resets an eventfd without ever blocking, whatever its other holders do to it.
void Drain(int fd) {
  uint64_t count = 0;
  iovec body{&count, sizeof(count)};
  [[maybe_unused]] const ssize_t got = preadv2(fd, &body, 1, -1, RWF_NOWAIT);
}

}  // namespace

File::File(Driver* driver, Node node, Client client)
    : driver_(driver),
      device_(node.is_manager() ? nullptr : driver->FindDevice(static_cast<uint32_t>(node.device))),
      client_(std::move(client)) {}

File::~File() = default;

bool File::IsOpener(pid_t id) const {
  return id == client_.pid || ProcessOfThread(id) == client_.pid;
}

// Taking requests ----------------------------------------------------------------------------

bool File::RunInline(Request& request) {
  if (!IsQuick(request)) {
    return false;
  }
  const std::lock_guard lock(inbox_mutex_);
  return inbox_.requests.empty() && inbox_.ends.empty() && !closed_;
}

void File::Submit(std::unique_ptr<Request> request) {
  if (RunInline(*request)) {
    const std::unique_lock lock(state_mutex_, std::try_to_lock);
    if (lock.owns_lock()) {
      Execute(std::move(request));
      return;
    }
  }
  int refused = 0;
  {
    const std::lock_guard lock(inbox_mutex_);
    if (closed_) {
      refused = -EIO;
    } else if (inbox_.requests.size() >= kMaxPendingRequests) {
      refused = -EBUSY;
    } else {
      StartWorker();
      refused = worker_started_ ? 0 : -ENOMEM;
    }
    if (refused == 0) {
      inbox_.requests.push_back(std::move(request));
      SignalWorker();
      return;
    }
  }
  request->Complete(refused);
}

void File::StartWorker() {
  if (worker_started_) {
    return;
  }
  wake_fd_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  abort_fd_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (wake_fd_.valid() && abort_fd_.valid()) {
    worker_started_ = driver_->StartWorker([self = shared_from_this()] { self->Run(); });
  }
}

void File::SignalWorker() const { SignalOwn(wake_fd_); }

void File::Wake() {
  const std::lock_guard lock(inbox_mutex_);
  if (worker_started_) {
    SignalWorker();
  }
}

void File::Close() {
  {
    const std::lock_guard lock(inbox_mutex_);
    if (closed_) {
      return;
    }
    closed_ = true;
    inbox_.close = true;
    if (worker_started_) {
      SignalOwn(abort_fd_);
      SignalWorker();
    }
  }
  driver_->Forget(this);
}

void File::EndSession(std::function<void()> done) {
  const std::lock_guard lock(inbox_mutex_);
  if (!worker_started_ || closed_) {
    done();
    return;
  }
  inbox_.ends.push_back(std::move(done));
  SignalOwn(abort_fd_);
  SignalWorker();
}

// The worker ---------------------------------------------------------------------------------

void File::Run() {
  for (bool open = true; open;) {
    WaitForWork();
    Inbox inbox;
    {
      const std::lock_guard lock(inbox_mutex_);
      std::swap(inbox, inbox_);
    }
    const std::lock_guard lock(state_mutex_);
    ServeInbox(&inbox);
    open = !inbox.close;
  }
}

void File::WaitForWork() {
  std::array<pollfd, 4> fds{};
  size_t count = 0;
  const auto add = [&](int fd) { fds[count++] = {fd, POLLIN, 0}; };
  add(wake_fd_.get());
  int progress_fd = -1;
  {
    const std::lock_guard lock(state_mutex_);
    if (!client_dead_) {
      add(client_.pidfd.get());
    }
    if (state_.session != nullptr && !state_.session->lost()) {
      progress_fd = state_.session->driver_eventfd();
      add(progress_fd);
      add(state_.session->device_pidfd());
    }
  }
  while (poll(fds.data(), count, -1) < 0 && errno == EINTR) {
  }
  Drain(wake_fd_.get());
  if (progress_fd >= 0) {
    Drain(progress_fd);
  }
}

void File::ServeInbox(Inbox* inbox) {
  if (inbox->close || !inbox->ends.empty()) {
    FinishSession();
  }
  for (std::unique_ptr<Request>& request : inbox->requests) {
    if (inbox->close || request->interrupted.load()) {
      request->Complete(-EINTR);
    } else {
      Execute(std::move(request));
    }
  }
  CheckSession();
  RetryPending();
  if (inbox->close) {
    for (const std::unique_ptr<Request>& request : pending_) {
      request->Complete(-EINTR);
    }
    pending_.clear();
    poll_waiter_.reset();
  }
  for (const std::function<void()>& done : inbox->ends) {
    done();
  }
}

void File::CheckSession() {
  pollfd ended{client_.pidfd.get(), POLLIN, 0};
  if (!client_dead_ && poll(&ended, 1, 0) == 1) {
    client_dead_ = true;
    FinishSession();
  }
  if (state_.session != nullptr && !state_.session->CheckDevice()) {
    state_.session->OnDeviceLost();
  }
  if (state_.session != nullptr && !state_.session->lost()) {
    state_.session->notifies().WakePeers();
  }
}

void File::FinishSession() {
  if (state_.session != nullptr) {
    state_.ended = true;
    state_.session.reset();
  }
}

// Executing ----------------------------------------------------------------------------------

int File::Attempt(Request& request) {
  const FileOperations& operations = OperationsOf(*this);
  switch (request.kind) {
    case RequestKind::kIoctl:
      return operations.ioctl(*this, request);
    case RequestKind::kWrite:
      return operations.write(*this, request);
    case RequestKind::kRead:
      return operations.read(*this, request);
    case RequestKind::kPoll:
      return static_cast<int>(operations.poll(*this));
  }
  return -EINVAL;
}

void File::Execute(std::unique_ptr<Request> request) {
  if (request->kind == RequestKind::kPoll) {
    Poll(*request);
    return;
  }
  int result = Attempt(*request);
  const bool may_wait = request->kind != RequestKind::kIoctl && !request->nonblock;
  if (result == -EAGAIN && may_wait) {
    // The device may have made progress before it was asked to say so.
    state_.session->queues().ArmDriverWait();
    result = Attempt(*request);
    if (result == -EAGAIN && pending_.size() < kMaxPendingRequests) {
      pending_.push_back(std::move(request));
      return;
    }
  }
  request->Complete(result);
  if (request->kind == RequestKind::kRead && result > 0) {
    RetryPending();  // completions that are taken make room for tasks
  }
}

void File::Poll(Request& request) {
  uint32_t events = OperationsOf(*this).poll(*this);
  if (request.notifier != nullptr) {
    poll_waiter_ = std::move(request.notifier);
    poll_events_ |= request.poll_events;
    if (state_.session != nullptr && !state_.session->lost()) {
      state_.session->queues().ArmDriverWait();
      events |= OperationsOf(*this).poll(*this);
    }
  }
  request.Complete(static_cast<int>(events));
}

void File::RetryPending() {
  if (pending_.empty() && poll_waiter_ == nullptr) {
    return;
  }
  if (state_.session != nullptr && !state_.session->lost()) {
    state_.session->queues().ArmDriverWait();
  }
  std::erase_if(pending_, [this](const std::unique_ptr<Request>& request) {
    const int result = request->interrupted.load() ? -EINTR : Attempt(*request);
    if (result == -EAGAIN) {
      return false;
    }
    request->Complete(result);
    return true;
  });
  constexpr uint32_t kAlways = POLLERR | POLLHUP;
  if (poll_waiter_ != nullptr &&
      (OperationsOf(*this).poll(*this) & (poll_events_ | kAlways)) != 0) {
    poll_waiter_->Notify();
    poll_waiter_.reset();
    poll_events_ = 0;
  }
}

}  // namespace vnpu::driver
