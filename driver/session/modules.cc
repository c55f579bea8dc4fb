#include "driver/session/modules.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "driver/base/memfd.h"
#include "driver/core/limits.h"
#include "firmware/loader/loader.h"

namespace vnpu::driver {
namespace {

using firmware::ControlOp;
using firmware::ControlRequest;

int ReadAll(int fd, std::span<std::byte> bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got =
        pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (got <= 0) {
      return got < 0 ? -errno : -EINVAL;
    }
    done += static_cast<size_t>(got);
  }
  return 0;
}

template <size_t N>
void CopyText(std::string_view text, char (&out)[N]) {
  const size_t length = std::min(text.size(), N - 1);
  std::memcpy(out, text.data(), length);
  out[length] = '\0';
}

uint64_t SegmentRights(uint32_t prot) {
  return ((prot & firmware::kProtRead) != 0 ? vdev::kPteRead : 0) |
         ((prot & firmware::kProtWrite) != 0 ? vdev::kPteWrite : 0) |
         ((prot & firmware::kProtExec) != 0 ? vdev::kPteExec : 0);
}

}  // namespace

// Asks the device process to load, then writes what it did to the protections into the table.
int SessionModules::LoadIntoDevice(uint32_t id, const Module& module,
                                   const firmware::ImagePlan& plan, int image_fd,
                                   vnpu_ioc_module_load* arg) {
  ControlRequest request{};
  request.op = ControlOp::kModuleLoad;
  request.module.module_id = id;
  request.module.va = module.va;
  request.module.span = plan.span;
  request.module.image_bytes = arg->size;
  firmware::ControlReply reply{};
  const int fds[] = {image_fd, module.memory.memory->file.get()};
  int error = context_->Call(request, fds, &reply);
  if (error == -ENOEXEC) {
    reply.module.message[sizeof(reply.module.message) - 1] = '\0';
    CopyText(reply.module.message, arg->message);
  }
  if (error == 0) {
    arg->kernels = reply.module.kernels;
    error = memory_->SetModuleRights(module.va, plan.span, 0);
  }
  for (const firmware::Segment& segment : plan.Segments()) {
    if (error == 0) {
      error = memory_->SetModuleRights(module.va + segment.vaddr, segment.bytes,
                                       SegmentRights(segment.prot));
    }
  }
  return error;
}

int SessionModules::Load(vnpu_ioc_module_load* arg, UniqueFd fd) {
  if (arg->flags != 0 || arg->size == 0 || arg->size > kMaxImageBytes) {
    return -EINVAL;
  }
  if (const int error = CheckMemfd(fd.get(), arg->size, /*immutable=*/true); error != 0) {
    return error;
  }
  std::vector<std::byte> image(arg->size);
  if (const int error = ReadAll(fd.get(), image); error != 0) {
    return error;
  }
  const firmware::Result<firmware::ImagePlan> plan = firmware::Parse(image);
  if (!plan) {
    CopyText(plan.error(), arg->message);
    return -ENOEXEC;
  }
  const std::optional<uint32_t> id = modules_.Insert(Module{});
  if (!id) {
    return -ENOSPC;
  }
  Module& module = *modules_.Find(*id);
  if (const int error = memory_->MapModule(plan->span, &module.va, &module.memory); error != 0) {
    modules_.Erase(*id);
    return error;
  }
  if (const int error = LoadIntoDevice(*id, module, *plan, fd.get(), arg); error != 0) {
    memory_->UnmapModule(module.va, &module.memory, true);
    modules_.Erase(*id);
    return error;
  }
  module.charge = Charge(context_->tally(), Counted::kModules);
  arg->module_id = *id;
  arg->va = module.va;
  arg->span = plan->span;
  return 0;
}

int SessionModules::Unload(const vnpu_ioc_module_unload& arg) {
  if (arg.reserved != 0) {
    return -EINVAL;
  }
  Module* module = modules_.Find(arg.module_id);
  if (module == nullptr) {
    return -ENOENT;
  }
  ControlRequest request{};
  request.op = ControlOp::kModuleUnload;
  request.module.module_id = arg.module_id;
  if (const int error = context_->Call(request); error != 0) {
    return error;
  }
  const int error = memory_->UnmapModule(module->va, &module->memory, true);
  modules_.Erase(arg.module_id);
  return error;
}

int SessionModules::Symbol(vnpu_ioc_module_symbol* arg) {
  const bool by_name = arg->index == VNPU_SYMBOL_BY_NAME;
  if (arg->reserved != 0 || arg->kind > VNPU_SYMBOL_DATA ||
      (arg->kind == VNPU_SYMBOL_DATA && !by_name) ||
      (by_name && memchr(arg->name, 0, sizeof(arg->name)) == nullptr)) {
    return -EINVAL;
  }
  if (modules_.Find(arg->module_id) == nullptr) {
    return -ENOENT;
  }
  ControlRequest request{};
  request.op = ControlOp::kModuleSymbol;
  request.symbol = *arg;
  firmware::ControlReply reply{};
  const int error = context_->Call(request, {}, &reply);
  if (error == 0) {
    *arg = reply.symbol;
    arg->name[sizeof(arg->name) - 1] = '\0';
  }
  return error;
}

}  // namespace vnpu::driver
