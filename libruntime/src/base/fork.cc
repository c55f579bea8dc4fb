#include "libruntime/src/base/fork.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <vector>

namespace vnpu::runtime {

namespace internal {
constinit std::atomic<bool> forked{false};
}  // namespace internal

namespace {

struct DriverFiles {
  std::mutex mutex;
  std::vector<int> fds;
};

DriverFiles& Files() {
  static auto* const files = [] {
    pthread_atfork([] { Files().mutex.lock(); }, [] { Files().mutex.unlock(); },
                   [] {
                     DriverFiles& child = Files();
                     if (!child.fds.empty()) {
                       internal::forked.store(true, std::memory_order_relaxed);
                     }
                     for (const int fd : child.fds) {
                       close(fd);
                     }
                     child.fds.clear();
                     child.mutex.unlock();
                   });
    return new DriverFiles;
  }();
  return *files;
}

}  // namespace

void CloseInChild(int fd) {
  DriverFiles& files = Files();
  const std::lock_guard lock(files.mutex);
  files.fds.push_back(fd);
}

void ForgetInChild(int fd) {
  DriverFiles& files = Files();
  const std::lock_guard lock(files.mutex);
  std::erase(files.fds, fd);
}

}  // namespace vnpu::runtime
