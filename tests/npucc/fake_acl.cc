#include "tests/npucc/fake_acl.h"

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>

#include "tests/loader/loaded_image.h"

namespace {

struct Binary {
  int32_t device = 0;
  std::unique_ptr<vnpu::firmware::testing::RunningImage> image;
};

struct Function {
  int32_t device = 0;
  std::uintptr_t binary = 0;
  std::shared_ptr<Binary> owner;
  std::string name;
};

// Handles are numbers that are never used again, so a stale one is always noticed.
struct State {
  std::mutex mutex;
  std::uintptr_t next = 0x1000;
  std::map<std::uintptr_t, std::shared_ptr<Binary>> binaries;
  std::map<std::uintptr_t, Function> functions;
  aclError next_error = 0;
  fake_acl::Counters counters;
};

State& Get() {
  static State state;
  return state;
}

thread_local int32_t current_device = 0;

template <typename T>
T Handle(std::uintptr_t number) {
  return reinterpret_cast<T>(number);  // NOLINT(performance-no-int-to-ptr)
}
std::uintptr_t Number(const void* handle) { return reinterpret_cast<std::uintptr_t>(handle); }

}  // namespace

namespace fake_acl {

void SetDevice(int32_t device) { current_device = device; }

void ResetDevice(int32_t device) {
  State& state = Get();
  const std::lock_guard lock(state.mutex);
  std::erase_if(state.functions, [&](const auto& item) { return item.second.device == device; });
  std::erase_if(state.binaries, [&](const auto& item) { return item.second->device == device; });
}

void FailNextLaunch(aclError error) {
  const std::lock_guard lock(Get().mutex);
  Get().next_error = error;
}

Counters Count() {
  const std::lock_guard lock(Get().mutex);
  return Get().counters;
}

void ClearCounters() {
  const std::lock_guard lock(Get().mutex);
  Get().counters = {};
}

}  // namespace fake_acl

extern "C" {

aclError aclrtGetDevice(int32_t* device) {
  *device = current_device;
  return ACL_SUCCESS;
}

aclError aclrtBinaryLoadFromData(const void* data, size_t length,
                                 const aclrtBinaryLoadOptions* options, aclrtBinHandle* handle) {
  if (data == nullptr || length == 0 || options != nullptr) return ACL_ERROR_RT_PARAM_INVALID;
  auto binary = std::make_shared<Binary>();
  binary->device = current_device;
  binary->image = vnpu::firmware::testing::RunningImage::Make(
      std::span(static_cast<const std::byte*>(data), length));
  if (binary->image == nullptr) return ACL_ERROR_RT_PARAM_INVALID;
  State& state = Get();
  const std::lock_guard lock(state.mutex);
  ++state.counters.loads;
  state.binaries[state.next] = std::move(binary);
  *handle = Handle<aclrtBinHandle>(state.next++);
  return ACL_SUCCESS;
}

aclError aclrtBinaryUnLoad(aclrtBinHandle handle) {
  State& state = Get();
  const std::lock_guard lock(state.mutex);
  ++state.counters.unloads;
  std::erase_if(state.functions,
                [&](const auto& item) { return item.second.binary == Number(handle); });
  return state.binaries.erase(Number(handle)) != 0 ? ACL_SUCCESS : ACL_ERROR_RT_PARAM_INVALID;
}

aclError aclrtBinaryGetFunction(const aclrtBinHandle handle, const char* name,
                                aclrtFuncHandle* function) {
  State& state = Get();
  const std::lock_guard lock(state.mutex);
  ++state.counters.lookups;
  const auto binary = state.binaries.find(Number(handle));
  if (binary == state.binaries.end()) return ACL_ERROR_RT_PARAM_INVALID;
  if (binary->second->image->Find(name) == nullptr) return ACL_ERROR_RT_PARAM_INVALID;
  // The same function has the same handle each time.
  for (const auto& [number, known] : state.functions) {
    if (known.binary == binary->first && known.name == name) {
      *function = Handle<aclrtFuncHandle>(number);
      return ACL_SUCCESS;
    }
  }
  state.functions[state.next] = {binary->second->device, binary->first, binary->second, name};
  *function = Handle<aclrtFuncHandle>(state.next++);
  return ACL_SUCCESS;
}

aclError aclrtLaunchKernelWithHostArgs(aclrtFuncHandle handle, uint32_t block_dim,
                                       aclrtStream stream, aclrtLaunchKernelCfg* cfg, void* args,
                                       size_t args_size, aclrtPlaceHolderInfo* places,
                                       size_t place_count) {
  Function function;
  {
    State& state = Get();
    const std::lock_guard lock(state.mutex);
    ++state.counters.launches;
    state.counters.last_stream = stream;
    state.counters.last_block_dim = block_dim;
    if (state.next_error != 0) return std::exchange(state.next_error, 0);
    const auto found = state.functions.find(Number(handle));
    if (found == state.functions.end() || found->second.device != current_device) {
      return ACL_ERROR_RT_PARAM_INVALID;
    }
    function = found->second;
  }
  const auto* kernel = function.owner->image->Find(function.name);
  if (cfg != nullptr || places != nullptr || place_count != 0 || block_dim == 0 ||
      kernel->args_size != args_size) {
    return ACL_ERROR_RT_PARAM_INVALID;
  }
  function.owner->image->Run(*kernel, args, block_dim, static_cast<uint32_t>(function.device));
  return ACL_SUCCESS;
}

}  // extern "C"
