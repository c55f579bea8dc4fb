// Kernels of the host program itself, found by the address of their host function.
#include <vnpu/host_image.h>

#include <map>
#include <mutex>
#include <utility>

#include "libruntime/include/vnpu/vnpu.h"
#include "libruntime/src/base/error.h"
#include "libruntime/src/base/guard.h"
#include "libruntime/src/base/shared_memory.h"
#include "libruntime/src/device/session.h"
#include "libruntime/src/kernel/module.h"
#include "libruntime/src/stream/context.h"

namespace vnpu::runtime {
namespace {

struct LoadedImage {
  Module* module = nullptr;
  uint32_t generation = 0;

  bool live() const {
    return modules.Resolve(module) != nullptr && module->generation() == generation;
  }
};

// Images of the host program that this library has loaded, by number and session.
struct LoadedImages {
  std::mutex mutex;
  uint64_t last_id = 0;
  std::map<std::pair<uint64_t, uint64_t>, LoadedImage> images;
};

LoadedImages& Loaded() {
  static auto* const loaded = new LoadedImages;
  return *loaded;
}

// The name of a kernel or, with `global`, of a device variable.
const char* FindName(const void* symbol, bool global, vnpu_host_image** image) {
  if (&vnpu_host_images == nullptr) {  // no program part was compiled by npucc
    return nullptr;
  }
  for (*image = LoadShared(vnpu_host_images); *image != nullptr; *image = (*image)->next) {
    const vnpu_host_symbol* symbols = global ? (*image)->globals : (*image)->kernels;
    const uint64_t count = global ? (*image)->global_count : (*image)->kernel_count;
    for (uint64_t i = 0; i < count; ++i) {
      if (symbols[i].host == symbol) {
        return symbols[i].name;
      }
    }
  }
  return nullptr;
}

// Calls `find` with the image on the device of the calling thread's context; loads it at need.
template <class Find>
aclError WithModule(vnpu_host_image* image, Find&& find) {
  Context* context = nullptr;
  VNPU_RETURN_IF_ERROR(CurrentContext(&context));
  LoadedImages& loaded = Loaded();
  const std::lock_guard lock(loaded.mutex);
  image->id = image->id != 0 ? image->id : ++loaded.last_id;
  const std::pair key(image->id, context->session->serial());
  if (const auto found = loaded.images.find(key);
      found != loaded.images.end() && found->second.live()) {
    return find(found->second.module);
  }
  // Those of earlier uses of a device, and those that the program has unloaded.
  std::erase_if(loaded.images, [](const auto& entry) { return !entry.second.live(); });
  Module* module = nullptr;
  VNPU_RETURN_IF_ERROR(LoadModule(image->image, image->image_size, {}, &module));
  loaded.images[key] = {.module = module, .generation = module->generation()};
  return find(module);
}

}  // namespace

aclError FindFunctionBySymbol(const void* symbol, Function** function) {
  vnpu_host_image* image = nullptr;
  const char* name = FindName(symbol, /*global=*/false, &image);
  if (name == nullptr) {
    return Fail(ACL_ERROR_RT_INVALID_DEVICE_FUNCTION,
                "{} is not a kernel: neither a handle nor a __global__ function of a source that "
                "npucc compiled",
                symbol);
  }
  return WithModule(image, [&](Module* module) { return FindFunction(module, name, function); });
}

aclError FindGlobalBySymbol(const void* symbol, uint64_t* address, uint64_t* size) {
  VNPU_REQUIRE_NOT_NULL(symbol);
  vnpu_host_image* image = nullptr;
  const char* name = FindName(symbol, /*global=*/true, &image);
  if (name == nullptr) {
    return Fail(ACL_ERROR_RT_SYMBOL_NOT_FOUND,
                "{} is not a device variable of a source that npucc compiled", symbol);
  }
  return WithModule(image, [&](Module* module) { return FindGlobal(module, name, address, size); });
}

}  // namespace vnpu::runtime

aclError vnpuGetHostKernel(vnpu_host_image* image, const char* name, void** kernel) {
  namespace rt = vnpu::runtime;
  return rt::Guard(__func__, [&]() -> aclError {
    VNPU_REQUIRE_NOT_NULL(image);
    VNPU_REQUIRE_NOT_NULL(name);
    VNPU_REQUIRE_NOT_NULL(kernel);
    rt::Function* function = nullptr;
    VNPU_RETURN_IF_ERROR(rt::WithModule(
        image, [&](rt::Module* module) { return rt::FindFunction(module, name, &function); }));
    *kernel = function;
    return ACL_SUCCESS;
  });
}
