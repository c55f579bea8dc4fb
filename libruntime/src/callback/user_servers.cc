// Threads of the application that serve host calls, process-wide.
#include <pthread.h>
#include <unistd.h>

#include "libruntime/src/base/fork.h"
#include "libruntime/src/callback/host_calls.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/wait/thread_irq.h"

namespace vnpu::runtime {
namespace {

struct UserServers {
  std::mutex mutex;
  std::map<std::pair<CallKind, uint64_t>, std::shared_ptr<CallServer>> by_thread;
};

UserServers& All() {
  static auto* const servers = new UserServers;
  return *servers;
}

// Tells the servers of a thread that it ends.
class ThreadEnd {
 public:
  ThreadEnd() = default;
  ThreadEnd(const ThreadEnd&) = delete;
  ThreadEnd& operator=(const ThreadEnd&) = delete;
  ~ThreadEnd() {
    for (const std::weak_ptr<CallServer>& weak : servers_) {
      const std::shared_ptr<CallServer> server = weak.lock();
      const std::shared_ptr<Session> session = server != nullptr ? server->session.lock() : nullptr;
      if (session != nullptr && !ForkedWhileOpen()) {
        session->host_calls().EndThread(*server);
      }
    }
  }

  void Watch(const std::shared_ptr<CallServer>& server) {
    for (std::weak_ptr<CallServer>& weak : servers_) {
      const std::shared_ptr<CallServer> known = weak.lock();
      if (known == server) {
        return;
      }
      if (known == nullptr) {
        weak = server;
        return;
      }
    }
    servers_.push_back(server);
  }

 private:
  std::vector<std::weak_ptr<CallServer>> servers_;
};

}  // namespace

std::shared_ptr<CallServer> FindUserServer(CallKind kind, uint64_t thread_id) {
  UserServers& all = All();
  const std::lock_guard lock(all.mutex);
  const auto found = all.by_thread.find({kind, thread_id});
  return found == all.by_thread.end() ? nullptr : found->second;
}

void AddUserServer(const std::shared_ptr<CallServer>& server) {
  UserServers& all = All();
  const std::lock_guard lock(all.mutex);
  all.by_thread[{server->kind, server->thread_id}] = server;
}

void RemoveUserServer(const CallServer& server) {
  UserServers& all = All();
  const std::lock_guard lock(all.mutex);
  const auto found = all.by_thread.find({server.kind, server.thread_id});
  if (found != all.by_thread.end() && found->second.get() == &server) {
    all.by_thread.erase(found);
  }
}

std::shared_ptr<CallServer> ServerOfThisThread(CallKind kind) {
  std::shared_ptr<CallServer> server = FindUserServer(kind, static_cast<uint64_t>(pthread_self()));
  if (server == nullptr) {
    server = FindUserServer(kind, static_cast<uint64_t>(gettid()));
  }
  if (server != nullptr) {
    MakeThreadIrqs();
    MakeThreadMessages();
    thread_local ThreadEnd end;
    end.Watch(server);
  }
  return server;
}

}  // namespace vnpu::runtime
