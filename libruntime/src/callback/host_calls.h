// Host functions that streams call: aclrtLaunchCallback and aclrtLaunchHostFunc.
//
// A call is an entry of the stream's queue that records an event register and interrupts the thread
// that serves the stream (VNPU_OP_INTERRUPT); if the stream has to wait for the function, an event
// wait on a second register follows, and whoever has run the function records that register through
// a queue of the session's own. So a waiting stream is one that waits for an event, and ends like
// one: by an abort, by the destruction of its queue, or with the session.
#ifndef VNPU_LIBRUNTIME_SRC_CALLBACK_HOST_CALLS_H_
#define VNPU_LIBRUNTIME_SRC_CALLBACK_HOST_CALLS_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "acl/acl_rt.h"
#include "libruntime/src/base/unique_fd.h"
#include "libruntime/src/callback/graph_call.h"
#include "libruntime/src/event/event_pool.h"
#include "libruntime/src/queue/abort_log.h"
#include "libruntime/src/stream/stream.h"

namespace vnpu::runtime {

struct HostCall {
  static constexpr uint64_t kNotSubmitted = ~uint64_t{0};

  HostFunction function = nullptr;
  void* argument = nullptr;
  bool blocking = false;          // the stream waits for it
  uint64_t reached = 0;           // number that its entry records in CallLine::reached
  uint64_t done = 0;              // and its end in CallLine::done
  uint64_t task = kNotSubmitted;  // index of its entry
};

struct CallServer;

// The calls of one kind of one stream, in their order in the stream.
struct CallLine {
  SubmitQueue* queue = nullptr;
  Context* context = nullptr;  // of the stream
  uint32_t context_generation = 0;

  std::mutex launch_mutex;  // a launch: calls stand in the order of their entries; taken first

  // Guarded by the mutex of HostCalls:
  bool stream_ended = false;
  bool has_registers = false;
  EventRegister reached;
  EventRegister done;
  std::deque<HostCall> calls;
  std::shared_ptr<CallServer> server;  // null: nobody serves what is launched now
  uint64_t overdue = 0;                // `reached` of the call that was due at the last look
  uint32_t aborting = 0;               // aborts under way: no call is taken for due
  TaskRange aborted;                   // by the last abort
};

// A thread that runs calls: one of the application, or the library's.
struct CallServer {
  CallKind kind = CallKind::kReport;
  uint64_t thread_id = 0;  // as the application names it
  bool library = false;
  std::weak_ptr<Session> session;
  UniqueFd wake;  // eventfd: interrupts, and changes of what follows
  uint32_t irq_id = 0;

  std::atomic<bool> ended{false};  // takes no more calls
  // Guarded by the mutex of HostCalls:
  bool busy = false;                             // runs a function
  std::vector<std::shared_ptr<CallLine>> lines;  // also those that it only finishes
  size_t next_line = 0;
};

// The calls of a session. Any thread.
class HostCalls {
 public:
  explicit HostCalls(Session& session) : session_(session) {}

  // Makes the thread serve the stream's calls.
  aclError Subscribe(CallKind kind, uint64_t thread_id, Stream* stream);
  // Calls that are due are still run by the thread, those that the stream has not reached never
  // are: the stream does not wait for them, and their loss is its error.
  aclError Unsubscribe(CallKind kind, uint64_t thread_id, Stream* stream);

  // Puts a call into the stream. All but kReport are for the library's thread where no other one is
  // subscribed.
  aclError Launch(CallKind kind, Stream* stream, HostFunction function, void* argument,
                  bool blocking);

  // The task of a call in a model is gone. What the device has reached is still run.
  void EndGraphCall(const std::shared_ptr<GraphCall>& call);
  // A program has the calls from here on, or not any more.
  void LinkGraphCalls(std::span<const std::shared_ptr<GraphCall>> calls, Program* program,
                      bool linked);

  // For a stream whose queue is idle or destroyed; `drop`: calls that are due are not run either.
  void EndStream(const Stream* stream, bool drop);

  // Around an abort of the stream's queue, which drops the tasks of the range. The register alone
  // does not tell a call that was dropped once a later one has been reached.
  void BeginAbort(const Stream* stream);
  void EndAbort(const Stream* stream, const TaskRange& dropped);

  // Gives up calls that were due at the last look too, so that nobody waits for a thread that does
  // not serve. For who waits for the end of the stream, or of all (null), each second or so.
  void GiveUpOverdue(const Stream* stream);
  // Waits until no call is left, or gives up the overdue ones. Before the end of the session, while
  // no lock is held that a host function may need.
  void Drain(Deadline deadline);
  // The end of the session: calls that do not run yet never will. Waits a second at most for those
  // that do.
  void Close();

  // On the server's thread: runs one call that is due. *served is false when none came in time.
  aclError ServeOne(CallServer& server, Deadline deadline, bool* served);
  // The server's thread ends.
  void EndThread(CallServer& server);

  // The calling thread runs a host function.
  static bool InCall();

  // For who launches a model with calls: orders what came before for the functions. Ordinary calls
  // are handed over by a mutex.
  void NoteWhatCame() { came_.fetch_add(1, std::memory_order_release); }
  // For who has waited for a stream: orders what host functions wrote before what follows. The
  // device between them does, but the language does not know of it.
  void SeeWhatRan() const { ran_.load(std::memory_order_acquire); }

 private:
  struct Due {
    std::shared_ptr<CallLine> line;  // null: a call of a model
    HostCall call;
    std::shared_ptr<GraphCall> graph;
    uint64_t number = 0;  // of the model's call
  };

  // host_calls.cc; with mutex_ held:
  std::shared_ptr<CallLine> FindLine(CallKind kind, const Stream* stream) const;
  aclError MakeLine(CallKind kind, const Stream* stream, std::shared_ptr<CallLine>* line);
  aclError FindServer(CallKind kind, uint64_t thread_id, std::shared_ptr<CallServer>* server);
  aclError OpenServer(CallServer& server);
  aclError LibraryServer(std::shared_ptr<CallServer>* server);
  // Gives the call its numbers and its place in the line.
  static aclError Enlist(CallLine& line, HostCall* call, uint32_t* irq_id);
  // Takes the line from all servers; those of the application that have none left end.
  void Detach(const CallLine& line);
  void CloseServer(CallServer& server);
  // Takes the calls that the stream has not reached, or all, out of the line. The stream does not
  // wait for them. If there are any, `what` becomes its error; null: it has ended.
  void Cancel(CallLine& line, bool all, const char* what);
  void ReleaseRegisters(CallLine& line);

  // graph_calls.cc:
  aclError LaunchInGraph(CallKind kind, Stream* stream, HostFunction function, void* argument,
                         bool blocking);
  uint64_t NumberOf(const GraphCall& call) const;
  // With mutex_ held:
  aclError AddGraphCall(const std::shared_ptr<GraphCall>& call, uint32_t* irq_id);
  void ForgetGraphCall(GraphCall& call);
  CallServer* ServerOf(const GraphCall& call) const;
  std::optional<Due> TakeGraphCall(CallServer& server);
  void GiveUpGraphCall(GraphCall& call, const char* what);
  void GiveUpOverdueGraphCalls(const Stream* stream);
  bool GraphsAreQuiet() const;
  void TellLibrary();

  // serve.cc; with mutex_ held:
  bool Reached(const CallLine& line, const HostCall& call) const;
  // Forgets calls at the front whose entries were dropped.
  void DropSkipped(CallLine& line);
  std::optional<Due> TakeDue(CallServer& server);
  bool Quiet();

  void Run(CallServer& server, const Due& due);
  void Finish(CallServer& server, const Due& due);
  void FinishGraphCall(GraphCall& call, uint64_t number, TaskPoint recorded);
  // Lets the stream go on behind the blocking call of this number, and all earlier ones; with or
  // without mutex_. The task that does it.
  TaskPoint RecordDone(uint32_t event_id, uint64_t number);
  void Serve(const std::shared_ptr<CallServer>& server);

  std::atomic<uint64_t> ran_{0};   // functions
  std::atomic<uint64_t> came_{0};  // launches of models with calls
  Session& session_;
  std::mutex mutex_;
  std::condition_variable finished_;  // a call
  bool closed_ = false;
  std::map<std::pair<const Stream*, CallKind>, std::shared_ptr<CallLine>> lines_;
  std::vector<std::shared_ptr<CallServer>> servers_;
  std::shared_ptr<CallServer> library_;
  std::vector<std::shared_ptr<GraphCall>> graph_calls_;

  std::mutex done_mutex_;  // guards the queue; taken last
  SubmitQueue* done_queue_ = nullptr;
};

aclError FailNotServed(CallKind kind);

// The server that the application has made of the calling thread, which serves it until it ends;
// null: none.
std::shared_ptr<CallServer> ServerOfThisThread(CallKind kind);

// Those of threads of the application, by what it calls them. The calling thread's is found by
// pthread_self() or gettid().
std::shared_ptr<CallServer> FindUserServer(CallKind kind, uint64_t thread_id);
void AddUserServer(const std::shared_ptr<CallServer>& server);
void RemoveUserServer(const CallServer& server);

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_CALLBACK_HOST_CALLS_H_
