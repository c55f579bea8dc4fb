#include "libruntime/src/kernel/module.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unordered_set>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/base/shared_memory.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/kernel/args_list.h"
#include "libruntime/src/memory/memory_usage.h"
#include "libruntime/src/stream/context.h"

namespace vnpu::runtime {

constinit Slab<Module, kMaxModules> modules;
constinit Slab<Function, kMaxFunctions> functions;

namespace {

// All loaded images, for the end of a session.
struct LiveModules {
  std::mutex mutex;
  std::unordered_set<Module*> modules;
};

LiveModules& AllLiveModules() {
  static auto* const live = new LiveModules;
  return *live;
}

// Ends the lives of a retired module and its kernels.
void Bury(Module* module) {
  {
    LiveModules& live = AllLiveModules();
    const std::lock_guard lock(live.mutex);
    live.modules.erase(module);
  }
  {
    const std::lock_guard lock(module->mutex);
    for (const auto& [name, function] : module->functions) {
      functions.Retire(function);
      {
        const std::lock_guard args_lock(function->args_mutex);
        function->args_lists.clear();
      }
      functions.Free(function);
    }
    module->functions.clear();
  }
  module->session.reset();
  modules.Free(module);
}

// A memfd with the image, which nobody can change any more.
UniqueFd SealImage(const void* image, size_t bytes) {
  UniqueFd fd = MakeMemfd("vnpu-image", bytes);
  if (!fd.valid()) {
    return fd;
  }
  const auto* next = static_cast<const std::byte*>(image);
  for (size_t left = bytes; left > 0;) {
    const ssize_t written = write(fd.get(), next, left);
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return UniqueFd();
    }
    next += written;
    left -= static_cast<size_t>(written);
  }
  return FreezeMemfd(fd.get()) ? std::move(fd) : UniqueFd();
}

aclError AskSymbol(Module* module, uint32_t kind, const char* name,
                   vnpu_ioc_module_symbol* symbol) {
  if (std::strlen(name) >= sizeof(symbol->name)) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "the name is longer than {} characters",
                sizeof(symbol->name) - 1);
  }
  *symbol = {};
  symbol->module_id = module->module_id;
  symbol->kind = kind;
  symbol->index = VNPU_SYMBOL_BY_NAME;
  std::memcpy(symbol->name, name, std::strlen(name));
  const int result = module->session->Call(VNPU_IOC_MODULE_SYMBOL, *symbol);
  if (result == -ENOENT) {
    return kind == VNPU_SYMBOL_KERNEL
               ? Fail(ACL_ERROR_RT_INVALID_DEVICE_FUNCTION,
                      "the image has no kernel '{}'; npucc --list shows what it has", name)
               : Fail(ACL_ERROR_RT_SYMBOL_NOT_FOUND, "the image has no global variable '{}'", name);
  }
  return result < 0 ? FailErrno(-result, "cannot look a symbol up") : ACL_SUCCESS;
}

aclError MakeFunction(Module* module, const vnpu_ioc_module_symbol& symbol, const char* name,
                      Function** function) {
  Function* fresh = functions.Allocate();
  if (fresh == nullptr) {
    return Fail(ACL_ERROR_RT_RESOURCE_ALLOC_FAIL, "too many kernels ({})", kMaxFunctions);
  }
  fresh->session_serial = module->session->serial();
  fresh->func_id = symbol.func_id;
  fresh->arg_size = std::min(symbol.arg_size, VNPU_MAX_ARG_BYTES);
  fresh->unit = symbol.unit;
  fresh->param_count = symbol.param_count;
  fresh->params.clear();
  for (uint32_t i = 0; i < std::min(symbol.param_count, VNPU_SYMBOL_PARAMS); ++i) {
    const auto& param = symbol.params[i];
    if (param.offset > fresh->arg_size || param.size > fresh->arg_size - param.offset) {
      functions.Free(fresh);
      return Fail(ACL_ERROR_RT_DRV_INTERNAL_ERROR, "kernel '{}': parameter {} is out of place",
                  name, i);
    }
    fresh->params.push_back({.offset = param.offset, .size = param.size});
  }
  fresh->module = module;
  fresh->address = symbol.address;
  fresh->name = name;
  fresh->next_args_list = 0;
  module->session->NameFunction(symbol.func_id, name);
  functions.Publish(fresh);
  *function = fresh;
  return ACL_SUCCESS;
}

}  // namespace

aclError LoadModule(const void* image, size_t bytes, bool lazy, Module** module) {
  std::shared_ptr<Session> session;
  VNPU_RETURN_IF_ERROR(CurrentSession(&session));
  const UniqueFd fd = SealImage(image, bytes);
  if (!fd.valid()) {
    return FailErrno(errno, "no memory for the image");
  }
  vnpu_ioc_module_load request{};
  request.size = bytes;
  request.fd = fd.get();
  const int result = session->Call(VNPU_IOC_MODULE_LOAD, request);
  if (result == -ENOEXEC) {
    request.message[sizeof(request.message) - 1] = '\0';
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "not an image that this device can run: {}",
                request.message[0] != '\0' ? request.message : "compile it with npucc");
  }
  if (result < 0) {
    return FailErrno(-result, "the driver cannot load the image");
  }
  Module* fresh = modules.Allocate();
  if (fresh == nullptr) {
    vnpu_ioc_module_unload undo{.module_id = request.module_id, .reserved = 0};
    session->Call(VNPU_IOC_MODULE_UNLOAD, undo);
    return Fail(ACL_ERROR_RT_PROGRAM_USE_OUT, "too many images ({}); unload some", kMaxModules);
  }
  fresh->session = session;
  fresh->module_id = request.module_id;
  fresh->kernels = request.kernels;
  fresh->address = request.va;
  fresh->span = request.span;
  session->memory_usage().Add(kRuntimeItself, request.span);
  fresh->lazy = lazy;
  fresh->functions.clear();
  {
    LiveModules& live = AllLiveModules();
    const std::lock_guard lock(live.mutex);
    live.modules.insert(fresh);
  }
  modules.Publish(fresh);
  *module = fresh;
  return ACL_SUCCESS;
}

aclError UnloadModule(Module* module) {
  if (!modules.Retire(module)) {
    return Fail(ACL_ERROR_RT_INVALID_HANDLE, "the image is being unloaded by another thread");
  }
  vnpu_ioc_module_unload request{.module_id = module->module_id, .reserved = 0};
  const int result =
      module->session->usable() ? module->session->Call(VNPU_IOC_MODULE_UNLOAD, request) : 0;
  module->session->memory_usage().Remove(kRuntimeItself, module->span);
  Bury(module);
  if (result == -EBUSY) {
    return Fail(ACL_ERROR_RT_KERNEL_UNREGISTERING,
                "kernels of the image still run; synchronise before unloading");
  }
  return result < 0 && result != -ENOTCONN ? FailErrno(-result, "cannot unload the image")
                                           : ACL_SUCCESS;
}

void DropModulesOf(const Session& session) {
  std::vector<Module*> doomed;
  {
    LiveModules& live = AllLiveModules();
    const std::lock_guard lock(live.mutex);
    for (Module* module : live.modules) {
      if (module->session.get() == &session) {
        doomed.push_back(module);
      }
    }
  }
  for (Module* module : doomed) {
    if (modules.Retire(module)) {
      Bury(module);
    }
  }
}

aclError ResolveModule(void* handle, Module** module) {
  VNPU_REQUIRE_NOT_NULL(handle);
  *module = modules.Resolve(handle);
  return *module != nullptr ? ACL_SUCCESS
                            : Fail(ACL_ERROR_RT_INVALID_HANDLE,
                                   "{} is not a loaded image, or it was unloaded", handle);
}

aclError FindFunction(Module* module, const char* name, Function** function) {
  const std::lock_guard lock(module->mutex);
  if (const auto found = module->functions.find(name); found != module->functions.end()) {
    *function = found->second;
    return ACL_SUCCESS;
  }
  vnpu_ioc_module_symbol symbol;
  VNPU_RETURN_IF_ERROR(AskSymbol(module, VNPU_SYMBOL_KERNEL, name, &symbol));
  VNPU_RETURN_IF_ERROR(MakeFunction(module, symbol, name, function));
  module->functions.emplace(name, *function);
  return ACL_SUCCESS;
}

aclError FindGlobal(Module* module, const char* name, uint64_t* address, uint64_t* size) {
  vnpu_ioc_module_symbol symbol;
  VNPU_RETURN_IF_ERROR(AskSymbol(module, VNPU_SYMBOL_DATA, name, &symbol));
  *address = symbol.address;
  *size = symbol.size;
  return ACL_SUCCESS;
}

aclError FailStaleFunction(const void* handle) {
  return Fail(handle == nullptr ? ACL_ERROR_INVALID_PARAM : ACL_ERROR_RT_INVALID_HANDLE,
              "{} is not a kernel, or its image was unloaded", handle);
}

}  // namespace vnpu::runtime
