#include "tests/model/world.h"

#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string>

#include "tests/model/actions.h"

namespace vnpu::model {
namespace {

void Must(const char* call, aclError error) {
  if (error != ACL_SUCCESS) {
    const char* message = aclGetRecentErrMsg();
    std::fprintf(stderr, "%s: %d: %s\n", call, error, message != nullptr ? message : "");
    std::exit(1);
  }
}
#define MUST(call) Must(#call, call)

bool HasTwoDevices() {
#ifdef __SANITIZE_THREAD__
  return false;  // the address space of a process under ThreadSanitizer has room for one
#else
  uint32_t count = 0;
  MUST(aclrtGetDeviceCount(&count));
  return count >= 2;
#endif
}

}  // namespace

World::World(const Options& chosen)
    : options(chosen), meeting(chosen.threads), exchange(chosen.threads) {
  for (const auto subject :
       {DeviceActions(), ContextActions(), StreamActions(), EventActions(), NotifyActions(),
        CountingNotifyActions(), BufferActions(), CopyActions(), KernelActions(), WordActions(),
        ReduceActions(), HostFunctionActions(), PoolActions(), VirtualMemoryActions(),
        WrongMemoryActions(), FailureActions()}) {
    actions.insert(actions.end(), subject.begin(), subject.end());
  }
  for (const Action& action : actions) {
    total_weight += action.weight;
  }
}

void World::Open() {
  two_devices = HasTwoDevices();
  MUST(aclrtSetDevice(0));
  MUST(aclrtGetCurrentContext(&primary.handle));
  primary.shared = true;
  MUST(aclrtCreateContext(&shared.handle, 0));
  shared.shared = true;
  MUST(aclrtSetCurrentContext(primary.handle));
  MUST(aclrtBinaryLoadFromFile(VNPU_MODEL_KERNELS, nullptr, &binary));
  const auto find = [&](const char* name, aclrtFuncHandle* kernel) {
    Must(name, aclrtBinaryGetFunction(binary, name, kernel));
  };
  find("model_add", &kernels.add);
  find("model_mix", &kernels.mix);
  find("model_affine", &kernels.affine);
  find("model_scale", &kernels.scale);
  find("model_reverse", &kernels.reverse);
  find("model_divide", &kernels.divide);
  MUST(aclrtCreateEventExWithFlag(&common_event, ACL_EVENT_SYNC | ACL_EVENT_TIME_LINE));
}

void World::Close() {
  MUST(aclrtSetCurrentContext(primary.handle));
  MUST(aclrtDestroyEvent(common_event));
  MUST(aclrtBinaryUnLoad(binary));
  MUST(aclrtDestroyContext(shared.handle));
  MUST(aclrtResetDevice(0));
}

}  // namespace vnpu::model
