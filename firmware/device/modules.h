// Loaded modules: device images in device memory, their kernels in the function table.
#ifndef VNPU_FIRMWARE_DEVICE_MODULES_H_
#define VNPU_FIRMWARE_DEVICE_MODULES_H_

#include <map>
#include <string>
#include <vector>

#include "firmware/device/control.h"
#include "firmware/device/mapping.h"
#include "firmware/device/worker_pool.h"
#include "firmware/loader/loader.h"

namespace vnpu::firmware {

// Control thread only. 0 or -errno.
class Modules {
 public:
  Modules(WorkerPool* pool, const Window* window) : pool_(pool), window_(window) {}

  // `image`: descriptor of the image; `object`: of the device memory already mapped at request->va.
  // On -ENOEXEC request->message says why.
  int Load(ControlModule* request, int image, int object);
  int Unload(uint32_t module_id);
  int Lookup(vnpu_ioc_module_symbol* symbol) const;

 private:
  struct Module {
    std::vector<Kernel> kernels;
    std::vector<uint32_t> func_ids;  // of the kernels
    std::vector<Global> globals;
  };

  int LookupKernel(const Module& module, vnpu_ioc_module_symbol* symbol) const;
  int Register(Module* module, const ControlModule& request);

  WorkerPool* pool_;
  const Window* window_;
  std::map<uint32_t, Module> modules_;
};

}  // namespace vnpu::firmware

#endif  // VNPU_FIRMWARE_DEVICE_MODULES_H_
