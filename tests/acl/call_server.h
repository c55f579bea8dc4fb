// A thread of the application that serves callbacks.
#ifndef VNPU_TESTS_ACL_CALL_SERVER_H_
#define VNPU_TESTS_ACL_CALL_SERVER_H_

#include <atomic>
#include <cstdint>
#include <thread>

#include "tests/acl/support.h"

namespace vnpu::test {

class CallServer {
 public:
  explicit CallServer(aclError (*process)(int32_t) = &aclrtProcessReport)
      : thread_([this, process] {
          while (!stop_) {
            process(20);
            aclGetRecentErrMsg();
          }
        }),
        id_(static_cast<uint64_t>(thread_.native_handle())) {}
  CallServer(const CallServer&) = delete;
  CallServer& operator=(const CallServer&) = delete;
  ~CallServer() { Stop(); }
  void Stop() {
    stop_ = true;
    if (thread_.joinable()) {
      thread_.join();
    }
  }
  uint64_t id() const { return id_; }
  std::thread::id thread() const { return thread_.get_id(); }

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
  uint64_t id_;
};

}  // namespace vnpu::test

#endif  // VNPU_TESTS_ACL_CALL_SERVER_H_
