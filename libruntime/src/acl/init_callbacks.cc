#include "libruntime/src/acl/init_callbacks.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include "libruntime/src/base/guard.h"

namespace vnpu::runtime {
namespace {

// Registered functions of one kind; one function stands for a component once.
template <class Function>
class Registry {
 public:
  struct Entry {
    aclRegisterCallbackType type;
    Function function;
    void* argument;
  };

  aclError Add(const Entry& entry) {
    VNPU_RETURN_IF_ERROR(Check(entry.type, entry.function));
    const std::lock_guard lock(mutex_);
    if (Find(entry.type, entry.function) != entries_.end()) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "the function is registered for component {} already",
                  static_cast<int>(entry.type));
    }
    entries_.push_back(entry);
    return ACL_SUCCESS;
  }

  aclError Remove(aclRegisterCallbackType type, Function function) {
    VNPU_RETURN_IF_ERROR(Check(type, function));
    const std::lock_guard lock(mutex_);
    const auto found = Find(type, function);
    if (found == entries_.end()) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "the function is not registered for component {}",
                  static_cast<int>(type));
    }
    entries_.erase(found);
    return ACL_SUCCESS;
  }

  std::vector<Entry> entries() {
    const std::lock_guard lock(mutex_);
    return entries_;
  }

 private:
  static aclError Check(aclRegisterCallbackType type, Function function) {
    VNPU_REQUIRE_NOT_NULL(function);
    const bool known = (type >= ACL_REG_TYPE_ACL_MODEL && type <= ACL_REG_TYPE_ACL_RETR) ||
                       type == ACL_REG_TYPE_OTHER;
    return known ? ACL_SUCCESS
                 : Fail(ACL_ERROR_RT_PARAM_INVALID, "unknown component {}", static_cast<int>(type));
  }

  auto Find(aclRegisterCallbackType type, Function function) {
    return std::ranges::find_if(entries_, [&](const Entry& entry) {
      return entry.type == type && entry.function == function;
    });
  }

  std::mutex mutex_;
  std::vector<Entry> entries_;
};

Registry<aclInitCallbackFunc>& InitCallbacks() {
  static auto* const callbacks = new Registry<aclInitCallbackFunc>;
  return *callbacks;
}

Registry<aclFinalizeCallbackFunc>& FinalizeCallbacks() {
  static auto* const callbacks = new Registry<aclFinalizeCallbackFunc>;
  return *callbacks;
}

// Calls a registered function, with the arguments.
template <class Function, class... Args>
aclError RunCallback(const char* when, Function function, Args... args) {
  aclError result = ACL_SUCCESS;
  {
    const KeepCurrentFunction keep;
    result = function(args...);
  }
  return result == ACL_SUCCESS ? ACL_SUCCESS
                               : Fail(result, "a function registered for {} failed", when);
}

}  // namespace

aclError RunInitCallbacks(const std::string& config) {
  for (const auto& entry : InitCallbacks().entries()) {
    VNPU_RETURN_IF_ERROR(RunCallback("initialisation", entry.function, config.c_str(),
                                     config.size(), entry.argument));
  }
  return ACL_SUCCESS;
}

aclError RunFinalizeCallbacks() {
  aclError first = ACL_SUCCESS;
  for (const auto& entry : FinalizeCallbacks().entries()) {
    const aclError error = RunCallback("the end", entry.function, entry.argument);
    first = first == ACL_SUCCESS ? error : first;
  }
  return first;
}

}  // namespace vnpu::runtime

namespace rt = vnpu::runtime;
using rt::Guard;

aclError aclInitCallbackRegister(aclRegisterCallbackType type, aclInitCallbackFunc cbFunc,
                                 void* userData) {
  return Guard(__func__, [&]() -> aclError {
    VNPU_RETURN_IF_ERROR(
        rt::InitCallbacks().Add({.type = type, .function = cbFunc, .argument = userData}));
    std::string config;
    if (!rt::ConfigText(&config)) {
      return ACL_SUCCESS;  // aclInit will call it
    }
    return rt::RunCallback("initialisation", cbFunc, config.c_str(), config.size(), userData);
  });
}

aclError aclInitCallbackUnRegister(aclRegisterCallbackType type, aclInitCallbackFunc cbFunc) {
  return Guard(__func__, [&] { return rt::InitCallbacks().Remove(type, cbFunc); });
}

aclError aclFinalizeCallbackRegister(aclRegisterCallbackType type, aclFinalizeCallbackFunc cbFunc,
                                     void* userData) {
  return Guard(__func__, [&] {
    return rt::FinalizeCallbacks().Add({.type = type, .function = cbFunc, .argument = userData});
  });
}

aclError aclFinalizeCallbackUnRegister(aclRegisterCallbackType type,
                                       aclFinalizeCallbackFunc cbFunc) {
  return Guard(__func__, [&] { return rt::FinalizeCallbacks().Remove(type, cbFunc); });
}
