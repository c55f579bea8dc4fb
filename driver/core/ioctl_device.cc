// Commands of device nodes that need more than one part of the session, or descriptors.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "driver/core/ioctl.h"

namespace vnpu::driver {

namespace {

// Whether the client asks for nothing but what it knows by the features that were agreed on.
bool MayHaveFlags(uint32_t flags, uint64_t features) {
  struct Need {
    uint32_t flag;
    uint64_t feature;
  };
  constexpr Need kNeeds[] = {
      {VNPU_SESSION_FENCES, VNPU_FEATURE_BARRIER},
      {VNPU_SESSION_ASKS_FOR_TIMES, VNPU_FEATURE_TASK_TIMES},
      {VNPU_SESSION_SEQ_LAST, VNPU_FEATURE_SEQ_LAST},
  };
  return std::ranges::all_of(kNeeds, [&](const Need& need) {
    return (flags & need.flag) == 0 || (features & need.feature) != 0;
  });
}

}  // namespace

int IoctlSession(const IoctlCall& call) {
  auto* arg = call.as<vnpu_ioc_session>();
  FileState& state = call.file.state();
  if (state.session != nullptr || state.ended) {
    return -EBUSY;
  }
  if (!MayHaveFlags(arg->flags, state.features)) {
    return -EINVAL;
  }
  UniqueFd mem_fd;
  UniqueFd kick_fd;
  if (const int error = call.TakeFd(0, arg->mem_fd, &mem_fd); error != 0) {
    return error;
  }
  if (const int error = call.TakeFd(1, arg->kick_fd, &kick_fd); error != 0) {
    return error;
  }
  const Session::Params params{call.driver(),        *call.file.device(),
                               call.file.client(),   call.file.weak_from_this(),
                               call.file.abort_fd(), call.request.caller};
  return Session::Begin(params, arg, std::move(mem_fd), std::move(kick_fd), &state.session);
}

int IoctlPin(const IoctlCall& call) {
  auto* arg = call.as<vnpu_ioc_pin>();
  UniqueFd fd;
  const int error = call.TakeFd(0, arg->fd, &fd);
  return error != 0 ? error : call.session().memory().PinMemory(arg, std::move(fd));
}

int IoctlPmemHost(const IoctlCall& call) {
  auto* arg = call.as<vnpu_ioc_pmem_host>();
  UniqueFd fd;
  const int error = call.TakeFd(0, arg->fd, &fd);
  return error != 0 ? error : call.session().memory().AddHostObject(arg, std::move(fd));
}

int IoctlQmemAdd(const IoctlCall& call) {
  auto* arg = call.as<vnpu_ioc_qmem_add>();
  UniqueFd fd;
  const int error = call.TakeFd(0, arg->fd, &fd);
  return error != 0 ? error : call.session().queues().AddQmem(arg, std::move(fd));
}

int IoctlIrqAdd(const IoctlCall& call) {
  auto* arg = call.as<vnpu_ioc_irq_add>();
  UniqueFd fd;
  const int error = call.TakeFd(0, arg->fd, &fd);
  return error != 0
             ? error
             : call.session().interrupts().Add(arg, std::move(fd), call.file.state().features);
}

int IoctlModuleLoad(const IoctlCall& call) {
  auto* arg = call.as<vnpu_ioc_module_load>();
  UniqueFd fd;
  const int error = call.TakeFd(0, arg->fd, &fd);
  return error != 0 ? error : call.session().modules().Load(arg, std::move(fd));
}

int IoctlSubmit(const IoctlCall& call) {
  if ((call.file.state().features & VNPU_FEATURE_SUBMIT_IOCTL) == 0) {
    return -EINVAL;
  }
  return call.session().queues().Submit(call.as<vnpu_ioc_submit>());
}

int IoctlModelCreate(const IoctlCall& call) {
  if ((call.file.state().features & VNPU_FEATURE_MODEL) == 0) {
    return -EINVAL;
  }
  auto* arg = call.as<vnpu_ioc_model_create>();
  UniqueFd fd;
  const int error = call.TakeFd(0, arg->fd, &fd);
  return error != 0 ? error : call.session().models().Create(arg, std::move(fd));
}

}  // namespace vnpu::driver
