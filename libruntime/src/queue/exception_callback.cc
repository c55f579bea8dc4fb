#include "libruntime/src/queue/exception_callback.h"

#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <vector>

#include "libruntime/src/base/error.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/kernel/module.h"
#include "libruntime/src/memory/pinned_memory.h"
#include "libruntime/src/queue/submit_queue.h"

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

void AddExceptionCallback(aclrtExceptionInfoCallback callback) {
  Callbacks& all = All();
  const std::lock_guard lock(all.mutex);
  if (std::ranges::find(all.added, callback) == all.added.end()) {
    all.added.push_back(callback);
  }
}

void RemoveExceptionCallback(aclrtExceptionInfoCallback callback) {
  Callbacks& all = All();
  const std::lock_guard lock(all.mutex);
  std::erase(all.added, callback);
}

namespace {

// The arguments of a failed kernel in memory that host and device read at the same address, or
// where the launch said that they are.
class ExceptionArgs {
 public:
  ExceptionArgs(const SubmitQueue& queue, uint64_t task) : session_(queue.session()) {
    std::vector<std::byte> bytes;
    if (!queue.ReadArgs(task, &bytes, &device_)) {
      return;
    }
    if (device_ == nullptr && !bytes.empty() &&
        session_.pinned_memory().Allocate(bytes.size(), &copy_) == ACL_SUCCESS) {
      std::ranges::copy(bytes, copy_);
    }
  }
  ExceptionArgs(const ExceptionArgs&) = delete;
  ExceptionArgs& operator=(const ExceptionArgs&) = delete;
  ~ExceptionArgs() {
    if (copy_ != nullptr) {
      session_.pinned_memory().Free(copy_);
    }
  }

  void* get() const { return copy_ != nullptr ? copy_ : device_; }

 private:
  Session& session_;
  std::byte* copy_ = nullptr;
  void* device_ = nullptr;
};

}  // namespace

void ReportException(const ExceptionReport& report) {
  const KeepCurrentFunction keep;
  std::vector<aclrtExceptionInfoCallback> now;
  {
    Callbacks& all = All();
    const std::lock_guard lock(all.mutex);
    now = all.added;
    if (all.single != nullptr) {
      now.push_back(all.single);
    }
  }
  rtExceptionInfo info{.task_id = static_cast<uint32_t>(report.task),
                       .stream_id = report.queue.id(),
                       .thread_id = static_cast<uint32_t>(gettid()),
                       .device_id = report.queue.session().index(),
                       .error_code = static_cast<uint32_t>(report.code),
                       .function = nullptr,
                       .args = nullptr,
                       .arg_bytes = 0};
  KernelCallback binary;
  if (report.func_id != UINT32_MAX) {
    binary = FindKernelCallback(report.queue.session(), report.func_id);
  }
  if (now.empty() && binary.function == nullptr) {
    return;
  }
  std::optional<ExceptionArgs> args;
  if (binary.kernel != nullptr) {
    args.emplace(report.queue, report.task);
    info.function = binary.kernel;
    info.args = args->get();
    info.arg_bytes = binary.kernel->arg_size;
  }
  for (const aclrtExceptionInfoCallback callback : now) {
    callback(&info);
  }
  if (binary.function != nullptr) {
    binary.function(&info, binary.argument);
  }
}

}  // namespace vnpu::runtime
