// Running host calls: which one is due, and what follows it.
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/callback/host_calls.h"
#include "libruntime/src/queue/queue_pool.h"
#include "libruntime/src/wait/interrupt.h"

namespace vnpu::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// Between looks at whether device and driver are still there.
constexpr nanoseconds kCheckInterval = milliseconds(500);
// How long a call may be due before its thread counts as gone, where somebody waits for the end.
constexpr nanoseconds kOverdue = milliseconds(1000);
// Nothing tells of calls that an abort has dropped.
constexpr nanoseconds kDrainLook = milliseconds(10);

thread_local constinit bool in_call = false;

// Sleeps until the server is woken; nullopt: without limit.
void WaitForWake(const CallServer& server, std::optional<nanoseconds> limit) {
  const int64_t ns = limit.has_value() ? limit->count() : 0;
  const timespec time{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
  pollfd state{.fd = server.wake.get(), .events = POLLIN, .revents = 0};
  if (ppoll(&state, 1, limit.has_value() ? &time : nullptr, nullptr) > 0) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(server.wake.get(), &count, sizeof(count));
  }
}

}  // namespace

bool HostCalls::InCall() { return in_call; }

bool HostCalls::Reached(const CallLine& line, const HostCall& call) const {
  return LoadShared(session_.events().Register(line.reached.id).seq) >= call.reached;
}

void HostCalls::DropSkipped(CallLine& line) {
  uint64_t done = 0;
  while (!line.calls.empty()) {
    const HostCall& call = line.calls.front();
    // The head first: an entry that was carried out has written its register before.
    const uint64_t head = line.queue->head();
    if (call.task == HostCall::kNotSubmitted || head <= call.task || Reached(line, call)) {
      break;
    }
    done = call.blocking ? call.done : done;
    line.calls.pop_front();
  }
  if (done != 0) {
    line.done.last_record =
        RecordDone(line.done.id, done);  // for a wait that is still to be submitted
  }
}

std::optional<HostCalls::Due> HostCalls::TakeDue(CallServer& server) {
  for (size_t left = server.lines.size(); left > 0; --left) {
    server.next_line = (server.next_line + 1) % server.lines.size();
    const std::shared_ptr<CallLine> line = server.lines[server.next_line];
    DropSkipped(*line);
    if (line->aborting > 0 || line->calls.empty() || !Reached(*line, line->calls.front())) {
      continue;
    }
    Due due{.line = line, .call = line->calls.front(), .graph = nullptr};
    line->calls.pop_front();
    return due;
  }
  return graph_calls_.empty() ? std::nullopt : TakeGraphCall(server);
}

aclError HostCalls::ServeOne(CallServer& server, Deadline deadline, bool* served) {
  *served = false;
  Clock::time_point next_check = Clock::now() + kCheckInterval;
  for (;;) {
    std::optional<Due> due;
    {
      const std::lock_guard lock(mutex_);
      if (server.ended.load()) {
        return FailAsExpected(ACL_ERROR_RT_THREAD_SUBSCRIBE,
                              "this thread serves no stream any more");
      }
      due = TakeDue(server);
      server.busy = due.has_value();
    }
    if (due.has_value()) {
      Run(server, *due);
      *served = true;
      return ACL_SUCCESS;
    }
    const Clock::time_point now = Clock::now();
    if (deadline.has_value() && now >= *deadline) {
      return ACL_SUCCESS;
    }
    if (server.library) {
      WaitForWake(server, std::nullopt);
      continue;
    }
    if (!session_.usable() || (now >= next_check && !session_.CheckAlive())) {
      return FailDeviceLost(session_.index());
    }
    next_check = now >= next_check ? now + kCheckInterval : next_check;
    WaitForWake(server, deadline.has_value()
                            ? std::min<nanoseconds>(kCheckInterval, *deadline - now)
                            : kCheckInterval);
  }
}

void HostCalls::Run(CallServer& server, const Due& due) {
  // NOLINTBEGIN(clang-analyzer-core.NullDereference): without a graph there is a line.
  const HostFunction function = due.graph != nullptr ? due.graph->function : due.call.function;
  void* const argument = due.graph != nullptr ? due.graph->argument : due.call.argument;
  Context* const context = due.graph != nullptr ? due.graph->context : due.line->context;
  const uint32_t generation =
      due.graph != nullptr ? due.graph->context_generation : due.line->context_generation;
  // NOLINTEND(clang-analyzer-core.NullDereference)
  if (server.library && context->generation() == generation) {
    MakeCurrent(context);
  }
  // Also when the function throws through the application's own thread.
  struct AtEnd {
    HostCalls& calls;
    CallServer& server;
    const Due& due;
    ~AtEnd() { calls.Finish(server, due); }
  } const at_end{*this, server, due};
  in_call = true;
  SeeWhatRan();  // on another thread, earlier in the stream
  came_.load(std::memory_order_acquire);
  function(argument);
}

void HostCalls::Finish(CallServer& server, const Due& due) {
  in_call = false;
  ran_.fetch_add(1, std::memory_order_release);
  TaskPoint recorded;
  if (due.graph != nullptr) {
    recorded = RecordDone(due.graph->done.id, due.number);
  } else if (due.call.blocking) {
    recorded = RecordDone(due.line->done.id, due.call.done);
  }
  const std::lock_guard lock(mutex_);
  if (due.graph != nullptr) {
    server.busy = false;
    FinishGraphCall(*due.graph, due.number, recorded);
    finished_.notify_all();
    return;
  }
  CallLine& line = *due.line;
  if (due.call.blocking) {
    line.done.last_record = recorded;
  }
  server.busy = false;
  if (line.server == nullptr && line.calls.empty() && !closed_) {
    // What was left of an ended stream or subscription.
    Detach(line);
    if (line.stream_ended) {
      ReleaseRegisters(line);
    }
  }
  finished_.notify_all();
}

// With mutex_ held.
void HostCalls::FinishGraphCall(GraphCall& call, uint64_t number, TaskPoint recorded) {
  call.runs = false;
  if (call.done.seq < number) {  // it may have been given up meanwhile
    call.done.seq = number;
    call.done.last_record = recorded;
  }
  // The device may have reached it again meanwhile.
  if (call.ended && NumberOf(call) <= call.served) {
    ForgetGraphCall(call);
  }
}

TaskPoint HostCalls::RecordDone(uint32_t event_id, uint64_t number) {
  const std::lock_guard lock(done_mutex_);
  if (done_queue_ == nullptr) {
    constexpr QueueSpec kSpec{.entries = 64, .arg_bytes = VNPU_PAGE_SIZE, .priority = 0};
    if (session_.queues().Acquire(kSpec, &done_queue_) != ACL_SUCCESS) {
      return {};  // logged
    }
  }
  Slot slot;
  while (!done_queue_->TryReserve(0, 0, &slot)) {
    if (WaitForHead(session_, *done_queue_, done_queue_->RoomTarget(), std::nullopt) ==
        WaitResult::kLost) {
      return {};
    }
  }
  slot.sqe->opcode = VNPU_OP_EVENT_RECORD;
  slot.sqe->event.event_id = event_id;
  slot.sqe->event.seq = number;
  bool kick = false;
  if (done_queue_->Publish(slot, &kick) < 0) {
    Log().error("device {}: a stream cannot be told that its host function has run",
                session_.index());
    return {};
  }
  if (kick) {
    session_.Kick();
  }
  return {.queue = done_queue_, .task = slot.index};
}

void HostCalls::Serve(const std::shared_ptr<CallServer>& server) {
  pthread_setname_np(pthread_self(), "acl-host-func");
  SetCurrentFunction("host function thread");
  bool served = false;
  while (!server->ended.load() && ServeOne(*server, std::nullopt, &served) == ACL_SUCCESS) {
  }
}

void HostCalls::EndThread(CallServer& server) {
  const std::lock_guard lock(mutex_);
  if (server.ended.load()) {
    return;
  }
  const auto lines = std::move(server.lines);
  server.lines.clear();
  for (const std::shared_ptr<CallLine>& line : lines) {
    DropSkipped(*line);
    Cancel(*line, /*all=*/true, "their thread has ended");
  }
  CloseServer(server);
  finished_.notify_all();
}

void HostCalls::GiveUpOverdue(const Stream* stream) {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, line] : lines_) {
    if (stream != nullptr && key.first != stream) {
      continue;
    }
    DropSkipped(*line);
    const bool busy = line->server != nullptr && line->server->busy;
    const bool due = !line->calls.empty() && Reached(*line, line->calls.front());
    if (due && !busy && line->overdue == line->calls.front().reached) {
      Cancel(*line, /*all=*/true, "their thread does not call aclrtProcessReport");
      finished_.notify_all();
    } else {
      line->overdue = due ? line->calls.front().reached : 0;
    }
  }
  GiveUpOverdueGraphCalls(stream);
}

bool HostCalls::Quiet() {
  const auto is_idle = [](const auto& server) { return !server->busy; };
  for (const auto& [key, line] : lines_) {
    DropSkipped(*line);
    if (!line->calls.empty()) {
      return false;
    }
  }
  return std::ranges::all_of(servers_, is_idle) && (library_ == nullptr || !library_->busy) &&
         GraphsAreQuiet();
}

void HostCalls::Drain(Deadline deadline) {
  Clock::time_point next_look = Clock::now() + kOverdue;
  std::unique_lock lock(mutex_);
  while (!Quiet() && session_.usable()) {
    const Clock::time_point now = Clock::now();
    if (deadline.has_value() && now >= *deadline) {
      return;
    }
    if (now >= next_look) {
      next_look = now + kOverdue;
      lock.unlock();
      const bool alive = session_.CheckAlive();
      GiveUpOverdue(nullptr);
      lock.lock();
      if (!alive) {
        return;
      }
      continue;
    }
    finished_.wait_for(lock, kDrainLook);
  }
}

void HostCalls::Close() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  auto servers = std::move(servers_);
  servers_.clear();
  if (library_ != nullptr) {
    servers.push_back(library_);
  }
  for (const std::shared_ptr<CallServer>& server : servers) {
    server->ended.store(true);
    server->lines.clear();
    RemoveUserServer(*server);
    SignalEventfd(server->wake.get());
  }
  lines_.clear();
  graph_calls_.clear();
  if (!in_call) {
    finished_.wait_for(lock, kOverdue, [&] {
      return std::ranges::none_of(servers, [](const auto& server) { return server->busy; });
    });
  }
}

}  // namespace vnpu::runtime
