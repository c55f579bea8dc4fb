// Callbacks that the application registers under names of its own.
#ifndef VNPU_LIBRUNTIME_SRC_BASE_NAMED_CALLBACKS_H_
#define VNPU_LIBRUNTIME_SRC_BASE_NAMED_CALLBACKS_H_

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "libruntime/src/base/guard.h"

namespace vnpu::runtime {

// Function is a pointer to a function whose last parameter is the registered argument. Any thread.
template <class Function>
class NamedCallbacks {
 public:
  // Null as function removes the callback. A name stands for one callback at a time.
  aclError Register(const char* name, Function function, void* argument) {
    VNPU_REQUIRE_NOT_NULL(name);
    if (*name == '\0') {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "the name of the callback is empty");
    }
    const std::lock_guard lock(mutex_);
    const auto found = callbacks_.find(name);
    if (function == nullptr) {
      if (found == callbacks_.end()) {
        return Fail(ACL_ERROR_RT_PARAM_INVALID, "no callback '{}' is registered", name);
      }
      callbacks_.erase(found);
    } else if (found != callbacks_.end()) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID,
                  "a callback '{}' is registered already; remove it first", name);
    } else {
      callbacks_.emplace(name, Callback{function, argument});
    }
    empty_.store(callbacks_.empty(), std::memory_order_relaxed);
    return ACL_SUCCESS;
  }

  bool empty() const { return empty_.load(std::memory_order_relaxed); }

  // Passes each callback's function and argument to `call`, in the order of their names. They may
  // register and remove callbacks.
  template <class Call>
  void ForEach(Call&& call) {
    if (empty()) {
      return;
    }
    std::vector<Callback> now;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [name, callback] : callbacks_) {
        now.push_back(callback);
      }
    }
    for (const Callback& callback : now) {
      const KeepCurrentFunction keep;
      call(callback.function, callback.argument);
    }
  }

 private:
  struct Callback {
    Function function;
    void* argument;
  };

  std::atomic<bool> empty_{true};
  std::mutex mutex_;
  std::map<std::string, Callback, std::less<>> callbacks_;
};

}  // namespace vnpu::runtime

#endif  // VNPU_LIBRUNTIME_SRC_BASE_NAMED_CALLBACKS_H_
