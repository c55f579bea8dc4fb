// Device images loaded by one session.
#ifndef VNPU_DRIVER_SESSION_MODULES_H_
#define VNPU_DRIVER_SESSION_MODULES_H_

#include <vnpu/ioctl.h>

#include "driver/base/id_table.h"
#include "driver/session/context.h"
#include "driver/session/memory.h"

namespace vnpu::firmware {
struct ImagePlan;
}

namespace vnpu::driver {

struct Module {
  uint64_t va = 0;
  Pmem memory;
  Charge charge;
};

// As uapi/vnpu/ioctl.h describes the commands. Used by one thread at a time.
class SessionModules {
 public:
  // `memory` outlives the object.
  SessionModules(SessionContext* context, SessionMemory* memory)
      : context_(context), memory_(memory), modules_(0, VNPU_MAX_MODULES) {}

  int Load(vnpu_ioc_module_load* arg, UniqueFd fd);
  int Unload(const vnpu_ioc_module_unload& arg);
  int Symbol(vnpu_ioc_module_symbol* arg);

 private:
  int LoadIntoDevice(uint32_t id, const Module& module, const firmware::ImagePlan& plan,
                     int image_fd, vnpu_ioc_module_load* arg);

  SessionContext* context_;
  SessionMemory* memory_;
  IdTable<Module> modules_;
};

}  // namespace vnpu::driver

#endif  // VNPU_DRIVER_SESSION_MODULES_H_
