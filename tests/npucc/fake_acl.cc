#include "tests/npucc/fake_acl.h"

#include <vnpu/host_image.h>
#include <vnpu/vnpu.h>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>

#include "tests/loader/loaded_image.h"

namespace {

using vnpu::firmware::testing::RunningImage;

struct Function {
  int32_t device = 0;
  std::shared_ptr<RunningImage> image;
  std::string name;
};

// Handles are numbers that are never used again, so a stale one is always noticed.
struct State {
  std::mutex mutex;
  std::uintptr_t next = 0x1000;
  std::map<std::pair<const vnpu_host_image*, int32_t>, std::shared_ptr<RunningImage>> images;
  std::map<std::uintptr_t, Function> functions;
  std::map<int32_t, uint64_t> uses;  // by device
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

// A kernel of an image on the current device, which is loaded there at need.
aclError FindFunction(State& state, const vnpu_host_image& image, const char* name,
                      aclrtFuncHandle* function) {
  std::shared_ptr<RunningImage>& loaded = state.images[{&image, current_device}];
  if (loaded == nullptr) {
    ++state.counters.loads;
    loaded =
        RunningImage::Make(std::span(static_cast<const std::byte*>(image.image), image.image_size));
  }
  if (loaded == nullptr || loaded->Find(name) == nullptr) return ACL_ERROR_RT_PARAM_INVALID;
  // The same function has the same handle each time.
  for (const auto& [number, known] : state.functions) {
    if (known.image == loaded && known.name == name) {
      *function = Handle<aclrtFuncHandle>(number);
      return ACL_SUCCESS;
    }
  }
  state.functions[state.next] = {current_device, loaded, name};
  *function = Handle<aclrtFuncHandle>(state.next++);
  return ACL_SUCCESS;
}

}  // namespace

namespace fake_acl {

void SetDevice(int32_t device) { current_device = device; }

void ResetDevice(int32_t device) {
  State& state = Get();
  const std::lock_guard lock(state.mutex);
  std::erase_if(state.functions, [&](const auto& item) { return item.second.device == device; });
  std::erase_if(state.images, [&](const auto& item) { return item.first.second == device; });
  ++state.uses.try_emplace(device, 1).first->second;
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

aclError vnpuGetDeviceUse(int32_t* device, uint64_t* use) {
  State& state = Get();
  const std::lock_guard lock(state.mutex);
  *device = current_device;
  *use = state.uses.try_emplace(current_device, 1).first->second;
  return ACL_SUCCESS;
}

aclError vnpuGetHostKernel(vnpu_host_image* image, const char* name, void** kernel) {
  State& state = Get();
  const std::lock_guard lock(state.mutex);
  ++state.counters.lookups;
  return FindFunction(state, *image, name, kernel);
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
      ++state.counters.refused;
      return ACL_ERROR_RT_PARAM_INVALID;
    }
    function = found->second;
  }
  const auto* kernel = function.image->Find(function.name);
  if (cfg != nullptr || places != nullptr || place_count != 0 || block_dim == 0 ||
      kernel->args_size != args_size) {
    return ACL_ERROR_RT_PARAM_INVALID;
  }
  function.image->Run(*kernel, args, block_dim, static_cast<uint32_t>(function.device));
  return ACL_SUCCESS;
}

}  // extern "C"
