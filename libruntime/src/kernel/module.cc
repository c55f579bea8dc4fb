#include "libruntime/src/kernel/module.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/log.h"
#include "libruntime/src/base/shared_memory.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/kernel/args_list.h"
#include "libruntime/src/kernel/print.h"
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
  module->image = UniqueFd();
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

// Whether the image may call vnpu_print(): the name stands in its symbol table then.
bool Prints(std::string_view image) {
  using namespace std::string_view_literals;
  return image.find("\0vnpu_print\0"sv) != std::string_view::npos;
}

// Brings an image to the device, if it is not there yet. With the module's lock held, or before
// others know it.
aclError Bring(Module* module) {
  if (!module->image.valid()) {
    return ACL_SUCCESS;
  }
  if (module->prints) {
    VNPU_RETURN_IF_ERROR(module->session->prints().Prepare());
  }
  vnpu_ioc_module_load request{};
  request.size = module->image_bytes;
  request.fd = module->image.get();
  const int result = module->session->Call(VNPU_IOC_MODULE_LOAD, request);
  if (result == -ENOEXEC) {
    request.message[sizeof(request.message) - 1] = '\0';
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "not an image that this device can run: {}",
                request.message[0] != '\0' ? request.message : "compile it with npucc");
  }
  if (result < 0) {
    return FailErrno(-result, "the driver cannot load the image");
  }
  module->image = UniqueFd();
  module->module_id = request.module_id;
  module->kernels = request.kernels;
  module->address = request.va;
  module->span = request.span;
  module->session->memory_usage().Add(kRuntimeItself, request.span);
  return ACL_SUCCESS;
}

// `name` null: the kernel with the number `index`. With the module's lock held.
aclError AskSymbol(Module* module, uint32_t kind, const char* name, uint32_t index,
                   vnpu_ioc_module_symbol* symbol) {
  VNPU_RETURN_IF_ERROR(Bring(module));
  *symbol = {};
  symbol->module_id = module->module_id;
  symbol->kind = kind;
  symbol->index = index;
  if (name != nullptr) {
    if (std::strlen(name) >= sizeof(symbol->name)) {
      return Fail(ACL_ERROR_RT_PARAM_INVALID, "the name is longer than {} characters",
                  sizeof(symbol->name) - 1);
    }
    symbol->index = VNPU_SYMBOL_BY_NAME;
    std::memcpy(symbol->name, name, std::strlen(name));
  }
  const int result = module->session->Call(VNPU_IOC_MODULE_SYMBOL, *symbol);
  if (result == -ENOENT && name == nullptr) {
    return Fail(ACL_ERROR_RT_INVALID_DEVICE_FUNCTION,
                "the image has no kernel number {}; npucc --list shows what it has", index);
  }
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
  fresh->code_size = symbol.size;
  fresh->cube_ratio = symbol.cube_ratio;
  fresh->vector_ratio = symbol.vector_ratio;
  fresh->name = name;
  fresh->next_args_list = 0;
  module->session->NameFunction(symbol.func_id, name);
  functions.Publish(fresh);
  *function = fresh;
  return ACL_SUCCESS;
}

}  // namespace

aclError LoadModule(const void* image, size_t bytes, LoadOptions options, Module** module) {
  std::shared_ptr<Session> session;
  VNPU_RETURN_IF_ERROR(CurrentSession(&session));
  constexpr std::string_view kElf =
      "\x7f"
      "ELF";
  if (!std::string_view(static_cast<const char*>(image), bytes).starts_with(kElf)) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "not an image that this device can run: not an ELF file; compile it with npucc");
  }
  UniqueFd fd = SealImage(image, bytes);
  if (!fd.valid()) {
    return FailErrno(errno, "no memory for the image");
  }
  Module* fresh = modules.Allocate();
  if (fresh == nullptr) {
    return Fail(ACL_ERROR_RT_PROGRAM_USE_OUT, "too many images ({}); unload some", kMaxModules);
  }
  fresh->session = session;
  fresh->cpu_mode = options.cpu_mode;
  fresh->image = std::move(fd);
  fresh->image_bytes = bytes;
  fresh->prints = Prints({static_cast<const char*>(image), bytes});
  fresh->address = fresh->span = 0;
  fresh->kernels = 0;
  fresh->kernel_ids.clear();
  fresh->functions.clear();
  fresh->exception_callback = nullptr;
  fresh->operators = std::move(options.operators);
  if (const aclError error = options.lazy ? ACL_SUCCESS : Bring(fresh); error != ACL_SUCCESS) {
    fresh->session.reset();
    fresh->image = UniqueFd();
    modules.Free(fresh);
    return error;
  }
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
  const bool on_device = !module->image.valid() && module->session->usable();
  const int result = on_device ? module->session->Call(VNPU_IOC_MODULE_UNLOAD, request) : 0;
  if (on_device) {
    module->session->memory_usage().Remove(kRuntimeItself, module->span);
  }
  Bury(module);
  return result < 0 && result != -ENOTCONN ? FailErrno(-result, "cannot unload the image")
                                           : ACL_SUCCESS;
}

KernelCallback FindKernelCallback(const Session& session, uint32_t func_id) {
  LiveModules& live = AllLiveModules();
  const std::lock_guard lock(live.mutex);
  for (Module* module : live.modules) {
    if (module->session.get() != &session) {
      continue;
    }
    const std::lock_guard module_lock(module->mutex);
    for (const auto& [name, function] : module->functions) {
      if (function->func_id == func_id) {
        return {.function = module->exception_callback,
                .argument = module->exception_argument,
                .kernel = function};
      }
    }
  }
  return {};
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
  const auto entry = module->operators.find(name);
  if (entry == module->operators.end() && module->cpu_mode == CpuKernelMode::kDescription) {
    return Fail(ACL_ERROR_RT_INVALID_DEVICE_FUNCTION,
                "the description of the AI CPU operators has no operator '{}'", name);
  }
  vnpu_ioc_module_symbol symbol;
  const char* const kernel = entry != module->operators.end() ? entry->second.c_str() : name;
  VNPU_RETURN_IF_ERROR(AskSymbol(module, VNPU_SYMBOL_KERNEL, kernel, 0, &symbol));
  VNPU_RETURN_IF_ERROR(MakeFunction(module, symbol, name, function));
  module->functions.emplace(name, *function);
  return ACL_SUCCESS;
}

aclError FindFunctionByEntry(Module* module, uint64_t entry, Function** function) {
  if (entry >= VNPU_SYMBOL_BY_NAME) {
    return Fail(ACL_ERROR_RT_INVALID_DEVICE_FUNCTION, "no image has a kernel number {}", entry);
  }
  const std::lock_guard lock(module->mutex);
  vnpu_ioc_module_symbol symbol;
  VNPU_RETURN_IF_ERROR(
      AskSymbol(module, VNPU_SYMBOL_KERNEL, nullptr, static_cast<uint32_t>(entry), &symbol));
  symbol.name[sizeof(symbol.name) - 1] = '\0';
  if (const auto found = module->functions.find(symbol.name); found != module->functions.end()) {
    *function = found->second;
    return ACL_SUCCESS;
  }
  VNPU_RETURN_IF_ERROR(MakeFunction(module, symbol, symbol.name, function));
  module->functions.emplace(symbol.name, *function);
  return ACL_SUCCESS;
}

aclError FindKernelIds(Module* module, std::vector<uint32_t>* ids) {
  const std::lock_guard lock(module->mutex);
  VNPU_RETURN_IF_ERROR(Bring(module));
  if (module->kernels > VNPU_MAX_UPDATE_KERNELS) {
    return Fail(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
                "the image has {} kernels; tasks are updated from images of {} at most",
                module->kernels, VNPU_MAX_UPDATE_KERNELS);
  }
  std::vector<uint32_t> found;
  for (uint32_t i = 0; module->kernel_ids.empty() && i < module->kernels; ++i) {
    vnpu_ioc_module_symbol symbol;
    VNPU_RETURN_IF_ERROR(AskSymbol(module, VNPU_SYMBOL_KERNEL, nullptr, i, &symbol));
    found.push_back(symbol.unit == VNPU_UNIT_AI_CPU ? VNPU_NO_FUNCTION : symbol.func_id);
  }
  if (!found.empty()) {
    module->kernel_ids = std::move(found);
  }
  *ids = module->kernel_ids;
  return ACL_SUCCESS;
}

aclError RegisterOperator(Module* module, const char* entry, const char* operator_name,
                          Function** function) {
  if (module->cpu_mode != CpuKernelMode::kRegistered) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "not an image of AI CPU operators; load it from memory with cpuKernelMode 2");
  }
  const std::lock_guard lock(module->mutex);
  vnpu_ioc_module_symbol symbol;
  VNPU_RETURN_IF_ERROR(AskSymbol(module, VNPU_SYMBOL_KERNEL, entry, 0, &symbol));
  if (symbol.unit != VNPU_UNIT_AI_CPU) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID, "kernel '{}' is not for the AI CPU (__aicpu__)", entry);
  }
  const auto known = module->functions.find(operator_name);
  if (known == module->functions.end()) {
    VNPU_RETURN_IF_ERROR(MakeFunction(module, symbol, operator_name, function));
    module->functions.emplace(operator_name, *function);
    return ACL_SUCCESS;
  }
  if (known->second->func_id != symbol.func_id) {
    return Fail(ACL_ERROR_RT_PARAM_INVALID,
                "operator '{}' is registered already, for another kernel", operator_name);
  }
  *function = known->second;
  return ACL_SUCCESS;
}

aclError FindGlobal(Module* module, const char* name, uint64_t* address, uint64_t* size) {
  const std::lock_guard lock(module->mutex);
  vnpu_ioc_module_symbol symbol;
  VNPU_RETURN_IF_ERROR(AskSymbol(module, VNPU_SYMBOL_DATA, name, 0, &symbol));
  *address = symbol.address;
  *size = symbol.size;
  return ACL_SUCCESS;
}

aclError FailStaleFunction(const void* handle) {
  return Fail(handle == nullptr ? ACL_ERROR_INVALID_PARAM : ACL_ERROR_RT_INVALID_HANDLE,
              "{} is not a kernel, or its image was unloaded", handle);
}

}  // namespace vnpu::runtime
