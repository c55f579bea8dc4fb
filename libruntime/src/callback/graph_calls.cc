// Host functions in models: graph_call.h.
#include <algorithm>
#include <span>

#include "libruntime/src/base/guard.h"
#include "libruntime/src/callback/host_calls.h"
#include "libruntime/src/graph/capture.h"
#include "libruntime/src/graph/graph_stream.h"
#include "libruntime/src/graph/group.h"
#include "libruntime/src/graph/program.h"
#include "libruntime/src/wait/interrupt.h"

namespace vnpu::runtime {

aclError HostCalls::LaunchInGraph(CallKind kind, Stream* stream, HostFunction function,
                                  void* argument, bool blocking) {
  if ((session_.features() & VNPU_FEATURE_MODEL_CALLS) == 0) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "the driver is too old for host functions in models; update it");
  }
  auto call = std::make_shared<GraphCall>();
  call->kind = kind;
  call->function = function;
  call->argument = argument;
  call->blocking = blocking;
  call->stream = stream;
  call->context = stream->context;
  call->context_generation = stream->context->generation();
  uint32_t irq_id = 0;
  {
    const std::lock_guard lock(mutex_);
    VNPU_RETURN_IF_ERROR(AddGraphCall(call, &irq_id));
  }
  bool placed = false;
  const aclError error = Submit(stream, 0, 0, [&](Slot& slot) {
    GraphStream* const graph = PlaceOf(*stream);
    if (graph == nullptr) {  // its capture has ended meanwhile
      slot.sqe->opcode = VNPU_OP_NOP;
      return;
    }
    placed = true;
    graph->calls.push_back(call);
    slot.kind = NodeKind::kHostCall;
    slot.object = call.get();
    slot.sqe->opcode = VNPU_OP_INTERRUPT;
    slot.sqe->flags = VNPU_SQE_SEQ_NEXT;
    slot.sqe->interrupt.event_id = call->reached.id;
    slot.sqe->interrupt.seq = call->done.id;
    slot.sqe->interrupt.irq_id = irq_id;
  });
  if (placed) {
    return error;
  }
  EndGraphCall(call);
  return error != ACL_SUCCESS ? error : FailCaptureEnded();
}

// With mutex_ held.
aclError HostCalls::AddGraphCall(const std::shared_ptr<GraphCall>& call, uint32_t* irq_id) {
  if (closed_) {
    return FailDeviceLost(session_.index());
  }
  if (call->kind == CallKind::kReport && ServerOf(*call) == nullptr) {
    return FailNotServed(call->kind);
  }
  std::shared_ptr<CallServer> library;
  VNPU_RETURN_IF_ERROR(LibraryServer(&library));
  *irq_id = library->irq_id;
  VNPU_RETURN_IF_ERROR(session_.events().Acquire(&call->reached));
  if (const aclError error = session_.events().Acquire(&call->done); error != ACL_SUCCESS) {
    session_.events().Release(call->reached);
    return error;
  }
  // No call has been made: as far as the device can see, the last one has been answered.
  if (call->done.seq < call->reached.seq) {
    std::swap(call->done, call->reached);
  }
  call->served = call->reached.seq;
  graph_calls_.push_back(call);
  return ACL_SUCCESS;
}

void HostCalls::EndGraphCall(const std::shared_ptr<GraphCall>& call) {
  const std::lock_guard lock(mutex_);
  if (closed_) {
    return;
  }
  call->ended = true;
  const uint64_t number = NumberOf(*call);
  if (!call->runs && (number <= call->served || ServerOf(*call) == nullptr)) {
    ForgetGraphCall(*call);
  }
}

// Gives back what a call has whose task is gone. With mutex_ held.
void HostCalls::ForgetGraphCall(GraphCall& call) {
  if (session_.usable()) {
    call.reached.seq = NumberOf(call);
    session_.events().Release(call.reached);
    session_.events().Release(call.done);
  }
  const auto found = std::ranges::find(graph_calls_, &call, &std::shared_ptr<GraphCall>::get);
  if (found != graph_calls_.end()) {
    graph_calls_.erase(found);
  }
}

void HostCalls::LinkGraphCalls(std::span<const std::shared_ptr<GraphCall>> calls, Program* program,
                               bool linked) {
  const std::lock_guard lock(mutex_);
  for (const std::shared_ptr<GraphCall>& call : calls) {
    std::erase(call->programs, program);
    if (linked) {
      call->programs.push_back(program);
    }
  }
}

uint64_t HostCalls::NumberOf(const GraphCall& call) const {
  return LoadShared(session_.events().Register(call.reached.id).seq);
}

// Who is to run the call; null: nobody does. With mutex_ held.
CallServer* HostCalls::ServerOf(const GraphCall& call) const {
  const std::shared_ptr<CallLine> line =
      call.stream != nullptr ? FindLine(call.kind, call.stream) : nullptr;
  if (line == nullptr || line->server == nullptr) {
    return call.kind != CallKind::kReport ? library_.get() : nullptr;
  }
  return !line->server->ended.load() ? line->server.get() : nullptr;
}

// The due call that the device reached first. The library's thread, which is told of all, passes on
// those of others, and gives up those of nobody. With mutex_ held.
std::optional<HostCalls::Due> HostCalls::TakeGraphCall(CallServer& server) {
  std::shared_ptr<GraphCall> first;
  uint64_t least = UINT64_MAX;
  std::vector<std::shared_ptr<GraphCall>> lost;
  for (const std::shared_ptr<GraphCall>& call : graph_calls_) {
    const uint64_t number = NumberOf(*call);
    if (number <= call->served) {
      continue;
    }
    CallServer* const wanted = ServerOf(*call);
    if (wanted == &server && number < least) {
      least = number;
      first = call;
    } else if (server.library && wanted == nullptr) {
      lost.push_back(call);
    } else if (server.library && wanted != &server) {
      SignalEventfd(wanted->wake.get());
    }
  }
  for (const std::shared_ptr<GraphCall>& call : lost) {
    GiveUpGraphCall(*call, "no thread serves it any more");
  }
  if (first == nullptr) {
    return std::nullopt;
  }
  first->served = least;
  first->runs = true;
  return Due{.line = nullptr, .call = {}, .graph = std::move(first), .number = least};
}

// The function is not run, and that is an error of the model's runs. With mutex_ held.
void HostCalls::GiveUpGraphCall(GraphCall& call, const char* what) {
  const uint64_t number = NumberOf(call);
  call.served = number;
  for (Program* const program : call.programs) {
    FailRuns(program, ACL_ERROR_RT_STREAM_NO_CB_REG,
             fmt::format("device {}: a host function of a model was not run: {}", session_.index(),
                         what));
  }
  call.done.last_record = RecordDone(call.done.id, number);
  call.done.seq = number;
  if (call.ended) {
    ForgetGraphCall(call);
  }
}

// As GiveUpOverdue(). With mutex_ held.
void HostCalls::GiveUpOverdueGraphCalls(const Stream* stream) {
  const auto calls = graph_calls_;
  for (const std::shared_ptr<GraphCall>& call : calls) {
    const bool concerned =
        stream == nullptr || std::ranges::any_of(call->programs, [&](Program* program) {
          return IsRunBy(program, stream->queue);
        });
    const uint64_t number = NumberOf(*call);
    const CallServer* const server = ServerOf(*call);
    const bool due = number > call->served;
    if (!concerned) {
      continue;
    }
    if (due && call->overdue == number && (server == nullptr || !server->busy)) {
      GiveUpGraphCall(*call, "its thread does not call aclrtProcessReport");
      finished_.notify_all();
    } else {
      call->overdue = due ? number : 0;
    }
  }
}

// No call is due, nor can become due. With mutex_ held.
bool HostCalls::GraphsAreQuiet() const {
  return std::ranges::all_of(graph_calls_, [&](const std::shared_ptr<GraphCall>& call) {
    return !call->runs && NumberOf(*call) <= call->served &&
           std::ranges::none_of(call->programs,
                                [](Program* program) { return IsRunBy(program, nullptr); });
  });
}

// The library's thread looks again who serves what. With mutex_ held.
void HostCalls::TellLibrary() {
  if (library_ != nullptr && !graph_calls_.empty()) {
    SignalEventfd(library_->wake.get());
  }
}

}  // namespace vnpu::runtime
