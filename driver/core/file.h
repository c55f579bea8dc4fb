// An open file of a node, and the worker that serves it.
#ifndef VNPU_DRIVER_CORE_FILE_H_
#define VNPU_DRIVER_CORE_FILE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "driver/core/client.h"
#include "driver/core/driver.h"
#include "driver/core/request.h"
#include "driver/session/session.h"

namespace vnpu::driver {

// What the operations of an open file work on: its private data.
struct FileState {
  bool version_agreed = false;
  uint64_t features = 0;
  std::unique_ptr<Session> session;
  bool ended = false;          // there was a session; it is over for good
  bool loss_reported = false;  // read(2) has given out the event that the device is lost
};

// Requests are executed one at a time: by the caller of Submit when they are quick and nothing else
// is going on, else by the file's worker thread, which also waits for what lets pending ones go on.
// So whoever feeds requests in never waits for a session. Thread-safe.
class File : public std::enable_shared_from_this<File> {
 public:
  File(Driver* driver, Node node, Client client);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // Takes a request; it is answered now or later.
  void Submit(std::unique_ptr<Request> request);
  // Has the requests looked at again whose `interrupted` was set.
  void Wake();
  // The last descriptor is gone: ends the session. Pending requests are answered with -EINTR.
  void Close();
  // Ends the session of a file that stays open, then calls `done`.
  void EndSession(std::function<void()> done);

  // True when thread or process `id` belongs to the process that opened the file.
  bool IsOpener(pid_t id) const;

  Driver& driver() const { return *driver_; }
  // nullptr: the manager node.
  Device* device() const { return device_; }
  const Client& client() const { return client_; }
  int abort_fd() const { return abort_fd_.get(); }
  // For operations, which run one at a time.
  FileState& state() { return state_; }

 private:
  // Work for the worker thread.
  struct Inbox {
    std::deque<std::unique_ptr<Request>> requests;
    std::vector<std::function<void()>> ends;
    bool close = false;
  };

  bool RunInline(Request& request);
  void StartWorker();  // with inbox_mutex_ held
  void Run();
  void WaitForWork();
  void ServeInbox(Inbox* inbox);
  // Executes a request and answers it, or keeps it pending.
  void Execute(std::unique_ptr<Request> request);
  // What it returns: >= 0 or -errno; -EAGAIN: try again later.
  int Attempt(Request& request);
  void RetryPending();
  void Poll(Request& request);
  void CheckSession();
  void FinishSession();
  void SignalWorker() const;

  Driver* driver_;
  Device* device_;
  Client client_;
  UniqueFd wake_fd_;   // eventfd: the inbox has something
  UniqueFd abort_fd_;  // eventfd: readable when the session is to end

  std::mutex inbox_mutex_;
  Inbox inbox_;
  bool worker_started_ = false;
  bool closed_ = false;

  std::mutex state_mutex_;  // whoever executes requests holds it
  FileState state_;
  std::deque<std::unique_ptr<Request>> pending_;  // reads and writes
  std::unique_ptr<PollNotifier> poll_waiter_;
  uint32_t poll_events_ = 0;
  bool client_dead_ = false;
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_CORE_FILE_H_
