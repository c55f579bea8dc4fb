// Kernels of the host program itself, found by the address of their host function.
#include <vnpu/host_image.h>

#include <map>
#include <mutex>
#include <utility>

#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/shared_memory.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/kernel/module.h"
#include "libruntime/src/stream/context.h"

namespace vnpu::runtime {
namespace {

// Images of the host program that this library has loaded, by session.
struct LoadedImages {
  std::mutex mutex;
  std::map<std::pair<const vnpu_host_image*, uint64_t>, Module*> modules;
};

LoadedImages& Loaded() {
  static auto* const loaded = new LoadedImages;
  return *loaded;
}

const char* FindName(const void* symbol, const vnpu_host_image** image) {
  if (&vnpu_host_images == nullptr) {  // no program part was compiled by npucc
    return nullptr;
  }
  for (*image = LoadShared(vnpu_host_images); *image != nullptr; *image = (*image)->next) {
    for (uint64_t i = 0; i < (*image)->kernel_count; ++i) {
      if ((*image)->kernels[i].host == symbol) {
        return (*image)->kernels[i].name;
      }
    }
  }
  return nullptr;
}

}  // namespace

aclError FindFunctionBySymbol(const void* symbol, Function** function) {
  const vnpu_host_image* image = nullptr;
  const char* name = FindName(symbol, &image);
  if (name == nullptr) {
    return Fail(ACL_ERROR_RT_INVALID_DEVICE_FUNCTION,
                "{} is not a kernel: neither a handle nor a __global__ function of a source that "
                "npucc compiled",
                symbol);
  }
  Context* context = nullptr;
  VNPU_RETURN_IF_ERROR(CurrentContext(&context));
  LoadedImages& loaded = Loaded();
  const std::lock_guard lock(loaded.mutex);
  Module*& module = loaded.modules[{image, context->session->serial()}];
  if (module == nullptr || modules.Resolve(module) == nullptr) {
    VNPU_RETURN_IF_ERROR(LoadModule(image->image, image->image_size, /*lazy=*/false, &module));
  }
  return FindFunction(module, name, function);
}

}  // namespace vnpu::runtime
