#include "firmware/device/modules.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>

namespace vnpu::firmware {
namespace {

uint64_t DeviceClock() { return __rdtsc(); }

template <size_t kSize>
void PutText(char (&out)[kSize], const std::string& text) {
  const size_t length = std::min(text.size(), kSize - 1);
  std::memset(out, 0, kSize);
  std::memcpy(out, text.data(), length);
}

int ProtOf(uint32_t prot) {
  return ((prot & kProtRead) != 0 ? PROT_READ : 0) | ((prot & kProtWrite) != 0 ? PROT_WRITE : 0) |
         ((prot & kProtExec) != 0 ? PROT_EXEC : 0);
}

}  // namespace

int Modules::Load(ControlModule* request, int image, int object) {
  if (modules_.contains(request->module_id)) {
    return -EEXIST;
  }
  const Mapping file(image, 0, request->image_bytes, PROT_READ);
  // Written through a mapping of its own: code is never writable where it is executable.
  const Mapping memory(object, 0, request->span, PROT_READ | PROT_WRITE);
  if (file.data() == nullptr || memory.data() == nullptr) {
    return -ENOMEM;
  }
  const std::span<const std::byte> bytes(file.data(), file.size());
  const Result<ImagePlan> plan = Parse(bytes);
  if (!plan.ok()) {
    PutText(request->message, plan.error());
    return -ENOEXEC;
  }
  if (plan->span != request->span) {
    return -EINVAL;
  }
  const ImportTable imports(
      {.this_block = &WorkerPool::ThisBlock, .clock = &DeviceClock, .print = &WorkerPool::Print});
  Result<LoadedImage> loaded =
      vnpu::firmware::Load(*plan, bytes, request->va, {memory.data(), memory.size()}, imports);
  if (!loaded.ok()) {
    PutText(request->message, loaded.error());
    return -ENOEXEC;
  }
  for (const Segment& segment : plan->Segments()) {
    const int error =
        window_->Protect(request->va + segment.vaddr, segment.bytes, ProtOf(segment.prot));
    if (error != 0) {
      return error;
    }
  }
  Module module{std::move(loaded->kernels), {}, std::move(loaded->globals)};
  const int error = Register(&module, *request);
  if (error != 0) {
    return error;
  }
  request->kernels = static_cast<uint32_t>(module.kernels.size());
  modules_.emplace(request->module_id, std::move(module));
  return 0;
}

int Modules::Register(Module* module, const ControlModule& request) {
  const std::lock_guard hold(pool_->lock());
  for (const Kernel& kernel : module->kernels) {
    Function function;
    function.thunk = reinterpret_cast<vdev::CoreCode>(kernel.thunk);
    function.module_id = request.module_id;
    function.unit = kernel.core_type;
    function.arg_size = kernel.args_size;
    function.module_base = request.va;
    const uint32_t id = pool_->scheduler().AddFunction(function);
    if (id == UINT32_MAX) {
      pool_->scheduler().RemoveFunctions(request.module_id);
      return -ENOSPC;
    }
    module->func_ids.push_back(id);
  }
  return 0;
}

int Modules::Unload(uint32_t module_id) {
  if (modules_.erase(module_id) == 0) {
    return -ENOENT;
  }
  const std::lock_guard hold(pool_->lock());
  pool_->scheduler().RemoveFunctions(module_id);
  return 0;
}

int Modules::LookupKernel(const Module& module, vnpu_ioc_module_symbol* symbol) const {
  size_t index = symbol->index;
  if (symbol->index == VNPU_SYMBOL_BY_NAME) {
    const auto found = std::ranges::find(module.kernels, std::string(symbol->name), &Kernel::name);
    index = static_cast<size_t>(found - module.kernels.begin());
  }
  if (index >= module.kernels.size()) {
    return -ENOENT;
  }
  const Kernel& kernel = module.kernels[index];
  symbol->index = static_cast<uint32_t>(index);
  symbol->func_id = module.func_ids[index];
  symbol->unit = kernel.core_type;
  symbol->param_count = static_cast<uint32_t>(kernel.params.size());
  symbol->arg_size = kernel.args_size;
  symbol->address = kernel.thunk;
  symbol->size = kernel.code_size;
  symbol->cube_ratio = kernel.cube_ratio;
  symbol->vector_ratio = kernel.vector_ratio;
  PutText(symbol->name, kernel.name);
  for (size_t i = 0; i < std::min<size_t>(kernel.params.size(), VNPU_SYMBOL_PARAMS); ++i) {
    symbol->params[i] = {kernel.params[i].offset, kernel.params[i].size};
  }
  return 0;
}

int Modules::Lookup(vnpu_ioc_module_symbol* symbol) const {
  symbol->name[sizeof(symbol->name) - 1] = 0;
  const auto module = modules_.find(symbol->module_id);
  if (module == modules_.end()) {
    return -ENOENT;
  }
  if (symbol->kind == VNPU_SYMBOL_KERNEL) {
    return LookupKernel(module->second, symbol);
  }
  const auto& globals = module->second.globals;
  const auto found = std::ranges::find(globals, std::string(symbol->name), &Global::name);
  if (found == globals.end()) {
    return -ENOENT;
  }
  symbol->address = found->address;
  symbol->size = found->size;
  return 0;
}

}  // namespace vnpu::firmware
