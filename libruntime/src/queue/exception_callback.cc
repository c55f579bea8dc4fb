#include "libruntime/src/queue/exception_callback.h"

#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <vector>

namespace vnpu::runtime {
namespace {

struct Callbacks {
  std::mutex mutex;
  aclrtExceptionInfoCallback single = nullptr;
  std::vector<aclrtExceptionInfoCallback> added;
};

Callbacks& All() {
  static auto* const callbacks = new Callbacks;
  return *callbacks;
}

}  // namespace

void SetExceptionCallback(aclrtExceptionInfoCallback callback) {
  Callbacks& all = All();
  const std::lock_guard lock(all.mutex);
  all.single = callback;
}

bool AddExceptionCallback(aclrtExceptionInfoCallback callback) {
  Callbacks& all = All();
  const std::lock_guard lock(all.mutex);
  if (std::ranges::find(all.added, callback) != all.added.end()) {
    return false;
  }
  all.added.push_back(callback);
  return true;
}

bool RemoveExceptionCallback(aclrtExceptionInfoCallback callback) {
  Callbacks& all = All();
  const std::lock_guard lock(all.mutex);
  return std::erase(all.added, callback) > 0;
}

void ReportException(uint32_t device, uint32_t queue, uint64_t task, aclError code) {
  std::vector<aclrtExceptionInfoCallback> now;
  {
    Callbacks& all = All();
    const std::lock_guard lock(all.mutex);
    now = all.added;
    if (all.single != nullptr) {
      now.push_back(all.single);
    }
  }
  rtExceptionInfo info{.task_id = static_cast<uint32_t>(task),
                       .stream_id = queue,
                       .thread_id = static_cast<uint32_t>(gettid()),
                       .device_id = device,
                       .error_code = static_cast<uint32_t>(code)};
  for (const aclrtExceptionInfoCallback callback : now) {
    callback(&info);
  }
}

}  // namespace vnpu::runtime
