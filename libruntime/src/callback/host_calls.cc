#include "libruntime/src/callback/host_calls.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <vnpu/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <thread>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/queue/queue_pool.h"
#include "libruntime/src/wait/interrupt.h"

namespace vnpu::runtime {
namespace {

constexpr std::array kAllKinds = {CallKind::kReport, CallKind::kHostFunc, CallKind::kInternal};

const char* ServeName(CallKind kind) {
  return kind == CallKind::kReport ? "aclrtSubscribeReport" : "aclrtSubscribeHostFunc";
}

}  // namespace

aclError FailNotServed(CallKind kind) {
  return Fail(ACL_ERROR_RT_STREAM_NO_CB_REG,
              "no thread serves the callbacks of this stream, or the one that did has ended; call "
              "{} first",
              ServeName(kind));
}

std::shared_ptr<CallLine> HostCalls::FindLine(CallKind kind, const Stream* stream) const {
  const auto found = lines_.find({stream, kind});
  return found == lines_.end() ? nullptr : found->second;
}

aclError HostCalls::MakeLine(CallKind kind, const Stream* stream, std::shared_ptr<CallLine>* line) {
  if (closed_) {
    return FailDeviceLost(session_.index());
  }
  if (*line = FindLine(kind, stream); *line != nullptr) {
    return ACL_SUCCESS;
  }
  if ((session_.features() & VNPU_FEATURE_INTERRUPT) == 0) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT, "the driver is too old for host functions");
  }
  auto fresh = std::make_shared<CallLine>();
  VNPU_RETURN_IF_ERROR(session_.events().Acquire(&fresh->reached));
  if (const aclError error = session_.events().Acquire(&fresh->done); error != ACL_SUCCESS) {
    session_.events().Release(fresh->reached);
    return error;
  }
  fresh->has_registers = true;
  fresh->queue = stream->queue;
  fresh->context = stream->context;
  fresh->context_generation = stream->context->generation();
  lines_[{stream, kind}] = fresh;
  *line = std::move(fresh);
  return ACL_SUCCESS;
}

aclError HostCalls::OpenServer(CallServer& server) {
  server.session = session_.weak_from_this();
  server.wake.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!server.wake.valid()) {
    return FailErrno(errno, "no eventfd to wake the thread that runs host functions");
  }
  vnpu_ioc_irq_add request{.fd = server.wake.get(),
                           .kind = VNPU_IRQ_EVENTFD,
                           .user_data = 0,
                           .irq_id = 0,
                           .reserved = 0};
  const int result = session_.Call(VNPU_IOC_IRQ_ADD, request);
  if (result == -ENOSPC) {
    return Fail(ACL_ERROR_RT_RESOURCE_ALLOC_FAIL,
                "a device interrupts {} threads at most; let one thread serve several streams",
                VNPU_MAX_IRQS);
  }
  if (result < 0) {
    return FailErrno(-result, "the driver does not take the interrupt of the thread");
  }
  server.irq_id = request.irq_id;
  return ACL_SUCCESS;
}

void HostCalls::CloseServer(CallServer& server) {
  server.ended.store(true);
  RemoveUserServer(server);
  std::erase_if(servers_, [&](const auto& each) { return each.get() == &server; });
  vnpu_ioc_irq_del request{.irq_id = server.irq_id, .reserved = 0};
  session_.Call(VNPU_IOC_IRQ_DEL, request);
  SignalEventfd(server.wake.get());
  TellLibrary();
}

aclError HostCalls::FindServer(CallKind kind, uint64_t thread_id,
                               std::shared_ptr<CallServer>* server) {
  *server = FindUserServer(kind, thread_id);
  if (*server != nullptr && !(*server)->ended.load()) {
    const std::shared_ptr<Session> session = (*server)->session.lock();
    if (session.get() == &session_) {
      return ACL_SUCCESS;
    }
    if (session != nullptr && session->usable()) {
      return Fail(ACL_ERROR_RT_THREAD_SUBSCRIBE,
                  "thread {} serves streams of device {} already; a thread serves one device",
                  thread_id, session->index());
    }
  }
  auto fresh = std::make_shared<CallServer>();
  fresh->kind = kind;
  fresh->thread_id = thread_id;
  VNPU_RETURN_IF_ERROR(OpenServer(*fresh));
  servers_.push_back(fresh);
  AddUserServer(fresh);
  *server = std::move(fresh);
  return ACL_SUCCESS;
}

aclError HostCalls::LibraryServer(std::shared_ptr<CallServer>* server) {
  if (library_ == nullptr) {
    auto fresh = std::make_shared<CallServer>();
    fresh->kind = CallKind::kHostFunc;
    fresh->library = true;
    VNPU_RETURN_IF_ERROR(OpenServer(*fresh));
    // Signals are for the threads of the application.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::error_code failure;
    try {
      std::thread([session = session_.shared_from_this(), fresh] {
        session->host_calls().Serve(fresh);
      }).detach();
    } catch (const std::system_error& error) {
      failure = error.code();
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (failure) {
      CloseServer(*fresh);
      return FailErrno(failure.value(), "no thread for host functions");
    }
    library_ = std::move(fresh);
  }
  *server = library_;
  return ACL_SUCCESS;
}

void HostCalls::Detach(const CallLine& line) {
  const auto servers = servers_;
  for (const std::shared_ptr<CallServer>& server : servers) {
    const size_t taken =
        std::erase_if(server->lines, [&](const auto& each) { return each.get() == &line; });
    if (taken > 0 && server->lines.empty()) {
      CloseServer(*server);
    }
  }
  if (library_ != nullptr) {
    std::erase_if(library_->lines, [&](const auto& each) { return each.get() == &line; });
  }
}

void HostCalls::Cancel(CallLine& line, bool all, const char* what) {
  const auto is_due = [&](const HostCall& call) { return Reached(line, call); };
  const auto first = all ? line.calls.begin() : std::ranges::find_if_not(line.calls, is_due);
  if (first == line.calls.end()) {
    return;
  }
  if (what != nullptr) {
    line.queue->AddFailure({.code = ACL_ERROR_RT_STREAM_NO_CB_REG,
                            .task = first->task,
                            .text = fmt::format("device {}, stream {}: {} host functions were not "
                                                "run: {}",
                                                session_.index(), line.queue->id(),
                                                std::distance(first, line.calls.end()), what)});
  }
  const HostCall last = line.calls.back();
  const bool waited_for =
      std::any_of(first, line.calls.end(), [](const HostCall& call) { return call.blocking; });
  line.calls.erase(first, line.calls.end());
  if (waited_for) {
    line.done.last_record = RecordDone(line.done.id, last.done);
  }
}

void HostCalls::ReleaseRegisters(CallLine& line) {
  if (line.has_registers && session_.usable()) {
    session_.events().Release(line.reached);
    session_.events().Release(line.done);
  }
  line.has_registers = false;
}

aclError HostCalls::Subscribe(CallKind kind, uint64_t thread_id, Stream* stream) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<CallLine> line = FindLine(kind, stream);
  if (line != nullptr && line->server != nullptr && !line->server->library) {
    return Fail(ACL_ERROR_RT_STREAM_SUBSCRIBE,
                "thread {} serves this stream already; a stream is served by one thread",
                line->server->thread_id);
  }
  if (line != nullptr && line->server != nullptr && !line->calls.empty()) {
    return Fail(ACL_ERROR_RT_STREAM_SUBSCRIBE,
                "the stream has host functions for the library's thread; synchronise it first");
  }
  VNPU_RETURN_IF_ERROR(MakeLine(kind, stream, &line));
  Detach(*line);
  std::shared_ptr<CallServer> server;
  VNPU_RETURN_IF_ERROR(FindServer(kind, thread_id, &server));
  server->lines.push_back(line);
  line->server = std::move(server);
  return ACL_SUCCESS;
}

aclError HostCalls::Unsubscribe(CallKind kind, uint64_t thread_id, Stream* stream) {
  const std::lock_guard lock(mutex_);
  const std::shared_ptr<CallLine> line = FindLine(kind, stream);
  if (line == nullptr || line->server == nullptr || line->server->library) {
    return Fail(ACL_ERROR_RT_STREAM_SUBSCRIBE, "no thread serves this stream");
  }
  if (line->server->thread_id != thread_id) {
    return Fail(ACL_ERROR_RT_THREAD_SUBSCRIBE, "thread {} does not serve this stream, {} does",
                thread_id, line->server->thread_id);
  }
  DropSkipped(*line);
  Cancel(*line, /*all=*/line->server->ended.load(), "their thread was unsubscribed");
  line->server = nullptr;
  if (line->calls.empty()) {
    Detach(*line);
  }
  TellLibrary();
  return ACL_SUCCESS;
}

aclError HostCalls::Enlist(CallLine& line, HostCall* call, uint32_t* irq_id) {
  if (line.server == nullptr || line.server->ended.load()) {
    return FailNotServed(CallKind::kReport);
  }
  *irq_id = line.server->irq_id;
  call->reached = ++line.reached.seq;
  line.done.seq += call->blocking ? 1 : 0;
  call->done = line.done.seq;
  line.calls.push_back(*call);
  return ACL_SUCCESS;
}

aclError HostCalls::Launch(CallKind kind, Stream* stream, HostFunction function, void* argument,
                           bool blocking) {
  if (stream->has(kDiverted) || stream->has(kUpdating)) {
    return LaunchInGraph(kind, stream, function, argument, blocking);
  }
  std::shared_ptr<CallLine> line;
  {
    const std::lock_guard lock(mutex_);
    if (kind == CallKind::kReport && FindLine(kind, stream) == nullptr) {
      return FailNotServed(kind);
    }
    VNPU_RETURN_IF_ERROR(MakeLine(kind, stream, &line));
  }
  const std::lock_guard launch(line->launch_mutex);
  HostCall call{.function = function, .argument = argument, .blocking = blocking};
  uint32_t irq_id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (line->server == nullptr && kind != CallKind::kReport) {
      VNPU_RETURN_IF_ERROR(LibraryServer(&line->server));
      Detach(*line);
      line->server->lines.push_back(line);
    }
    VNPU_RETURN_IF_ERROR(Enlist(*line, &call, &irq_id));
  }
  Submitted entry;
  const aclError error = Submit(
      stream, 0, 0,
      [&](Slot& slot) {
        slot.sqe->opcode = VNPU_OP_INTERRUPT;
        slot.sqe->interrupt.event_id = line->reached.id;
        slot.sqe->interrupt.irq_id = irq_id;
        slot.sqe->interrupt.seq = call.reached;
      },
      &entry);
  {
    const std::lock_guard lock(mutex_);
    const auto mine = std::ranges::find(line->calls, call.reached, &HostCall::reached);
    const bool listed = mine != line->calls.end();
    if (error == ACL_SUCCESS) {
      line->reached.last_record = {.queue = entry.queue, .task = entry.task};
    }
    if (listed) {
      mine->task = entry.task;
    }
    if (error != ACL_SUCCESS || line->aborted.contains(entry.task)) {
      if (listed) {
        line->calls.erase(mine);
      }
      return error;  // an abort has dropped it: nothing is to be waited for
    }
  }
  // A call that is dropped from here on records its end too, so this wait ends in any case.
  return !blocking ? ACL_SUCCESS : Submit(stream, 0, 0, [&](Slot& slot) {
    slot.sqe->opcode = VNPU_OP_EVENT_WAIT;
    slot.sqe->event.event_id = line->done.id;
    slot.sqe->event.seq = call.done;
  });
}

void HostCalls::BeginAbort(const Stream* stream) {
  const std::lock_guard lock(mutex_);
  for (const CallKind kind : kAllKinds) {
    if (const auto line = FindLine(kind, stream); line != nullptr) {
      ++line->aborting;
    }
  }
}

void HostCalls::EndAbort(const Stream* stream, const TaskRange& dropped) {
  const std::lock_guard lock(mutex_);
  for (const CallKind kind : kAllKinds) {
    const auto line = FindLine(kind, stream);
    if (line == nullptr || line->aborting == 0) {  // made meanwhile
      continue;
    }
    --line->aborting;
    line->aborted = dropped;
    uint64_t done = 0;
    std::erase_if(line->calls, [&](const HostCall& call) {
      const bool drop = dropped.contains(call.task);
      done = drop && call.blocking ? call.done : done;
      return drop;
    });
    if (done != 0) {
      line->done.last_record = RecordDone(line->done.id, done);
    }
    if (line->server != nullptr && !line->calls.empty()) {
      SignalEventfd(line->server->wake.get());
    }
  }
}

void HostCalls::EndStream(const Stream* stream, bool drop) {
  const std::lock_guard lock(mutex_);
  for (const std::shared_ptr<GraphCall>& call : graph_calls_) {
    if (call->stream == stream) {
      call->stream = nullptr;
    }
  }
  TellLibrary();
  for (const CallKind kind : kAllKinds) {
    const std::shared_ptr<CallLine> line = FindLine(kind, stream);
    if (line == nullptr) {
      continue;
    }
    lines_.erase({stream, kind});
    DropSkipped(*line);
    Cancel(*line, drop, nullptr);
    line->server = nullptr;
    line->stream_ended = true;
    if (line->calls.empty()) {
      Detach(*line);
      ReleaseRegisters(*line);
    }
  }
}

}  // namespace vnpu::runtime
